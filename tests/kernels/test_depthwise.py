from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.correlations import check_algorithm, check_same_bits, correlations
from tinygrad_np.kernels import depthwise
from tinygrad_np.kernels.columns import Geometry

CHANNELS = st.sampled_from([(1, 1, groups) for groups in (1, 2, 16, 19)])


@settings(max_examples=settings.default.max_examples * 4)
@given(correlations(CHANNELS), st.sampled_from([depthwise.BUFFER, 200]))
def test_equals_the_definition_on_the_lattice(case, buffer):
    with mock.patch.object(depthwise, "BUFFER", buffer):
        check_algorithm(depthwise, *case)


@settings(max_examples=5)
@given(correlations(CHANNELS), st.sampled_from("fFD"))
def test_other_dtypes_are_exact_on_the_lattice_too(case, dtype):
    geometry, *operands = case
    check_algorithm(depthwise, geometry, *(a.astype(dtype) for a in operands), np.dtype(dtype))


def test_results_have_the_same_bits_for_every_number_of_threads():
    one = (1, 1)
    check_same_bits(depthwise, Geometry(16, (32, 32), 32, 32, (3, 3), one, (one, one), one, 32))


@pytest.mark.parametrize(
    ("channels", "filters", "groups", "expected"), [(4, 4, 4, True), (4, 8, 4, False), (4, 4, 2, False)]
)
def test_is_for_one_filter_a_channel(channels, filters, groups, expected):
    one = (1, 1)
    geometry = Geometry(1, (5, 5), channels, filters, (3, 3), one, ((0, 0), (0, 0)), one, groups)
    assert depthwise.applies(geometry) == expected
