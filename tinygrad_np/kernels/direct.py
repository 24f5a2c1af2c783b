"""A correlation of many channels as products with rows of the kernel: an im2col of all its axes but the first.

With channels innermost, what a window sees in one row of the input is `(kernel width) * C` numbers. They are copied
once for each row, and all rows of the kernel share them: for row r of the kernel,

    y[p] += B[p stride + r dilation] w[r],        B[h] (positions of a row, kernel width * C), w[r] (the same, F)

for all rows p of a block in one product: rows of B that are `stride` apart are stored side by side. So a number is
copied as often as the kernel is wide, not as often as the kernel has points, and the kernel's rows are as many
products, long in all dimensions. Where they would be short, in a first layer of few channels, the whole kernel is
copied and there is one product. A block is some rows of one image, or all rows of several, so that B fits the cache.

The kernel gradient is w_bar[r] = sum over p of B[p stride + r dilation]ᵀ g[p]. All ranks, strides, dilations, dtypes
and numbers of groups. Results have their channels innermost.
"""

from math import ceil, prod

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.blocks import Block, apart, cut, padded_rows, with_rows
from tinygrad_np.kernels.columns import Array, Geometry
from tinygrad_np.kernels.threads import hold_blas, parallel, portions
from tinygrad_np.kernels.transposed import input_gradient as transposed

# Numbers in B, half a MB of float32; and in what a window sees of one row, for a product of its own.
BUFFER = 1 << 17
LONG = 48
# Rows of a block at least, whether they fit or not, as it copies those that the kernel's other rows see besides.
FEW_ROWS = 4


def correlate(geometry: Geometry, x: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute y[p] = sum over r of B[p stride + r dilation] w[r]."""
    y = np.empty((geometry.batch, *geometry.out, geometry.filters), dtype)
    geometry, x, outputs = with_rows(geometry, apart(x), y)
    taps = _kernel_rows(geometry, w.astype(dtype, copy=False))
    parts = portions(_blocks(geometry), geometry.multiplications)

    def task(i: int) -> None:
        for block in parts[i]:
            _correlate_block(_seen(geometry, x, block, dtype), taps, outputs[block].swapaxes(0, 1))

    with hold_blas():  # also for one part, whose products are large
        parallel(task, len(parts))
    return y


def _correlate_block(seen: list[Array], taps: Array, y: Array) -> None:
    """Write to y (rows, N, *positions, F) the sum of the products of what is seen with the taps."""
    total = y if y.flags.c_contiguous else np.empty(y.shape, y.dtype)
    groups, _, width = taps.shape[1:]
    sums = total.reshape(-1, groups, width).swapaxes(0, 1)
    np.matmul(seen[0], taps[0], out=sums)
    for columns, w in zip(seen[1:], taps[1:], strict=True):
        sums += np.matmul(columns, w)
    if total is not y:
        y[...] = total


def kernel_gradient(geometry: Geometry, x: Array, g: Array, dtype: DTypeLike) -> Array:
    """Compute w_bar[r] = sum over p of B[p stride + r dilation]ᵀ g[p]."""
    kernel = geometry.kernel
    geometry, x, g = with_rows(geometry, apart(x), apart(g))
    parts, products = portions(_blocks(geometry), geometry.multiplications, most=8), _products(geometry)
    numbers = prod(kernel) // products * geometry.depth
    sums = np.zeros((len(parts), products, geometry.groups, numbers, geometry.width), dtype)

    def task(i: int) -> None:
        for block in parts[i]:
            rows = np.ascontiguousarray(g[block].swapaxes(0, 1), dtype)
            _add_kernel_gradient(_seen(geometry, x, block, dtype), rows, sums[i])

    with hold_blas():  # also for one part, whose products are large
        parallel(task, len(parts))
    w_bar: Array = sums.sum(0).swapaxes(1, 2).reshape(*kernel, geometry.depth, geometry.filters)
    return w_bar


def _add_kernel_gradient(seen: list[Array], g: Array, sums: Array) -> None:
    """Add to sums (products, G, numbers, F/G) what g (rows, N, *positions, F) gives."""
    groups, _, width = sums.shape[1:]
    g = g.reshape(-1, groups, width).swapaxes(0, 1)
    for columns, total in zip(seen, sums, strict=True):
        total += np.matmul(columns.swapaxes(1, 2), g)


def input_gradient(geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute correlations of g, see `transposed`."""
    return transposed(correlate, geometry, g, w, dtype)


def _products(geometry: Geometry) -> int:
    """Give the number of products that sum up to an output: one a row of the kernel, or one if they would be short."""
    return geometry.kernel[0] if prod(geometry.kernel[1:]) * geometry.depth >= LONG else 1


def _kernel_rows(geometry: Geometry, w: Array) -> Array:
    """Give w as (products, G, numbers a window sees for each, F/G)."""
    return w.reshape(_products(geometry), -1, geometry.groups, geometry.width).swapaxes(1, 2)


def _blocks(geometry: Geometry) -> list[Block]:
    row = prod(geometry.out[1:]) * prod(geometry.kernel[1:]) * geometry.channels
    if _products(geometry) == 1:
        return cut(geometry.batch, geometry.out[0], row * geometry.kernel[0], BUFFER)
    stride, span = geometry.stride[0], (geometry.kernel[0] - 1) * geometry.dilation[0]
    phases = min(stride, geometry.kernel[0])
    return cut(geometry.batch, geometry.out[0], row * phases, BUFFER, halo=ceil(span / stride), least=FEW_ROWS)


def _seen(geometry: Geometry, x: Array, block: Block, dtype: DTypeLike) -> list[Array]:
    """Give for each product what the windows of a block see, as (G, positions, numbers)."""
    stride, dilation, rows = geometry.stride[0], geometry.dilation[0], block[1].stop - block[1].start
    padded = padded_rows(geometry, x, block, dtype)
    if _products(geometry) == 1:
        return [_matrix(_windows(geometry, padded, 0, rows, geometry.kernel[0]))]
    taps = [divmod(r * dilation, stride) for r in range(geometry.kernel[0])]
    stored = {}
    for phase in {phase for _, phase in taps}:  # rows that are `stride` apart
        steps = [step for step, at in taps if at == phase]
        first, count = steps[0], steps[-1] - steps[0] + rows
        stored[phase] = first, _windows(geometry, padded, phase + first * stride, count, 1)
    return [_matrix(b[step - first :][:rows]) for step, phase in taps for first, b in (stored[phase],)]


def _matrix(b: Array) -> Array:
    return b.reshape(-1, *b.shape[-2:]).swapaxes(0, 1)


def _windows(geometry: Geometry, padded: Array, start: int, count: int, taps: int) -> Array:
    """Copy windows, of so many rows of the kernel, at every `stride`-th row: (rows, N, *positions, G, numbers)."""
    n, depth, groups = len(padded), geometry.depth, geometry.groups
    image, *axes, _ = padded.strides
    kernel = (taps, *geometry.kernel[1:])
    shape = (count, n, *geometry.out[1:], groups, *kernel, depth)
    steps = [stride * step for stride, step in zip(axes, geometry.stride, strict=True)]
    gaps = [stride * gap for stride, gap in zip(axes, geometry.dilation, strict=True)]
    strides = (steps[0], image, *steps[1:], depth * padded.itemsize, *gaps, padded.itemsize)
    windows = np.ndarray(shape, padded.dtype, padded, start * axes[0], strides)
    return np.ascontiguousarray(windows).reshape(*shape[: -len(kernel) - 1], prod(kernel) * depth)
