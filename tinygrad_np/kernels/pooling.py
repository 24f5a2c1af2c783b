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
from functools import lru_cache, partial
from itertools import islice, product
from math import prod
from typing import Any, NamedTuple, TypeAlias, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from .elementwise import keep
from .threads import parallel

Array: TypeAlias = NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]
Padding: TypeAlias = tuple[tuple[int, int], ...]
Slices: TypeAlias = tuple[slice, ...]

LONG = 8  # numbers in a run from which it is moved as a whole
MOST = 1 << 21  # bytes of an array up to which its runs are listed
SMALL = 4  # elements of a window up to which it is folded offset by offset
# Elements of the input that threads share, and of what one of them does at a time: strided slices have short rows,
# which take as long to begin as to do, and so an array takes no longer whole than in blocks that stay in the cache.
LARGE, BLOCK = 1 << 20, 1 << 19


class Windows(TypedDict):
    """The options of every function here, one entry a spatial axis.

    `stride` and `dilation` are positive, `padding` has non-negative pairs (low, high). By `output_size` the last
    window may hang over the padded end, into more padding.
    """

    kernel_size: Sizes
    stride: Sizes
    padding: Padding
    dilation: Sizes
    output_size: Sizes


class _Axis(NamedTuple):
    """The windows along one spatial axis: its size and its entries of the options."""

    size: int
    kernel: int
    stride: int
    low: int
    dilation: int
    out: int

    @property
    def disjoint(self) -> bool:
        """Whether no two windows overlap."""
        return self.stride > (self.kernel - 1) * self.dilation

    @property
    def tiled(self) -> bool:
        """Whether the windows follow each other from the start without a gap, overlap or overhang."""
        return (
            self.low == 0 and self.dilation == 1 and self.stride == self.kernel and self.out * self.kernel <= self.size
        )

    def seen(self, r: int) -> tuple[slice, slice]:
        """Give the windows whose element r lies in the input, and these elements."""
        shift = r * self.dilation - self.low
        first = max(0, -(shift // self.stride))
        count = max(0, min(self.out, (self.size - 1 - shift) // self.stride + 1) - first)
        start = first * self.stride + shift
        return slice(first, first + count), slice(start, start + count * self.stride, self.stride)


class Plan(NamedTuple):
    """What follows from size and options.

    For each offset, row-major, there are the index of the windows that see the input there, and that of what they see.
    Tiling windows cover the index `covered`, whose axes split by the shape `split`; there the window's elements are
    where `widened` has new axes.
    """

    axes: tuple[_Axis, ...]
    offsets: tuple[tuple[Slices, Slices], ...]
    inside: bool  # all windows see the input with all their elements
    disjoint: bool
    tiled: bool
    full: bool  # no element of the input is in no window
    covered: Slices
    split: Sizes
    widened: tuple[slice | None, ...]


@lru_cache(maxsize=512)
def _plan_cached(size: Sizes, *options: Any) -> Plan:
    kernel_size, stride, padding, dilation, output_size = options
    lows = (low for low, _ in padding)
    axes = tuple(_Axis(*axis) for axis in zip(size, kernel_size, stride, lows, dilation, output_size, strict=True))
    offsets = []
    for seen in product(*([axis.seen(r) for r in range(axis.kernel)] for axis in axes)):
        p, elements = zip(*seen, strict=True)
        offsets.append(((slice(None), *p), (slice(None), *elements)))
    inside = all(p.stop - p.start == a.out for a in axes for p, _ in map(a.seen, range(a.kernel)))
    tiled = all(axis.tiled for axis in axes)
    full = tiled and all(axis.out * axis.kernel == axis.size for axis in axes)
    every, disjoint = slice(None), all(axis.disjoint for axis in axes)
    covered = (every, *(slice(axis.out * axis.kernel) for axis in axes))
    split = tuple(k for axis in axes for k in (axis.out, axis.kernel))
    widened = (every, *(every, None) * len(axes), every)
    return Plan(axes, tuple(offsets), inside, disjoint, tiled, full, covered, split, widened)


def plan_of(size: Sizes, windows: Windows) -> Plan:
    """Settle what follows from the size and the options, once for each."""
    return _plan_cached(size, *_options(windows))


def _options(windows: Windows) -> tuple[Any, ...]:
    return windows["kernel_size"], windows["stride"], windows["padding"], windows["dilation"], windows["output_size"]


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


def _fold_axis(ufunc: np.ufunc, x: Array, i: int, axis: _Axis, start: Any) -> Array:
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
    g, plan = _arranged(g, order), plan_of(size, windows)
    dtype = g.dtype if plan.disjoint else _accumulator(g)
    x_bar = np.empty_like(winner, dtype, shape=(len(g), *size, g.shape[-1])) if out is None else out
    if len(plan.offsets) <= SMALL and plan.disjoint and _has_runs(order, x_bar, g, winner):
        runs = _runs_of_windows(order, g.shape, size, _options(windows))
        bits = runs.take(g, x_bar).view(f"i{x_bar.itemsize}")
        np.multiply(bits, np.equal(runs.take(winner, np.empty_like(x_bar, winner.dtype)), runs.offsets), out=bits)
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
    g = g if order is None else _arranged(g, order)
    x_bar = np.empty_like(g, shape=(len(g), *size, g.shape[-1])) if out is None else out
    if plan.tiled and plan.full and order is not None and _has_runs(order, x_bar, g):
        scaled = g if scale == 1 else np.multiply(g, scale)
        return _runs_of_windows(order, g.shape, size, _options(windows)).take(scaled, x_bar)

    if x_bar.size < LARGE:
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


class _Runs(NamedTuple):
    """The runs of an input that windows tile: numbers that lie together in memory and are in windows together.

    Attributes
    ----------
    order : tuple of int
        The memory order of the input and of the windows; its last axis is that of the runs.
    windows : array
        For each run of the input, in that order, the number of the run of its window, 0 if it is in none.
    offsets : array
        For each element of the input the number of its offset in the window, a further one if it is in none.
    """

    order: Sizes
    windows: NDArray[np.intp]
    offsets: NDArray[np.uint8]

    def take(self, y: Array, x: Array) -> Array:
        """Give every run of x that of its window in y, and return x."""
        n = y.shape[self.order[-1]]
        from_runs, to_runs = (a.transpose(self.order).reshape(-1, n) for a in (y, x))
        from_runs.take(self.windows, 0, to_runs, "clip")  # all are in range, but to look makes a copy of x
        return x


@lru_cache(maxsize=64)
def _runs_of_windows(order: Sizes, shape: Sizes, size: Sizes, options: tuple[Any, ...]) -> _Runs:
    """Find the runs, for windows of a shape (N, *output_size, C)."""
    plan, inverse = _plan_cached(size, *options), _inverse(order)
    lengths = [1 if axis == order[-1] else shape[axis] for axis in order]
    numbers = np.arange(prod(lengths)).reshape(lengths).transpose(inverse)
    x = (shape[0], *size, shape[-1])
    windows = np.zeros([1 if axis == order[-1] else n for axis, n in enumerate(x)], np.intp)
    offsets = np.full([x[axis] for axis in order], len(plan.offsets), np.uint8).transpose(inverse)
    for number, (p, elements) in enumerate(plan.offsets):
        windows[elements] = numbers[p]
        offsets[elements] = number
    return _Runs(order, windows.transpose(order).reshape(-1), offsets)


def _has_runs(order: Sizes, x: Array, *others: Array) -> bool:
    """Whether arrays lie without gaps in this order, with runs of channels or images that are long enough to move."""
    axis = order[-1]
    return (
        axis in (0, x.ndim - 1)
        and x.shape[axis] >= LONG
        and x.nbytes <= MOST
        and x.dtype.char in "fd"
        and all(a.transpose(order).flags.c_contiguous for a in (x, *others))
    )


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


def memory_order(a: Array) -> Sizes:
    """Give the axes from the slowest to the fastest in memory."""
    return _order_of(a.strides)


@lru_cache
def _order_of(strides: Sizes) -> Sizes:
    return tuple(sorted(range(len(strides)), key=lambda i: -strides[i]))


@lru_cache
def _inverse(order: Sizes) -> Sizes:
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def _arranged(a: Array, order: Sizes) -> Array:
    """Give an array in this memory order, itself if it has it: what is used several times is rearranged once."""
    b = a.transpose(order)
    return a if b.flags.c_contiguous else np.ascontiguousarray(b).transpose(_inverse(order))


def _accumulator(a: Array) -> np.dtype[Any]:
    return np.dtype(np.float32) if a.dtype == np.float16 else a.dtype
