"""Reductions: sum, mean, variance, product, extrema, cumulative sum, norms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.families import one_for_zero, zero_like
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of
from .shaping import Axes, ravel, reshape_op

AxisTuple = tuple[int, ...]


def axis_tuple(axis: Axes, x: Array) -> AxisTuple:
    """Return NumPy's axis argument (None, an int, a sequence, negative ones too) as a tuple."""
    n = len(shape_of(x))
    return tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n)


def kept(shape: tuple[int, ...], axis: AxisTuple) -> tuple[int, ...]:
    """Shape with the reduced axes kept at length 1."""
    return tuple(1 if i in axis else n for i, n in enumerate(shape))


def _spread(g: Array, shape: tuple[int, ...], axis: AxisTuple) -> Array:
    """Give every element of a reduction's input its group's cotangent: the transpose of a sum."""
    return np.broadcast_to(np.reshape(g, kept(shape, axis)), shape)


def _keep(y: Array, x: Array, axis: AxisTuple) -> Array:
    return np.reshape(y, kept(shape_of(x), axis))


def _count(x: Array, axis: AxisTuple) -> int:
    return math.prod(shape_of(x)[i] for i in axis)


@primitive
def sum_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = Σ x over axes. VJP: x_bar = g, spread over the axes."""
    return np.sum(x, axis=axis, keepdims=keepdims)


@sum_op.defvjp("x")
def _sum_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    shape = shape_of(x)
    return lambda g: _spread(g, shape, axis)


@implements(np.sum)
def sum(a: Array, axis: Axes = None, dtype: Any = None, *, keepdims: bool = False) -> Array:
    """As np.sum."""
    a = a if dtype is None else a.astype(dtype)
    return sum_op(a, axis=axis_tuple(axis, a), keepdims=keepdims)


@primitive
def mean_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = Σ x / n over axes. VJP: x_bar = g / n, spread over the axes."""
    return np.mean(x, axis=axis, keepdims=keepdims)


@mean_op.defvjp("x")
def _mean_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    shape, n = shape_of(x), _count(x, axis)
    return lambda g: _spread(g / n, shape, axis)


@implements(np.mean)
def mean(a: Array, axis: Axes = None, dtype: Any = None, *, keepdims: bool = False) -> Array:
    """As np.mean."""
    a = a if dtype is None else a.astype(dtype)
    return mean_op(a, axis=axis_tuple(axis, a), keepdims=keepdims)


def _deviation(x: Array, axis: AxisTuple) -> Array:
    d = x - np.mean(x, axis=axis, keepdims=True)
    return np.conjugate(d) if dtype_of(d).kind == "c" else d


