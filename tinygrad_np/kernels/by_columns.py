"""A correlation and its two transposes as products with columns: a column is what one window sees (im2col).

The functions take a `Geometry`, non-empty arrays and the dtype to compute in; see `convolution` for what they compute.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.columns import Array, Columns, Geometry, Tile, plan, stays_channels_inner
from tinygrad_np.kernels.threads import hold_blas, parallel

# Sums in which a kernel gradient is added up, if it has so many tiles: as many threads can take part.
SUMS = 4


def correlate(geometry: Geometry, x: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute y = wᵀ columns(x)."""
    layout = _plan(geometry, x, dtype)
    packed, weights = layout.pack(x, dtype), layout.pack_kernel(w, dtype).swapaxes(-1, -2)
    y = np.empty(layout.output, dtype)
    grouped = layout.grouped(y)

    def product(i: int) -> None:
        tile = layout.tiles[i]
        np.matmul(weights, layout.as_matrix(layout.gather(packed, tile)), out=grouped[..., tile.span])

    _share(product, len(layout.tiles))
    return layout.restore(y)


def kernel_gradient(geometry: Geometry, x: Array, g: Array, dtype: DTypeLike) -> Array:
    """Compute w_bar = columns(x) gᵀ, in a fixed number of sums."""
    layout = _plan(geometry, x, dtype)
    packed, g = layout.pack(x, dtype), layout.grouped(layout.pack_output(g, dtype)).swapaxes(-1, -2)
    sums = np.empty((min(SUMS, len(layout.tiles)), layout.groups, layout.r, layout.width), dtype)

    def add_products(i: int) -> None:
        for j, tile in enumerate(layout.tiles[i::SUMS]):
            columns = layout.as_matrix(layout.gather(packed, tile))
            if j:
                sums[i] += columns @ g[:, tile.span]
            else:
                np.matmul(columns, g[:, tile.span], out=sums[i])

    _share(add_products, len(sums))
    w_bar: Array = sums[0] if len(sums) == 1 else sums.sum(0, dtype=dtype)
    return w_bar.swapaxes(0, 1).reshape(*geometry.kernel, geometry.depth, geometry.filters)


def input_gradient(geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute columns = w g, and add each to its window."""
    layout = _plan(geometry, g, dtype)
    w, g = layout.pack_kernel(w, dtype), layout.grouped(layout.pack_output(g, dtype))
    x_bar = np.zeros(layout.padded, dtype)
    windows = layout.windows.of(x_bar)
    if windows.flags.c_contiguous:  # no two windows overlap
        _share(lambda _: np.matmul(w, g, out=layout.as_matrix(windows)), 1)
    else:
        _share(lambda i: _add_columns(layout, w, g, windows, layout.disjoint[i]), len(layout.disjoint))
    return layout.restore(x_bar[layout.interior])


def _add_columns(layout: Columns, w: Array, g: Array, windows: Array, tiles: Sequence[Tile]) -> None:
    """Add the columns w g of some tiles to their windows."""
    for tile in tiles:
        columns = np.empty(windows[layout.at(tile)].shape, g.dtype)
        np.matmul(w, g[..., tile.span], out=layout.as_matrix(columns))
        for offset in np.ndindex(layout.offsets):
            window = windows[layout.at(tile, offset)]
            np.add(window, columns[layout.at(layout.whole, offset)], out=window)


def _share(task: Callable[[int], object], count: int) -> None:
    """Run tasks with BLAS at one thread, even a single one: its threads would change last bits, and spin."""
    with hold_blas():
        parallel(task, count)


def _plan(geometry: Geometry, a: Array, dtype: DTypeLike) -> Columns:
    return plan(geometry, stays_channels_inner(geometry, a), np.dtype(dtype).itemsize)
