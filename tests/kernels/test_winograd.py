from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.correlations import check_same_bits, on
from tests.kernels.geometries import generators
from tinygrad_np.kernels import direct, winograd
from tinygrad_np.kernels.columns import Geometry

EPS = np.finfo(np.float32).eps


def geometry_of(batch, size, channels, filters, padding):
    return Geometry(batch, size, channels, filters, (3, 3), (1, 1), padding, (1, 1), 1)


pads = st.tuples(st.integers(0, 3), st.integers(0, 3))
geometries = st.builds(
    geometry_of,
    st.integers(1, 5),
    st.tuples(st.integers(3, 9), st.integers(3, 9)),
    st.integers(1, 20),
    st.integers(1, 20),
    st.tuples(pads, pads),
)


def operands(rng, geometry):
    x, g = (
        rng.standard_normal((geometry.batch, *size, channels)).astype(np.float32)
        for size, channels in ((geometry.size, geometry.channels), (geometry.out, geometry.filters))
    )
    return x, rng.standard_normal((3, 3, geometry.channels, geometry.filters)).astype(np.float32), g


def check(geometry, x, w, g, bound=8 * EPS):
    """Compare with the definition in float64: `bound` is a part of what the sums of absolute values come to."""
    for name, a, b in (("correlate", x, w), ("kernel_gradient", x, g), ("input_gradient", g, w)):
        actual = on(getattr(winograd, name), geometry, a, b, np.float32)
        exact = getattr(direct, name)
        desired = exact(geometry, a.astype(float), b.astype(float), np.float64)
        scale = exact(geometry, abs(a.astype(float)), abs(b.astype(float)), np.float64)
        assert actual.dtype == np.float32 and actual.shape == desired.shape
        assert np.all(abs(actual - desired) <= bound * scale.max())


@given(geometries, generators, st.sampled_from([winograd.BUFFER, 2000]))
def test_differs_from_the_definition_by_rounding_only(geometry, rng, buffer):
    with mock.patch.object(winograd, "BUFFER", buffer):
        check(geometry, *operands(rng, geometry))


def test_error_of_a_wide_layer_is_as_documented():
    geometry = geometry_of(2, (16, 16), 64, 64, ((1, 1), (1, 1)))
    x, w, g = operands(np.random.default_rng(0), geometry)
    for name, a, b in (("correlate", x, w), ("kernel_gradient", x, g), ("input_gradient", g, w)):
        exact = getattr(direct, name)(geometry, a.astype(float), b.astype(float), np.float64)
        error = abs(getattr(winograd, name)(geometry, a, b, np.float32) - exact).max() / abs(exact).max()
        plain = abs(getattr(direct, name)(geometry, a, b, np.float32) - exact).max() / abs(exact).max()
        assert error < 1e-6
        assert error < 6 * plain


def test_small_integers_are_exact():
    """The transform of the kernel divides by 4, all else adds: a slip in a sign or an index cannot hide in rounding."""
    geometry = geometry_of(3, (7, 6), 5, 4, ((1, 2), (0, 1)))
    x, w, g = (np.rint(4 * a) for a in operands(np.random.default_rng(0), geometry))
    check(geometry, x, w, g, bound=0)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("place", [(0, 0), (3, 3), (3, 4), (4, 3), (4, 4), (6, 5)])
def test_what_is_not_finite_reaches_only_the_outputs_that_see_it(bad, place):
    geometry = geometry_of(2, (7, 6), 3, 2, ((1, 2), (0, 1)))
    x, w, _ = operands(np.random.default_rng(0), geometry)
    x[1, *place, 1] = bad
    with np.errstate(invalid="ignore"):
        actual = winograd.correlate(geometry, x, w, np.float32)
        desired = direct.correlate(geometry, x, w, np.float32)
    assert not np.isfinite(desired).all()
    np.testing.assert_array_equal(np.isfinite(actual), np.isfinite(desired))


@pytest.mark.parametrize(
    ("change", "dtype", "expected"),
    [
        ({}, np.float32, True),
        ({}, np.float64, False),
        ({}, np.complex64, False),
        ({"kernel": (3, 2)}, np.float32, False),
        ({"stride": (1, 2)}, np.float32, False),
        ({"dilation": (2, 1)}, np.float32, False),
        ({"groups": 2}, np.float32, False),
    ],
)
def test_is_for_plain_3x3_in_float32(change, dtype, expected):
    geometry = geometry_of(1, (8, 8), 4, 4, ((0, 0), (0, 0)))._replace(**change)
    assert winograd.applies(geometry, np.dtype(dtype)) == expected


def test_results_have_the_same_bits_for_every_number_of_threads():
    with mock.patch.object(winograd, "BUFFER", 1 << 16):
        check_same_bits(winograd, geometry_of(32, (16, 16), 32, 32, ((1, 1), (1, 1))))
