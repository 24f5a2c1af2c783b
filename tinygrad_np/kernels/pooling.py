"""Maxima and sums of sliding windows, of any rank, and the transposes of those that are linear.

Shapes: x (N, *size, C); y, g and winner (N, *output_size, C). The window p holds x[n, p * stride + r * dilation -
low, c] for 0 <= r < kernel_size. The options are those of `Windows`.

Everything is done by strided slices, one offset r of the kernel at a time, cut to the windows that see the input
there: nothing is padded, and no window is copied. Maxima and sums go axis by axis, so they cost sum(kernel_size)
operations a window, not prod(kernel_size). Arrays may have any strides and are not written to. Results are fresh, in
the memory order of the first argument and with its dtype; float16 is summed in float32 and rounded once.
"""

from collections.abc import Iterator
from itertools import islice, product
from math import prod
from typing import Any, NamedTuple, TypeAlias, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]
Padding: TypeAlias = tuple[tuple[int, int], ...]
Slices: TypeAlias = tuple[slice, ...]


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
        """Whether the windows cover the axis without a gap, overlap or overhang."""
        return (
            self.low == 0 and self.dilation == 1 and self.stride == self.kernel and self.out * self.kernel == self.size
        )

    def seen(self, r: int) -> tuple[slice, slice]:
        """Give the windows whose element r lies in the input, and these elements."""
        shift = r * self.dilation - self.low
        first = max(0, -(shift // self.stride))
        count = max(0, min(self.out, (self.size - 1 - shift) // self.stride + 1) - first)
        start = first * self.stride + shift
        return slice(first, first + count), slice(start, start + count * self.stride, self.stride)


def _axes(size: Sizes, windows: Windows) -> list[_Axis]:
    low = (low for low, _ in windows["padding"])
    options = windows["kernel_size"], windows["stride"], low, windows["dilation"], windows["output_size"]
    return [_Axis(*axis) for axis in zip(size, *options, strict=True)]


def _offsets(axes: list[_Axis]) -> Iterator[tuple[Slices, Slices]]:
    """Yield for each offset, row-major, the index of the windows that see the input there, and of what they see."""
    for seen in product(*([axis.seen(r) for r in range(axis.kernel)] for axis in axes)):
        p, elements = zip(*seen, strict=True)
        yield (slice(None), *p), (slice(None), *elements)


def _fold(ufunc: np.ufunc, x: Array, axes: list[_Axis], start: Any) -> Array:
    """Reduce all windows, one axis after the other; `start` stands for the padding."""
    for i, axis in enumerate(axes, 1):
        x = _fold_axis(ufunc, x, i, axis, start)
    return x


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


def max_pool(x: Array, **windows: Unpack[Windows]) -> Array:
    """Take the maximum of each window; a NaN in it is its maximum. Padding counts as the lowest value of the dtype."""
    axes = _axes(x.shape[1:-1], windows)
    if x.dtype.kind in "iu":
        return _fold(np.maximum, x, axes, np.iinfo(x.dtype).min)
    return _fold(np.maximum, x, axes, False if x.dtype.kind == "b" else -np.inf)


def max_pool_winner(x: Array, y: Array | None = None, **windows: Unpack[Windows]) -> Array:
    """Find where in each window its first maximum is, or its first NaN: the row-major number of the offset.

    The dtype is the smallest unsigned one that holds prod(kernel_size) - 1. y is `max_pool` of x, if it is known. No
    offset is in the padding, except that a window of nothing else gets its last one. Costs prod(kernel_size)
    comparisons a window.
    """
    axes = _axes(x.shape[1:-1], windows)
    y = max_pool(x, **windows) if y is None else y
    last = prod(windows["kernel_size"]) - 1
    winner = np.zeros_like(y, np.min_scalar_type(last))
    # The number of the first maximum is how many elements are passed over before it; the last one never is.
    passed = np.ones_like(y, np.bool_)
    nan = y.dtype.kind in "fc" and bool(np.isnan(y).any())
    for p, elements in islice(_offsets(axes), last):
        seen, inside = x[elements], passed[p]
        inside &= seen != y[p]
        if nan:
            inside &= ~np.isnan(seen)
        winner += passed
    return winner


def window_gather(x: Array, winner: Array, **windows: Unpack[Windows]) -> Array:
    """Take from each window of x (N, *size, C) the element at its winner, 0 if that is padding.

    y[n, p, c] = x[n, p * stride + r * dilation - low, c], where r is winner[n, p, c].
    """
    y = np.zeros_like(x, shape=winner.shape)
    for number, (p, elements) in enumerate(_offsets(_axes(x.shape[1:-1], windows))):
        inside = y[p]
        np.add(inside, _keep(x[elements], winner[p] == number), out=inside)
    return y


def window_scatter(g: Array, winner: Array, *, size: Sizes, **windows: Unpack[Windows]) -> Array:
    """Transpose `window_gather`: add g of each window to the element at its winner, giving (N, *size, C).

    Its memory order is that of `winner`, so of the x that was pooled, in whichever order g arrives.
    """
    x_bar = np.zeros_like(winner, _accumulator(g), shape=(len(g), *size, g.shape[-1]))
    for number, (p, elements) in enumerate(_offsets(_axes(size, windows))):
        target = x_bar[elements]
        np.add(target, _keep(g[p], winner[p] == number), out=target)
    return x_bar.astype(g.dtype, copy=False)


def sum_pool(x: Array, **windows: Unpack[Windows]) -> Array:
    """Sum each window; padding counts as zero."""
    axes = _axes(x.shape[1:-1], windows)
    return _fold(np.add, x.astype(_accumulator(x), copy=False), axes, 0).astype(x.dtype, copy=False)


def sum_pool_transpose(g: Array, *, size: Sizes, **windows: Unpack[Windows]) -> Array:
    """Transpose `sum_pool`: add g of each window to all its elements, giving (N, *size, C)."""
    x_bar = g
    for i, axis in reversed(list(enumerate(_axes(size, windows), 1))):
        before, spread = (slice(None),) * i, x_bar
        make = np.empty_like if axis.tiled else np.zeros_like
        x_bar = make(spread, _accumulator(g), shape=(*g.shape[:i], *size[i - 1 :], g.shape[-1]))
        for p, elements in map(axis.seen, range(axis.kernel)):
            target, source = x_bar[*before, elements], spread[*before, p]
            if axis.disjoint:
                np.copyto(target, source)
            else:
                np.add(target, source, out=target)
    return x_bar.astype(g.dtype, copy=False)


def winner_to_flat_index(winner: Array, *, size: Sizes, **windows: Unpack[Windows]) -> NDArray[np.int64]:
    """Give the place of each winner in the plane `size`, row-major and without padding; -1 where it is padding."""
    flat = np.zeros_like(winner, np.int64)
    inside = np.ones_like(winner, np.bool_)
    offsets = np.unravel_index(winner, windows["kernel_size"])
    for i, (axis, offset) in enumerate(zip(_axes(size, windows), offsets, strict=True), 1):
        corner = np.arange(axis.out).reshape(-1, *(1,) * (winner.ndim - 1 - i)) * axis.stride - axis.low
        position = corner + offset * axis.dilation
        inside &= (position >= 0) & (position < axis.size)
        flat = flat * axis.size + position
    return np.where(inside, flat, -1)


def _keep(a: Array, where: Array) -> Array:
    """Give a where the mask holds, else 0. By bits: a branch a number takes six times as long, and inf * 0 is not 0."""
    if a.itemsize > 8:
        return np.where(where, a, a.dtype.type(0))
    bits = np.dtype(f"i{a.itemsize}")
    kept: Array = a.view(bits) & -where.astype(bits)
    return kept.view(a.dtype)


def _accumulator(a: Array) -> np.dtype[Any]:
    return np.dtype(np.float32) if a.dtype == np.float16 else a.dtype
