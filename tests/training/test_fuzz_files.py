"""Readers of saved files on files damaged at random: what was saved or a CheckpointError, quickly and in little memory."""

import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import mutations
from tests.mutations import damaged, unlike
from tinygrad_np import optim, random, tree
from tinygrad_np.training import (
    CheckpointError,
    load,
    load_checkpoint,
    load_safetensors,
    read_archive,
    save,
    save_checkpoint,
    save_safetensors,
)  # fmt: skip
from tinygrad_np.training.loop import Progress

PARAMS = {
    "conv": {"w": np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3), "b": np.zeros(3, np.float32)},
    "n": [np.array(1), None],
}
OPTIMIZER = optim.adam(0.1)
SAVED = "tree of tinygrad_np, format 1"


def progress():
    """A Progress, whatever fields it has: numbers and lists beside the three trees."""
    facts = {name: [] if name == "history" else 1 for name in Progress._fields}
    return Progress(**{**facts, "params": PARAMS, "state": OPTIMIZER.init(PARAMS["conv"]), "key": random.key(0)})


def written(write):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "a"))
        return Path(folder, "a").read_bytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "a"


def outcome(read, path):
    before = path.read_bytes()
    found = mutations.outcome(read, path, CheckpointError, memory=8 << 20)
    assert path.read_bytes() == before
    return found


def bits(some):
    return [(leaf.dtype.str, leaf.shape, leaf.tobytes()) for leaf in tree.leaves(some)]


TREE = written(lambda path: save(path, PARAMS, {"note": "x"}))
CHECKPOINT = written(lambda path: save_checkpoint(path, progress(), {"seed": 3}))
EXCHANGED = written(lambda path: save_safetensors(path, PARAMS, metadata={"format": "pt"}))
FLOATS = EXCHANGED.index(b"}}") + 2  # where the header ends, which alone says what the file holds


@given(st.one_of(damaged([TREE]), unlike(TREE)))
def test_trees(path, content):
    path.write_bytes(content)
    for read in (load, lambda path: load(path, like=PARAMS)):
        found = outcome(read, path)
        assert found is None or bits(found) == bits(PARAMS)


@given(st.one_of(damaged([CHECKPOINT]), unlike(CHECKPOINT)))
def test_checkpoints(path, content):
    path.write_bytes(content)
    found = outcome(load_checkpoint, path)
    if found is not None:
        assert found.settings == {"seed": 3}
        assert bits(found.archive.arrays["params['conv']['w']"]) == bits(PARAMS["conv"]["w"])


@given(st.one_of(damaged([EXCHANGED, EXCHANGED[:FLOATS]]), unlike(EXCHANGED)))
def test_safetensors(path, content):
    path.write_bytes(content)
    found = outcome(load_safetensors, path)
    if found is not None:
        assert sum(array.nbytes for array in found.values()) <= len(content)
    like = outcome(lambda path: load_safetensors(path, PARAMS), path)
    assert like is None or [(leaf.dtype, leaf.shape) for leaf in tree.leaves(like)] == [
        (leaf.dtype, leaf.shape) for leaf in tree.leaves(PARAMS)
    ]


# Forgeries: zip files whose checksums are right

with tempfile.TemporaryDirectory() as folder:
    save(Path(folder, "a"), PARAMS)
    with zipfile.ZipFile(Path(folder, "a")) as archive:
        MEMBERS = {name: archive.read(name) for name in archive.namelist()}
    FACTS = read_archive(Path(folder, "a"), SAVED).metadata


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)


@given(st.sampled_from(sorted(MEMBERS)), st.data())
def test_forged_members(path, name, chosen):
    zipped(path, {**MEMBERS, name: chosen.draw(st.one_of(damaged([MEMBERS[name]]), unlike(MEMBERS[name])))})
    for read in (load, lambda path: load(path, like=PARAMS)):
        found = outcome(read, path)
        assert found is None or tree.structure(found) == tree.structure(PARAMS)


names = st.one_of(
    st.sampled_from(sorted(MEMBERS)), st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
)


@given(st.dictionaries(names, st.sampled_from(sorted(MEMBERS.values())), max_size=8))
def test_forged_names(path, members):
    zipped(path, members)
    outcome(load, path)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5),
              st.sampled_from(["*", "dict", "list", "tuple", "other", "w"])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=12,
)  # fmt: skip


@given(
    json_values,
    json_values,
    st.sampled_from([FACTS["kind"], None]),
    st.sampled_from(["structure", "metadata", "kind", None]),
)
def test_forged_metadata(path, structure, metadata, kind, missing):
    facts = {"kind": kind or metadata, "structure": structure, "metadata": metadata}
    facts.pop(missing, None)
    zipped(path, {**MEMBERS, "metadata.npy": text_member(json.dumps(facts))})
    for read in (load, lambda path: load(path, like=PARAMS)):
        outcome(read, path)


def text_member(text):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array(text))
    return file.getvalue()


@given(
    header=json_values,
    entries=st.dictionaries(st.text(max_size=3), json_values, max_size=3),
    tail=st.binary(max_size=30),
)
def test_forged_headers_of_safetensors(path, header, entries, tail):
    entry = {"dtype": "F32", "shape": [len(tail) // 4], "data_offsets": [0, len(tail)]}
    for facts in (
        header,
        {"x": {**entry, **entries}},
        {"x": entry, "__metadata__": header},
        {"x": {**entry, "shape": header}},
    ):
        text = json.dumps(facts).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + tail)
        outcome(load_safetensors, path)
