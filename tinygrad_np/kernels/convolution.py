"""Cross-correlation of any rank, and its two transposes.

The form <g, correlate(x, w)> is linear in g, x and w. Its derivatives by each are the three functions of this file,
and so each other's derivatives, to every order. Channels are last: x (N, *size, C), w (*kernel, C/groups, F), g and y
(N, *out, F).

    y[n, p, f] = sum over r, c of x[n, p * stride + r * dilation - low, c] w[r, c, f]
    out = floor((size + low + high - (kernel - 1) * dilation - 1) / stride) + 1

Filters of group j are f = j F/groups, ..., (j + 1) F/groups - 1, and see the channels of group j only.

Options, one entry a spatial axis: `stride` and `dilation`, positive; `padding`, pairs (low, high) of non-negative
numbers of zeros; and `groups`, a divisor of C and F. Arrays may have any strides and are not written to. Results are
fresh, in whichever memory order was fastest, with the dtype that NumPy gives a product of the arguments; float16 is
summed in float32 and rounded once. Each function costs 2 N prod(out) prod(kernel) C/groups F flops.
"""

from typing import Any

import numpy as np

from tinygrad_np.kernels.columns import Array, Geometry, Plan, plan, strided

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def correlate(x: Array, w: Array, *, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Array:
    """Correlate x (N, *size, C) with the filters w (*kernel, C/groups, F), giving y (N, *out, F).

    As a product of matrices, y = wᵀ columns(x).
    """
    (n, *size, channels), (*kernel, _, filters) = x.shape, w.shape
    geometry = Geometry(n, tuple(size), channels, filters, tuple(kernel), stride, padding, dilation, groups)
    result, dtype = _dtypes(x, w)
    if 0 in (x.size, w.size, *geometry.out):
        return np.zeros((n, *geometry.out, filters), result)
    layout = plan(geometry, _channels_inner(x))
    weights = layout.pack_kernel(w, dtype).reshape(layout.groups, 1, -1, layout.width).swapaxes(-1, -2)
    y = np.empty(layout.output, dtype)
    grouped = layout.grouped(y)
    for span, columns in layout.gather(layout.pack(x, dtype)):
        np.matmul(weights, columns, out=grouped[..., span])
    return layout.restore(y).astype(result, copy=False)


def correlate_kernel_gradient(
    x: Array, g: Array, *, kernel_size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Transpose `correlate` in w: from x (N, *size, C) and g (N, *out, F) to (*kernel, C/groups, F).

    w_bar[r, c, f] = sum over n, p of x[n, p * stride + r * dilation - low, c] g[n, p, f], or w_bar = columns(x) gᵀ.
    """
    (n, *size, channels), filters = x.shape, g.shape[-1]
    geometry = Geometry(n, tuple(size), channels, filters, kernel_size, stride, padding, dilation, groups)
    result, dtype = _dtypes(x, g)
    if 0 in (x.size, g.size):
        return np.zeros((*kernel_size, geometry.depth, filters), result)
    layout = plan(geometry, _channels_inner(x))
    g = layout.pack_output(g, dtype).swapaxes(-1, -2)
    w_bar = np.zeros((layout.groups, layout.kh * layout.r, layout.width), dtype)
    for span, columns in layout.gather(layout.pack(x, dtype)):
        w_bar += (columns @ g[..., span, :]).sum(1, dtype=dtype)
    return w_bar.swapaxes(0, 1).reshape(*kernel_size, geometry.depth, filters).astype(result, copy=False)


def correlate_input_gradient(
    g: Array, w: Array, *, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Transpose `correlate` in x: from g (N, *out, F) and w (*kernel, C/groups, F) to (N, *size, C).

    x_bar[n, i, c] = sum over f, and over p, r with p * stride + r * dilation - low = i, of g[n, p, f] w[r, c, f];
    zero where no window reaches. So columns = w g, each added to its window. Transposed convolution is this function,
    forward.
    """
    n, (*kernel, depth, filters) = g.shape[0], w.shape
    geometry = Geometry(n, size, depth * groups, filters, tuple(kernel), stride, padding, dilation, groups)
    result, dtype = _dtypes(g, w)
    if 0 in (g.size, w.size):
        return np.zeros((n, *size, depth * groups), result)
    layout = plan(geometry, _channels_inner(g))
    x_bar = np.zeros(layout.padded, dtype)
    _scatter(layout, layout.pack_kernel(w, dtype), layout.pack_output(g, dtype), layout.windows(x_bar))
    return layout.restore(x_bar[layout.interior]).astype(result, copy=False)


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


def _dtypes(*arrays: Array) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Give the dtype of the result, and the dtype to sum in."""
    result = np.result_type(*arrays)
    return result, np.dtype(np.float32) if result == np.float16 else result


def _channels_inner(a: Array) -> bool:
    return a.strides[-1] == a.itemsize
