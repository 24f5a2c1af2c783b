"""Solving: linear systems, inverses, pseudoinverses, least squares, condition and rank, in stacks of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core.batching import align, over_stack
from ..core.families import unbroadcast
from ..core.primitive import primitive
from ..core.tensor import Array, Tensor, implements, shape_of
from .linalg import folded_columns, unfolded_columns
from .matrices import adjoint, conjugated, hermitian_from, identity_like, real_dtype, real_part, transposed

# -- regular systems -------------------------------------------------------------------------------------------------


@primitive
def solve_op(a: Array, b: Array) -> Any:
    """X = A⁻¹ B for stacks, (..., n, n) and (..., n, k).

    A dX + dA X = dB, so dX = A⁻¹ (dB - dA X). Transposed, b_bar = A⁻ᵀ g and a_bar = -b_bar Xᵀ, summed over broadcast
    stacks.
    """
    return np.linalg.solve(a, b)


@solve_op.defvjp("a", "b")
def _solve_vjp(x: Array, a: Array, b: Array) -> Any:
    shape_a, shape_b = shape_of(a), shape_of(b)

    def pullback(g: Array) -> tuple[Array, Array]:
        b_bar = solve_op(transposed(a), g)
        return unbroadcast(-(b_bar @ transposed(x)), shape_a), unbroadcast(b_bar, shape_b)

    return pullback


@solve_op.defjvp("a")
def _solve_jvp_a(x: Array, a: Array, b: Array) -> Any:
    return lambda a_dot: -solve_op(a, a_dot @ x)


@solve_op.defjvp("b")
def _solve_jvp_b(x: Array, a: Array, b: Array) -> Any:
    return lambda b_dot: solve_op(a, b_dot)


@solve_op.defbatch
def _solve_batch(size: int, axes: tuple[int | None, int | None], a: Array, b: Array) -> tuple[Array, int]:
    """One matrix and many right-hand sides are one system with many columns, factorised once."""
    if axes[0] is None:
        columns, n = folded_columns(b, axes[1])
        return unfolded_columns(size, n, solve_op(a, columns))
    ndim = max(len(shape_of(x)) - (axis is not None) for x, axis in zip((a, b), axes, strict=True))
    return solve_op(align(size, a, axes[0], ndim), align(size, b, axes[1], ndim)), 0


@implements(np.linalg.solve)
def solve(a: Array, b: Array) -> Array:
    """As np.linalg.solve."""
    return solve_op(a, b) if len(shape_of(b)) != 1 else np.squeeze(solve_op(a, np.expand_dims(b, -1)), -1)


@primitive(implements=np.linalg.inv)
def inv_op(a: Array) -> Any:
    """Y = A⁻¹. dY = -Y dA Y, so a_bar = -Yᵀ g Yᵀ."""
    return np.linalg.inv(a)


@inv_op.defvjp("a")
def _inv_vjp(y: Array, a: Array) -> Any:
    return lambda g: -(transposed(y) @ g @ transposed(y))


@inv_op.defjvp("a")
def _inv_jvp(y: Array, a: Array) -> Any:
    return lambda a_dot: -(y @ a_dot @ y)


over_stack(inv_op, 2)


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Array, b: Array, axes: Sequence[int] | None = None) -> Array:
    """As np.linalg.tensorsolve: one linear system, of the arrays reshaped."""
    n, depth = len(shape_of(a)), len(shape_of(b))
    if axes is not None:
        last = normalize_axis_tuple(axes, n)
        a = np.transpose(a, (*(i for i in range(n) if i not in last), *last))
    rows, columns = math.prod(shape_of(a)[:depth]), math.prod(shape_of(a)[depth:])
    if rows != columns or rows != math.prod(shape_of(b)):
        raise np.linalg.LinAlgError(
            f"np.linalg.tensorsolve: a of shape {shape_of(a)} and b of shape {shape_of(b)} make {rows} equations for "
            f"{columns} unknowns; the axes of a beyond those of b need the same product."
        )
    shape = shape_of(a)[depth - n :]  # as NumPy has it: with n = depth all axes, of length 1
    return np.reshape(solve(np.reshape(a, (rows, columns)), np.ravel(b)), shape)


@implements(np.linalg.tensorinv)
def tensorinv(a: Array, ind: int = 2) -> Array:
    """As np.linalg.tensorinv: the inverse of the array reshaped to a matrix."""
    first, last = shape_of(a)[:ind], shape_of(a)[ind:]
    if ind <= 0 or math.prod(first) != math.prod(last):
        raise np.linalg.LinAlgError(
            f"np.linalg.tensorinv: ind={ind} cuts shape {shape_of(a)} into {first} and {last}; "
            "it is positive, and both parts need the same product."
        )
    return np.reshape(np.linalg.inv(np.reshape(a, (math.prod(first), math.prod(last)))), (*last, *first))


# -- systems of any shape --------------------------------------------------------------------------------------------


@primitive
def pinv_op(a: Array, *, rcond: Any) -> Any:
    """Y = A⁺, where the rank is constant nearby.

    dY = -Y dA Y + Y Yᴴ dAᴴ (1 - A Y) + (1 - Y A) dAᴴ Yᴴ Y. Transposed,
    a_bar = -Yᵀ g Yᵀ + conj((1 - A Y) gᵀ Y Yᴴ + Yᴴ Y gᵀ (1 - Y A)).
    (G. H. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems", 1973.)
    """
    return np.linalg.pinv(a, rcond)


def _off_range(a: Array, y: Array) -> Array:
    """1 - A A⁺, the projection onto what A does not reach."""
    return identity_like(transposed(a)) - a @ y


@pinv_op.defvjp("a")
def _pinv_vjp(y: Array, a: Array, *, rcond: Any) -> Any:
    def pullback(g: Array) -> Array:
        gt, yh = transposed(g), adjoint(y)
        off = _off_range(a, y) @ gt @ (y @ yh) + (yh @ y) @ gt @ _off_range(y, a)
        return conjugated(off) - transposed(y) @ g @ transposed(y)

    return pullback


@pinv_op.defjvp("a")
def _pinv_jvp(y: Array, a: Array, *, rcond: Any) -> Any:
    def pushforward(a_dot: Array) -> Array:
        ah, yh = adjoint(a_dot), adjoint(y)
        return (y @ yh) @ ah @ _off_range(a, y) + _off_range(y, a) @ ah @ (yh @ y) - y @ a_dot @ y

    return pushforward


over_stack(pinv_op, 2)

_MISSING: Any = object()


@implements(np.linalg.pinv)
def pinv(a: Array, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _MISSING) -> Array:
    """As np.linalg.pinv; the derivative is that of matrices of constant rank. hermitian=True reads the lower triangle.

    The limits rcond and rtol are constants.
    """
    if rcond is not None and rtol is not _MISSING:
        raise ValueError("np.linalg.pinv: rtol and rcond are one limit; give one of them.")
    if rcond is None:
        default = max(shape_of(a)[-2:], default=0) * np.finfo(real_dtype(a)).eps
        rcond = 1e-15 if rtol is _MISSING else default if rtol is None else rtol
    return pinv_op(hermitian_from(a, "L") if hermitian else a, rcond=rcond)


@implements(np.linalg.lstsq)
def lstsq(a: Array, b: Array, rcond: float | None = None) -> tuple[Array, Array, Any, Array]:
    """As np.linalg.lstsq, with x = A⁺ b: differentiable in a and b where the rank is constant nearby.

    Under vmap over a, residuals are those of full rank, since the rank of an example does not fix a shape there.
    """
    m, n = shape_of(a)[-2:]
    if len(shape_of(a)) != 2 or len(shape_of(b)) not in (1, 2) or shape_of(b)[0] != m:
        raise np.linalg.LinAlgError(
            f"np.linalg.lstsq: a is (m, n) and b is (m,) or (m, k), got {shape_of(a)} and {shape_of(b)}; "
            "use tinygrad_np.vmap for stacks."
        )
    eps = float(np.finfo(real_dtype(a)).eps)
    rcond = eps * max(m, n) if rcond is None else eps if rcond < 0 else rcond
    s = np.linalg.svdvals(a)
    rank = np.linalg.matrix_rank(a, rtol=rcond).astype(np.int32) if min(m, n) else np.int32(0)
    x = pinv_op(a, rcond=rcond) @ b
    if m <= n or (type(rank) is not Tensor and rank < n):
        return x, np.empty(0, real_dtype(x)), rank, s
    r = b - a @ x
    residuals = np.sum(real_part(r * conjugated(r)), 0, keepdims=len(shape_of(b)) == 1)
    return x, residuals, rank, s


@implements(np.linalg.cond)
def cond(x: Array, p: Any = None) -> Array:
    """As np.linalg.cond; but for p = 2 and -2 a singular matrix raises LinAlgError."""
    if p is None or p in (2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))


@primitive(differentiable=False)
def matrix_rank_op(A: Array, *, tol: Any = None, hermitian: bool = False, rtol: Any = None) -> Any:
    """Number of singular values above a limit, for stacks of matrices."""
    return np.linalg.matrix_rank(A, tol, hermitian, rtol=rtol)


over_stack(matrix_rank_op, 2)


@implements(np.linalg.matrix_rank, differentiable=False)
def matrix_rank(A: Array, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """As np.linalg.matrix_rank."""
    if len(shape_of(A)) < 2:
        return np.any(np.not_equal(A, 0)).astype(int)
    return matrix_rank_op(A, tol=tol, hermitian=hermitian, rtol=rtol)
