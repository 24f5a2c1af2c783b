import errno
import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import tree
from tinygrad_np.training import CheckpointError, read_archive, write_archive

KIND = {"kind": "test"}
TREES = {
    "params": {"conv": {"w": np.arange(6, dtype=np.float32).reshape(1, 2, 3), "b": np.zeros(0, np.float32)}},
    "state": (np.array(3), [np.array([True, False]), None]),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.npz"


def test_what_was_saved_comes_back(path):
    facts = {**KIND, "history": [{"loss": 0.1 + 0.2}], "note": "ü"}
    write_archive(path, TREES, facts)
    archive = read_archive(path, "test")
    assert archive.metadata == facts
    trees = archive.restore(TREES)
    assert trees["state"][1][1] is None
    for name, expected in TREES["params"]["conv"].items():
        assert trees["params"]["conv"][name].tobytes() == expected.tobytes()
    assert (trees["state"][0].shape, trees["state"][0].item()) == ((), 3)
    assert trees["state"][1][0].tolist() == [True, False]


def test_numpy_reads_it_without_pickle_by_the_names_a_person_would_write(path):
    write_archive(path, TREES, KIND)
    with np.load(path, allow_pickle=False) as archive:
        assert set(archive) == {
            "params['conv']['w']", "params['conv']['b']", "state[0]", "state[1][0]", "metadata",
        }  # fmt: skip
        assert np.array_equal(archive["params['conv']['w']"], TREES["params"]["conv"]["w"])
        assert json.loads(archive["metadata"].item()) == KIND


def test_equal_contents_are_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_archive(tmp_path / name, TREES, KIND)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def change(f):
    return {**TREES, "params": {"conv": f(TREES["params"]["conv"])}}


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (change(lambda conv: {**conv, "v": np.zeros(1)}), r"lacks array params\['conv'\]\['v'\]"),
        (change(lambda conv: {"w": conv["w"]}), r"has the unexpected array params\['conv'\]\['b'\]"),
        (change(lambda conv: {**conv, "b": np.zeros(1, np.float32)}), r"\['b'\] is float32 \(0,\), expected .* \(1,\)"),
        (change(lambda conv: {**conv, "b": np.zeros(0)}), r"\['b'\] is float32 \(0,\), expected float64"),
    ],
)
def test_arrays_for_something_else_are_refused(path, like, message):
    write_archive(path, TREES, KIND)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_archive(path, "test").restore(like)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("leaf", [1.0, "text", np.float32(1)])
def test_what_is_no_array_is_not_saved(path, leaf):
    with pytest.raises(TypeError, match=r"p is a .*only arrays"):
        write_archive(path, {"p": leaf}, KIND)
    assert not path.exists()


def test_objects_are_not_pickled(path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_archive(path, {"p": np.array([{}], object)}, KIND)
    assert not path.exists()


def test_metadata_must_be_json(path):
    with pytest.raises(ValueError, match="JSON"):
        write_archive(path, TREES, {**KIND, "loss": float("nan")})
    with pytest.raises(TypeError, match="JSON"):
        write_archive(path, TREES, {**KIND, "loss": np.float32(1)})
    assert not path.exists()


def test_another_kind_is_refused(path):
    write_archive(path, TREES, KIND)
    with pytest.raises(CheckpointError, match=r"a\.npz: is a test, expected a model"):
        read_archive(path, "model")


def test_errors_are_short_and_harmless_to_a_terminal(path):
    write_archive(path, {"\x1b[2J" + "x" * 5000: np.zeros(1)}, KIND)
    with pytest.raises(CheckpointError) as caught:
        read_archive(path, "test").restore({})
    assert len(str(caught.value)) < 600 + len(str(path))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("trees", "name"),
    [({"metadata": np.zeros(1)}, "metadata"), ({"p": {"k": np.zeros(1)}, "p['k']": np.ones(1)}, r"p\['k'\]")],
)
def test_two_arrays_of_one_name_are_refused(path, trees, name):
    with pytest.raises(ValueError, match=f"two arrays would be named {name}"):
        write_archive(path, trees, KIND)
    assert not path.exists()


