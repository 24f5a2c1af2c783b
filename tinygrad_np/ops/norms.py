"""Norms of vectors and matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.batching import over_leading_axis
from ..core.families import one_for_zero, zero_like
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of
from .reductions import AxisTuple, axis_tuple, floating, kept
from .shaping import Axes


@primitive
def norm_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = sqrt(Σ |x|²). VJP: x_bar = g conj(x) / y. JVP: y_dot = Re Σ conj(x) x_dot / y. Both are 0 at x = 0."""
    square = np.square(x) if np.isrealobj(x) else np.square(np.real(x)) + np.square(np.imag(x))
    return np.sqrt(np.sum(square, axis=axis, keepdims=keepdims))


over_leading_axis(norm_op, "axis")


def _conjugate(x: Array) -> Array:
    return np.conjugate(x) if dtype_of(x).kind == "c" else x


@norm_op.defvjp("x")
def _norm_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    shape = kept(shape_of(x), axis)
    return lambda g: np.reshape(g / one_for_zero(y), shape) * _conjugate(x)


@norm_op.defjvp("x")
def _norm_jvp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    def pushforward(x_dot: Array) -> Array:
        return np.sum(np.real(_conjugate(x) * x_dot), axis=axis, keepdims=keepdims) / one_for_zero(y)

    return pushforward


@implements(np.linalg.norm)
def norm(x: Array, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """As np.linalg.norm. Equal elements share the derivative of inf, equal columns or singular values of the others."""
    x = floating(x)
    axes = axis_tuple(axis, x)
    if ord is None and (axis is None or len(axes) < 3):
        return norm_op(x, axis=axes, keepdims=keepdims)
    if len(axes) == 1 and not isinstance(ord, str):
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2 and ord in ("fro", "f"):
        return norm_op(x, axis=axes, keepdims=keepdims)
    if len(axes) == 2 and ord in (1, -1, 2, -2, np.inf, -np.inf, "nuc"):
        y = _singular_norm(x, ord, axes) if ord in (2, -2, "nuc") else _sum_norm(x, ord, axes)
        return np.reshape(y, kept(shape_of(x), axes)) if keepdims else y
    raise ValueError(
        f"np.linalg.norm: ord={ord!r} over {len(axes)} axes is no norm; use any number for vectors (1 axis), "
        "None, 'fro', 'nuc', 1, -1, 2, -2, inf, -inf for matrices (2 axes)."
    )


def _sum_norm(x: Array, ord: float, axes: AxisTuple) -> Array:
    """Return the largest or smallest sum of moduli, of columns (1, -1) or of rows (inf, -inf)."""
    summed, other = axes if abs(ord) == 1 else axes[::-1]
    sums = np.sum(np.absolute(x), axis=summed, keepdims=True)
    return np.squeeze((np.max if ord > 0 else np.min)(sums, axis=other, keepdims=True), axes)


def _singular_norm(x: Array, ord: Any, axes: AxisTuple) -> Array:
    """Return the largest, the smallest or the sum of the singular values."""
    values = np.linalg.svd(np.moveaxis(x, axes, (-2, -1)), compute_uv=False)
    reduction: Any = {2: np.max, -2: np.min, "nuc": np.sum}[ord]
    return reduction(values, axis=-1)


def _vector_norm(x: Array, p: float, axis: AxisTuple, keepdims: bool) -> Array:
    """Return (Σ |x|^p)^(1/p), or what it tends to; its derivative is 0 where it is 0."""
    if p == 2:
        return norm_op(x, axis=axis, keepdims=keepdims)
    modulus = np.absolute(x)
    if p in (np.inf, -np.inf):
        return (np.max if p > 0 else np.min)(modulus, axis=axis, keepdims=keepdims)
    if p == 0:
        return np.sum(np.not_equal(modulus, 0).astype(dtype_of(modulus)), axis=axis, keepdims=keepdims)
    if p == 1:
        return np.sum(modulus, axis=axis, keepdims=keepdims)
    total = np.sum(modulus**p, axis=axis, keepdims=keepdims)
    return np.where(total == 0, zero_like(total), one_for_zero(total) ** (1 / p))


@implements(np.linalg.vector_norm)
def vector_norm(x: Array, /, *, axis: Axes = None, keepdims: bool = False, ord: float | None = 2) -> Array:
    """As np.linalg.vector_norm."""
    x = floating(x)
    if isinstance(ord, str):
        raise ValueError(f"np.linalg.vector_norm: ord={ord!r} is no norm of vectors; use a number.")
    return _vector_norm(x, 2 if ord is None else ord, axis_tuple(axis, x), keepdims)


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    """As np.linalg.matrix_norm."""
    return norm(x, ord, (-2, -1), keepdims)
