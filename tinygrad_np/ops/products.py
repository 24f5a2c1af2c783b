"""Products made of others: vecdot, matvec, vecmat, vdot, cross, kron, powers and chains, numpy.linalg's own names."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.tensor import Array, dtype_of, implements, shape_of
from .linalg import core_axes_last, matmul, tensordot
from .matrices import conjugated


@implements(np.vecdot)
def vecdot(x1: Array, x2: Array, /, *, axis: int = -1, axes: Any = None, keepdims: bool = False) -> Array:
    """As np.vecdot: Σ conj(x1) x2."""
    last: tuple[int, ...] | None = (axis,)
    if axes is None:
        x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    else:
        x1, x2, last = core_axes_last("vecdot", x1, x2, axes)
    _same_length("vecdot", x1, x2, -1, -1)
    z = np.sum(conjugated(x1) * x2, -1, keepdims=keepdims)
    return np.moveaxis(z, -1, last[0]) if keepdims and last else z


def _same_length(name: str, x1: Array, x2: Array, i: int, j: int) -> None:
    a, b = shape_of(x1), shape_of(x2)
    if a[i] != b[j]:
        raise ValueError(f"np.{name}: shapes {a} and {b} do not match: {a[i]} and {b[j]} are summed over together.")


def matvec(x1: Array, x2: Array, /, *, axes: Any = None) -> Array:
    """As np.matvec: A v for stacks of matrices and of vectors."""
    if axes is not None:
        x1, x2, last = core_axes_last("matvec", x1, x2, axes)
        return np.moveaxis(matvec(x1, x2), -1, last[0] if last else -1)
    _same_length("matvec", x1, x2, -1, -1)
    return np.squeeze(matmul(x1, np.expand_dims(x2, -1)), -1)


def vecmat(x1: Array, x2: Array, /, *, axes: Any = None) -> Array:
    """As np.vecmat: conj(v) A for stacks of vectors and of matrices."""
    if axes is not None:
        x1, x2, last = core_axes_last("vecmat", x1, x2, axes)
        return np.moveaxis(vecmat(x1, x2), -1, last[0] if last else -1)
    _same_length("vecmat", x1, x2, -1, -2)
    return np.squeeze(matmul(np.expand_dims(conjugated(x1), -2), x2), -2)


if hasattr(np, "matvec"):  # NumPy >= 2.2
    implements(np.matvec)(matvec)
    implements(np.vecmat)(vecmat)


@implements(np.vdot)
def vdot(a: Array, b: Array, /) -> Array:
    """As np.vdot: Σ conj(a) b over the elements of arrays of any shape."""
    return np.dot(conjugated(np.ravel(a)), np.ravel(b))


@implements(np.cross)
def cross(a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    """As np.cross, of vectors in three dimensions."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if shape_of(x)[-1] != 3 or shape_of(y)[-1] != 3:
        raise ValueError(
            f"np.cross: vectors of {shape_of(x)[-1]} and {shape_of(y)[-1]} components; for Tensors both have 3. In the "
            "plane write a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]."
        )
    z = np.roll(x, -1, -1) * np.roll(y, 1, -1) - np.roll(x, 1, -1) * np.roll(y, -1, -1)
    return np.moveaxis(z, -1, axisc)


@implements(np.linalg.cross)
def linalg_cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """As np.linalg.cross."""
    return cross(x1, x2, axis=axis)


@implements(np.kron)
def kron(a: Array, b: Array) -> Array:
    """As np.kron: all products of an element of a and one of b, in blocks."""
    n = max(len(shape_of(a)), len(shape_of(b)))
    rows, columns = [(1,) * (n - len(shape_of(x))) + shape_of(x) for x in (a, b)]
    x = np.reshape(a, tuple(k for r in rows for k in (r, 1)))
    y = np.reshape(b, tuple(k for c in columns for k in (1, c)))
    return np.reshape(x * y, tuple(r * c for r, c in zip(rows, columns, strict=True)))


@implements(np.linalg.matrix_power)
def matrix_power(a: Array, n: int) -> Array:
    """As np.linalg.matrix_power, by repeated squaring; of the inverse where n is negative."""
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"np.linalg.matrix_power: the exponent is an integer, got {n!r}; it is no Tensor.") from None
    shape = shape_of(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(f"np.linalg.matrix_power: a of shape {shape} holds no square matrices.")
    if n == 0:
        return np.broadcast_to(np.eye(shape[-1], dtype=dtype_of(a)), shape).copy()
    return _power(np.linalg.inv(a), -n) if n < 0 else _power(a, n)


def _power(a: Array, n: int) -> Array:
    if n == 1:
        return a
    half = _power(a, n // 2)
    square = matmul(half, half)
    return matmul(square, a) if n % 2 else square


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Array]) -> Array:
    """As np.linalg.multi_dot: in the order that costs the fewest multiplications."""
    xs = list(arrays)
    if len(xs) < 2:
        raise ValueError(f"np.linalg.multi_dot: expected two or more arrays, got {len(xs)}.")
    row, column = len(shape_of(xs[0])) == 1, len(shape_of(xs[-1])) == 1
    xs[0] = xs[0][None, :] if row else xs[0]
    xs[-1] = xs[-1][:, None] if column else xs[-1]
    if any(len(shape_of(x)) != 2 for x in xs):
        raise np.linalg.LinAlgError(
            f"np.linalg.multi_dot: shapes {[shape_of(x) for x in arrays]}; all are matrices, "
            "but the first and the last may be vectors."
        )
    z = _chain(xs, [*(shape_of(x)[0] for x in xs), shape_of(xs[-1])[1]])
    return np.squeeze(z, (0,) * row + (1,) * column)


def _chain(xs: list[Array], sizes: list[int]) -> Array:
    """Multiply a chain: the cheapest way for i to j is the cheapest to some k, then from there on."""

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        if j == i + 1:
            return 0, i
        costs = ((best(i, k)[0] + best(k, j)[0] + sizes[i] * sizes[k] * sizes[j], k) for k in range(i + 1, j))
        return min(costs)

    def product(i: int, j: int) -> Array:
        k = best(i, j)[1]
        return xs[i] if j == i + 1 else matmul(product(i, k), product(k, j))

    return product(0, len(xs))


# -- the names of numpy.linalg ---------------------------------------------------------------------------------------


@implements(np.linalg.matmul)
def linalg_matmul(x1: Array, x2: Array, /) -> Array:
    """As np.linalg.matmul."""
    return matmul(x1, x2)


@implements(np.linalg.outer)
def linalg_outer(x1: Array, x2: Array, /) -> Array:
    """As np.linalg.outer."""
    if len(shape_of(x1)) != 1 or len(shape_of(x2)) != 1:
        raise ValueError(f"np.linalg.outer: shapes {shape_of(x1)} and {shape_of(x2)}; for more axes use np.outer.")
    return x1[:, None] * x2[None, :]


@implements(np.linalg.tensordot)
def linalg_tensordot(x1: Array, x2: Array, /, *, axes: Any = 2) -> Array:
    """As np.linalg.tensordot."""
    return tensordot(x1, x2, axes)


@implements(np.linalg.vecdot)
def linalg_vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """As np.linalg.vecdot."""
    return vecdot(x1, x2, axis=axis)


@implements(np.linalg.diagonal)
def linalg_diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """As np.linalg.diagonal: of the last two axes."""
    return np.diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def linalg_trace(x: Array, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """As np.linalg.trace: of the last two axes."""
    return np.sum(linalg_diagonal(x, offset=offset), -1, dtype=dtype)
