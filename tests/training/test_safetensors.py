import json
import struct
import sys
import tracemalloc

import numpy as np
import pytest

from tinygrad_np import nn, random, tree
from tinygrad_np.training import CheckpointError, load_safetensors, save_safetensors

package = pytest.importorskip("safetensors.numpy")

PARAMS = {
    "conv1": {
        "w": np.arange(3 * 2 * 2 * 5.0, dtype=np.float32).reshape(3, 2, 2, 5),
        "b": np.arange(5, dtype=np.float32),
    },
    "bn1": {"scale": np.ones(5, np.float32), "bias": np.zeros(5, np.float32)},
    "dense1": {"w": np.arange(2 * 3 * 5 * 4.0, dtype=np.float32).reshape(30, 4), "b": np.zeros(4, np.float32)},
}
STATE = {"bn1": nn.BatchNormState(np.full(5, 2, np.float32), np.full(5, 3, np.float32))}
FLAT = {"dense1": (2, 3, 5)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.safetensors"


def zeros(some):
    return tree.map(np.zeros_like, some)


def assert_same(actual, expected):
    assert tree.structure(actual) == tree.structure(expected)
    for a, b in zip(tree.leaves(actual), tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
        assert a.flags.writeable and a.flags.owndata and a.flags.c_contiguous


def test_names_and_layouts_are_those_of_torch(path):
    save_safetensors(path, PARAMS, flattened=FLAT)
    found = package.load_file(path)
    assert set(found) == {"conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias", "dense1.weight", "dense1.bias"}
    conv, dense = found["conv1.weight"], found["dense1.weight"]
    assert (conv.shape, dense.shape) == ((5, 2, 3, 2), (4, 30))
    for out, channel, row, column in np.ndindex(conv.shape):
        assert conv[out, channel, row, column] == PARAMS["conv1"]["w"][row, column, channel, out]
    for out in range(4):
        for row, column, channel in np.ndindex(FLAT["dense1"]):
            ours = np.ravel_multi_index((row, column, channel), (2, 3, 5))
            theirs = np.ravel_multi_index((channel, row, column), (5, 2, 3))
            assert dense[out, theirs] == PARAMS["dense1"]["w"][ours, out]


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("names", [None, {"conv1": "features.0", "dense1": "head", "bn1.weight": "gamma"}])
def test_what_was_saved_comes_back(path, layout, names):
    options = {"layout": layout, "names": names, "flattened": FLAT if layout == "channels_last" else None}
    save_safetensors(path, PARAMS, **options)
    assert_same(load_safetensors(path, zeros(PARAMS), **options), PARAMS)
    if names:
        assert "features.0.weight" in load_safetensors(path) and "gamma" in load_safetensors(path)


def test_convolutions_of_channels_first_stay_as_they_are(path):
    save_safetensors(path, PARAMS, layout="channels_first")
    found = load_safetensors(path)
    assert np.array_equal(found["conv1.weight"], PARAMS["conv1"]["w"])
    assert np.array_equal(found["dense1.weight"], PARAMS["dense1"]["w"].T)


@pytest.mark.parametrize("shape", [(3, 2, 4), (3, 2, 2, 4), (2, 3, 1, 2, 4)])
def test_kernels_of_every_rank(path, shape):
    params = {"w": np.arange(np.prod(shape), dtype=np.float32).reshape(shape)}
    save_safetensors(path, params)
    assert load_safetensors(path)["weight"].shape == (*shape[-1:], *shape[-2:-1], *shape[:-2])
    assert_same(load_safetensors(path, zeros(params)), params)


@pytest.mark.parametrize("out", [0, 1])
def test_layers_without_outputs_and_with_one(path, out):
    params = {"dense1": {"w": np.arange(30.0 * out).reshape(30, out)}}
    save_safetensors(path, params, flattened=FLAT)
    assert_same(load_safetensors(path, zeros(params), flattened=FLAT), params)


def test_parameters_and_running_statistics_share_a_file(path):
    names = {"0": "", "1": ""}
    save_safetensors(path, (PARAMS, STATE), names=names)
    found = package.load_file(path)
    assert found["bn1.running_mean"].tolist() == [2] * 5 and found["bn1.running_var"].tolist() == [3] * 5
    package.save_file(found | {"bn1.num_batches_tracked": np.array(7)}, path)
    assert_same(load_safetensors(path, zeros((PARAMS, STATE)), names=names), (PARAMS, STATE))


def test_a_table_of_vectors_is_kept(path):
    params = {"embedding": {"w": np.ones((7, 2))}, "head": {"w": np.ones((2, 3))}}
    save_safetensors(path, params, keep=["embedding"])
    assert load_safetensors(path)["embedding.weight"].shape == (7, 2)
    assert load_safetensors(path)["head.weight"].shape == (3, 2)
    assert_same(load_safetensors(path, zeros(params), keep=["embedding"]), params)


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c8", ">f4", ">i8"]
)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (3,), (2, 3)])
def test_dtypes_and_shapes(path, dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    save_safetensors(path, {"x": array, "n": [array[..., None][..., 0]], "none": None})
    native = array.astype(array.dtype.newbyteorder("="))
    for found in load_safetensors(path).values():
        np.testing.assert_array_equal(found, native, strict=True)
    assert_same(load_safetensors(path, {"x": native, "n": [native], "none": None})["n"][0], native)


@pytest.mark.parametrize(
    "array", [np.arange(12.0).reshape(3, 4).T, np.arange(12.0)[::-3], np.broadcast_to(1.5, (2, 2))]
)
def test_layouts_in_memory_make_no_difference(path, array):
    save_safetensors(path, {"x": array})
    np.testing.assert_array_equal(load_safetensors(path)["x"], array, strict=True)


def test_metadata_are_written_for_others(path):
    save_safetensors(path, PARAMS, metadata={"format": "pt"})
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"] == {"format": "pt"}


@pytest.mark.parametrize(
    ("params", "options", "error", "message"),
    [
        (PARAMS, {"names": {"conv2": "x"}}, ValueError, "names names 'conv2'"),
        (
            PARAMS,
            {"names": {"conv1": "x", "dense1": "x"}},
            ValueError,
            r"conv1\.w and dense1\.w would both be 'x\.weight'",
        ),
        ({"n": {"scale": np.ones(1), "w": np.ones(1)}}, {}, ValueError, r"n\.scale and n\.w would both be 'n\.weight'"),
        (PARAMS, {"flattened": {"dense2": (1,)}}, ValueError, "flattened names 'dense2'"),
        (PARAMS, {"flattened": {"conv1": (1,)}}, ValueError, "flattened names 'conv1'"),
        (
            PARAMS,
            {"flattened": {"dense1": (2, 3, 6)}},
            ValueError,
            r"\(2, 3, 6\)} does not fit the w of shape \(30, 4\)",
        ),
        (PARAMS, {"flattened": {"dense1": (-2, -3, 5)}}, ValueError, "does not fit the w"),
        (PARAMS, {"flattened": {"dense1": ()}}, ValueError, "does not fit the w"),
        (PARAMS, {"flattened": FLAT, "layout": "channels_first"}, ValueError, "flattened= is for channels_last"),
        (PARAMS, {"keep": ["dense2"]}, ValueError, "keep names 'dense2'"),
        (PARAMS, {"keep": "dense1"}, TypeError, r"keep='dense1' must be a collection"),
        (PARAMS, {"layout": "last"}, ValueError, "layout"),
    ],
)
def test_options_that_do_not_fit_are_refused(path, params, options, error, message):
    with pytest.raises(error, match=message):
        save_safetensors(path, params, **options)
    assert not path.exists()
    if message != "layout":
        save_safetensors(path, PARAMS)
    with pytest.raises(error, match=message):
        load_safetensors(path, params, **options) if path.exists() else save_safetensors(path, params, **options)


@pytest.mark.parametrize(
    ("params", "options", "message"),
    [
        ({"x": 1.0}, {}, "x is a float; expected an array"),
        ({"x": np.zeros(1, np.complex128)}, {}, "x is a complex128"),
        ({"x": np.zeros(1, object)}, {}, "x is a object"),
        ({"x": np.array("text")}, {}, "x is a <U4"),
        ({"x": np.zeros(1)}, {"metadata": {"epoch": 3}}, "metadata must be strings"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_leaves_the_old_file(path, params, options, message):
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match=message):
        save_safetensors(path, params, **options)
    assert path.read_bytes() == b"old"


def without(name):
    return {key: value for key, value in PARAMS.items() if key != name}


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (without("bn1"), r"unexpected tensor bn1\.bias"),
        ({**PARAMS, "dense2": {"b": np.zeros(1)}}, r"lacks tensor dense2\.bias, wanted for dense2\.b"),
        ({**PARAMS, "dense1": {"w": np.zeros((4, 30), np.float32), "b": PARAMS["dense1"]["b"]}},
         r"tensor dense1\.weight is float32 \(4, 30\), expected float32 \(30, 4\) for dense1\.w"),
        (tree.map(np.float64, PARAMS), "is float32 .* expected float64"),
    ],
)  # fmt: skip
def test_tensors_for_something_else_are_refused(path, like, message):
    save_safetensors(path, PARAMS)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_safetensors(path, like)
    assert str(caught.value).startswith(str(path))


def test_options_without_a_tree_are_refused(path):
    with pytest.raises(ValueError, match="need like="):
        load_safetensors(path, names={"a": "b"})


def test_an_absent_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        load_safetensors(path)


def test_without_the_package_the_error_says_how_to_install_it(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "tinygrad_np\[safetensors\]"'):
        save_safetensors(path, PARAMS)
    with pytest.raises(ModuleNotFoundError, match="safetensors"):
        load_safetensors(path)


def raw(header, data=bytes(8), length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F64", shape=(1,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 7, b"\0" * 8, b"\xff" * 8, b"\x80\x04N.", raw({"x": entry()}, length=2**63), raw({"x": entry()}, length=10**9),
        raw({"x": entry()})[:-1], raw({"x": entry()}) + b"\0", raw({"x": entry(shape=[2])}), raw({"x": entry(shape=[-1])}),
        raw({"x": entry(shape=[2**62, 4])}), raw({"x": entry(shape=[0, 2**63])}), raw({"x": entry(offsets=[8, 0])}),
        raw({"x": entry(offsets=[-8, 0])}), raw({"x": entry(offsets=[0, 2**63])}), raw({"x": entry("object")}),
        raw({"x": entry(), "y": entry()}), raw({"x": entry(), "y": entry(offsets=[16, 24])}, bytes(24)), raw([]), raw({"x": 1}),
        raw({"x": {}}), raw({"__metadata__": 3, "x": entry()}), raw(b"[" * 200_000), raw(b'{"a":' * 200_000), raw(b"{"),
        raw(b'{"x":%b,"x":%b}' % ((json.dumps(entry()).encode(),) * 2)), raw({"x": entry("BF16", [4])}),
        raw({"x": entry("F64", [0, 2**63], [0, 0])}, b""), raw({"x": entry(shape=[1] * 70)}),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_in_little_memory(path, content):
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=r"a\.safetensors: (is damaged|holds 'BF16')"):
            load_safetensors(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_logits_survive_the_journey(path):
    x = random.normal(random.key(1), (3, 6, 7, 2))

    def apply(params):
        h = nn.relu(nn.conv2d(x, **params["conv1"]))
        return nn.dense(h.reshape(3, -1), **params["dense1"])

    keys = random.split(random.key(0), 2)
    params = {
        "conv1": {"w": nn.initializers.lecun_normal(keys[0], (3, 2, 2, 4)), "b": np.ones(4, np.float32)},
        "dense1": {"w": nn.initializers.lecun_normal(keys[1], (96, 5)), "b": np.ones(5, np.float32)},
    }
    options = {"flattened": {"dense1": (4, 6, 4)}}
    save_safetensors(path, params, **options)
    assert np.array_equal(apply(load_safetensors(path, zeros(params), **options)), apply(params))
