"""Small correlations as the NumPy calls they are made of, bound to arrays that stay where they are.

For one image the views, shapes and buffers of a correlation take longer than its arithmetic. Here they are made once.
Each function takes what the algorithm of the same name in `by_rows`, `by_columns` and `pointwise` takes, and the array
of the result; it returns functions without arguments that compute the same with the same products, or None for work
that is worth several tiles, where nothing would be saved.
"""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from tinygrad_np.kernels import by_columns, by_rows, columns, pointwise, rows
from tinygrad_np.kernels.binding import bound
from tinygrad_np.kernels.choice import algorithm
from tinygrad_np.kernels.columns import Array, Columns, Geometry, Plan, stays_channels_inner
from tinygrad_np.kernels.products import matmul
from tinygrad_np.kernels.rows import Rows
from tinygrad_np.kernels.scratch import bordered, kept, scratch, shared

Calls = list[Callable[[], object]]

KEPT = 1 << 20  # bytes up to which columns are kept for the backward pass


def prepare_correlate(geometry: Geometry, x: Array, w: Array, out: Array) -> Calls | None:
    """Prepare `correlate`."""
    if product := _product("correlate", geometry, x, w, out):
        return [product]
    layout = _layout("correlate", geometry, x, w, out)
    y = None if layout is None else out.transpose(layout.order)
    if layout is None or y is None or not y.flags.c_contiguous:
        return None
    calls: Calls = []
    gathered, kernel = _columns(layout, x, calls), _kernel(layout, w, calls)
    if isinstance(layout, Rows):
        weights = kernel.reshape(layout.groups, 1, 1, layout.width, -1)
        products = [(weights, view.of(gathered), output.of(y)) for view, output in layout.forward[0]]
    else:
        products = [(kernel.swapaxes(-1, -2), layout.as_matrix(gathered), layout.grouped(y))]
    return calls + [bound(np.matmul, a, b, out=c) for a, b, c in products]


def prepare_kernel_gradient(geometry: Geometry, x: Array, g: Array, out: Array) -> Calls | None:
    """Prepare `kernel_gradient`."""
    if product := _product("kernel_gradient", geometry, x, g, out):
        return [product]
    layout = _layout("kernel_gradient", geometry, x, g, out)
    if layout is None or not out.flags.c_contiguous:
        return None
    calls: Calls = []
    gathered, ordered = _columns(layout, x, calls), _packed(layout, g, layout.output, (...,), calls)
    if isinstance(layout, Rows):
        _sum_of_rows(layout, gathered, ordered, out, calls)
        return calls
    total = scratch((layout.groups, layout.r, layout.width), out.dtype)
    factor = layout.grouped(ordered).swapaxes(-1, -2)
    calls.append(bound(np.matmul, layout.as_matrix(gathered), factor, out=total))
    calls.append(partial(np.copyto, out.reshape(layout.r, layout.groups, layout.width), total.swapaxes(0, 1)))
    return calls


def prepare_input_gradient(geometry: Geometry, g: Array, w: Array, out: Array) -> Calls | None:
    """Prepare `input_gradient`."""
    if product := _product("input_gradient", geometry, g, w, out):
        return [product]
    layout = _layout("input_gradient", geometry, g, w, out)
    if layout is None:
        return None
    calls: Calls = []
    ordered_out = out.transpose(layout.order)
    in_place = not layout.pads and ordered_out.flags.c_contiguous
    x_bar = ordered_out if in_place else scratch(layout.padded, out.dtype)
    windows = layout.windows.of(x_bar)
    ordered = _packed(layout, g, layout.output, (...,), calls)
    calls.append(partial(x_bar.fill, 0))
    kernel = _kernel(layout, w, calls)
    if isinstance(layout, Rows):
        _add_rows(layout, kernel, ordered, windows, calls)
    else:
        gathered = scratch(windows[layout.at(layout.tiles[0])].shape, out.dtype)
        calls.append(bound(np.matmul, kernel, layout.grouped(ordered), out=layout.as_matrix(gathered)))
        for offset in np.ndindex(layout.offsets):
            _add(windows[layout.at(layout.tiles[0], offset)], gathered[layout.at(layout.whole, offset)], calls)
    return calls if in_place else [*calls, partial(np.copyto, out, layout.restore(x_bar[layout.interior]))]


def _product(which: str, geometry: Geometry, a: Array, b: Array, out: Array) -> Callable[[], object] | None:
    """Return the one call of `pointwise`, if that would be chosen and nothing is converted or copied."""
    if 0 in (a.size, b.size, out.size) or not a.dtype == b.dtype == out.dtype or out.dtype == np.float16:
        return None
    if algorithm(which, geometry, a, b, out.dtype) is not getattr(pointwise, which):
        return None
    x, y = pointwise.factors(which, a, b)
    z = out.reshape(-1, out.shape[-1])
    viewed = all(map(np.may_share_memory, (x, y, z), (a, b, out)))
    return partial(matmul, x, y, z) if viewed else None


def _layout(which: str, geometry: Geometry, a: Array, b: Array, out: Array) -> Rows | Columns | None:
    """Return the plan of the algorithm that would be chosen, if it has one tile and nothing is converted."""
    if 0 in (a.size, b.size, out.size) or not a.dtype == b.dtype == out.dtype or out.dtype == np.float16:
        return None
    chosen = algorithm(which, geometry, a, b, out.dtype)
    layout: Rows | Columns | None = None
    if chosen is getattr(by_rows, which):
        layout = rows.plan(geometry, out.itemsize)
    elif chosen is getattr(by_columns, which):
        layout = columns.plan(geometry, stays_channels_inner(geometry, a), out.itemsize)
    return layout if layout is not None and len(layout.tiles) == 1 else None


