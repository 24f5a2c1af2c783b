import io
import json
import tracemalloc
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import nn, optim, tree
from tinygrad_np.training import CheckpointError, load, save, write_archive

KEYS = [
    "a/b",
    "['x']",
    "../up",
    "/etc/passwd",
    "C:\\x",
    "ü",
    "\ud800",
    "\0",
    "a.npy",
    "",
    "metadata",
    0,
    -1,
    1.5,
    False,
    None,
]


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclass
class Layer:
    w: Any
    b: Any


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.npz"


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch") / "a.npz"


def assert_same(actual, expected):
    """Equal in structure, order of keys, and every bit."""
    assert tree.structure(actual) == tree.structure(expected)
    assert tree.structure(actual).paths == tree.structure(expected).paths
    for a, b in zip(tree.leaves(actual), tree.leaves(expected), strict=True):
        assert (a.dtype, a.dtype.str, a.shape, a.tobytes()) == (b.dtype, b.dtype.str, b.shape, b.tobytes())
        assert a.flags.writeable


dtypes = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(endianness="?"), hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?"), hnp.complex_number_dtypes(endianness="?"),
    hnp.unicode_string_dtypes(endianness="?"), hnp.byte_string_dtypes(), hnp.datetime64_dtypes(endianness="?"),
    hnp.timedelta64_dtypes(endianness="?"),
)  # fmt: skip
leaves = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
keys = st.one_of(
    st.text(max_size=4),
    st.sampled_from(KEYS),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
)
trees = st.recursive(
    st.one_of(leaves, st.none()),
    lambda inner: st.one_of(
        st.dictionaries(keys, inner, max_size=3),
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=6,
)


@given(trees)
def test_trees_come_back_with_structure_dtypes_and_bits(scratch, some):
    save(scratch, some)
    assert_same(load(scratch), some)
    if some is not None:
        assert_same(load(scratch, like=some), some)


def test_odd_keys_survive(path):
    some = {key: {"w": np.array(i)} for i, key in enumerate(KEYS)}
    save(path, some)
    assert_same(load(path), some)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3).T, np.arange(10)[::-2], np.broadcast_to(1.5, (2, 2))])
def test_layouts_in_memory_make_no_difference(path, array):
    save(path, [array])
    np.testing.assert_array_equal(load(path)[0], array, strict=True)


def test_metadata_come_back(path):
    save(path, {}, {"epoch": 3, "note": "ü", "nested": {"a": [1, None]}})
    assert load(path, with_metadata=True) == ({}, {"epoch": 3, "note": "ü", "nested": {"a": [1, None]}})
    save(path, np.zeros(2))
    assert load(path, with_metadata=True)[1] == {}


def test_equal_trees_are_equal_bytes_and_numpy_reads_them(path, tmp_path):
    some = {"conv": {"w": np.ones((2, 3), np.float32)}}
    save(path, some)
    save(tmp_path / "b.npz", some)
    assert path.read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(path, allow_pickle=False) as archive:
        assert np.array_equal(archive["tree['conv']['w']"], some["conv"]["w"])


@pytest.mark.parametrize(
    ("some", "name"),
    [
        (Pair(np.zeros(1), np.ones(2)), "Pair"),
        ({"a": Layer(np.zeros(1), None)}, "Layer"),
        ([nn.batch_norm_state(3)], "BatchNormState"),
        (OrderedDict(a=np.zeros(1)), "OrderedDict"),
        (optim.adam(0.1).init({"w": np.zeros(2)}), r"\w+"),
    ],
)
def test_other_nodes_need_a_tree_that_has_them(path, some, name):
    save(path, some)
    with pytest.raises(CheckpointError, match=rf"a\.npz: holds a {name}, .*pass like="):
        load(path)
    assert_same(load(path, like=tree.map(np.ones_like, some)), some)


