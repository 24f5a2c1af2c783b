"""The strategies keep what they promise, and reach what they are for."""

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from tinygrad_np.testing import check_vjp, strategies

PATIENT = settings(max_examples=2000, derandomize=True, database=None)


def reachable(strategy, condition):
    return find(strategy, condition, settings=PATIENT)


@given(strategies.arrays(away_from=(0.5,), low=-1, high=3), st.data())
def test_lattice(x, data):
    np.testing.assert_array_equal(x * 8, np.round(x * 8))
    assert np.all(np.abs(x - 0.5) >= 1 / 8)
    assert np.all((x >= -1) & (x <= 3))


@given(strategies.arrays(away_from=(0.5,), kinks=(0.0, 1.0), lattice=False))
def test_between_the_lattice(x):
    assert np.all(np.abs(x - 0.5) >= 1 / 8)
    for kink in (0.0, 1.0):
        assert np.all((x == kink) | (np.abs(x - kink) >= 1 / 8))
    assert np.all((x >= -2) & (x <= 2))


@given(strategies.arrays(shape=(20,), distinct=True, low=0, high=1))
def test_distinct(x):
    assert np.all(np.diff(np.sort(x)) >= 1 / 8)


@given(strategies.arrays(dtype=strategies.dtypes | st.just(np.complex64)))
def test_dtypes(x):
    assert x.dtype in (np.float64, np.float32, np.complex64)


@pytest.mark.parametrize(
    "condition",
    [
        lambda x: x.ndim == 0,
        lambda x: x.size == 0,
        lambda x: x.ndim > 1 and 1 in x.shape,
        lambda x: x.size > 2 and not x.flags.c_contiguous and not x.flags.f_contiguous,
        lambda x: any(s < 0 for s in x.strides),
        lambda x: x.ndim > 1 and x.flags.f_contiguous and not x.flags.c_contiguous,
        lambda x: x.size > 2 and np.any(x == 0),
    ],
)
def test_oddities_are_reached(condition):
    assert condition(reachable(strategies.arrays(), condition))


def test_shrinks_to_ones():
    np.testing.assert_array_equal(reachable(strategies.arrays(), lambda x: x.size >= 2), np.ones(2))


def test_no_value_left():
    with pytest.raises(ValueError, match="no multiple of 1/8"):
        find(strategies.arrays(shape=(1,), low=0, high=0.125, away_from=(0.0, 0.125)), lambda x: True)


@given(strategies.broadcastable(3))
def test_broadcastable(shapes):
    assert len(shapes) == 3
    np.broadcast_shapes(*shapes)


def test_broadcasting_both_ways_is_reached():
    shapes = reachable(strategies.broadcastable(2), lambda s: np.broadcast_shapes(*s) not in s and 0 not in s[0] + s[1])
    assert len(shapes) == 2


GEOMETRIES = [strategies.conv_geometry(), strategies.pool_geometry()]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@given(data=st.data())
def test_geometry(geometry, data):
    window = data.draw(geometry)
    assert min(window.output_size) >= 1
    assert window.channels % window.groups == window.filters % window.groups == 0
    assert sorted(window.input_shape()) == sorted(window.input_shape("channels_first"))
    assert sorted(window.kernel_shape()) == sorted(window.kernel_shape("channels_first"))
    assert np.prod(window.input_shape()) <= 2 * 4 * 7**3


@given(strategies.pool_geometry())
def test_pools_are_padded_by_half_a_window_at_most(window):
    assert all(2 * max(p) <= k for p, k in zip(window.padding, window.kernel_size, strict=True))


@pytest.mark.parametrize(
    "condition",
    [
        lambda w: len(w.size) == 2 and w.size[0] != w.size[1] and w.kernel_size[0] != w.kernel_size[1],
        lambda w: any(a != b for a, b in w.padding),
        lambda w: max(w.stride) > 1 and max(w.dilation) > 1 and max(w.kernel_size) > 1,
        lambda w: w.groups == 2 and w.channels > 2,
        lambda w: any(k > n for k, n in zip(w.kernel_size, w.size, strict=True)),
    ],
)
def test_odd_geometries_are_reached(condition):
    assert condition(reachable(strategies.conv_geometry(), condition))


def test_a_pool_has_no_groups():
    with pytest.raises(NoSuchExample):
        find(strategies.pool_geometry(), lambda w: w.groups > 1, settings=settings(max_examples=50))


@given(strategies.arrays(low=0.125, high=4.0, lattice=False))
def test_drives_the_checker(x):
    assert check_vjp(lambda x: np.log(x) * np.sqrt(x), (x,)).passed
