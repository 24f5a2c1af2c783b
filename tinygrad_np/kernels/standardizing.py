"""Standardising over some axes, with a scale and an offset for each group, and its gradient: two readings each.

An array is seen in its memory order as (A, K, B): K groups that are standardised apart, each over its elements along A
and B. The work goes in blocks of A, or of K where A is 1, that stay in the cache, and is shared over threads; sums are
products with ones, which BLAS does faster than NumPy adds. As few steps as possible are taken:

    var = E x² - (E x)²,    y = a x + (b - a mean)

lose digits where a mean is many standard deviations from 0. Where one is more than FAR, all is done once more with
x - mean in place of x. float16 is computed in float32, moments too.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .threads import parallel

Array: TypeAlias = NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]

FAR = 4.0
BLOCK = 1 << 16  # elements: with the gradient's and the result's, 768 KiB of float32
ALONE = 1 << 18  # elements that are done sooner than threads are told to share them


class _View(NamedTuple):
    """How an array is seen: its axes in memory order, its shape in that order, its groups' shape and (A, K, B)."""

    order: Sizes
    lengths: Sizes
    groups: Sizes
    shape: tuple[int, int, int]

    def of(self, a: Array) -> Array:
        """Give an array of that shape as (A, K, B); a copy if its memory has another order."""
        return np.ascontiguousarray(a.transpose(self.order)).reshape(self.shape)

    def vector(self, a: Any, dtype: Any) -> Array:
        """Give a value for each group, which may be broadcast, as (K, 1)."""
        wide = np.broadcast_to(np.asarray(a, dtype), self.groups).transpose(self.order)
        return wide.reshape(self.shape[1], 1)

    def back(self, y: Array) -> Array:
        """Undo `of`."""
        return y.reshape(self.lengths).transpose(np.argsort(self.order))

    def grouped(self, values: Array) -> Array:
        """Give (K, 1) the axes of the array, with reduced ones of length 1."""
        lengths = [self.groups[i] for i in self.order]
        return np.ascontiguousarray(values.reshape(lengths).transpose(np.argsort(self.order)))


def _view(x: Array, axis: Sizes) -> _View:
    """See x in its memory order, or if its groups do not lie like that, with its groups first."""
    order = tuple(sorted(range(x.ndim), key=lambda i: -x.strides[i]))
    kept = [i for i, a in enumerate(order) if a not in axis and x.shape[a] != 1]
    first, last = (kept[0], kept[-1] + 1) if kept else (0, 0)
    if any(a in axis and x.shape[a] != 1 for a in order[first:last]):
        order = (*(a for a in order if a not in axis), *(a for a in order if a in axis))
        first, last = 0, x.ndim - len(axis)
    lengths = tuple(x.shape[a] for a in order)
    groups = tuple(1 if a in axis else n for a, n in enumerate(x.shape))
    shape = math.prod(lengths[:first]), math.prod(lengths[first:last]), math.prod(lengths[last:])
    return _View(order, lengths, groups, shape)


class _Blocks(NamedTuple):
    """The blocks of an array (A, K, B): for each the number of its rows, its index and that of its groups."""

    places: list[tuple[int, slice, slice]]
    sizes: Array  # (rows, 1, 1): elements of a group in the blocks of each row
    step: int  # along A

    def run(self, task: Callable[[int, slice, slice], None], elements: int) -> None:
        """Call the task for each block, those of a large array in several threads."""
        parallel_or_not = parallel if elements > ALONE else _in_turn
        parallel_or_not(lambda i: task(*self.places[i]), len(self.places))


def _in_turn(task: Callable[[int], Any], count: int) -> None:
    for i in range(count):
        task(i)


