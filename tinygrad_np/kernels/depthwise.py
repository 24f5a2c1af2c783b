"""A depthwise correlation, every channel with a filter of its own: no products of matrices, but of arrays.

y[n, p, c] = sum over r of x[n, p stride + r dilation - low, c] w[r, c], with channels innermost: one multiplication and
addition of whole rows, positions and channels together, for each point r of the kernel. `np.einsum` does both in one
pass. Without a stride the positions of a row are one run of numbers, for which w[r] is repeated as often.
"""

from math import prod

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.blocks import Block, apart, cut, padded_rows, with_rows
from tinygrad_np.kernels.columns import Array, Geometry
from tinygrad_np.kernels.threads import parallel, portions
from tinygrad_np.kernels.transposed import input_gradient as transposed

# Numbers of x in a block, 1/2 MB of float32; and how many multiplications of products take the time of one here.
BUFFER = 1 << 17
COST = 12


def applies(geometry: Geometry) -> bool:
    """Whether each channel has one filter of its own."""
    return geometry.groups == geometry.channels == geometry.filters


def correlate(geometry: Geometry, x: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute y[p] = sum over r of x[p stride + r dilation] w[r]."""
    y = np.empty((geometry.batch, *geometry.out, geometry.filters), dtype)
    geometry, x, outputs = with_rows(geometry, apart(x), y)
    run = geometry.out[-1] if geometry.stride[-1] == 1 else 1
    w = np.tile(w.astype(dtype, copy=False).reshape(*geometry.kernel, geometry.channels), run)
    outputs = outputs.reshape(*outputs.shape[:-2], -1, run * geometry.channels)
    positions, kernel, channel = _axes(geometry)
    parts = portions(_blocks(geometry), COST * geometry.multiplications)

    def task(i: int) -> None:
        for block in parts[i]:
            seen = _windows(geometry, padded_rows(geometry, x, block, dtype), run)
            axes = [*positions, channel]
            np.einsum(seen, [*positions, *kernel, channel], w, [*kernel, channel], axes, out=outputs[block])

    parallel(task, len(parts))
    return y


def kernel_gradient(geometry: Geometry, x: Array, g: Array, dtype: DTypeLike) -> Array:
    """Compute w_bar[r] = sum over n and p of x[p stride + r dilation] g[p]."""
    kernel_size = geometry.kernel
    geometry, x, g = with_rows(geometry, apart(x), apart(g))
    positions, kernel, channel = _axes(geometry)
    parts = portions(_blocks(geometry), COST * geometry.multiplications, most=8)
    sums = np.zeros((len(parts), *geometry.kernel, geometry.channels), dtype)

    def task(i: int) -> None:
        for block in parts[i]:
            seen = _windows(geometry, padded_rows(geometry, x, block, dtype), 1)
            rows = np.ascontiguousarray(g[block], dtype)
            sums[i] += np.einsum(seen, [*positions, *kernel, channel], rows, [*positions, channel], [*kernel, channel])

    parallel(task, len(parts))
    w_bar: Array = sums.sum(0).reshape(*kernel_size, 1, geometry.channels)
    return w_bar


def input_gradient(geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute correlations of g, see `transposed`."""
    return transposed(correlate, geometry, g, w, dtype)


def _axes(geometry: Geometry) -> tuple[list[int], list[int], int]:
    """Number the axes of windows: those of images and positions, of the kernel, and of channels."""
    rank = len(geometry.size)
    return list(range(rank + 1)), list(range(rank + 1, 2 * rank + 1)), 2 * rank + 1


def _blocks(geometry: Geometry) -> list[Block]:
    row = geometry.stride[0] * prod(geometry.padded[1:]) * geometry.channels
    return cut(geometry.batch, geometry.out[0], row, BUFFER)


def _windows(geometry: Geometry, padded: Array, run: int) -> Array:
    """View padded rows as all their windows (N, *positions, *kernel, C), where `run` positions of a row are as one."""
    image, *axes, channel = padded.strides
    rows = (padded.shape[1] - (geometry.kernel[0] - 1) * geometry.dilation[0] - 1) // geometry.stride[0] + 1
    positions = (len(padded), rows, *geometry.out[1:-1], geometry.out[-1] // run)
    steps = (stride * step for stride, step in zip(axes, geometry.stride, strict=True))
    gaps = (stride * gap for stride, gap in zip(axes, geometry.dilation, strict=True))
    shape = (*positions, *geometry.kernel, run * geometry.channels)
    return np.ndarray(shape, padded.dtype, padded, 0, (image, *steps, *gaps, channel))
