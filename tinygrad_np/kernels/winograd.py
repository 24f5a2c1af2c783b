"""Winograd's minimal filtering F(2x2, 3x3): a 3 x 3 correlation with 16 products where the definition has 36.

In one dimension two outputs of a kernel of three, y0 = d0 w0 + d1 w1 + d2 w2 and y1 = d1 w0 + d2 w1 + d3 w2, need only
the four products

    m0 = (d0 - d2) w0                      m1 = (d1 + d2) (w0 + w1 + w2) / 2
    m3 = (d1 - d3) w2                      m2 = (d2 - d1) (w0 - w1 + w2) / 2

    y0 = m0 + m1 + m2        y1 = m1 - m2 - m3

for m1 + m2 = d1 w1 + d2 (w0 + w2) and m1 - m2 = d1 (w0 + w2) + d2 w1. As matrices y = Aᵀ[(G w) ⊙ (Bᵀ d)]; applied to
both axes, a tile of 2 x 2 outputs is Aᵀ[(G w Gᵀ) ⊙ (Bᵀ d B)] A from 4 x 4 inputs d. The products of all tiles, summed
over channels, are 16 matrix products (tiles, C) (C, F), one for each of the 4 x 4 points.

Where <g, y> = <A g, (G w) ⊙ (Bᵀ d)>, the derivative by w is Gᵀ[(A g) ⊙ (Bᵀ d)]: the kernel gradient sums over tiles
the products (C, tiles) (tiles, F) of the same Bᵀ d B with A g Aᵀ. The input gradient is itself a correlation.

The sums of up to four terms before and after the products cost accuracy: errors in float32 are up to twice those of
plain products (root mean square; three times at the worst output), still below 1e-6 of the largest output if sums do
not cancel; sums that are exact by the definition no longer are. Only the outputs whose window holds an infinity or a
NaN are not finite, as by the definition: the products that a number of d enters meet in no other. But where that gives
an infinity this gives mostly NaN, a difference of two. So this is for float32 only. Needed: two spatial axes, kernel
(3, 3), stride and dilation 1, one group; any padding.
"""

from math import ceil

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.blocks import Block, apart, cut
from tinygrad_np.kernels.columns import Array, Geometry
from tinygrad_np.kernels.threads import parallel, portions
from tinygrad_np.kernels.transposed import input_gradient as transposed

# Numbers in each of the two largest buffers of a block, the transformed tiles and their products: 2 MB of float32, for
# larger products and longer runs are worth more than the L2 cache.
BUFFER = 1 << 19


def applies(geometry: Geometry, dtype: DTypeLike) -> bool:
    """Whether this algorithm can compute the correlation and its kernel gradient."""
    return (
        geometry.kernel == (3, 3)
        and geometry.stride == geometry.dilation == (1, 1)
        and geometry.groups == 1
        and np.dtype(dtype) == np.float32
    )


def correlate(geometry: Geometry, x: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)] A, summed over channels."""
    (n, height, width), channels, filters = (geometry.batch, *geometry.out), geometry.channels, geometry.filters
    y = np.empty((n, 2 * ceil(height / 2), 2 * ceil(width / 2), filters), dtype)
    weights = _kernel_points(w.astype(dtype, copy=False)).reshape(16, channels, filters)
    x, parts = apart(x), portions(_blocks(geometry), geometry.multiplications)

    def task(i: int) -> None:
        for images, rows in parts[i]:
            tiles = _input_tiles(geometry, x, (images, rows), dtype)
            products = np.matmul(tiles.reshape(16, -1, channels), weights)
            _write_outputs(products.reshape(*tiles.shape[:-1], filters), y[images, 2 * rows.start : 2 * rows.stop])

    parallel(task, len(parts))
    return y if y.shape[1:3] == (height, width) else y[:, :height, :width].copy()


def kernel_gradient(geometry: Geometry, x: Array, g: Array, dtype: DTypeLike) -> Array:
    """Compute w_bar = Gᵀ[(A g Aᵀ) ⊙ (Bᵀ x B)] G, summed over tiles."""
    x, g = apart(x), apart(g)
    parts = portions(_blocks(geometry), geometry.multiplications, most=4)
    sums = np.zeros((len(parts), 16, geometry.channels, geometry.filters), dtype)

    def task(i: int) -> None:
        for block in parts[i]:
            tiles = _input_tiles(geometry, x, block, dtype).reshape(16, -1, geometry.channels)
            cotangents = _cotangent_tiles(g, block, dtype).reshape(16, -1, geometry.filters)
            sums[i] += np.matmul(tiles.swapaxes(1, 2), cotangents)

    parallel(task, len(parts))
    return _kernel_from_points(sums.sum(0).reshape(4, 4, geometry.channels, geometry.filters))


def input_gradient(geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute a correlation of g, see `transposed`."""
    return transposed(correlate, geometry, g, w, dtype)