@primitive
def var_op(x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    """y = Σ |x - mean|² / (n - ddof). VJP: x_bar = 2 g conj(x - mean) / (n - ddof); the mean's part is 0."""
    return np.var(x, axis=axis, keepdims=keepdims, ddof=ddof)


@var_op.defvjp("x")
def _var_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    n = _count(x, axis) - ddof
    return lambda g: _keep(g * (2 / n), x, axis) * _deviation(x, axis)


@primitive
def std_op(x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    """y = sqrt(var). VJP: x_bar = g conj(x - mean) / (y (n - ddof)), 0 where all entries are equal."""
    return np.std(x, axis=axis, keepdims=keepdims, ddof=ddof)


@std_op.defvjp("x")
def _std_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False, ddof: float = 0) -> Any:
    n = _count(x, axis) - ddof

    def pullback(g: Array) -> Array:
        share = np.where(np.equal(y, 0), zero_like(g), g / (one_for_zero(y) * n))
        return _keep(share, x, axis) * _deviation(x, axis)

    return pullback


def _ddof(ddof: float, correction: float) -> float:
    """Return whichever of the two names of one option was given."""
    if ddof and correction:
        raise ValueError(f"np.var, np.std: ddof={ddof} and correction={correction} are one option; give one of them.")
    return ddof or correction


@implements(np.var)
def var(
    a: Array, axis: Axes = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False, correction: float = 0
) -> Array:
    """As np.var."""
    a = a if dtype is None else a.astype(dtype)
    return var_op(a, axis=axis_tuple(axis, a), keepdims=keepdims, ddof=_ddof(ddof, correction))


@implements(np.std)
def std(
    a: Array, axis: Axes = None, dtype: Any = None, *, ddof: float = 0, keepdims: bool = False, correction: float = 0
) -> Array:
    """As np.std."""
    a = a if dtype is None else a.astype(dtype)
    return std_op(a, axis=axis_tuple(axis, a), keepdims=keepdims, ddof=_ddof(ddof, correction))


@implements(np.prod)
def prod(a: Array, axis: Axes = None, dtype: Any = None, *, keepdims: bool = False) -> Array:
    """As np.prod, by halving: multiply the first half by the second until one factor is left.

    The gradient of a product is then exact where factors are zero, to any order, with no rule of its own: no division.
    """
    a = a if dtype is None else a.astype(dtype)
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
    return np.reshape(y, kept(shape, axes)) if keepdims else y


@primitive
def max_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = max x. VJP: g goes to the maximum, in equal shares among ties."""
    return np.max(x, axis=axis, keepdims=keepdims)


@primitive
def min_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = min x. VJP: g goes to the minimum, in equal shares among ties."""
    return np.min(x, axis=axis, keepdims=keepdims)


@min_op.defvjp("x")
@max_op.defvjp("x")
def _extremum_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    def pullback(g: Array) -> Array:
        attained = np.equal(x, _keep(y, x, axis)) | np.isnan(x)
        share = dtype_of(g).type(1) / np.sum(attained, axis=axis, keepdims=True, dtype=dtype_of(g))
        return np.where(attained, _keep(g, x, axis) * share, zero_like(g))

    return pullback


@implements(np.max, np.amax)
def max(a: Array, axis: Axes = None, *, keepdims: bool = False) -> Array:
    """As np.max."""
    return max_op(a, axis=axis_tuple(axis, a), keepdims=keepdims)


@implements(np.min, np.amin)
def min(a: Array, axis: Axes = None, *, keepdims: bool = False) -> Array:
    """As np.min."""
    return min_op(a, axis=axis_tuple(axis, a), keepdims=keepdims)


@primitive
def cumsum_op(x: Array, *, axis: int) -> Any:
    """y_i = Σ_{j<=i} x_j. VJP: x_bar_j = Σ_{i>=j} g_i, the cumulative sum from the other end."""
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


@primitive
def norm_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = sqrt(Σ |x|²). VJP: x_bar = g conj(x) / y, 0 at x = 0."""
    square = np.square(x) if np.isrealobj(x) else np.square(np.real(x)) + np.square(np.imag(x))
    return np.sqrt(np.sum(square, axis=axis, keepdims=keepdims))


@norm_op.defvjp("x")
def _norm_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    def pullback(g: Array) -> Array:
        conjugate = np.conjugate(x) if dtype_of(x).kind == "c" else x
        return _keep(g / one_for_zero(y), x, axis) * conjugate

    return pullback


@implements(np.linalg.norm)
def norm(x: Array, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """As np.linalg.norm, but for the matrix norms that need singular values (2, -2, "nuc")."""
    axes = axis_tuple(axis, x)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return norm_op(x, axis=axes, keepdims=keepdims)
    if len(axes) == 1 and not isinstance(ord, str):
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2 and ord in (1, -1, np.inf, -np.inf):
        rows, columns = axes if abs(ord) == 1 else axes[::-1]
        sums = np.sum(np.absolute(x), axis=rows, keepdims=True)
        y = (np.max if ord > 0 else np.min)(sums, axis=columns, keepdims=True)
        return y if keepdims else np.squeeze(y, axes)
    raise ValueError(
        f"np.linalg.norm: ord={ord!r} over {len(axes)} axes is not supported for Tensors; "
        "use None, 'fro', 1, -1, inf, -inf for matrices, any number for vectors."
    )


def _vector_norm(x: Array, p: float, axis: int, keepdims: bool) -> Array:
    modulus = np.absolute(x)
    if p in (np.inf, -np.inf):
        return (np.max if p > 0 else np.min)(modulus, axis=axis, keepdims=keepdims)
    if p == 0:
        return np.sum(np.not_equal(modulus, 0).astype(dtype_of(modulus)), axis=axis, keepdims=keepdims)
    if p == 1:
        return np.sum(modulus, axis=axis, keepdims=keepdims)
    total = np.sum(modulus**p, axis=axis, keepdims=keepdims)
    return np.where(total == 0, zero_like(total), one_for_zero(total) ** (1 / p))
