"""Correlations for one algorithm: arrays of any strides on the lattice, and the comparison with the definition."""

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.kernels import naive
from tests.kernels.geometries import apply, assert_same, generators, geometries, lattice, rearranged
from tinygrad_np.kernels import threads
from tinygrad_np.kernels.columns import Geometry


@st.composite
def correlations(draw, channels):
    """A geometry and x, w, g; `channels` draws (depth, width, groups)."""
    rng, (size, options) = draw(generators), draw(geometries())
    depth, width, groups = draw(channels)
    kernel = options.pop("kernel_size")
    geometry = Geometry(draw(st.integers(1, 4)), size, depth * groups, width * groups, kernel, **options, groups=groups)
    return geometry, *arrays(rng, geometry)


def arrays(rng, geometry):
    n, size, channels, filters, kernel = geometry[:5]
    shapes = (n, *size, channels), (*kernel, geometry.depth, filters), (n, *geometry.out, filters)
    return [rearranged(rng, lattice(rng, shape)) for shape in shapes]


def check_algorithm(algorithm, geometry, x, w, g, dtype=float):
    """The three functions of a module equal the definition to the last bit."""
    _, size, _, _, kernel, *options = geometry
    options = dict(zip(("stride", "padding", "dilation", "groups"), options, strict=True))
    assert_same(on(algorithm.correlate, geometry, x, w, dtype), naive.correlate(x, w, **options))
    x_bar = naive.correlate_input_gradient(g, w, size=size, **options)
    assert_same(on(algorithm.input_gradient, geometry, g, w, dtype), x_bar)
    w_bar = naive.correlate_kernel_gradient(x, g, kernel_size=kernel, **options)
    assert_same(on(algorithm.kernel_gradient, geometry, x, g, dtype), w_bar)


def on(function, geometry, a, b, dtype=float):
    return apply(lambda a, b: function(geometry, a, b, dtype), a, b)


def check_same_bits(algorithm, geometry):
    """Results do not depend on the number of threads, though there is work for several."""
    pytest.importorskip("threadpoolctl")
    rng = np.random.default_rng(0)
    x, w, g = (rng.standard_normal(a.shape).astype(np.float32) for a in arrays(rng, geometry))
    calls = (algorithm.correlate, x, w), (algorithm.kernel_gradient, x, g), (algorithm.input_gradient, g, w)
    before, results, counts = threads.get_num_threads(), [], []
    parallel = algorithm.parallel

    def counted(task, count):
        counts.append(count)
        parallel(task, count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(algorithm, "parallel", counted)
        try:
            for n in (1, 2, 3):
                threads.set_num_threads(n)
                results.append([function(geometry, a, b, np.float32) for function, a, b in calls])
        finally:
            threads.set_num_threads(before)
    assert min(counts) > 2 and counts[:3] == counts[3:6] == counts[6:]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
