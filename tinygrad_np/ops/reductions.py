"""Reductions: sum, mean, variance, product, extrema, cumulative sum. Norms are in `norms`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.batching import over_leading_axis
from ..core.dividing import Division
from ..core.families import one_for_zero, zero_like
from ..core.primitive import primitive
from ..core.tensor import Array, Tensor, dtype_of, implements, shape_of
from ..kernels import sums
from .shaping import Axes, ravel, reshape_op

AxisTuple = tuple[int, ...]


def axis_tuple(axis: Axes, x: Array) -> AxisTuple:
    """Return NumPy's axis argument (None, an int, a sequence, negative ones too) as a tuple."""
    n = len(shape_of(x))
    return tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n)


def kept(shape: tuple[int, ...], axis: AxisTuple) -> tuple[int, ...]:
    """Shape with the reduced axes kept at length 1."""
    return tuple([1 if i in axis else n for i, n in enumerate(shape)])


def _spread(g: Array, shape: tuple[int, ...], axis: AxisTuple) -> Array:
    """Give every element of a reduction's input its group's cotangent: the transpose of a sum."""
    return np.broadcast_to(g if len(axis) == len(shape) else np.reshape(g, kept(shape, axis)), shape)


def _keep(y: Array, x: Array, axis: AxisTuple) -> Array:
    return np.reshape(y, kept(shape_of(x), axis))


def _count(x: Array, axis: AxisTuple) -> int:
    return math.prod(shape_of(x)[i] for i in axis)


def _masked(x: Array, where: Array, fill: float) -> Array:
    """Put the neutral element of a reduction where its where= leaves x out; no derivative comes from there."""
    return x if where is True else np.where(np.broadcast_to(where, shape_of(x)), x, dtype_of(x).type(fill))


def _number(name: str, initial: Array, y: Array) -> Array:
    """Return the initial= of a reduction in the dtype of its result."""
    if shape_of(initial):
        raise ValueError(f"{name}: initial= is one number, got shape {shape_of(initial)}; combine arrays afterwards.")
    return initial.astype(dtype_of(y)) if type(initial) is Tensor else dtype_of(y).type(initial)


def floating(x: Array, dtype: Any = None) -> Array:
    """Cast to a dtype; without one, integers and booleans to float64."""
    if dtype is None and dtype_of(x).kind in "fc":
        return x
    return x.astype(np.float64 if dtype is None else dtype)


def _total(x: Array, where: Array, axis: AxisTuple, keepdims: bool) -> Array:
    """Count what where= admits, in the real dtype of x; without where= it is one number for all groups."""
    real = dtype_of(x).type(0).real.dtype
    if where is True:
        return real.type(_count(x, axis))
    return np.sum(np.broadcast_to(where, shape_of(x)), axis=axis, keepdims=keepdims, dtype=real)


@primitive
def sum_op(x: Array, *, axis: AxisTuple, keepdims: bool = False, reorder: bool = False) -> Any:
    """y = Σ x over axes, linear. VJP: x_bar = g, spread over the axes.

    With `reorder` the terms may be added up in whichever order is fastest, else NumPy's order stands.
    """
    return sums.total(x, axis, keepdims) if reorder else np.asarray(x).sum(axis=axis, keepdims=keepdims)


@sum_op.defvjp("x")
def _sum_vjp(y: Array, x: Array, *, axis: AxisTuple, **options: bool) -> Any:
    shape = shape_of(x)
    return lambda g: _spread(g, shape, axis)


def _divide(axes: tuple[Any, ...], axis: AxisTuple, keepdims: bool) -> Division:
    """Divide a reduction along other axes than that of the examples."""
    (cut,) = axes
    return Division(axes, cut if keepdims else cut - len([a for a in axis if a < cut]))


@sum_op.defdivide
def _sum_divide(
    size: int, axes: Any, x: Array, *, axis: AxisTuple, keepdims: bool = False, reorder: bool = False
) -> Division:
    return Division(axes, None) if axes[0] in axis else _divide(axes, axis, keepdims)


@implements(np.sum)
def sum(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Array = None,
    where: Array = True,
) -> Array:
    """As np.sum."""
    x = _masked(a if dtype is None else a.astype(dtype), where, 0)
    y = sum_op(x, axis=axis_tuple(axis, x), keepdims=keepdims)
    return y if initial is None else y + _number("np.sum", initial, y)


