from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.correlations import arrays, check_algorithm, check_same_bits
from tests.kernels.geometries import forget_plans, generators, geometries
from tinygrad_np.kernels import columns, shifted
from tinygrad_np.kernels.columns import Geometry


@st.composite
def cases(draw):
    """A correlation of one or two axes and one group."""
    rng, (size, options) = draw(generators), draw(geometries())
    size, options = size[:2], {name: values[:2] for name, values in options.items()}
    kernel = options.pop("kernel_size")
    channels, filters = draw(st.sampled_from([(1, 1), (3, 2), (2, 3), (17, 18)]))
    geometry = Geometry(draw(st.integers(1, 5)), size, channels, filters, kernel, **options, groups=1)
    return geometry, *arrays(rng, geometry)


@settings(max_examples=settings.default.max_examples * 4)
@given(cases(), st.sampled_from([shifted.BUFFER, 30]), st.sampled_from([columns.LINE, 2]))
def test_equals_the_definition_on_the_lattice(case, buffer, line):
    forget_plans()
    with (
        mock.patch.multiple(shifted, BUFFER=buffer, LONG=1, HIGH=1),
        mock.patch.multiple(columns, LINE=line, TURNED=50),
    ):
        assert shifted.applies(case[0])
        check_algorithm(shifted, *case)


@settings(max_examples=5)
@given(cases(), st.sampled_from("fFD"))
def test_other_dtypes_are_exact_on_the_lattice_too(case, dtype):
    geometry, *operands = case
    check_algorithm(shifted, geometry, *(a.astype(dtype) for a in operands), np.dtype(dtype))


WIDE = Geometry(16, (20, 20), 32, 32, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1)


@pytest.mark.parametrize(
    ("change", "possible"),
    [
        ({}, True),
        ({"stride": (2, 2), "dilation": (2, 1)}, True),
        ({"size": (20,), "kernel": (3,), "stride": (1,), "padding": ((1, 1),), "dilation": (2,), "channels": 48}, True),
        ({"groups": 2}, False),
        ({"batch": 4}, False),  # 80 columns
        ({"channels": 15}, False),  # 45 numbers in each
    ],
)
def test_what_it_is_for(change, possible):
    assert shifted.applies(WIDE._replace(**change)) == possible


@pytest.mark.parametrize("batch", [16, 100])
def test_results_have_the_same_bits_for_every_number_of_threads(batch):
    check_same_bits(shifted, WIDE._replace(batch=batch))


def test_infinities_and_nans_stay_in_their_windows():
    rng = np.random.default_rng(0)
    x, w, _ = arrays(rng, WIDE)
    w = np.where(w == 0, 1, w)
    expected = shifted.correlate(WIDE, x, w, float)
    x = x.copy()
    x[3, 7, 9, 5] = np.inf
    y = shifted.correlate(WIDE, x, w, float)
    reached = np.zeros((16, 20, 20), bool)
    reached[3, 6:9, 8:11] = True
    assert not np.isfinite(y[reached]).any()
    np.testing.assert_array_equal(y[~reached], expected[~reached])
