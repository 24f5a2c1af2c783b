"""Adaptive pools against loops over their windows, and max_unpool as the inverse of max_pool."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.geometries import generators
from tests.nn.transformed import check_transforms
from tinygrad_np import grad, nn

first = lambda x: np.moveaxis(x, -1, 1)
sides = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=3)


def windows(size, out):
    for p in product(*map(range, out)):
        yield p, tuple(slice(i * n // o, math.ceil((i + 1) * n / o)) for i, n, o in zip(p, size, out, strict=True))


@given(generators, sides)
def test_adaptive_pools_are_loops_over_windows(rng, axes):
    size, out = zip(*axes, strict=True)
    x = rng.permutation(4 * math.prod(size)).reshape(2, *size, 2) / 8.0
    mean, top = np.empty((2, 2, *out, 2))
    for p, window in windows(size, out):
        mean[:, *p] = x[:, *window].reshape(2, -1, 2).mean(1)
        top[:, *p] = x[:, *window].reshape(2, -1, 2).max(1)
    np.testing.assert_allclose(nn.adaptive_avg_pool(x, out), mean, rtol=1e-13)
    np.testing.assert_allclose(nn.adaptive_avg_pool(first(x), out, layout="channels_first"), first(mean), rtol=1e-13)
    y, indices = nn.adaptive_max_pool(x, out, return_indices=True)
    np.testing.assert_array_equal(y, top)
    np.testing.assert_array_equal(y, nn.adaptive_max_pool(x, out))
    picked = np.take_along_axis(x.reshape(2, -1, 2), indices.reshape(2, -1, 2), 1)
    np.testing.assert_array_equal(picked, y.reshape(2, -1, 2))
    z, places = nn.adaptive_max_pool(first(x), out, return_indices=True, layout="channels_first")
    np.testing.assert_array_equal(z, first(y))
    np.testing.assert_array_equal(places, first(indices))


def test_the_first_maximum_takes_all_and_non_finite_stays_in_its_windows():
    g = grad(lambda x: np.sum(nn.adaptive_max_pool(x, 2)))(np.ones((1, 3, 3, 1)))[0, ..., 0]
    np.testing.assert_array_equal(g, [[1, 1, 0], [1, 1, 0], [0, 0, 0]])
    x = np.arange(5.0)
    for value in (np.nan, np.inf):
        x[1] = value  # of the windows 0..1, 1..3 and 3..4
        for pool in (nn.adaptive_avg_pool, nn.adaptive_max_pool):
            np.testing.assert_array_equal(pool(x.reshape(1, 5, 1), 3)[0, :2, 0], [value, value])
            assert np.isfinite(pool(x.reshape(1, 5, 1), 3)[0, 2, 0])


def test_sizes_given_in_every_form():
    x = np.random.default_rng(0).standard_normal((1, 6, 4, 2)).astype(np.float32)
    np.testing.assert_array_equal(nn.adaptive_avg_pool2d(x, 2), nn.avg_pool(x, (3, 2)))
    np.testing.assert_array_equal(nn.adaptive_max_pool2d(x, (None, 1)), nn.max_pool(x, (1, 4)))
    np.testing.assert_allclose(nn.adaptive_avg_pool(x, 1)[:, 0, 0], nn.global_avg_pool(x), rtol=1e-6)
    np.testing.assert_array_equal(nn.adaptive_avg_pool(x, None), x)
    assert nn.adaptive_avg_pool(x[:0], 5).shape == (0, 5, 5, 2)
    assert nn.adaptive_max_pool(np.arange(8).reshape(1, 8, 1), 3).dtype == np.int64


@given(generators, st.integers(1, 3), st.data())
def test_max_unpool_puts_maxima_back(rng, rank, data):
    axes = []
    for _ in range(rank):
        kernel, stride = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
        padding = data.draw(st.integers(0, kernel // 2))
        axes.append((data.draw(st.integers(max(kernel - 2 * padding, 1), 6)), kernel, stride, padding))
    size, kernel, stride, padding = zip(*axes, strict=True)
    x = (1 + rng.permutation(4 * math.prod(size)).reshape(2, *size, 2)) / 8.0
    y, indices = nn.max_pool(x, kernel, stride=stride, padding=padding, return_indices=True)
    options = {"stride": stride, "padding": padding, "output_size": size}
    z = nn.max_unpool(y, indices, kernel, **options)
    taken = np.zeros((2, math.prod(size), 2), bool)
    np.put_along_axis(taken, indices.reshape(2, -1, 2), True, 1)
    np.testing.assert_array_equal(z, np.where(taken.reshape(x.shape), x, 0))
    np.testing.assert_array_equal(nn.max_pool(z, kernel, stride=stride, padding=padding), y)
    z1 = nn.max_unpool(first(y), first(indices), kernel, **options, layout="channels_first")
    np.testing.assert_array_equal(z1, first(z))


def test_max_unpool_has_the_least_size_by_default():
    y, indices = nn.max_pool2d(np.arange(1, 37.0).reshape(1, 6, 6, 1), 2, return_indices=True)
    z = nn.max_unpool2d(y, indices, 2)
    np.testing.assert_array_equal(z[0, 1::2, 1::2], y[0])
    assert z.shape == (1, 6, 6, 1) and np.count_nonzero(z) == 9


def _unpooled(x):
    y, indices = nn.max_pool(x, 2, stride=1, return_indices=True)
    return nn.max_unpool(y * y, indices, 2, stride=1)


TRANSFORMED = {
    "avg": lambda x: nn.adaptive_avg_pool(x, (3, 2)),
    "avg more": lambda x: nn.adaptive_avg_pool(x, 7),
    "avg first": lambda x: nn.adaptive_avg_pool(first(x), (2, None), layout="channels_first"),
    "max": lambda x: nn.adaptive_max_pool(x, (3, 2)),
    "max first": lambda x: nn.adaptive_max_pool(first(x), (3, 5), layout="channels_first"),
    "unpool of shared maxima": _unpooled,
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_under_every_transform(name):
    check_transforms(TRANSFORMED[name], np.random.default_rng(0).permutation(5 * 4 * 2).reshape(1, 5, 4, 2) / 16.0)


X = np.zeros((1, 5, 4, 2))
Y, AT = nn.max_pool(X, 2, return_indices=True)
ERRORS = {
    "sizes": (lambda: nn.adaptive_avg_pool(X, (1, 2, 3)), r"adaptive_avg_pool: output_size=\(1, 2, 3\); give one integer >= 1, or 2"),
    "zero": (lambda: nn.adaptive_max_pool(X, 0), "adaptive_max_pool: output_size="),
    "nothing": (lambda: nn.adaptive_max_pool(X[:, :0], 1), r"spatial size \(0, 4\) has no elements"),
    "rank": (lambda: nn.adaptive_avg_pool1d(X, 1), "adaptive_avg_pool1d: x has shape.*expected 3 axes"),
    "layout": (lambda: nn.adaptive_avg_pool(X, 1, layout="CHWN"), "layout='CHWN'"),
    "unpool shapes": (lambda: nn.max_unpool(Y, AT[:, :1], 2), "x of shape .* and indices of shape .* must agree"),
    "unpool index": (lambda: nn.max_unpool(Y, AT + 90, 2), r"max_unpool to size \(4, 4\) .*give output_size\): index 90 at \(0, 0, 0, 0\) is not in 0..15"),
    "unpool negative": (lambda: nn.max_unpool(Y, AT - 1, 2), "index -1 at"),
    "unpool size": (lambda: nn.max_unpool(Y, AT, 2, output_size=(7, 4)), r"differs from \(4, 4\) by less than the stride"),
    "unpool size by a stride": (lambda: nn.max_unpool(Y, AT, 2, output_size=(4, 6)), r"output_size=\(4, 6\); pooled with"),
    "unpool padding": (lambda: nn.max_unpool(Y, AT, 2, padding="same"), "padding='same' depends on what was pooled"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        action()


def test_types():
    with pytest.raises(TypeError, match="convert it to floating point"):
        nn.adaptive_avg_pool(X.astype(int), 1)
    with pytest.raises(TypeError, match="integers are expected, not float64"):
        nn.max_unpool(Y, AT.astype(float), 2)
