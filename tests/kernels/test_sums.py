"""Sums over all axes but one: the same as NumPy's, whether they are products with ones or not."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.kernels import sums

RNG = np.random.default_rng(0)
# The shape in memory, the order of the axes in which it is seen, the axes summed over, and whether it is a product.
CASES = {
    "channels innermost": ((4, 8, 9, 3), (0, 1, 2, 3), (0, 1, 2), True),
    "too few rows": ((2, 8, 9, 3), (0, 1, 2, 3), (0, 1, 2), False),
    "batch innermost": ((9, 6, 10, 64), (3, 0, 2, 1), (0, 1, 2), True),
    "channels outermost": ((3, 9, 10, 128), (3, 1, 2, 0), (0, 1, 2), True),
    "too few numbers": ((9, 6, 10, 8), (3, 0, 2, 1), (0, 1, 2), False),
    "one channel": ((20, 20, 100), (0, 1, 2), (0, 1), True),
    "axes of length 1": ((1, 300, 1, 5), (0, 1, 2, 3), (0, 1, 2), True),
    "a matrix": ((400, 7), (0, 1), (0,), True),
    "two axes kept": ((40, 40, 30), (0, 1, 2), (0,), False),
    "all axes": ((400, 90), (0, 1), (0, 1), False),
    "nothing to sum over": ((50_000,), (0,), (), False),
    "no elements": ((400, 0, 3), (0, 1, 2), (0, 1), False),
}


def example(name, dtype=np.float64):
    """Multiples of 1/8, of which every sum is exact."""
    shape, order, axis, _ = CASES[name]
    return (RNG.integers(-16, 17, shape) / 8).astype(dtype).transpose(order), axis


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.complex64, np.int64, np.bool_])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_sum_is_numpys(name, keepdims, dtype):
    x, axis = example(name, dtype)
    expected = x.sum(axis, keepdims=keepdims)
    y = sums.total(x, axis, keepdims)
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(y, expected, strict=True)
    out = np.empty(expected.shape, expected.dtype)
    for call in sums.prepare_total(out, x, axis, keepdims):
        call()
    np.testing.assert_array_equal(out, y, strict=True)


@pytest.mark.parametrize("name", CASES)
def test_it_is_a_product_where_that_pays(name, monkeypatch):
    x, axis = example(name)
    multiplied = []
    monkeypatch.setattr(sums, "_multiplied", lambda x, wakes: multiplied.append(x.shape) or x.sum((0, 2)))
    sums.total(x, axis)
    assert bool(multiplied) is CASES[name][3]


@pytest.mark.parametrize("view", [np.s_[::2], np.s_[:, ::-1], np.s_[..., :2]])
def test_what_is_no_matrix_in_memory_is_summed_too(view):
    x = (RNG.integers(-16, 17, (600, 9, 4)) / 8)[view]
    np.testing.assert_array_equal(sums.total(x, (0, 1)), x.sum((0, 1)))


def test_a_product_is_as_exact_as_a_sum():
    x = RNG.standard_normal((64, 28, 28, 32), dtype=np.float32)
    exact = x.sum((0, 1, 2), dtype=np.float64)
    assert np.abs(sums.total(x, (0, 1, 2)) - exact).max() <= np.abs(x.sum((0, 1, 2)) - exact).max()


def test_a_bias_has_the_same_gradient_for_every_number_of_threads_and_compiled():
    pytest.importorskip("threadpoolctl")
    x, w = RNG.standard_normal((64, 14, 14, 3), dtype=np.float32), RNG.standard_normal((3, 3, 3, 24), dtype=np.float32)
    gradient = tg.grad(lambda b: np.sum(np.tanh(tg.nn.conv2d(x, w, b))))
    found, before = [], tg.get_num_threads()
    try:
        for n in (1, 2, 3):
            tg.set_num_threads(n)
            found.append(gradient(np.ones(24, np.float32)))
    finally:
        tg.set_num_threads(before)
    compiled = tg.compile(gradient)
    found += [compiled(np.ones(24, np.float32)) for _ in range(2)]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