def _kernel_points(w: Array) -> Array:
    """Give G w Gᵀ, (4, 4, C, F)."""
    for _ in range(2):  # one axis, then, in its place, the other
        w0, w1, w2 = w
        outer = w0 + w2
        w = np.stack([w0, (outer + w1) / 2, (outer - w1) / 2, w2]).swapaxes(0, 1)
    return w


def _kernel_from_points(u: Array) -> Array:
    """Give Gᵀ u G, (3, 3, C, F)."""
    for _ in range(2):
        u0, u1, u2, u3 = u
        middle = (u1 + u2) / 2
        u = np.stack([u0 + middle, (u1 - u2) / 2, middle + u3]).swapaxes(0, 1)
    return u


def _blocks(geometry: Geometry) -> list[Block]:
    high, wide = (ceil(n / 2) for n in geometry.out)
    return cut(geometry.batch, high, 16 * wide * max(geometry.channels, geometry.filters), BUFFER)


def _split(a: Array, size: tuple[int, int], low: tuple[int, int], dtype: DTypeLike) -> Array:
    """Copy images (N, H, W, C) as (N, size[0], 2, size[1] / 2, C): even and odd columns; zero where there is nothing.

    Element (0, 0) comes to stand in row low[0], which may be negative, and column low[1]. With evens and odds apart,
    the transforms work on long runs: all columns of tiles with all their channels.
    """
    n, height, _, channels = a.shape
    split = np.zeros((n, size[0], 2, size[1] // 2, channels), dtype)
    top, bottom = max(0, -low[0]), min(height, size[0] - low[0])
    for parity in range(2):
        first = (parity - low[1]) % 2
        columns = a[:, top:bottom, first : size[1] - low[1] : 2]
        start = (first + low[1]) // 2
        split[:, top + low[0] : bottom + low[0], parity, start : start + columns.shape[2]] = columns
    return split


def _input_tiles(geometry: Geometry, x: Array, block: Block, dtype: DTypeLike) -> Array:
    """Give Bᵀ d B of a block's tiles, (4, 4, N, rows, columns, C)."""
    images, rows = block
    high, wide = rows.stop - rows.start, ceil(geometry.out[1] / 2)
    (top, _), (left, _) = geometry.padding
    split = _split(x[images], (2 * high + 2, 2 * wide + 2), (top - 2 * rows.start, left), dtype)
    halves = np.empty((4, len(split), high, 2, wide + 1, geometry.channels), dtype)
    _transform_input(halves, split[:, :-2:2], split[:, 1:-2:2], split[:, 2::2], split[:, 3::2])
    evens, odds = halves[..., 0, :, :], halves[..., 1, :, :]
    tiles = np.empty((4, 4, len(split), high, wide, geometry.channels), dtype)
    _transform_input(tiles.swapaxes(0, 1), evens[..., :-1, :], odds[..., :-1, :], evens[..., 1:, :], odds[..., 1:, :])
    return tiles


def _transform_input(out: Array, d0: Array, d1: Array, d2: Array, d3: Array) -> None:
    """Write Bᵀ d for one axis."""
    np.subtract(d0, d2, out=out[0])
    np.add(d1, d2, out=out[1])
    np.subtract(d2, d1, out=out[2])
    np.subtract(d1, d3, out=out[3])


def _cotangent_tiles(g: Array, block: Block, dtype: DTypeLike) -> Array:
    """Give A g Aᵀ of a block's tiles, (4, 4, N, rows, columns, F)."""
    images, rows = block
    high, wide, filters = rows.stop - rows.start, ceil(g.shape[2] / 2), g.shape[3]
    split = _split(g[images], (2 * high, 2 * wide), (-2 * rows.start, 0), dtype)
    halves = np.empty((4, len(split), high, 2, wide, filters), dtype)
    _transform_cotangent(halves, split[:, ::2], split[:, 1::2])
    tiles = np.empty((4, 4, len(split), high, wide, filters), dtype)
    _transform_cotangent(tiles.swapaxes(0, 1), halves[..., 0, :, :], halves[..., 1, :, :])
    return tiles


def _transform_cotangent(out: Array, g0: Array, g1: Array) -> None:
    """Write A g for one axis."""
    np.copyto(out[0], g0)
    np.add(g0, g1, out=out[1])
    np.subtract(g0, g1, out=out[2])
    np.negative(g1, out=out[3])


def _write_outputs(products: Array, y: Array) -> None:
    """Write Aᵀ m A of the products m (4, 4, N, rows, columns, F) to y (N, 2 rows, 2 columns, F)."""
    halves = np.empty((2, *products.shape[1:]), y.dtype)
    _transform_output(halves, *products)
    n, rows, columns, filters = products.shape[2:]
    tiles = y.reshape(n, rows, 2, columns, 2, filters).transpose(4, 2, 0, 1, 3, 5)
    _transform_output(tiles, *halves.swapaxes(0, 1))


def _transform_output(out: Array, m0: Array, m1: Array, m2: Array, m3: Array) -> None:
    """Write Aᵀ m for one axis."""
    np.add(np.add(m1, m2), m0, out=out[0])
    np.subtract(np.subtract(m1, m2), m3, out=out[1])
