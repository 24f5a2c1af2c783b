import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.correlations import arrays, check_algorithm, check_same_bits, correlations
from tinygrad_np.kernels import direct
from tinygrad_np.kernels.columns import Geometry

CHANNELS = st.sampled_from([(1, 1, 1), (3, 2, 1), (2, 1, 3), (17, 18, 2), (1, 5, 2)])
ONES = {"stride": (1, 1), "dilation": (1, 1), "groups": 1}


@settings(max_examples=settings.default.max_examples * 4)
@given(correlations(CHANNELS), st.sampled_from([direct.BUFFER, 200]), st.sampled_from([1, direct.LONG, 1000]))
def test_equals_the_definition_on_the_lattice(case, buffer, long):
    with mock.patch.multiple(direct, BUFFER=buffer, LONG=long):
        check_algorithm(direct, *case)


@settings(max_examples=5)
@given(correlations(CHANNELS), st.sampled_from("fFD"))
def test_other_dtypes_are_exact_on_the_lattice_too(case, dtype):
    geometry, *operands = case
    check_algorithm(direct, geometry, *(a.astype(dtype) for a in operands), np.dtype(dtype))


def test_rows_of_the_kernel_share_what_is_copied():
    """All windows of a block in one copy would take kernel-height times the memory."""
    geometry = Geometry(1, (12, 12), 16, 16, (7, 7), padding=((3, 3), (3, 3)), **ONES)
    x, w, _ = arrays(np.random.default_rng(0), geometry)
    direct.correlate(geometry, x, w, np.float64)
    tracemalloc.start()
    y = direct.correlate(geometry, x, w, np.float64)
    peak = tracemalloc.get_traced_memory()[1] - y.nbytes
    tracemalloc.stop()
    columns = 12 * 12 * 49 * 16 * 8
    assert peak < columns / 2


@pytest.mark.parametrize(("batch", "size"), [(16, (20, 20)), (1, (96, 96))])
def test_results_have_the_same_bits_for_every_number_of_threads(batch, size):
    geometry = Geometry(batch, size, 32, 32, (3, 3), padding=((1, 1), (1, 1)), **ONES)
    with mock.patch.object(direct, "BUFFER", 1 << 16):
        check_same_bits(direct, geometry)
