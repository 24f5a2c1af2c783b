"""Maxima and sums of sliding windows, of any rank, and the transposes of those that are linear.

Shapes: x (N, *size, C); y, g and winner (N, *output_size, C). The window p holds x[n, p * stride + r * dilation -
low, c] for 0 <= r < kernel_size. The options are those of `Windows`.

Everything is done by strided slices, one offset r of the kernel at a time, cut to the windows that see the input
there: nothing is padded, and no window is copied. Maxima and sums of larger windows go axis by axis, so they cost
sum(kernel_size) operations a window, not prod(kernel_size). Threads share large arrays, by images, or by channels where
the batch is inner in memory.

Arrays may have any strides and are not written to. Results are fresh, in the memory order of the first argument, if
nothing else is said, and with its dtype; float16 is summed in float32 and rounded once. For a result of another dtype
than float16 there may be an array `out`.
"""

from collections.abc import Callable
from functools import partial
from itertools import islice
from math import prod
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from .elementwise import keep
from .order import Array, Sizes, arranged, memory_order
from .runs import have_runs, offsets_of, spread_runs
from .threads import parallel
from .windows import Axis, Plan, Windows, plan_of

SMALL = 4  # elements of a window up to which it is folded offset by offset
# Elements of the input that threads share, and of what one of them does at a time: strided slices have short rows,
# which take as long to begin as to do, and so an array takes no longer whole than in blocks that stay in the cache.
LARGE, BLOCK = 1 << 20, 1 << 19


