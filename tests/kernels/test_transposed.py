import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels import naive
from tests.kernels.correlations import correlations, on
from tests.kernels.geometries import assert_same
from tinygrad_np.kernels.columns import Geometry
from tinygrad_np.kernels.transposed import input_gradient


def correlate(geometry, x, w, dtype):
    """The definition, which would fail if the geometry did not fit the arrays or had a stride."""
    n, size, channels, filters, kernel, stride, padding, dilation, groups = geometry
    assert x.shape == (n, *size, channels) and w.shape == (*kernel, channels // groups, filters)
    assert set(stride) == {1} and min(min(pair) for pair in padding) >= 0 and 0 not in (*size, *kernel)
    return naive.correlate(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups).astype(dtype)


@settings(max_examples=settings.default.max_examples * 8)
@given(correlations(st.sampled_from([(1, 1, 1), (3, 2, 1), (2, 1, 3), (1, 2, 2)])))
def test_equals_the_definition_on_the_lattice(case):
    geometry, _, w, g = case
    _, size, _, _, _, *options = geometry
    options = dict(zip(("stride", "padding", "dilation", "groups"), options, strict=True))
    actual = on(lambda *arguments: input_gradient(correlate, *arguments), geometry, g, w)
    assert_same(actual, naive.correlate_input_gradient(g, w, size=size, **options))


def test_nothing_is_correlated_where_no_window_reaches():
    """Outputs 0 and 1 see positions 0 and 3 only; those between are of phases without taps."""
    geometry = Geometry(1, (5,), 1, 1, (1,), (3,), ((0, 0),), (1,), 1)
    calls = []

    def counting(*arguments):
        calls.append(arguments)
        return correlate(*arguments)

    x_bar = input_gradient(counting, geometry, np.array([2.0, 3.0]).reshape(1, 2, 1), np.ones((1, 1, 1)), float)
    assert x_bar.ravel().tolist() == [2, 0, 0, 3, 0] and len(calls) == 1


@pytest.mark.parametrize("stride", [1, 2])
def test_an_output_that_sees_padding_only_gives_nothing(stride):
    geometry = Geometry(1, (1,), 1, 1, (1,), (stride,), ((3, 0),), (1,), 1)
    g = np.ones((1, *geometry.out, 1))
    x_bar = input_gradient(correlate, geometry, g, np.full((1, 1, 1), 5.0), float)
    assert x_bar.ravel().tolist() == [5.0 if stride == 1 else 0.0]
