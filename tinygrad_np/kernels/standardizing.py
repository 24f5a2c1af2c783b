"""Standardising over some axes, with a scale and an offset for each group, and its gradient: two readings each.

An array is seen in its memory order as (A, K, B): K groups that are standardised apart, each over its elements along A
and B. Threads share the blocks of A, or of K where A is 1; sums are products with ones, which BLAS does faster than
NumPy adds. Where A is the long axis, values of the groups are repeated to rows of some thousand numbers, for NumPy
takes as long to begin a row as for hundreds of numbers. As few steps as possible are taken:

    var = E x² - (E x)²,    y = a x + (b - a mean)

lose digits where a mean is many standard deviations from 0. Where one is more than FAR, all is done once more with
x - mean in place of x. float16 is computed in float32, moments too.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .order import Array, Sizes, inverse, order_of
from .threads import parallel

FAR = 4.0
BLOCK = 1 << 18  # elements: with fewer, calls are so short that threads wait for each other
ROW = 1 << 14  # elements of a row of repeated values, 64 KiB of float32
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

    def result(self, x: Array, dtype: Any, out: Array | None) -> tuple[Array, Array]:
        """Make an array like x, or take `out`, if that lies in memory as the view does, and see it as (A, K, B)."""
        y = np.empty_like(x, dtype) if out is None or out.dtype != dtype else out
        if not y.transpose(self.order).flags.c_contiguous:
            y = np.empty(self.lengths, dtype).transpose(inverse(self.order))
        return y, y.transpose(self.order).reshape(self.shape)

    def grouped(self, values: Array) -> Array:
        """Give (K, 1) the axes of the array, with reduced ones of length 1."""
        lengths = [self.groups[i] for i in self.order]
        return np.ascontiguousarray(values.reshape(lengths).transpose(inverse(self.order)))


@lru_cache(maxsize=512)
def _view(sizes: Sizes, strides: Sizes, axis: Sizes) -> _View:
    """See an array in its memory order, or if its groups do not lie like that, with its groups first."""
    order = order_of(strides)
    kept = [i for i, a in enumerate(order) if a not in axis and sizes[a] != 1]
    first, last = (kept[0], kept[-1] + 1) if kept else (0, 0)
    if any(a in axis and sizes[a] != 1 for a in order[first:last]):
        order = (*(a for a in order if a not in axis), *(a for a in order if a in axis))
        first, last = 0, len(sizes) - len(axis)
    lengths = tuple(sizes[a] for a in order)
    groups = tuple(1 if a in axis else n for a, n in enumerate(sizes))
    shape = math.prod(lengths[:first]), math.prod(lengths[first:last]), math.prod(lengths[last:])
    return _View(order, lengths, groups, shape)


class _Blocks(NamedTuple):
    """The blocks of an array (A, K, B): for each the number of its rows, its index and that of its groups."""

    places: list[tuple[int, slice, slice]]
    rows: int
    run: int  # along A, for which values are repeated; a block is several of them, or less than one

    def do(self, task: Callable[[int, slice, slice], None], elements: int) -> None:
        """Call the task for each block, those of a large array in several threads."""
        if elements > ALONE:
            parallel(lambda i: task(*self.places[i]), len(self.places))
        else:
            for place in self.places:
                task(*place)

    def repeated(self, values: Array, b: int) -> Array:
        """Repeat values of (K, 1) over a run, as (run, K, B); give them as (1, K, 1) if that is one row."""
        if self.run == 1:
            return values[None]
        rows = np.empty((self.run, len(values), b), values.dtype)
        rows[...] = values
        return rows


@lru_cache(maxsize=512)
def _blocks(shape: tuple[int, int, int], size: int, row: int) -> _Blocks:
    """Cut into blocks of about a size, with runs of at most a row, each of which is used several times."""
    a, k, b = shape
    if a == 1:
        step = max(1, size // max(b, 1))
        return _Blocks([(0, slice(0, 1), slice(i, i + step)) for i in range(0, k, step)], 1, 1)
    run = max(1, min(a // 8, row // max(k * b, 1)))
    step, whole = run * max(1, size // max(run * k * b, 1)), a - a % run
    rows = [slice(i, min(i + step, whole)) for i in range(0, whole, step)]
    rows += [slice(whole, a)] * (whole < a)
    return _Blocks([(i, row, slice(0, k)) for i, row in enumerate(rows)], len(rows), run)


def _with(function: np.ufunc, block: Array, values: Array, k: slice, out: Array | None = None) -> Array:
    """Compute function(block, values) with values of the groups k that are repeated over a run."""
    out = np.empty_like(block) if out is None else out
    run = min(len(block), len(values))
    runs = (len(block) // run, run, *block.shape[1:])
    function(block.reshape(runs), values[:run, k], out=out.reshape(runs))
    return out


def _sum(t: Array) -> Array:
    """Sum (a, k, b) over a and b, giving (k, 1)."""
    a, _, b = t.shape
    if b == 1:
        total: Array = _ones(a, t.dtype) @ t[:, :, 0]
        return total[:, None]
    return _over_blocks(t @ _ones(b, t.dtype)[:, None])


@lru_cache(maxsize=16)
def _ones(n: int, dtype: Any) -> Array:
    return np.ones(n, dtype)


def _sum_of_products(s: Array, t: Array) -> Array:
    if s.shape[2] == 1:
        return _sum(s * t)
    return _over_blocks(np.vecdot(s, t)[..., None])


def _over_blocks(each: Array) -> Array:
    total: Array = each[0] if len(each) == 1 else np.add.reduce(each, 0)
    return total


def _sums(x: Array, y: Array, shift: Array | None, blocks: _Blocks) -> tuple[Array, Array]:
    """Return Σ y and Σ y (x - shift) of each group, (K, 1); or with x for y of what is shifted."""
    first, second = (np.zeros((blocks.rows, x.shape[1], 1), x.dtype) for _ in range(2))
    wide = None if shift is None else blocks.repeated(shift, x.shape[2])

    def task(row: int, a: slice, k: slice) -> None:
        d = x[a, k] if wide is None else _with(np.subtract, x[a, k], wide, k)
        other = d if y is x else y[a, k]
        first[row, k], second[row, k] = _sum(other), _sum_of_products(other, d)

    blocks.do(task, x.size)
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


def _as(dtype: Any, y: Array, out: Array | None) -> Array:
    """Give the result its dtype, or put it into the array for it if it is not there."""
    if out is None:
        return y.astype(dtype, copy=False)
    if y is not out:
        np.copyto(out, y, casting="unsafe")
    return out


def standardize(
    x: Array, scale: Any, bias: Any, *, axis: Sizes, eps: float, centred: bool = True, out: Array | None = None
) -> tuple[Array, Array, Array]:
    """Compute y = scale (x - mean) / sqrt(var + eps) + bias, the means and the variances over the axes.

    Moments have the axes of x, reduced ones of length 1; scale and bias broadcast to that. Not `centred`, the mean is
    0 and the variance the mean square. There may be an array for y.
    """
    wide = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    view = _view(x.shape, x.strides, axis)
    x3 = view.of(x.astype(wide, copy=False))
    blocks = _blocks(view.shape, BLOCK, ROW)
    shift, mean, var = _moments(x3, blocks, centred)
    factor = view.vector(scale, wide) / np.sqrt(var + eps)
    offset = view.vector(bias, wide) - mean * factor
    by, plus = (blocks.repeated(v, x3.shape[2]) for v in (factor, offset))
    less = None if shift is None else blocks.repeated(shift, x3.shape[2])
    y, y3 = view.result(x, wide, out)

    def task(row: int, a: slice, k: slice) -> None:
        into, d = y3[a, k], x3[a, k]
        _with(np.multiply, d if less is None else _with(np.subtract, d, less, k, into), by, k, into)
        _with(np.add, into, plus, k, into)

    blocks.do(task, x3.size)
    mean = mean if shift is None else shift + mean
    return _as(x.dtype, y, out), view.grouped(mean), view.grouped(var)


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
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Compute x_bar of `standardize`, and r Σ g d and Σ g over the axes, with d = x - mean and r = 1 / sqrt(var + eps).

    x_bar = scale r (g - E g - r² d E g d) + mean_bar / n + 2 d var_bar / n, without E g and mean_bar where it is not
    `centred`: for each group a multiple of g, one of x, and a constant. There may be an array for x_bar.
    """
    wide = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    view = _view(x.shape, x.strides, axis)
    x3, g3 = view.of(x.astype(wide, copy=False)), view.of(g.astype(wide, copy=False))
    blocks, n = _blocks(view.shape, BLOCK, ROW), max(view.shape[0] * view.shape[2], 1)
    mean, var, a = view.vector(mean, wide), view.vector(var, wide), view.vector(scale, wide)
    shift = mean if _far(mean, var) else None
    total, along = _sums(x3, g3, shift, blocks)
    rest = mean if shift is None else _lost_by_rounding(x3, mean, blocks)
    along = along - rest * total
    r = 1 / np.sqrt(var + eps)
    slope = (2 * view.vector(var_bar, wide) - a * r**3 * along) / n
    level = (view.vector(mean_bar, wide) - a * r * total) / n if centred else np.zeros_like(total)
    level = level - slope * rest
    of_g, of_d, constant = (blocks.repeated(v, x3.shape[2]) for v in (a * r, slope, level))
    less = None if shift is None else blocks.repeated(shift, x3.shape[2])
    x_bar, x_bar3 = view.result(x, wide, out)

    def task(row: int, rows: slice, k: slice) -> None:
        into, d = x_bar3[rows, k], x3[rows, k]
        _with(np.multiply, d if less is None else _with(np.subtract, d, less, k, into), of_d, k, into)
        np.add(into, _with(np.multiply, g3[rows, k], of_g, k), out=into)
        _with(np.add, into, constant, k, into)

    blocks.do(task, x3.size)
    return _as(g.dtype, x_bar, out), view.grouped(r * along), view.grouped(total)