def _by_blocks(task: Callable[..., object], x: Array, *others: Array) -> None:
    """Call task(x, *others), or for large arrays (N, *, C) for blocks of images, or channels, in several threads."""
    if x.size < LARGE:
        task(x, *others)
        return
    axis = 0 if x.strides[0] >= x.strides[-1] else x.ndim - 1
    count = min(x.shape[axis], x.size // BLOCK)
    bounds, before = [x.shape[axis] * i // count for i in range(count + 1)], (slice(None),) * axis

    def part(i: int) -> None:
        index = (*before, slice(bounds[i], bounds[i + 1]))
        task(x[index], *[a[index] for a in others])

    parallel(part, count)


def _fold(ufunc: np.ufunc, x: Array, plan: Plan, start: Any, out: Array | None, scale: float = 1.0) -> Array:
    """Reduce all windows, times a scale; `start` stands for the padding."""
    if x.size < LARGE:
        return _fold_block(ufunc, x, plan, start, out, scale)
    y = np.empty_like(x, shape=(len(x), *(axis.out for axis in plan.axes), x.shape[-1])) if out is None else out
    _by_blocks(lambda x, y: _fold_block(ufunc, x, plan, start, y, scale), x, y)
    return y


def _fold_block(ufunc: np.ufunc, x: Array, plan: Plan, start: Any, out: Array | None, scale: float) -> Array:
    if plan.inside and 1 < len(plan.offsets) <= SMALL:
        (_, first), (_, second), *others = plan.offsets
        y: Array = ufunc(x[first], x[second], out=out)
        for _, elements in others:
            ufunc(y, x[elements], out=y)
        return y if scale == 1 else np.multiply(y, scale, out=y)
    for i, axis in enumerate(plan.axes, 1):  # one axis after the other
        x = _fold_axis(ufunc, x, i, axis, start)
    if out is None:
        return x if scale == 1 else x * scale
    np.multiply(x, scale, out=out) if scale != 1 else np.copyto(out, x)
    return out


def _fold_axis(ufunc: np.ufunc, x: Array, i: int, axis: Axis, start: Any) -> Array:
    before, everywhere = (slice(None),) * i, slice(0, axis.out)
    seen = [axis.seen(r) for r in range(axis.kernel)]
    seen.sort(key=lambda part: part[0] != everywhere)
    if axis.kernel > 1 and seen[1][0] == everywhere:  # two offsets that every window sees: their result needs no start
        y: Array = ufunc(x[*before, seen[0][1]], x[*before, seen[1][1]])
        seen = seen[2:]
    else:
        y = np.full_like(x, start, shape=(*x.shape[:i], axis.out, *x.shape[i + 1 :]))
    for p, elements in seen:
        inside = y[*before, p]
        ufunc(inside, x[*before, elements], out=inside)
    return y


def max_pool(x: Array, *, out: Array | None = None, **windows: Unpack[Windows]) -> Array:
    """Take the maximum of each window; a NaN in it is its maximum. Padding counts as the lowest value of the dtype."""
    plan = plan_of(x.shape[1:-1], windows)
    if x.dtype.kind in "iu":
        return _fold(np.maximum, x, plan, np.iinfo(x.dtype).min, out)
    return _fold(np.maximum, x, plan, False if x.dtype.kind == "b" else -np.inf, out)


def max_pool_winner(x: Array, y: Array, *, out: Array | None = None, **windows: Unpack[Windows]) -> Array:
    """Find where in each window its first maximum is, or its first NaN: the row-major number of the offset.

    The dtype is the smallest unsigned one that holds prod(kernel_size) - 1. y is `max_pool` of x. No offset is in the
    padding, except that a window of nothing else gets its last one. Costs prod(kernel_size) comparisons a window.
    """
    last, plan = prod(windows["kernel_size"]) - 1, plan_of(x.shape[1:-1], windows)
    winner = np.empty_like(y, np.min_scalar_type(last)) if out is None else out
    _by_blocks(partial(_find_winners, plan, last), x, y, winner)
    return winner


def _find_winners(plan: Plan, last: int, x: Array, y: Array, winner: Array) -> None:
    """Count the elements that are passed over before the first maximum; the last one never is."""
    nan = y.dtype.kind in "fc" and bool(np.isnan(y).any())
    passed: Array | None = None
    for p, elements in islice(plan.offsets, last):
        seen = x[elements]
        less = seen != y[p]
        if nan:
            less &= ~np.isnan(seen)
        if passed is None:
            if plan.inside:
                passed = less
            else:
                passed = np.ones_like(y, np.bool_)
                passed[p] = less
            winner[...] = passed.view(np.uint8)
        else:
            inside = passed[p]
            inside &= less
            winner += passed.view(np.uint8)
    if passed is None:
        winner[...] = 0


def window_gather(x: Array, winner: Array, **windows: Unpack[Windows]) -> Array:
    """Take from each window of x (N, *size, C) the element at its winner, 0 if that is padding.

    y[n, p, c] = x[n, p * stride + r * dilation - low, c], where r is winner[n, p, c].
    """
    y = np.zeros_like(x, shape=winner.shape)
    for number, (p, elements) in enumerate(plan_of(x.shape[1:-1], windows).offsets):
        inside = y[p]
        np.add(inside, keep(x[elements], winner[p] == number), out=inside)
    return y


def window_scatter(
    g: Array, winner: Array, *, size: Sizes, out: Array | None = None, **windows: Unpack[Windows]
) -> Array:
    """Transpose `window_gather`: add g of each window to the element at its winner, giving (N, *size, C).

    Its memory order is that of `winner`, so of the x that was pooled, in whichever order g arrives.
    """
    order = memory_order(winner)
    g, plan = arranged(g, order), plan_of(size, windows)
    dtype = g.dtype if plan.disjoint else _accumulator(g)
    x_bar = np.empty_like(winner, dtype, shape=(len(g), *size, g.shape[-1])) if out is None else out
    few = plan.disjoint and len(plan.offsets) <= SMALL
    if few and x_bar.dtype.char in "fd" and have_runs(x_bar, g, winner, order=order):
        bits, wide = x_bar.view(f"i{x_bar.itemsize}"), np.empty_like(x_bar, winner.dtype)
        spread_runs(plan, g, x_bar, order)()
        spread_runs(plan, winner, wide, order)()
        np.multiply(bits, np.equal(wide, offsets_of(plan, x_bar, order)), out=bits)
        return x_bar

    def task(into: Array, given: Array, places: Array) -> None:
        if not plan.full:
            into[...] = 0
        for number, (p, elements) in enumerate(plan.offsets):
            target, wins = into[elements], places[p] == number
            if plan.disjoint:
                keep(given[p], wins, out=target)
            else:
                np.add(target, keep(given[p], wins), out=target)

    _by_blocks(task, x_bar, g, winner)
    return x_bar.astype(g.dtype, copy=False)


def sum_pool(x: Array, *, scale: float = 1.0, out: Array | None = None, **windows: Unpack[Windows]) -> Array:
    """Sum each window, times a scale; padding counts as zero."""
    wide = x.astype(_accumulator(x), copy=False)
    return _fold(np.add, wide, plan_of(x.shape[1:-1], windows), 0, out, scale).astype(x.dtype, copy=False)


def sum_pool_transpose(
    g: Array,
    *,
    size: Sizes,
    scale: float = 1.0,
    order: Sizes | None = None,
    out: Array | None = None,
    **windows: Unpack[Windows],
) -> Array:
    """Transpose `sum_pool`: add g of each window, times the scale, to all its elements, giving (N, *size, C).

    The memory order of the result: its axes from the slowest to the fastest. It is cheaper to change it here, where g
    is still small.
    """
    plan = plan_of(size, windows)
    g = g if order is None else arranged(g, order)
    x_bar = np.empty_like(g, shape=(len(g), *size, g.shape[-1])) if out is None else out
    if plan.full and order is not None and x_bar.dtype.char in "fd" and have_runs(x_bar, g, order=order):
        spread_runs(plan, g if scale == 1 else np.multiply(g, scale), x_bar, order)()
    elif x_bar.size < LARGE:
        _spread_scaled(plan, scale, x_bar, g)
    else:
        _by_blocks(partial(_spread_scaled, plan, scale), x_bar, g)
    return x_bar


def _spread_scaled(plan: Plan, scale: float, x_bar: Array, g: Array) -> None:
    """Put g of each window, times the scale, into x_bar."""
    wide = _accumulator(g)
    g = g.astype(wide, copy=False) if scale == 1 else np.multiply(g, scale, dtype=wide)
    if not plan.tiled:
        x_bar[...] = _spread(g, plan, x_bar.shape[1:-1])
        return
    if not plan.full:
        x_bar[...] = 0
    tiles = x_bar[plan.covered].reshape(len(g), *plan.split, g.shape[-1])  # a view
    tiles[...] = g[plan.widened]


def _spread(g: Array, plan: Plan, size: Sizes) -> Array:
    """Add g of each window to all its elements, one axis after the other."""
    x_bar = g
    for i, axis in reversed(list(enumerate(plan.axes, 1))):
        before, spread = (slice(None),) * i, x_bar
        x_bar = np.zeros_like(spread, shape=(*g.shape[:i], *size[i - 1 :], g.shape[-1]))
        for p, elements in map(axis.seen, range(axis.kernel)):
            target, source = x_bar[*before, elements], spread[*before, p]
            if axis.disjoint:
                np.copyto(target, source)
            else:
                np.add(target, source, out=target)
    return x_bar


def winner_to_flat_index(winner: Array, *, size: Sizes, **windows: Unpack[Windows]) -> NDArray[np.int64]:
    """Give the place of each winner in the plane `size`, row-major and without padding; -1 where it is padding."""
    flat = np.zeros_like(winner, np.int64)
    inside = np.ones_like(winner, np.bool_)
    offsets = np.unravel_index(winner, windows["kernel_size"])
    for i, (axis, offset) in enumerate(zip(plan_of(size, windows).axes, offsets, strict=True), 1):
        corner = np.arange(axis.out).reshape(-1, *(1,) * (winner.ndim - 1 - i)) * axis.stride - axis.low
        position = corner + offset * axis.dilation
        inside &= (position >= 0) & (position < axis.size)
        flat = flat * axis.size + position
    return np.where(inside, flat, -1)


def _accumulator(a: Array) -> np.dtype[Any]:
    return np.dtype(np.float32) if a.dtype == np.float16 else a.dtype