@primitive
def mean_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = Σ x / n over axes, linear. VJP: x_bar = g / n, spread over the axes."""
    return np.asarray(x).mean(axis=axis, keepdims=keepdims)


@mean_op.defvjp("x")
def _mean_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    shape, n = shape_of(x), _count(x, axis)
    return lambda g: _spread(g / n, shape, axis)


@mean_op.defjvp("x")  # not deflinear: that promises exact arithmetic on the tests' lattice, and 1/n is none
def _mean_jvp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    return lambda x_dot: np.mean(x_dot, axis=axis, keepdims=keepdims)


@mean_op.defdivide
def _mean_divide(size: int, axes: Any, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    if axes[0] in axis:
        if dtype_of(x) == np.float16:  # whose sum may overflow
            return None
        return sum_op(x, axis=axis, keepdims=keepdims) / _count(x, axis)
    return _divide(axes, axis, keepdims)


@implements(np.mean)
def mean(a: Array, axis: Axes = None, dtype: Any = None, *, keepdims: bool = False, where: Array = True) -> Array:
    """As np.mean."""
    a = a if dtype is None else a.astype(dtype)
    axes = axis_tuple(axis, a)
    if where is True:
        return mean_op(a, axis=axes, keepdims=keepdims)
    x = floating(a)
    return sum_op(_masked(x, where, 0), axis=axes, keepdims=keepdims) / _total(x, where, axes, keepdims)


def _deviation(x: Array, axis: AxisTuple) -> Array:
    d = x - np.mean(x, axis=axis, keepdims=True)
    return np.conjugate(d) if dtype_of(d).kind == "c" else d


def _per(numerator: float, n: float) -> float:
    """Return numerator / n, infinite where ddof leaves no degree of freedom."""
    return numerator / n if n > 0 else math.inf


@primitive
def var_op(x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    """y = Σ |x - mean|² / (n - ddof). VJP: x_bar = 2 g conj(x - mean) / (n - ddof); the mean's part is 0.

    JVP: the same pairing from the other side, y_dot = Re Σ 2 conj(x - mean) x_dot / (n - ddof).
    """
    return np.var(x, axis=axis, keepdims=keepdims, ddof=ddof)


@var_op.defvjp("x")
def _var_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    share = _per(2, _count(x, axis) - ddof)
    return lambda g: _keep(g * share, x, axis) * _deviation(x, axis)


@var_op.defjvp("x")
def _var_jvp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    share = _per(2, _count(x, axis) - ddof)
    return lambda x_dot: np.sum(np.real(_deviation(x, axis) * x_dot), axis=axis, keepdims=keepdims) * share


@primitive
def std_op(x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    """y = sqrt(var). VJP: x_bar = g conj(x - mean) / (y (n - ddof)), 0 where all entries are equal.

    JVP: the same pairing from the other side, y_dot = Re Σ conj(x - mean) x_dot / (y (n - ddof)).
    """
    return np.std(x, axis=axis, keepdims=keepdims, ddof=ddof)


def _std_share(g: Array, y: Array, n: float) -> Array:
    """Return g / (y n), 0 where y is 0."""
    return np.where(np.equal(y, 0), zero_like(g), g * _per(1, n) / one_for_zero(y))


@std_op.defvjp("x")
def _std_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    n = _count(x, axis) - ddof
    return lambda g: _keep(_std_share(g, y, n), x, axis) * _deviation(x, axis)


@std_op.defjvp("x")
def _std_jvp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    n = _count(x, axis) - ddof

    def pushforward(x_dot: Array) -> Array:
        return _std_share(np.sum(np.real(_deviation(x, axis) * x_dot), axis=axis, keepdims=keepdims), y, n)

    return pushforward


def one_correction(ddof: float, correction: float) -> float:
    """Return whichever of the two names of one option was given."""
    if ddof and correction:
        raise ValueError(f"np.var, np.std: ddof={ddof} and correction={correction} are one option; give one of them.")
    return ddof or correction


def _variance(a: Array, axis: AxisTuple, keepdims: bool, ddof: float, where: Array, mean: Array) -> Array:
    """Compose the variance about a given mean, or of what where= admits."""
    x = floating(a)
    if mean is None:
        mean = np.mean(x, axis=axis, keepdims=True, where=where)
    d = _masked(x - mean, where, 0)
    squares = np.square(d) if dtype_of(d).kind == "f" else np.square(np.real(d)) + np.square(np.imag(d))
    n = np.maximum(_total(x, where, axis, keepdims) - ddof, 0)
    return np.sum(squares, axis=axis, keepdims=keepdims) / n


@implements(np.var)
def var(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Array = True,
    mean: Array = None,
    correction: float = 0,
) -> Array:
    """As np.var; differentiable in a given mean too."""
    a = a if dtype is None else a.astype(dtype)
    axes, ddof = axis_tuple(axis, a), one_correction(ddof, correction)
    if where is True and mean is None:
        return var_op(a, axis=axes, keepdims=keepdims, ddof=ddof)
    return _variance(a, axes, keepdims, ddof, where, mean)


@implements(np.std)
def std(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Array = True,
    mean: Array = None,
    correction: float = 0,
) -> Array:
    """As np.std; differentiable in a given mean too."""
    a = a if dtype is None else a.astype(dtype)
    axes, ddof = axis_tuple(axis, a), one_correction(ddof, correction)
    if where is True and mean is None:
        return std_op(a, axis=axes, keepdims=keepdims, ddof=ddof)
    return root(_variance(a, axes, keepdims, ddof, where, mean))


def root(y: Array) -> Array:
    """Return sqrt(y) with derivative 0 at 0, as a standard deviation has it."""
    return np.where(np.equal(y, 0), zero_like(y), np.sqrt(one_for_zero(y)))


@implements(np.prod)
def prod(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Array = None,
    where: Array = True,
) -> Array:
    """As np.prod, by halving: multiply the first half by the second until one factor is left.

    The gradient of a product is then exact where factors are zero, to any order, with no rule of its own: no division.
    """
    dtype = np.prod(np.empty(0, dtype_of(a))).dtype if dtype is None else np.dtype(dtype)
    a = _masked(a if dtype_of(a) == dtype else a.astype(dtype), where, 1)
    axes = axis_tuple(axis, a)
    shape = shape_of(a)
    x = np.moveaxis(a, axes, range(len(axes)))
    rest = shape_of(x)[len(axes) :]
    n = _count(a, axes)
    x = reshape_op(x, shape=(n, *rest))
    while n > 1:
        half = n // 2
        product = x[:half] * x[half : 2 * half]
        x = np.concatenate([product, x[2 * half :]]) if n % 2 else product
        n -= half
    y = x[0] if n else np.ones(rest, dtype_of(a))
    y = np.reshape(y, kept(shape, axes)) if keepdims else y
    return y if initial is None else y * _number("np.prod", initial, y)


@primitive
def max_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = max x. VJP: g goes to the maximum, in equal shares among ties. JVP: the mean of the tied tangents."""
    return np.asarray(x).max(axis=axis, keepdims=keepdims)