def test_facts_of_another_type_are_damage(path):
    write_archive(path, {}, {**KIND, "epoch": "3", "settings": {"a": 1}})
    archive = read_archive(path, "test")
    assert archive.fact("settings", dict) == {"a": 1}
    for name, cls in (("epoch", int), ("history", list)):
        with pytest.raises(CheckpointError, match=f"its metadata hold no {name}"):
            archive.fact(name, cls)


@pytest.mark.parametrize("dtype", [[("x", "f4")], np.dtype(("f4", (2,)))])
def test_dtypes_that_the_format_lacks_are_refused(path, dtype):
    array = np.zeros(3, [("x", dtype)] if isinstance(dtype, np.dtype) else dtype)
    with pytest.raises(TypeError, match=r"p is .*which \.npz files do not have"):
        write_archive(path, {"p": array}, KIND)


def test_bfloat16_is_refused_rather_than_lost(path):
    types = pytest.importorskip("ml_dtypes")
    for dtype in (types.bfloat16, types.float8_e5m2, types.int4):
        with pytest.raises(TypeError, match=f"p is {np.dtype(dtype)}"):
            write_archive(path, {"p": np.zeros(3, dtype)}, KIND)


def test_an_absent_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        read_archive(path, "test")


def foreign_npz(path):
    np.savez(path, a=np.zeros(3))


def foreign_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.npy", b"text")


def pickled_npz(path):
    np.savez(path, metadata=np.array([{"kind": "test"}], object))


def wrong_metadata(path):
    np.savez(path, metadata=np.array(json.dumps(["kind"])))


@pytest.mark.parametrize("write", [foreign_npz, foreign_zip, pickled_npz, wrong_metadata, Path.touch])
def test_foreign_files_are_refused_by_name(path, write):
    write(path)
    with pytest.raises(CheckpointError, match=r"a\.npz: is damaged or no file of tinygrad_np"):
        read_archive(path, "test")


def test_a_failed_save_leaves_the_old_file(path, monkeypatch):
    write_archive(path, TREES, KIND)
    before = path.read_bytes()

    def fail(*args):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_archive(path, {"p": np.ones(4)}, KIND)
    assert path.read_bytes() == before


with tempfile.TemporaryDirectory() as folder:
    write_archive(Path(folder, "a"), TREES, KIND)
    WHOLE = Path(folder, "a").read_bytes()

places = st.integers(0, len(WHOLE) - 1)
damages = st.one_of(
    st.builds(lambda n: WHOLE[:n], places),
    st.builds(lambda n: WHOLE[n:], places),
    st.builds(lambda a, b: WHOLE[: min(a, b)] + WHOLE[max(a, b) :], places, places),
    st.builds(lambda n, tail: WHOLE[:n] + tail + WHOLE[n + len(tail) :], places, st.binary(min_size=1, max_size=9)),
    st.lists(st.tuples(places, st.integers(0, 7)), min_size=1, max_size=4).map(
        lambda flips: bytes(flipped(bytearray(WHOLE), flips))
    ),
)


def flipped(content, flips):
    for place, bit in flips:
        content[place] ^= 1 << bit
    return content


def assert_error_or_identical(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "damaged.npz")
        path.write_bytes(content)
        result = read_or_error(path)
        if isinstance(result, CheckpointError):
            assert str(result).startswith(str(path))
        else:
            assert result.metadata == KIND
            assert contents(result.restore(TREES)) == contents(TREES)


def contents(trees):
    return [(leaf.dtype, leaf.shape, leaf.tobytes()) for leaf in tree.leaves(trees)]


def read_or_error(path):
    try:
        archive = read_archive(path, "test")
        archive.restore(TREES)
    except CheckpointError as error:
        return error
    return archive


@given(damages)
def test_damage_is_an_error_or_makes_no_difference(content):
    assert_error_or_identical(content)


def test_a_header_that_hides_part_of_an_array_is_noticed(path):
    write_archive(path, {"p": np.ones((5, 1000))}, KIND)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"'shape': (5, 1000)", b"'shape': (1, 1000)"))
    assert path.read_bytes() != content
    with pytest.raises(CheckpointError, match="CRC"):
        read_archive(path, "test")


def test_no_single_flipped_bit_gives_another_content():
    for place in range(len(WHOLE)):
        assert_error_or_identical(bytes(flipped(bytearray(WHOLE), [(place, place % 8)])))