def _blocks(shape: tuple[int, int, int], dtype: Any) -> _Blocks:
    a, k, b = shape
    if a == 1:
        step = max(1, BLOCK // max(b, 1))
        every = slice(0, 1)
        return _Blocks([(0, every, slice(i, i + step)) for i in range(0, k, step)], np.full((1, 1, 1), b, dtype), 1)
    step = max(1, BLOCK // max(k * b, 1))
    rows = [slice(i, min(i + step, a)) for i in range(0, a, step)]
    sizes = np.array([(row.stop - row.start) * b for row in rows], dtype).reshape(-1, 1, 1)
    return _Blocks([(i, row, slice(0, k)) for i, row in enumerate(rows)], sizes, step)


def _sum(t: Array) -> Array:
    """Sum (a, k, b) over a and b, giving (k, 1)."""
    a, _, b = t.shape
    if b == 1:
        total: Array = np.ones(a, t.dtype) @ t[:, :, 0]
        return total[:, None]
    return _over_blocks(t @ np.ones((b, 1), t.dtype))


def _sum_of_products(s: Array, t: Array) -> Array:
    if s.shape[2] == 1:
        return _sum(s * t)
    return _over_blocks(np.vecdot(s, t)[..., None])


def _over_blocks(each: Array) -> Array:
    total: Array = each[0] if len(each) == 1 else np.add.reduce(each, 0)
    return total


def _sums(x: Array, y: Array, shift: Array | None, blocks: _Blocks) -> tuple[Array, Array]:
    """Return Σ y and Σ y (x - shift) of each group, (K, 1); or with x for y of what is shifted."""
    first, second = (np.zeros((len(blocks.sizes), x.shape[1], 1), x.dtype) for _ in range(2))
    wide = None if shift is None else _as_wide_as(blocks, x, shift)[0]

    def task(row: int, a: slice, k: slice) -> None:
        d = x[a, k]
        d = d if wide is None else d - wide[: len(d), k]
        other = d if y is x else y[a, k]
        first[row, k], second[row, k] = _sum(other), _sum_of_products(other, d)

    blocks.run(task, x.size)
    return np.add.reduce(first, 0), np.add.reduce(second, 0)


def _far(mean: Array, var: Array) -> bool:
    return bool(np.any(np.square(mean) > FAR**2 * var))


def _moments(x: Array, blocks: _Blocks, centred: bool) -> tuple[Array | None, Array, Array]:
    """Return a shift, if one is needed, and the mean and the variance of x - shift for each group, (K, 1)."""
    n = max(x.shape[0] * x.shape[2], 1)
    total, squares = _sums(x, x, None, blocks)
    if not centred:
        return None, np.zeros_like(total), squares / n
    mean = total / n
    var = np.maximum(squares / n - np.square(mean), 0)
    if not _far(mean, var):
        return None, mean, var
    total, squares = _sums(x, x, mean, blocks)
    return mean, total / n, squares / n - np.square(total / n)  # what is left of the mean is its rounding


def _lost_by_rounding(x: Array, mean: Array, blocks: _Blocks) -> Array:
    """Return what a mean that is far lost when it was rounded, for that may be no small part of x - mean.

    More than rounding loses is none of it: then the mean is another one, and is taken as it is.
    """
    rest = _sums(x, x, mean, blocks)[0] / max(x.shape[0] * x.shape[2], 1)
    lost: Array = np.where(np.abs(rest) <= 4 * np.finfo(x.dtype).eps * np.abs(mean), rest, x.dtype.type(0))
    return lost


def _as_wide_as(blocks: _Blocks, x: Array, *values: Array) -> list[Array]:
    """Repeat values of (K, 1) as often as a block is long, if they lie side by side: NumPy multiplies rows slowly."""
    if x.shape[2] > 1 or blocks.step == 1:
        return [v[None] for v in values]
    return [np.repeat(v[None], min(blocks.step, x.shape[0]), axis=0) for v in values]


def standardize(
    x: Array, scale: Any, bias: Any, *, axis: Sizes, eps: float, centred: bool = True
) -> tuple[Array, Array, Array]:
    """Compute y = scale (x - mean) / sqrt(var + eps) + bias, the means and the variances over the axes.

    Moments have the axes of x, reduced ones of length 1; scale and bias broadcast to that. Not `centred`, the mean is
    0 and the variance the mean square.
    """
    wide = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    view = _view(x, axis)
    x3 = view.of(x.astype(wide, copy=False))
    blocks = _blocks(view.shape, wide)
    shift, mean, var = _moments(x3, blocks, centred)
    factor = view.vector(scale, wide) / np.sqrt(var + eps)
    offset = view.vector(bias, wide) - mean * factor
    less, by, plus = _as_wide_as(blocks, x3, mean if shift is None else shift, factor, offset)
    y = np.empty_like(x3)

    def task(row: int, a: slice, k: slice) -> None:
        out, d = y[a, k], x3[a, k]
        n = len(out)
        np.multiply(d if shift is None else np.subtract(d, less[:n, k], out=out), by[:n, k], out=out)
        np.add(out, plus[:n, k], out=out)

    blocks.run(task, x3.size)
    mean = mean if shift is None else shift + mean
    return view.back(y).astype(x.dtype, copy=False), view.grouped(mean), view.grouped(var)


def standardize_gradient(
    g: Array,
    mean_bar: Any,
    var_bar: Any,
    x: Array,
    scale: Any,
    mean: Any,
    var: Any,
    *,
    axis: Sizes,
    eps: float,
    centred: bool = True,
) -> tuple[Array, Array, Array]:
    """Compute x_bar of `standardize`, and r Σ g d and Σ g over the axes, with d = x - mean and r = 1 / sqrt(var + eps).

    x_bar = scale r (g - E g - r² d E g d) + mean_bar / n + 2 d var_bar / n, without E g and mean_bar where it is not
    `centred`: for each group a multiple of g, one of x, and a constant.
    """
    wide = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    view = _view(x, axis)
    x3, g3 = view.of(x.astype(wide, copy=False)), view.of(g.astype(wide, copy=False))
    blocks, n = _blocks(view.shape, wide), max(view.shape[0] * view.shape[2], 1)
    mean, var, a = view.vector(mean, wide), view.vector(var, wide), view.vector(scale, wide)
    shift = mean if _far(mean, var) else None
    total, along = _sums(x3, g3, shift, blocks)
    rest = mean if shift is None else _lost_by_rounding(x3, mean, blocks)
    along = along - rest * total
    r = 1 / np.sqrt(var + eps)
    slope = (2 * view.vector(var_bar, wide) - a * r**3 * along) / n
    level = (view.vector(mean_bar, wide) - a * r * total) / n if centred else np.zeros_like(total)
    level = level - slope * rest
    less, of_g, of_d, constant = _as_wide_as(blocks, x3, mean, a * r, slope, level)
    x_bar = np.empty_like(x3)

    def task(row: int, rows: slice, k: slice) -> None:
        out, d = x_bar[rows, k], x3[rows, k]
        m = len(out)
        np.multiply(d if shift is None else np.subtract(d, less[:m, k], out=out), of_d[:m, k], out=out)
        np.add(out, g3[rows, k] * of_g[:m, k], out=out)
        np.add(out, constant[:m, k], out=out)

    blocks.run(task, x3.size)
    return view.back(x_bar).astype(g.dtype, copy=False), view.grouped(r * along), view.grouped(total)
