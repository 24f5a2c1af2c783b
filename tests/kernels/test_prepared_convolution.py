"""Prepared correlations against the definition, run again while the arrays that they are bound to change."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels import naive
from tests.kernels.correlations import arrays
from tests.kernels.geometries import lattice
from tinygrad_np.kernels import prepared_convolution
from tinygrad_np.kernels.choice import algorithm
from tinygrad_np.kernels.columns import Geometry
from tinygrad_np.kernels.scratch import FRESH, prepared_for

GEOMETRIES = {
    "one channel": Geometry(1, (12, 12), 1, 6, (5, 5), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "many filters of one": Geometry(1, (9, 8), 1, 16, (3, 3), (1, 2), ((0, 1), (1, 0)), (1, 1), 1),
    "few channels": Geometry(1, (8, 8), 6, 16, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
    "strides": Geometry(2, (7, 8), 3, 8, (3, 2), (2, 2), ((1, 0), (1, 1)), (1, 1), 1),
    "dilation": Geometry(1, (9, 9), 2, 4, (3, 3), (1, 1), ((1, 1), (1, 1)), (2, 2), 1),
    "one point": Geometry(2, (3, 4), 5, 6, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "groups": Geometry(1, (6, 6), 4, 8, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 2),
}


def laid_out(x, order):
    """An array of the shape of x whose axes lie in memory in this order, of any content."""
    return np.empty([x.shape[i] for i in order]).transpose(np.argsort(order))


@pytest.mark.parametrize("which", ["correlate", "kernel_gradient", "input_gradient"])
@pytest.mark.parametrize("name", GEOMETRIES)
@given(orders=st.tuples(*[st.permutations(range(4))] * 3))
def test_the_calls_take_what_the_arrays_hold_when_they_run(name, which, orders):
    geometry, rng = GEOMETRIES[name], np.random.default_rng(0)
    options = dict(zip(("stride", "padding", "dilation", "groups"), geometry[5:], strict=True))
    x, w, g = (laid_out(a, order) for a, order in zip(arrays(rng, geometry), orders, strict=True))
    a, b, out, definition = {
        "correlate": (x, w, g, lambda: naive.correlate(x, w, **options)),
        "kernel_gradient": (x, g, w, lambda: naive.correlate_kernel_gradient(x, g, kernel_size=geometry[4], **options)),
        "input_gradient": (g, w, x, lambda: naive.correlate_input_gradient(g, w, size=geometry[1], **options)),
    }[which]
    calls = getattr(prepared_convolution, f"prepare_{which}")(geometry, a, b, out)
    if calls is None:
        return
    for _ in range(2):
        a[...], b[...] = lattice(rng, a.shape), lattice(rng, b.shape)
        for call in calls:
            call()
        np.testing.assert_array_equal(out, definition())


@pytest.mark.parametrize("name", GEOMETRIES)
def test_small_correlations_are_prepared(name):
    geometry = GEOMETRIES[name]
    x, w, g = (laid_out(a, range(4)) for a in arrays(np.random.default_rng(0), geometry))
    filters_first = laid_out(w, (3, 0, 1, 2))  # as PyTorch has them
    outputs = [laid_out(g, order) for order in permutations(range(4))]  # one order is what its product gives
    assert any(prepared_convolution.prepare_correlate(geometry, x, filters_first, out) for out in outputs)
    assert prepared_convolution.prepare_kernel_gradient(geometry, x, g, w) is not None
    assert prepared_convolution.prepare_input_gradient(geometry, g, filters_first, x) is not None


@pytest.mark.parametrize("name", [name for name, geometry in GEOMETRIES.items() if geometry.kernel != (1, 1)])
def test_columns_are_gathered_once_for_the_product_and_the_kernel_gradient(name):
    geometry, rng = GEOMETRIES[name], np.random.default_rng(0)
    options = dict(zip(("stride", "padding", "dilation", "groups"), geometry[5:], strict=True))
    x, w, g = (lattice(rng, a.shape) for a in arrays(rng, geometry))
    y = by_rows_or_columns(geometry, x, w)
    w_bar = np.empty_like(w)
    with prepared_for(FRESH, {}):
        calls = prepared_convolution.prepare_correlate(geometry, x, w, y)
        later = prepared_convolution.prepare_kernel_gradient(geometry, x, g, w_bar)
    alone = prepared_convolution.prepare_kernel_gradient(geometry, x, g, w_bar)
    assert 0 < len(alone) - len(later) <= 2
    for _ in range(2):
        x[...], g[...] = lattice(rng, x.shape), lattice(rng, g.shape)
        for call in calls + later:
            call()
        np.testing.assert_array_equal(y, naive.correlate(x, w, **options))
        expected = naive.correlate_kernel_gradient(x, g, kernel_size=geometry[4], **options)
        np.testing.assert_array_equal(w_bar, expected)


def by_rows_or_columns(geometry, x, w):
    """The array that the chosen algorithm would return, which fixes its memory order."""
    return algorithm("correlate", geometry, x, w, x.dtype)(geometry, x, w, x.dtype)
