import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.correlations import arrays, check_algorithm
from tinygrad_np.kernels import pointwise
from tinygrad_np.kernels.columns import Geometry


def geometry_of(batch, size, channels, filters):
    ones = (1,) * len(size)
    return Geometry(batch, size, channels, filters, ones, ones, ((0, 0),) * len(size), ones, 1)


@given(
    st.integers(1, 3),
    st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(0, 2**16),
    st.sampled_from("fdF"),
)
def test_equals_the_definition_on_the_lattice(batch, size, channels, filters, seed, dtype):
    geometry, rng = geometry_of(batch, size, channels, filters), np.random.default_rng(seed)
    check_algorithm(pointwise, geometry, *(a.astype(dtype) for a in arrays(rng, geometry)), np.dtype(dtype))
