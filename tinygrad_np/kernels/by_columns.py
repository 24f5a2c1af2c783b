"""A correlation and its two transposes as products with columns: a column is what one window sees (im2col).

The functions take a `Geometry`, non-empty arrays and the dtype to compute in; see `convolution` for what they compute.
"""

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.columns import Array, Geometry, Plan, plan, strided


def correlate(geometry: Geometry, x: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute y = wᵀ columns(x)."""
    layout = plan(geometry, _channels_inner(x))
    weights = layout.pack_kernel(w, dtype).reshape(layout.groups, 1, -1, layout.width).swapaxes(-1, -2)
    y = np.empty(layout.output, dtype)
    grouped = layout.grouped(y)
    for span, columns in layout.gather(layout.pack(x, dtype)):
        np.matmul(weights, columns, out=grouped[..., span])
    return layout.restore(y)


def kernel_gradient(geometry: Geometry, x: Array, g: Array, dtype: DTypeLike) -> Array:
    """Compute w_bar = columns(x) gᵀ."""
    layout = plan(geometry, _channels_inner(x))
    g = layout.pack_output(g, dtype).swapaxes(-1, -2)
    w_bar = np.zeros((layout.groups, layout.kh * layout.r, layout.width), dtype)
    for span, columns in layout.gather(layout.pack(x, dtype)):
        w_bar += (columns @ g[..., span, :]).sum(1, dtype=dtype)
    return w_bar.swapaxes(0, 1).reshape(*geometry.kernel, geometry.depth, geometry.filters)


def input_gradient(geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute columns = w g, and add each to its window."""
    layout = plan(geometry, _channels_inner(g))
    x_bar = np.zeros(layout.padded, dtype)
    _scatter(layout, layout.pack_kernel(w, dtype), layout.pack_output(g, dtype), layout.windows(x_bar))
    return layout.restore(x_bar[layout.interior])


def _scatter(layout: Plan, w: Array, g: Array, windows: Array) -> None:
    """Add the columns w g to the windows of an input of zeros, from w (G, kh, R, F/G) and g (G, P, F/G, M)."""
    if windows.flags.c_contiguous:  # no two windows overlap
        _project(layout, w, g, layout.as_rows(windows))
        return
    whole = (slice(None),) * len(layout.columns)
    for span, tile in layout.tiles():
        columns = np.empty(windows[layout.at(tile)].shape, g.dtype)
        _project(layout, w, g[..., span], layout.as_rows(columns))
        for offset in np.ndindex(layout.offsets):
            window = windows[layout.at(tile, offset)]
            np.add(window, columns[layout.at(whole, offset)], out=window)


def _project(layout: Plan, w: Array, g: Array, rows: Array) -> None:
    """Write to rows (G, H, R, m) what w (G, kh, R, F/G) and g (G, P, F/G, m) give them.

    Row h of the input gets w[r] g[p] from all p * stride + r = h. The rows h = phase, phase + stride, ... use only
    the kernel rows r = phase, phase + stride, ..., and each some neighbouring rows of g, which again overlap in
    memory.
    """
    reach = -(-layout.kh // layout.row_stride) - 1
    step = layout.width * g.shape[-1]
    if reach:
        bordered = np.zeros((layout.groups, layout.p + 2 * reach, *g.shape[2:]), g.dtype)
        bordered[:, reach:-reach] = g
    for phase in range(layout.row_stride):
        taps = w[:, phase :: layout.row_stride][:, ::-1]
        k = taps.shape[1]
        weights = taps.swapaxes(1, 2).reshape(layout.groups, 1, layout.r, k * layout.width)
        if reach:
            shape = (layout.groups, layout.p + k - 1, k * layout.width, g.shape[-1])
            steps = (bordered.shape[1] * step, step, g.shape[-1], 1)
            seen = strided(bordered, shape, steps, (reach - k + 1) * step)
        np.matmul(weights, seen if reach else g, out=rows[:, phase :: layout.row_stride])


def _channels_inner(a: Array) -> bool:
    return a.strides[-1] == a.itemsize
