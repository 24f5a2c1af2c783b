"""Standardising and its gradient against definitions in wider arithmetic: any axes, memory order, mean, blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.kernels import standardizing
from tinygrad_np.kernels.standardizing import standardize, standardize_gradient
from tinygrad_np.kernels.threads import get_num_threads, set_num_threads


def by_definition(x, scale, bias, axis, eps, centred):
    x, scale, bias = (np.asarray(a, np.longdouble) for a in (x, scale, bias))
    n = np.prod([x.shape[a] for a in axis], dtype=int)
    total = lambda t: np.sum(t, axis=axis, keepdims=True) / n
    mean = total(x) if centred else 0 * total(x)
    var = total((x - mean) ** 2)
    return scale * (x - mean) / np.sqrt(var + eps) + bias, mean, var


def gradient_by_definition(g, mean_bar, var_bar, x, scale, mean, var, axis, eps, centred):
    g, mean_bar, var_bar, x, scale, mean, var = (
        np.asarray(a, np.longdouble) for a in (g, mean_bar, var_bar, x, scale, mean, var)
    )
    n = np.prod([x.shape[a] for a in axis], dtype=int)
    total = lambda t: np.sum(t, axis=axis, keepdims=True)
    r = 1 / np.sqrt(var + eps)
    z = (x - mean) * r
    x_bar = scale * r * (g - (total(g) / n if centred else 0) - z * total(g * z) / n)
    x_bar = x_bar + 2 * (x - mean) * var_bar / n + (mean_bar / n if centred else 0)
    return x_bar, total(g * z), total(g)


@st.composite
def cases(draw):
    """x in any memory order, perhaps strided, and values for each group, perhaps broadcast."""
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    axis = tuple(i for i in range(len(shape)) if draw(st.booleans()))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    order = draw(st.permutations(range(len(shape))))
    x = rng.standard_normal([shape[i] for i in order]).transpose(np.argsort(order))
    if draw(st.booleans()):
        x = np.repeat(x, 2, axis=-1)[..., ::2]
    groups = [1 if i in axis else n for i, n in enumerate(shape)]
    scale, bias = (rng.standard_normal(draw(st.sampled_from([groups, []]))) for _ in range(2))
    return rng, x, scale, bias, {"axis": axis, "eps": 0.1, "centred": draw(st.booleans())}, groups


@given(cases(), st.sampled_from([1, 3, 20, 1 << 18]), st.sampled_from([1, 6, 1 << 14]), st.sampled_from([0.0, 100.0]))
def test_definition(case, block, row, level):
    rng, x, scale, bias, options, groups = case
    x = x + level
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standardizing, "BLOCK", block)
        patch.setattr(standardizing, "ROW", row)
        ours = standardize(x, scale, bias, **options)
        g, mean_bar, var_bar = rng.standard_normal(x.shape), rng.standard_normal(groups), rng.standard_normal(groups)
        mean, var = level + rng.standard_normal(groups), rng.random(groups)
        arguments = g, mean_bar, var_bar, x, scale, mean, var
        bars = standardize_gradient(*arguments, **options)
        into = [np.empty_like(x), np.empty_like(x)]
        given = standardize(x, scale, bias, **options, out=into[0])[0]
        x_bar = standardize_gradient(*arguments, **options, out=into[1])[0]
    for a, b in zip(ours, by_definition(x, scale, bias, **options), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-11)
    for a, b, c in ((given, into[0], ours[0]), (x_bar, into[1], bars[0])):
        assert a is b
        np.testing.assert_array_equal(a, c)
    for a, b in zip(bars, gradient_by_definition(*arguments, **options), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 3, 2, 0), (3, 1, 2, 0)])
def test_memory_order_is_kept_whatever_that_of_the_gradient(order):
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 6)).astype(np.float32)
    x = x.transpose(order).copy().transpose(np.argsort(order))
    ones = np.ones((1, 1, 1, 6), np.float32)
    options = {"axis": (0, 1, 2), "eps": 1e-5}
    y, mean, var = standardize(x, ones, ones, **options)
    x_bar, *_ = standardize_gradient(y.copy(order="C"), 0 * ones, 0 * ones, x, ones, mean, var, **options)
    assert y.strides == x_bar.strides == x.strides


@pytest.mark.parametrize("level", [0.0, 3.0, 1e3, 1e4])
@pytest.mark.parametrize("axis", [(0, 1), (1, 2), (2,)])
def test_a_large_mean_costs_no_digits(level, axis):
    x = (level + np.random.default_rng(0).standard_normal((40, 30, 20))).astype(np.float32)
    options = {"axis": axis, "eps": 1e-5, "centred": True}
    for a, b in zip(standardize(x, 1.0, 0.0, **options), by_definition(x, 1, 0, **options), strict=True):
        np.testing.assert_allclose(a.astype(float), b.astype(float), rtol=2e-5, atol=4e-6)


@pytest.mark.parametrize(("level", "spread"), [(1e3, 1.0), (1e5, 1.0), (1e4, 0.01)])
@pytest.mark.parametrize("axis", [(0, 1), (1, 2), (2,)])
def test_the_rounding_of_a_large_mean_costs_no_digits_of_the_gradient(level, spread, axis):
    rng = np.random.default_rng(0)
    x = (level + spread * rng.standard_normal((40, 30, 20))).astype(np.float32)
    g = rng.standard_normal(x.shape).astype(np.float32)
    options = {"axis": axis, "eps": 1e-5, "centred": True}
    _, mean, var = standardize(x, 1.0, 0.0, **options)
    wide = x.astype(float)
    exact = wide.mean(axis, keepdims=True), wide.var(axis, keepdims=True)
    desired = gradient_by_definition(g.astype(float), 0, 0, wide, 1, *exact, **options)
    for a, b in zip(standardize_gradient(g, 0, 0, x, 1.0, mean, var, **options), desired, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-6 * abs(b).max())


def test_constant_groups_have_no_variance():
    for level in (0.0, 0.1, 1e6):
        x = np.full((1000, 3), level, np.float32)
        y, mean, var = standardize(x, 1.0, 0.5, axis=(0,), eps=1e-5)
        np.testing.assert_allclose(mean, x[:1], rtol=1e-6)
        np.testing.assert_allclose(var, 0, atol=1e-12 * max(level, 1) ** 2)
        assert np.abs(y - 0.5).max() < 0.2  # 1e6 has steps of 1/16


def test_float16_and_special_values():
    x = np.array([[300.0, 500.0], [1, 3]], np.float16)  # whose squares overflow
    y, mean, var = standardize(x, 1.0, 0.0, axis=(1,), eps=0.0)
    np.testing.assert_array_equal(y, [[-1, 1], [-1, 1]])
    assert (y.dtype, mean.dtype, var.dtype) == (np.float16, np.float32, np.float32)
    x = np.array([[np.nan, 1.0], [np.inf, 1], [1, 3]])
    with np.errstate(invalid="ignore"):
        y, mean, _ = standardize(x, 1.0, 0.0, axis=(1,), eps=0.0)
    np.testing.assert_array_equal(y, [[np.nan] * 2, [np.nan] * 2, [-1, 1]])
    np.testing.assert_array_equal(mean.ravel(), [np.nan, np.inf, 2])


@pytest.mark.parametrize(("shape", "axis"), [((0, 3), (0,)), ((0, 3), (1,)), ((2, 0, 3), (0, 1)), ((2,), ())])
def test_empty(shape, axis):
    x = np.ones(shape, np.float32)
    y, mean, var = standardize(x, 1.0, 0.0, axis=axis, eps=1e-5)
    assert y.shape == standardize_gradient(y, mean, var, x, 1.0, mean, var, axis=axis, eps=1e-5)[0].shape == shape
    assert np.isfinite(mean).all() and np.isfinite(var).all()


@pytest.mark.parametrize("axis", [(0, 1), (1, 2)])
def test_any_number_of_threads_gives_the_same_bits(axis):
    pytest.importorskip("threadpoolctl")
    x = np.random.default_rng(0).standard_normal((300, 40, 40)).astype(np.float32)
    threads = get_num_threads()
    results = []
    try:
        for n in (1, 2, 3):
            set_num_threads(n)
            y, mean, var = standardize(x, 1.0, 0.0, axis=axis, eps=1e-5)
            results.append((y, mean, var, *standardize_gradient(x, mean, var, x, 1.0, mean, var, axis=axis, eps=1e-5)))
    finally:
        set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