SAVED = {"a": [np.zeros(2), None], "b": (np.ones(3, np.float32), {})}


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ({**SAVED, "c": np.zeros(1)}, r"lacks array tree\['c'\]"),
        ({"a": SAVED["a"]}, r"has the unexpected array tree\['b'\]\[0\]"),
        ({**SAVED, "a": [np.zeros(3), None]}, r"tree\['a'\]\[0\] is float64 \(2,\), expected float64 \(3,\)"),
        ({**SAVED, "a": [np.zeros(2, ">f8"), None]}, "is float64"),
        ({**SAVED, "a": (np.zeros(2), None)}, "other containers"),
        ({**SAVED, "a": [np.zeros(2)]}, "other containers"),
        ({**SAVED, "a": [np.zeros(2), {}]}, "other containers"),
        ({**SAVED, "a": {0: np.zeros(2), 1: None}}, "other containers"),
    ],
)
def test_a_tree_for_something_else_is_refused(path, like, message):
    save(path, SAVED)
    with pytest.raises(CheckpointError, match=message):
        load(path, like=like)
    assert_same(load(path, like=dict(reversed(SAVED.items())))["a"], SAVED["a"])


def deep(depth):
    some = np.zeros(1)
    for i in range(depth):
        some = [some] if i % 2 else {"k": some}
    return some


