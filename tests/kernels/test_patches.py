import numpy as np
import pytest
from hypothesis import given

from tests.kernels import naive
from tests.kernels.geometries import apply, assert_same, generators, geometries, lattice, rearranged
from tinygrad_np.kernels.patches import fold, unfold


def naive_unfold(x, **options):
    y = np.zeros((len(x), *options["output_size"], *options["kernel_size"], x.shape[-1]), x.dtype)
    for p, inside in naive.windows(x.shape[1:-1], **options):
        for _, r, i in inside:
            y[:, *p, *r] = x[:, *i]
    return y


def naive_fold(g, *, size, **options):
    x = np.zeros((len(g), *size, g.shape[-1]), g.dtype)
    for p, inside in naive.windows(size, **options):
        for _, r, i in inside:
            x[:, *i] += g[:, *p, *r]
    return x


@given(geometries(), generators)
def test_equals_the_definition_on_the_lattice(geometry, rng):
    size, options = geometry
    options = options | {"output_size": naive.output_size(size, **options)}
    batch, channels = int(rng.integers(0, 3)), int(rng.integers(1, 3))
    x = rearranged(rng, lattice(rng, (batch, *size, channels)))
    g = rearranged(rng, lattice(rng, (batch, *options["output_size"], *options["kernel_size"], channels)))
    assert_same(apply(unfold, x, **options), naive_unfold(x, **options))
    assert_same(apply(fold, g, size=size, **options), naive_fold(g, size=size, **options))


@pytest.mark.parametrize("dtype", ["e", "f", "d", "F", "l"])
def test_dtype_stays_and_float16_is_summed_in_float32(dtype):
    options = {"kernel_size": (4,), "stride": (1,), "padding": ((3, 0),), "dilation": (1,), "output_size": (4,)}
    x = np.array([2048, 1, 1, 1], dtype).reshape(1, 4, 1)
    y = unfold(x, **options)
    assert_same(y, naive_unfold(x, **options))
    g = np.zeros((1, 4, 4, 1), dtype)
    g[0, :, ::-1, 0] = np.diag([1, 1, 1, 2048])  # every patch's part of element 0, with 2048 first
    assert_same(fold(g, size=(4,), **options)[0, 0], np.array([2051 if dtype != "e" else 2052], dtype))