@primitive
def min_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = min x. VJP: g goes to the minimum, in equal shares among ties. JVP: the mean of the tied tangents."""
    return np.asarray(x).min(axis=axis, keepdims=keepdims)


def _share(g: Array, y: Array, x: Array, axis: AxisTuple) -> Array:
    """Multiply by each element's share in the extremum: one among those that attain it, 0 elsewhere."""
    attained = np.logical_or(np.equal(x, _keep(y, x, axis)), np.isnan(x))
    share = dtype_of(g).type(1) / np.sum(attained, axis=axis, keepdims=True, dtype=dtype_of(g))
    return np.where(attained, g * share, zero_like(g))


@min_op.defvjp("x")
@max_op.defvjp("x")
def _extremum_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    return lambda g: _share(_keep(g, x, axis), y, x, axis)


@min_op.defjvp("x")
@max_op.defjvp("x")
def _extremum_jvp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    return lambda x_dot: np.sum(_share(x_dot, y, x, axis), axis=axis, keepdims=keepdims)


def _extremum(op: Any, larger: Any, a: Array, axis: Axes, keepdims: bool, initial: Array, where: Array) -> Array:
    axes = axis_tuple(axis, a)
    if initial is None:
        if where is not True:
            raise ValueError(f"np.{op.name}: where= may leave nothing over, so give initial= with it.")
        return op(a, axis=axes, keepdims=keepdims)
    initial = _number(f"np.{op.name}", initial, a)
    if not _count(a, axes):
        shape = kept(shape_of(a), axes)
        return np.broadcast_to(initial, shape if keepdims else [n for i, n in enumerate(shape) if i not in axes])
    x = a if where is True else np.where(np.broadcast_to(where, shape_of(a)), a, initial)
    return larger(op(x, axis=axes, keepdims=keepdims), initial)


@implements(np.max, np.amax)
def max(a: Array, axis: Axes = None, *, keepdims: bool = False, initial: Array = None, where: Array = True) -> Array:
    """As np.max."""
    return _extremum(max_op, np.maximum, a, axis, keepdims, initial, where)


@implements(np.min, np.amin)
def min(a: Array, axis: Axes = None, *, keepdims: bool = False, initial: Array = None, where: Array = True) -> Array:
    """As np.min."""
    return _extremum(min_op, np.minimum, a, axis, keepdims, initial, where)


@implements(np.ptp)
def ptp(a: Array, axis: Axes = None, *, keepdims: bool = False) -> Array:
    """As np.ptp: max - min."""
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


@primitive
def cumsum_op(x: Array, *, axis: int) -> Any:
    """y_i = Σ_{j<=i} x_j, linear. VJP: x_bar_j = Σ_{i>=j} g_i, the cumulative sum from the other end."""
    return np.cumsum(x, axis)


@cumsum_op.defvjp("x")
def _cumsum_vjp(y: Array, x: Array, *, axis: int) -> Any:
    return lambda g: np.flip(np.cumsum(np.flip(g, axis), axis), axis)


@implements(np.cumsum)
def cumsum(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """As np.cumsum."""
    a = a if dtype is None else a.astype(dtype)
    if axis is None:
        a, axis = ravel(a), 0
    return cumsum_op(a, axis=normalize_axis_index(axis, len(shape_of(a))))


sum_op.deflinear("x")
cumsum_op.deflinear("x")
for _op in (sum_op, mean_op, var_op, std_op, max_op, min_op, cumsum_op):
    over_leading_axis(_op, "axis")
