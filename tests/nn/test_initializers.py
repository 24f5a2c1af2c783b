"""Initialisers: their distributions, what is exact about them, and the same key for the same bits."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import random, vmap
from tinygrad_np.nn import initializers
from tinygrad_np.nn.initializers import _normal_quantile

KEY = random.key(7)
ALL = {
    name: f
    for name, f in vars(initializers).items()
    if inspect.isfunction(f) and not name.startswith("_") and "key" in inspect.signature(f).parameters
}
ALL["constant"] = lambda key, shape, dtype=np.float32: initializers.constant(key, shape, dtype, value=0.125)
RANDOM = sorted(set(ALL) - {"zeros", "ones", "constant"})
erf = np.vectorize(math.erf, otypes=[float])


def distribution(x):
    return (1 + erf(np.asarray(x, np.float64) / math.sqrt(2))) / 2


def distance(sample, cdf):
    """The statistic of Kolmogorov and Smirnov times √n: above 2.2 with a probability of 1e-4."""
    x = np.sort(np.ravel(sample))
    expected, steps = cdf(x), np.arange(x.size + 1) / x.size
    return max(np.max(expected - steps[:-1]), np.max(steps[1:] - expected)) * math.sqrt(x.size)


def test_all_initialisers_are_here():
    assert {"orthogonal", "truncated_normal", "constant", "ones", "zeros", "normal", "uniform", "he_normal"} <= set(ALL)


@pytest.mark.parametrize("name", sorted(ALL))
@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.sampled_from([np.float16, np.float32, np.float64]))
def test_shape_dtype_and_the_same_bits(name, shape, dtype):
    x, again = ALL[name](KEY, shape, dtype), ALL[name](KEY, tuple(shape), dtype)
    assert (x.shape, x.dtype) == (tuple(shape), dtype)
    np.testing.assert_array_equal(x, again)
    assert x.flags.writeable
    assert ALL[name](KEY, shape).dtype == np.float32


@pytest.mark.parametrize("name", RANDOM)
def test_other_keys_give_other_numbers_and_vmap_is_the_loop(name):
    keys = random.split(KEY, 3)
    each = [ALL[name](key, (4, 3)) for key in keys]
    assert not np.array_equal(each[0], each[1])
    np.testing.assert_allclose(vmap(lambda key: ALL[name](key, (4, 3)))(keys), each, rtol=1e-6)


def test_constants():
    np.testing.assert_array_equal(initializers.ones(None, (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(initializers.constant(None, (2,), value=-0.5), [-0.5, -0.5])
    assert initializers.constant(None, (), np.float64, value=0.1) == 0.1


# -- truncated normal ------------------------------------------------------------------------------------------------


@given(st.floats(-37, 8))
def test_the_quantile_undoes_the_distribution(x):
    p = math.erfc(-x / math.sqrt(2)) / 2
    # an error of ε in p is one of ε p / φ(x) in x; for large x 1 - p has lost the digits
    slope = math.exp(min(x * x / 2, 700)) * math.sqrt(2 * math.pi) * p
    if p < 1 - 2**-53:
        with np.errstate(all="raise", under="ignore"):
            ours = float(_normal_quantile(np.array(p)))
        assert abs(ours - x) <= 4e-16 * (1 + x * x) * (slope + abs(x)) + 1e-15


def test_the_quantile_at_known_points():
    p = np.array([0.5, 0.975, 0.025, 1e-10, 1e-100, 0.925, 0.0750001])
    x = [0.0, 1.959963984540054, -1.959963984540054, -6.361340902404056, -21.27345356096532]
    np.testing.assert_allclose(_normal_quantile(p)[:5], x, rtol=3e-15, atol=1e-16)
    np.testing.assert_allclose(distribution(_normal_quantile(p)), p, rtol=1e-13, atol=1e-16)


def test_the_quantile_agrees_with_scipy():
    special = pytest.importorskip("scipy.special")
    p = np.concatenate([np.linspace(1e-5, 1 - 1e-5, 10_001), 10.0 ** -np.arange(1, 300, 0.7)])
    np.testing.assert_allclose(_normal_quantile(p), special.ndtri(p), rtol=2e-15, atol=1e-15)


INTERVALS = [
    (-2, 2), (-1, 3), (-3, 0.5), (0.5, 0.75), (3, math.inf), (-math.inf, -3), (-math.inf, math.inf), (5, 6), (8, 9), (-0.25, 0),
]  # fmt: skip


@pytest.mark.parametrize("bounds", INTERVALS)
def test_truncated_normal_is_distributed_as_it_should_be(bounds):
    lower, upper = bounds
    x = initializers.truncated_normal(KEY, (4000,), np.float64, mean=3.0, std=0.5, lower=lower, upper=upper)
    z = (x - 3) / 0.5
    assert lower - 1e-12 <= z.min() <= z.max() <= upper + 1e-12
    # of the side on which the tail is, in digits of its own
    tail = lambda x: np.array([math.erfc(v / math.sqrt(2)) for v in np.atleast_1d(x)])
    if lower + upper > 0:
        cdf = lambda z: (tail(lower) - tail(z)) / (tail(lower) - tail(upper))
    else:
        cdf = lambda z: (tail(-z) - tail(-lower)) / (tail(-upper) - tail(-lower))
    assert distance(z, cdf) < 2.2


def test_truncated_normal_says_the_std_before_truncation():
    x = initializers.truncated_normal(KEY, (100_000,), std=0.02)
    assert x.dtype == np.float32
    assert np.abs(x).max() <= np.float32(0.04)
    density = math.exp(-2) / math.sqrt(2 * math.pi)
    ratio = math.sqrt(1 - 4 * density / math.erf(math.sqrt(2)))
    assert abs(ratio - 0.8796) < 1e-4  # as the docstring says
    np.testing.assert_allclose(x.std(), 0.02 * ratio, rtol=0.01)
    np.testing.assert_array_equal(initializers.truncated_normal(KEY, (3,), mean=2.0, std=0.0), [2, 2, 2])


# -- orthogonal ------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=4),
    st.data(),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([1.0, -2.0, math.sqrt(2)]),
)
def test_rows_or_columns_are_orthonormal(shape, data, dtype, gain):
    in_axis, out_axis = data.draw(st.permutations(range(-len(shape), 0)).map(lambda p: p[:2]))
    w = initializers.orthogonal(KEY, shape, dtype, gain=gain, in_axis=in_axis, out_axis=out_axis)
    matrix = np.moveaxis(w, out_axis, -1).reshape(-1, shape[out_axis]).astype(np.float64)
    rows, columns = matrix.shape
    product = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(rows, columns)), atol=8 * np.finfo(dtype).eps * gain**2)


def test_orthogonal_keeps_norms():
    x = random.normal(random.key(1), (5, 6), np.float64)
    for shape in ((6, 6), (6, 9)):
        y = x @ initializers.orthogonal(KEY, shape, np.float64)
        np.testing.assert_allclose(np.linalg.norm(y, axis=1), np.linalg.norm(x, axis=1), rtol=1e-14)


def test_orthogonal_is_uniform():
    w = vmap(lambda key: initializers.orthogonal(key, (2, 2), np.float64))(random.split(KEY, 2000))
    angles = np.arctan2(w[:, 1, 0], w[:, 0, 0])
    assert distance(angles, lambda a: (a + np.pi) / (2 * np.pi)) < 2.2
    turned = np.linalg.det(w) > 0  # rotations and reflections alike, whatever the angle
    assert abs(turned.mean() - 0.5) < 0.05
    assert distance(angles[turned], lambda a: (a + np.pi) / (2 * np.pi)) < 2.2
    w = vmap(lambda key: initializers.orthogonal(key, (3, 5), np.float64))(random.split(KEY, 1000))
    # entries of a uniform row of length 5: density (1 - x²) 3/4
    for i, j in ((0, 0), (0, 4), (2, 0), (2, 4), (1, 3)):
        assert distance(w[:, i, j], lambda x: 0.5 + 0.75 * (x - x**3 / 3)) < 2.2


ERRORS = {
    "orthogonal": (ValueError, lambda: initializers.orthogonal(KEY, (3,)), "has no fan in and fan out"),
    "orthogonal axes": (ValueError, lambda: initializers.orthogonal(KEY, (3, 2), out_axis=0), "give no fans"),
    "orthogonal key": (TypeError, lambda: initializers.orthogonal(0, (3, 2)), "key must be a uint64 array"),
    "std": (ValueError, lambda: initializers.truncated_normal(KEY, (3,), std=-1), "std=-1"),
    "bounds": (ValueError, lambda: initializers.truncated_normal(KEY, (3,), lower=1, upper=1), "lower=1, upper=1"),
    "far": (ValueError, lambda: initializers.truncated_normal(KEY, (3,), lower=50, upper=51), "above 1e-290"),
    "nan": (ValueError, lambda: initializers.truncated_normal(KEY, (3,), lower=math.nan), "lower=nan"),
    "truncated key": (TypeError, lambda: initializers.truncated_normal(None, (3,)), "key must be a uint64 array"),
    "constant": (TypeError, lambda: initializers.constant(None, (3,), int, value=0.5), "must be floating-point"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    error, action, words = ERRORS[name]
    with pytest.raises(error, match=words):
        action()