def _columns(layout: Plan, x: Array, calls: Calls) -> Array:
    """Return the windows of x, contiguous; few are gathered once for the product and for the kernel gradient."""
    if prod(layout.windows.shape) * x.itemsize > KEPT:
        gathered, gather = _gathered(layout, x, scratch)
    else:
        (gathered, gather), new = shared(_gathered, layout, x, kept)
        gather = gather if new else []
    calls += gather
    return gathered


def _gathered(layout: Plan, x: Array, memory: Callable[..., Array]) -> tuple[Array, Calls]:
    """Return the windows of x, contiguous, and the calls that gather them in an array of this memory."""
    calls: Calls = []
    packed = _packed(layout, x, layout.padded, layout.interior, calls)
    seen = layout.windows.of(packed)[layout.at(layout.tiles[0])]
    if seen.flags.c_contiguous and (memory is scratch or not calls):
        return seen, calls
    gathered = memory(seen.shape, seen.dtype)
    return gathered, [*calls, partial(np.copyto, gathered, seen)]


def _packed(layout: Plan, a: Array, shape: tuple[int, ...], interior: tuple[Any, ...], calls: Calls) -> Array:
    """Return an array in memory order, of this shape and zero outside of the interior; a itself if that will do."""
    ordered = a.transpose(layout.order)
    if ordered.shape == shape and ordered.flags.c_contiguous:
        return ordered
    packed = scratch(shape, a.dtype) if ordered.shape == shape else bordered(shape, a.dtype, interior)
    calls.append(partial(np.copyto, packed[interior], ordered))
    return packed


def _kernel(layout: Rows | Columns, w: Array, calls: Calls) -> Array:
    """Return a view of the kernel as the plan has it, of a copy that each run makes if it does not lie in C order."""
    if not w.flags.c_contiguous:
        ordered = scratch(w.shape, w.dtype)
        calls.append(partial(np.copyto, ordered, w))
        w = ordered
    return layout.pack_kernel(w, w.dtype)


def _sum_of_rows(layout: Rows, gathered: Array, g: Array, out: Array, calls: Calls) -> None:
    """Append the products of rows of g with their columns, their sums, and the sum of rows taken together."""
    shape = (layout.together * layout.width, layout.reach * layout.r)
    flip = shape[0] % 16 == 0  # as in `by_rows`

    def matrices(*lead: int) -> Array:  # in one order: else the sums take three times as long
        return scratch((*lead, *(shape[::-1] if flip else shape)), out.dtype).swapaxes(-1, -2 if flip else -1)

    total = matrices(layout.groups)
    for i, (view, seen) in enumerate(layout.backward[0]):
        a, b = seen.of(g), view.of(gathered)
        products, part = matrices(*a.shape[:3]), total if i == 0 else matrices(layout.groups)
        if flip:
            calls.append(bound(np.matmul, b, a.swapaxes(-1, -2), out=products.swapaxes(-1, -2)))
        else:
            calls.append(bound(np.matmul, a, b.swapaxes(-1, -2), out=products))
        calls.append(partial(np.add.reduce, products, (1, 2), None, part))
        if i:
            _add(total, part, calls)
    step, k, width = layout.row_stride * layout.r, layout.kh * layout.r, layout.width
    w_bar = total[:, :width, :k]
    for j in range(1, layout.together):
        _add(w_bar, total[:, j * width : (j + 1) * width, j * step : j * step + k], calls)
    calls.append(partial(np.copyto, out.reshape(k, layout.groups, width), w_bar.transpose(2, 0, 1)))


def _add_rows(layout: Rows, kernel: Array, g: Array, windows: Array, calls: Calls) -> None:
    """Append the products that give the columns of rows of input, and their additions to the windows."""
    border, shape = layout.border, (layout.p, layout.groups, layout.width, layout.m)
    between = g.reshape(shape).swapaxes(0, 1)
    if border or not between.flags.c_contiguous:
        interior, inner = (slice(None), slice(border, border + layout.p)), between
        between = bordered((layout.groups, layout.p + 2 * border, layout.width, layout.m), g.dtype, interior)
        calls.append(partial(np.copyto, between[interior], inner))
    weights = []
    for phase in range(layout.row_stride):
        taps = kernel[:, :, phase :: layout.row_stride][:, :, ::-1].transpose(0, 3, 2, 1)
        weights.append(scratch(taps.shape, g.dtype).reshape(layout.groups, 1, 1, layout.r, -1))
        calls.append(partial(np.copyto, weights[-1].reshape(taps.shape), taps))
    for blocks in layout.tasks:
        for block in blocks:
            gathered = scratch(block.shape, g.dtype)
            for phase, some, (view, seen) in block.products:
                product = bound(np.matmul, weights[phase][..., some], seen.of(between), out=view.of(gathered))
                calls.append(product)
            for of_window, of_columns in block.shifts:
                _add(windows[:, block.rows][of_window], gathered[of_columns], calls)


def _add(target: Array, part: Array, calls: Calls) -> None:
    calls.append(bound(np.add, target, part, out=target))