def test_deep_trees(path):
    save(path, deep(100))
    assert_same(load(path), deep(100))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="deeper than 100"):
        save(path, deep(101))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("some", "error", "message"),
    [
        ({"a": 1.0}, TypeError, r"tree\['a'\] is a float; only arrays"),
        ({"a": np.float32(1)}, TypeError, "only arrays"),
        ({("a", 1): np.zeros(1)}, TypeError, r"key \('a', 1\) at its root; a key must be a str, int"),
        ({"x": {np.int64(1): np.zeros(1)}}, TypeError, r"key np.int64\(1\) at \['x'\]"),
        ({float("nan"): np.zeros(1)}, TypeError, "key nan"),
        ({float("inf"): np.zeros(1)}, TypeError, "key inf"),
        ({"k" * 70_000: np.zeros(1)}, ValueError, "too long"),
        (np.array([{}], object), ValueError, "allow_pickle"),
        (np.zeros(2, [("x", "f4")]), TypeError, "which .npz files do not have"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_leaves_the_old_file(path, some, error, message):
    save(path, np.zeros(3))
    before = path.read_bytes()
    with pytest.raises(error, match=message):
        save(path, some)
    assert path.read_bytes() == before


def test_metadata_must_be_json(path):
    with pytest.raises(TypeError, match="JSON"):
        save(path, np.zeros(1), {"x": np.zeros(1)})
    assert not path.exists()


# Hostile files

FACTS = {"kind": "tree of tinygrad_np, format 1", "metadata": {}}


def npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


def write(path, members, structure="*", compression=zipfile.ZIP_STORED, **facts):
    with zipfile.ZipFile(path, "w", compression) as archive:
        text = json.dumps({**FACTS, "structure": structure, **facts})
        for name, content in [*members, ("metadata.npy", npy(np.array(text)))]:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = compression
            archive.writestr(entry, content)


def header(text, rest=b""):
    text = text.encode()
    return b"\x93NUMPY\1\0" + (len(text) + 1).to_bytes(2, "little") + text + b"\n" + rest


GOOD = npy(np.zeros(2))
CLAIM = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"


@pytest.mark.parametrize(
    "member",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\0",
        npy(np.array([{}], object)),
        b"\x80\x04N.",
        header(CLAIM % "(-1,)", bytes(8)),
        header(CLAIM % "(-1, -2)", bytes(16)),
        header(CLAIM % "(1000000000000,)", bytes(16)),
        header(CLAIM % f"({2**62}, 4)", bytes(16)),
        header(CLAIM % f"(0, {2**70})"),
        header(CLAIM % f"({'9' * 5000},)", bytes(16)),
        header(CLAIM % f"({'1, ' * 70})", bytes(8)),
        header(CLAIM % "(2)", bytes(8)),
        header(CLAIM % ("(" * 5000)),
        header((CLAIM % "(2,)").replace("<f8", "|O"), bytes(16)),
        header((CLAIM % "(1,)").replace("<f8", "<f3"), bytes(3)),
        header((CLAIM % "(1,)").replace("<f8", "|V99999999999"), bytes(3)),
        header((CLAIM % "(0,)").replace("<f8", "<M8[parsec]")),
        header("__import__('os').abort()", bytes(16)),
        b"\x93NUMPY\1\0\xff\xff" + GOOD[10:],
        b"\x93NUMPY\2\0" + GOOD[8:],
    ],
)
def test_hostile_arrays_are_refused_in_little_memory(path, member):
    write(path, [("tree.npy", member)])
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=r"a\.npz: is damaged"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_zip_bomb_is_refused_in_little_memory(path):
    write(path, [("tree.npy", npy(np.zeros(1 << 24, np.uint8)))], compression=zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match="compressed"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_members_that_share_their_bytes_are_refused(path):
    """A thousand entries of one megabyte each, all of them the same bytes."""
    write(path, [("tree.npy", npy(np.zeros(1 << 20, np.uint8)))])
    content = path.read_bytes()
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry = content[start : content.index(b"PK\1\2", start + 1)]
    more = bytearray(content[end:])
    more[8:12] = (1002).to_bytes(2, "little") * 2
    more[12:16] = (end - start + 1000 * len(entry)).to_bytes(4, "little")
    path.write_bytes(content[:end] + entry * 1000 + bytes(more))
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 1002
    with pytest.raises(CheckpointError, match="larger than the file"):
        load(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(path):
    write(path, [("tree.npy", GOOD), ("tree.npy", npy(np.ones(2)))])
    with pytest.raises(CheckpointError, match="one name"):
        load(path)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../tree.npy", "/tree.npy", "tree/", "tree.npy.npy", "C:\\tree.npy"]
)
def test_members_of_other_names_are_refused_and_nothing_is_unpacked(path, name):
    write(path, [(name, b"" if name.endswith("/") else GOOD)])
    with pytest.raises(CheckpointError, match="is damaged"):
        load(path)
    assert list(path.parent.iterdir()) == [path]


def nested(depth):
    return '["list",[' * depth + '"*"' + "]]" * depth


@pytest.mark.parametrize(
    "structure",
    [
        '"x"', "{}", "[]", "1", '["list"]', '["list", 1]', '["set", []]', '["dict", [["k"]]]', '["dict", [[[], "*"]]]',
        '["dict", [[{}, "*"]]]', '["dict", 3]', '["list", ["*", "*"]]', '["dict", [["a", "*"], ["a", "*"]]]',
        '["dict", [[NaN, "*"]]]', nested(101), nested(400), nested(100_000), "[" * 300_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("like", [None, np.zeros(2)])
def test_hostile_structures_are_refused(path, structure, like):
    text = json.dumps(FACTS)[:-1] + ', "structure": ' + structure + "}"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tree.npy", GOOD)
        archive.writestr("metadata.npy", npy(np.array(text)))
    with pytest.raises(CheckpointError, match=r"a\.npz: "):
        load(path, like=like)


@pytest.mark.parametrize("kind", [None, 3, ["x"], {}, "model", "x" * 10_000])
def test_other_kinds_are_refused_briefly(path, kind):
    write(path, [("tree.npy", GOOD)], kind=kind)
    with pytest.raises(CheckpointError) as caught:
        load(path)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("facts", [{}, {"metadata": {}}, {"structure": None}, {"structure": None, "metadata": []}])
def test_facts_that_are_missing_are_damage(path, facts):
    write_archive(path, {}, {"kind": FACTS["kind"], **facts})
    with pytest.raises(CheckpointError, match=r"structure is none|hold no metadata"):
        load(path)


def test_an_absent_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        load(path)
