"""Along an axis: running products, differences, numerical derivatives and integrals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.families import zero_like
from ..core.tensor import Array, dtype_of, implements, plain, refuse, shape_of
from .reductions import axis_tuple, cumsum, floating
from .shaping import Axes, ravel


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    """Return the index of a part of one axis."""
    return (*(slice(None),) * axis, part)


# -- running sums and products ---------------------------------------------------------------------------------------


def _running_product(x: Array) -> Array:
    """Multiply up along the first axis, by products of pairs, those of their pairs, and so on: no division.

    With z the running products of x0 x1, x2 x3, ..., they are z at odd places, at even ones x0, z0 x2, z1 x4, ...
    (the work-efficient scan of Blelloch, "Prefix sums and their applications", 1990). Its derivative is exact where
    factors are zero.
    """
    n = len(x)
    if n < 2:
        return x
    odd = _running_product(x[: n - 1 : 2] * x[1::2])
    even = np.concatenate([x[:1], odd[: (n - 1) // 2] * x[2::2]])
    y = np.reshape(np.stack([even[: n // 2], odd], axis=1), (2 * (n // 2), *shape_of(x)[1:]))
    return np.concatenate([y, even[-1:]]) if n % 2 else y


@implements(np.cumprod)
def cumprod(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """As np.cumprod; the derivative is exact where factors are zero."""
    if axis is None:
        a, axis = ravel(a), 0
    dtype = np.prod(np.empty(0, dtype_of(a))).dtype if dtype is None else np.dtype(dtype)
    x = a if dtype_of(a) == dtype else a.astype(dtype)
    return np.moveaxis(_running_product(np.moveaxis(x, axis, 0)), 0, axis)


def _cumulative(name: str, accumulate: Any, first: int, x: Array, axis: int | None, dtype: Any, initial: bool) -> Array:
    shape = shape_of(x)
    if axis is None and len(shape) > 1:
        raise ValueError(f"{name}: an array of shape {shape} has {len(shape)} axes; say which with axis=.")
    axis = normalize_axis_index(0 if axis is None else axis, len(shape))
    y = accumulate(x, axis, dtype)
    if not initial:
        return y
    return np.concatenate([np.full((*shape[:axis], 1, *shape[axis + 1 :]), first, dtype_of(y)), y], axis)


if hasattr(np, "cumulative_sum"):

    @implements(np.cumulative_sum)
    def cumulative_sum(
        x: Array, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
    ) -> Array:
        """As np.cumulative_sum."""
        return _cumulative("np.cumulative_sum", cumsum, 0, x, axis, dtype, include_initial)

    @implements(np.cumulative_prod)
    def cumulative_prod(
        x: Array, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
    ) -> Array:
        """As np.cumulative_prod; the derivative is exact where factors are zero."""
        return _cumulative("np.cumulative_prod", cumprod, 1, x, axis, dtype, include_initial)


# -- differences -----------------------------------------------------------------------------------------------------


@implements(np.diff)
def diff(a: Array, n: int = 1, axis: int = -1, prepend: Array = None, append: Array = None) -> Array:
    """As np.diff."""
    a = plain(a, "np.diff")
    if n < 0 or not shape_of(a):
        raise ValueError(f"np.diff: n={n} differences of an array of shape {shape_of(a)}; n >= 0 and 1 axis at least.")
    axis = normalize_axis_index(axis, len(shape_of(a)))
    ends = [None if end is None or not n else plain(end, "np.diff") for end in (prepend, append)]
    one = tuple(1 if i == axis else m for i, m in enumerate(shape_of(a)))
    before, after = [[] if e is None else [e if shape_of(e) else np.broadcast_to(e, one)] for e in ends]
    if before or after:
        a = np.concatenate([*before, a, *after], axis)
    for _ in range(n):
        later, earlier = a[_along(axis, slice(1, None))], a[_along(axis, slice(None, -1))]
        a = np.not_equal(later, earlier) if dtype_of(a).kind == "b" else later - earlier
    return a


@implements(np.ediff1d)
def ediff1d(ary: Array, to_end: Array = None, to_begin: Array = None) -> Array:
    """As np.ediff1d."""
    flat = ravel(plain(ary, "np.ediff1d"))
    ends = [[] if e is None else [ravel(plain(e, "np.ediff1d"))] for e in (to_begin, to_end)]
    dtype = dtype_of(flat)
    parts = [*ends[0], flat[1:] - flat[:-1], *ends[1]]
    if not all(np.can_cast(dtype_of(part), dtype, "same_kind") for part in parts):
        raise TypeError(f"np.ediff1d: to_begin= and to_end= are cast to the array's {dtype}; cast that with .astype.")
    return np.concatenate([part if dtype_of(part) == dtype else part.astype(dtype) for part in parts])


@implements(np.gradient)
def gradient(f: Array, *varargs: Array, axis: Axes = None, edge_order: int = 1) -> Any:
    """As np.gradient; differentiable in the spacings and coordinates too."""
    f = floating(plain(f, "np.gradient"))
    axes = axis_tuple(axis, f)
    spacings = [plain(h, "np.gradient") for h in varargs] or [1.0]
    if len(spacings) == 1 and not shape_of(spacings[0]):
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError(f"np.gradient: {len(spacings)} spacings for {len(axes)} axes; give none, one, or one each.")
    if edge_order not in (1, 2):
        raise ValueError(f"np.gradient: edge_order={edge_order} is not supported; use 1 or 2.")
    slopes = [_slope(f, i, h, edge_order) for i, h in zip(axes, spacings, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Array, axis: int, h: Array, edge_order: int) -> Array:
    """Differentiate along an axis: the slope of the parabola through three neighbours, at ends perhaps of a line."""
    n = shape_of(f)[axis]
    if n <= edge_order:
        raise ValueError(f"np.gradient: edge_order={edge_order} wants {edge_order + 1} elements, shape {shape_of(f)}.")
    if not shape_of(h):
        steps = np.broadcast_to(h, (n - 1,))
    elif shape_of(h) == (n,):
        steps = diff(floating(h))
    else:
        raise ValueError(f"np.gradient: spacings are numbers or coordinates of shape ({n},), got shape {shape_of(h)}.")
    x = np.moveaxis(f, axis, -1)
    secants = (x[..., 1:] - x[..., :-1]) / steps
    left, right = steps[:-1], steps[1:]
    # both weights sum to one: the parabola's slope lies between its secants', beyond them at the outer points
    inner = (secants[..., :-1] * right + secants[..., 1:] * left) / (left + right)
    first, last = secants[..., :1], secants[..., -1:]
    if edge_order == 2:
        first, last = 2 * first - inner[..., :1], 2 * last - inner[..., -1:]
    y = np.moveaxis(np.concatenate([first, inner, last], axis=-1), -1, axis)
    return y if dtype_of(y) == dtype_of(f) else y.astype(dtype_of(f))


refuse("It is deprecated: write np.trapezoid.", *([np.trapz] if hasattr(np, "trapz") else []))


@implements(np.trapezoid)
def trapezoid(y: Array, x: Array = None, dx: Array = 1.0, axis: int = -1) -> Array:
    """As np.trapezoid; differentiable in the abscissae too."""
    y = plain(y, "np.trapezoid")
    ndim = len(shape_of(y))
    if x is not None:
        dx = diff(x, axis=-1 if len(np.shape(x)) == 1 else axis)
    axis = normalize_axis_index(axis, ndim)
    if x is not None and len(shape_of(dx)) == 1:
        dx = np.reshape(dx, (shape_of(dx)[0], *(1,) * (ndim - axis - 1)))
    sums = y[_along(axis, slice(1, None))] + y[_along(axis, slice(None, -1))]
    return np.sum(dx * sums / 2.0, axis=axis)


@implements(np.unwrap)
def unwrap(p: Array, discont: float | None = None, axis: int = -1, *, period: Array = 2 * math.pi) -> Array:
    """As np.unwrap: whole periods are added, so the derivative is that of p."""
    axis = normalize_axis_index(axis, len(shape_of(p)))
    steps = diff(p, axis=axis)
    whole = np.result_type(steps, period).kind in "iu"
    high = period // 2 if whole else period / 2
    wrapped = np.remainder(steps + high, period) - high
    if not whole or not period % 2:  # a jump of half a period keeps its sign
        wrapped = np.where(np.logical_and(np.equal(wrapped, -high), np.greater(steps, 0)), high, wrapped)
    small = np.less(np.absolute(steps), period / 2 if discont is None else discont)
    correction = np.where(small, zero_like(steps), wrapped - steps)
    first = p[_along(axis, slice(None, 1))]
    return np.concatenate([first, p[_along(axis, slice(1, None))] + cumsum(correction, axis)], axis)
