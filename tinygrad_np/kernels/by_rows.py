"""A correlation and its two transposes of narrow layers, in small products of all rows at once; see `rows`.

The functions take a `Geometry`, non-empty arrays and the dtype to compute in; see `convolution` for what they compute.
"""

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.columns import MOST_SHARES, Array, Geometry
from tinygrad_np.kernels.rows import VECTOR, Block, Rows, plan
from tinygrad_np.kernels.threads import parallel


def correlate(geometry: Geometry, x: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute y = w columns(x)."""
    layout = plan(geometry, np.dtype(dtype).itemsize)
    packed = layout.pack(x, dtype)
    weights = layout.pack_kernel(w, dtype).reshape(layout.groups, 1, 1, layout.width, -1)
    y = np.empty(layout.output, dtype)

    def multiply(i: int) -> None:
        gathered = layout.gather(packed, layout.tiles[i])
        for columns, output in layout.forward[i]:
            np.matmul(weights, columns.of(gathered), out=output.of(y))

    parallel(multiply, len(layout.tiles))
    return layout.restore(y)


def kernel_gradient(geometry: Geometry, x: Array, g: Array, dtype: DTypeLike) -> Array:
    """Compute w_bar = g columns(x)ᵀ in a fixed number of sums over rows, blocks and tiles, then of rows together."""
    layout = plan(geometry, np.dtype(dtype).itemsize)
    packed, g = layout.pack(x, dtype), layout.pack_output(g, dtype)
    q, width = layout.together, layout.width
    sums = np.zeros((min(MOST_SHARES, len(layout.tiles)), layout.groups, q * width, layout.reach * layout.r), dtype)

    def multiply(i: int) -> None:
        for tile in range(i, len(layout.tiles), MOST_SHARES):
            gathered = layout.gather(packed, layout.tiles[tile])
            for columns, seen in layout.backward[tile]:
                sums[i] += _outer(seen.of(g), columns.of(gathered)).sum((1, 2), dtype=dtype)

    parallel(multiply, len(sums))
    total = sums.sum(0, dtype=dtype) if len(sums) > 1 else sums[0]
    step, k = layout.row_stride * layout.r, layout.kh * layout.r
    w_bar = total[:, :width, :k]
    for j in range(1, q):
        w_bar = w_bar + total[:, j * width : (j + 1) * width, j * step : j * step + k]
    return np.ascontiguousarray(w_bar.transpose(2, 0, 1)).reshape(*geometry.kernel, geometry.depth, geometry.filters)


def input_gradient(geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute columns = w g, row by row of the input, and add each to its window.

    Row h of the input gets w[r] g[p] from all p * stride + r = h. The rows h = phase, phase + stride, ... use only
    the kernel rows r = phase, phase + stride, ..., and each some neighbouring rows of g, which again overlap in
    memory.
    """
    layout = plan(geometry, np.dtype(dtype).itemsize)
    g, kernel = _bordered(layout, layout.pack_output(g, dtype)), layout.pack_kernel(w, dtype)
    taps = [kernel[:, :, phase :: layout.row_stride][:, :, ::-1] for phase in range(layout.row_stride)]
    weights = [t.transpose(0, 3, 2, 1).reshape(layout.groups, 1, 1, layout.r, -1) for t in taps]
    x_bar = np.zeros(layout.padded, dtype)
    windows = layout.windows.of(x_bar)

    def add_columns(i: int) -> None:
        for block in layout.tasks[i]:
            _add_columns(block, weights, g, windows[:, block.rows])

    parallel(add_columns, len(layout.tasks))
    return layout.restore(x_bar[layout.interior] if layout.pads else x_bar)


def _bordered(layout: Rows, g: Array) -> Array:
    """Give g (P, F, ...) as (G, P + 2 border, F/G, M)."""
    g = g.reshape(layout.p, layout.groups, layout.width, layout.m).swapaxes(0, 1)
    if not layout.border and g.flags.c_contiguous:
        return g
    bordered = np.zeros((layout.groups, layout.p + 2 * layout.border, layout.width, layout.m), g.dtype)
    bordered[:, layout.border : layout.border + layout.p] = g
    return bordered


def _add_columns(block: Block, weights: list[Array], g: Array, windows: Array) -> None:
    """Add the columns of some rows of input to their windows."""
    columns = np.empty(block.shape, g.dtype)
    for phase, taps, (rows, seen) in block.products:
        np.matmul(weights[phase][..., taps], seen.of(g), out=rows.of(columns))
    for of_window, of_columns in block.shifts:
        window = windows[of_window]
        np.add(window, columns[of_columns], out=window)


def _outer(g: Array, columns: Array) -> Array:
    """Compute g columnsᵀ in the faster way: (16, 450) @ (150, 450)ᵀ runs at 82 GF/s, with the factors swapped at 94."""
    if g.shape[-2] % VECTOR:
        return g @ columns.swapaxes(-1, -2)
    return (columns @ g.swapaxes(-1, -2)).swapaxes(-1, -2)
