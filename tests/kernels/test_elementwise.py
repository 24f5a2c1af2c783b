"""Elementwise kernels against their definitions; arguments stay as they are, special values are what they were."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.kernels import elementwise
from tinygrad_np.kernels.elementwise import (
    choose,
    keep,
    leaky_relu,
    leaky_relu_gradient,
    relu,
    relu_gradient,
    sigmoid,
    sigmoid_gradient,
    softplus,
    tanh_gradient,
)
from tinygrad_np.kernels.threads import get_num_threads, set_num_threads

DEFINITIONS = {
    "tanh_gradient": (tanh_gradient, lambda g, y: g * (1 - y * y)),
    "sigmoid_gradient": (sigmoid_gradient, lambda g, y: g * (y * (1 - y))),
    "relu_gradient": (relu_gradient, lambda g, y: g if y > 0 else 0 * g),
    "leaky_relu": (lambda x, slope: leaky_relu(x, slope), lambda x, slope: x if x > 0 else slope * x),
    "leaky_relu_gradient": (lambda g, x: leaky_relu_gradient(g, x, 0.25), lambda g, x: g if x > 0 else 0.25 * g),
}


def one_by_one(f, a, b):
    a, b = np.broadcast_arrays(a, b)
    return np.array([f(p, q) for p, q in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)]).reshape(a.shape)


@pytest.mark.parametrize("name", DEFINITIONS)
@given(
    seed=st.integers(0, 2**32 - 1),
    shapes=st.sampled_from([((3, 4), (3, 4)), ((3, 4), (4,)), ((4,), (3, 4)), ((), ()), ((), (2,)), ((0, 2), (0, 2))]),
    dtype=st.sampled_from(["f", "d"]),
)
def test_is_its_definition_on_the_lattice_and_writes_to_no_argument(name, seed, shapes, dtype):
    kernel, definition = DEFINITIONS[name]
    rng = np.random.default_rng(seed)
    a, b = ((rng.integers(-8, 9, s) / 4).astype(dtype) for s in shapes)
    before = a.copy(), b.copy()
    z = kernel(a, b)
    assert z.dtype == a.dtype
    np.testing.assert_array_equal(z, one_by_one(definition, a, b))
    np.testing.assert_array_equal([*a.ravel(), *b.ravel()], [*before[0].ravel(), *before[1].ravel()])
    assert not any(np.shares_memory(z, x) for x in (a, b))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_numbers_stay_numbers_and_mixed_dtypes_promote(name):
    kernel, definition = DEFINITIONS[name]
    assert kernel(0.5, -1.5) == definition(0.5, -1.5)
    assert not isinstance(kernel(0.5, -1.5), np.ndarray)
    assert kernel(np.ones(2), np.ones(2, np.float32)).dtype == np.float64
    if name != "leaky_relu_gradient":  # which only looks at x
        assert kernel(np.ones(2, np.float32), np.ones(2)).dtype == np.float64


def test_memory_order_is_that_of_the_value():
    g, y = np.ones((3, 4, 5), np.float32), np.ones((5, 3, 4), np.float32).transpose(1, 2, 0)
    for kernel in (tanh_gradient, sigmoid_gradient, relu_gradient):
        assert kernel(g, y).strides == y.strides


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=4), st.sampled_from(["e", "f", "d"]))
def test_sigmoid_to_rounding(xs, dtype):
    x = np.array(xs, dtype)
    exact = [1 / (1 + math.exp(-v)) for v in x.tolist()]
    info = np.finfo(dtype)
    with np.errstate(all="raise", under="ignore"):
        y = sigmoid(x)
    assert y.dtype == x.dtype
    # An error of half a unit in x, or in exp(-x) as a float32, counts x times.
    np.testing.assert_allclose(y.astype(float), exact, rtol=4 * float(info.eps), atol=2 * float(info.tiny))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=4), st.sampled_from(["e", "f", "d"]))
def test_softplus_to_rounding(xs, dtype):
    x = np.array(xs, dtype)
    exact = [max(v, 0) + math.log1p(math.exp(-abs(v))) for v in x.tolist()]
    info = np.finfo(dtype)
    with np.errstate(all="raise", under="ignore"):
        y = softplus(x)
    assert y.dtype == x.dtype
    np.testing.assert_allclose(y.astype(float), exact, rtol=4 * float(info.eps), atol=2 * float(info.tiny))


@pytest.mark.parametrize("dtype", ["?", "B", "H", "I", "Q"])
@pytest.mark.parametrize("kernel", [sigmoid, softplus])
def test_numbers_without_a_sign_do_not_wrap(kernel, dtype):
    x = np.array([0, 1], dtype)
    y = kernel(x)
    assert y.dtype == np.exp(x).dtype
    np.testing.assert_array_equal(y, kernel(np.array([0, 1], y.dtype)))


def test_softplus_far_out():
    x = np.array([-np.inf, -1e30, 1e30, np.inf, np.nan], np.float32)
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_array_equal(softplus(x), np.array([0, 0, 1e30, np.inf, np.nan], np.float32))
    assert softplus(0.0) == math.log(2)
    assert softplus(np.array([0, 3])).dtype == np.float64


def test_sigmoid_far_out():
    x = np.array([-np.inf, -1e30, 1e30, np.inf, np.nan], np.float32)
    with np.errstate(over="raise", divide="raise"):
        np.testing.assert_array_equal(sigmoid(x), np.array([0, 0, 1, 1, np.nan], np.float32))
    assert sigmoid(np.array([0, 3])).dtype == np.float64


@pytest.mark.parametrize("shape", [(3, 1, 5), (2 * 4096,), (3, 50, 70), (4096, 5), (0, 3)])
@pytest.mark.parametrize("how", ["C", "F", "middle", "strided", "reversed", "broadcast"])
def test_relu_of_any_size_and_memory_order(shape, how):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    x.reshape(-1)[::97] = np.nan
    x = {
        "C": x, "F": np.asfortranarray(x), "middle": np.moveaxis(np.moveaxis(x, -1, 0).copy(), 0, -1),
        "strided": np.repeat(x, 2, -1)[..., ::2], "reversed": x[::-1], "broadcast": np.broadcast_to(x[:1], x.shape),
    }[how]  # fmt: skip
    y = relu(x)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(y, np.where(x < 0, 0, x))
    if how in ("C", "F", "middle"):
        assert y.strides == x.strides or min(shape) < 2


@pytest.mark.parametrize("dtype", ["?", "b", "B", "l", "e", "d", "F"])
def test_relu_of_a_large_array_has_the_dtype_of_a_small_one(dtype):
    x = np.arange(3 * 4096).astype(dtype)
    y = relu(x)
    assert y.dtype == relu(x[:5]).dtype
    np.testing.assert_array_equal(y, np.maximum(x, 0))


def test_relu_has_no_slope_at_0_and_at_nan():
    y = np.array([0.0, -0.0, np.nan, 1e-45, np.inf], np.float32)
    np.testing.assert_array_equal(relu_gradient(np.full(5, 2, np.float32), y), [0, 0, 0, 2, 2])


@pytest.mark.parametrize("dtype", ["?", "b", "H", "e", "f", "d", "g", "F", "D"])
def test_keep_is_where(dtype):
    rng = np.random.default_rng(0)
    a = rng.integers(0, 9, (3, 4)).astype(dtype)
    if a.dtype.kind in "fc":
        a[0] = [np.nan, np.inf, -np.inf, -0.0]
    for mask in (
        rng.random((3, 4)) < 0.5,
        rng.random(4) < 0.5,
        rng.random((2, 3, 1)) < 0.5,
        rng.integers(0, 3, (3, 4)),
    ):
        kept = keep(a, mask)
        assert kept.dtype == a.dtype
        np.testing.assert_array_equal(kept, np.where(mask, a, a.dtype.type(0)))
    out, mask = np.empty((3, 8), dtype)[:, ::2], a == a
    keep(a, mask, out)
    np.testing.assert_array_equal(out, np.where(mask, a, a.dtype.type(0)))
    assert keep(a[1, 1], True) == a[1, 1]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("dtype", ["e", "f", "d", "F", "D", "g", "i2", "i4", "u8", "?"])
def test_choose_is_where(dtype, share):
    rng = np.random.default_rng(0)
    mask = rng.random((70, 130)) < share
    x, y = rng.integers(0, 2, (2, 70, 130)).astype(dtype)
    special = np.dtype(dtype).kind in "fc"
    if special:
        x[:, :4], y[:, 2:6] = [np.nan, np.inf, -np.inf, -0.0], [-0.0, np.nan, np.inf, 1]
    number = y.dtype.type(1)
    for a, b in ((x, y), (number, y), (x, number), (x[0], y), (x, y[:1]), (1, y), (x, 0), (x, y.T.copy().T), (1, 2.5)):
        expected, ours = np.where(mask, a, b), choose(mask, a, b)
        assert ours.dtype == expected.dtype and ours.tobytes() == expected.tobytes()
        out = np.zeros_like(expected)
        assert choose(mask, a, b, out) is out and out.tobytes() == expected.tobytes()
        assert not any(np.shares_memory(ours, v) for v in (a, b) if isinstance(v, np.ndarray))


def test_choose_converts_and_broadcasts_as_where():
    mask, x = np.arange(9000) % 3 == 0, np.arange(9000, dtype=np.float32)
    for condition, a, b in (
        (mask, x.astype(np.float16), x),
        (mask, x.astype(int), x),
        (mask, x > 5, x),
        (mask, 0.5, x > 5),
        (mask, x, np.ones((2, 1), "f")),
        (mask[:, None], x[:3], 1.0),
        (mask.astype(int), x, 2),
        (True, x, 2),
    ):
        expected, ours = np.where(condition, a, b), choose(condition, a, b)
        assert ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("kernel", [relu, sigmoid, relu_gradient, sigmoid_gradient, tanh_gradient])
def test_blocks_and_threads_give_the_bits_of_the_whole(kernel, dtype, order, monkeypatch):
    pytest.importorskip("threadpoolctl")
    arrays = np.random.default_rng(0).standard_normal((2, 70, 9, 110)).astype(dtype)
    last = np.ascontiguousarray(arrays[1].transpose(order)).transpose(np.argsort(order))
    first = np.empty_like(last)
    first[...] = arrays[0]
    xs = [last] if kernel in (relu, sigmoid) else [first, last]
    whole = kernel(*xs)
    monkeypatch.setattr(elementwise, "LARGE", 1 << 14)
    monkeypatch.setattr(elementwise, "BLOCK", 1 << 13)
    threads, out = get_num_threads(), np.empty_like(whole)
    try:
        for n in (1, 2):
            set_num_threads(n)
            y = kernel(*xs)
            assert y.base is None and y.strides == last.strides
            np.testing.assert_array_equal(y, whole)
    finally:
        set_num_threads(threads)
    assert kernel(*xs, out) is out
    np.testing.assert_array_equal(out, whole)
    if len(xs) > 1:  # a cotangent that lies otherwise, or is of another dtype
        np.testing.assert_array_equal(kernel(first.copy("F" if order[0] == 0 else "C"), last), whole)
        wide = kernel(first.astype("d" if dtype == "f" else "g"), last)
        np.testing.assert_allclose(wide.astype(dtype), whole, rtol=1e-6)
