"""Eigenvalues and eigenvectors of Hermitian and of general matrices, in stacks.

A function that reads one triangle of a Hermitian matrix (eigh, cholesky) has its derivative there, and zeros in the
other triangle. What depends on the vectors should not depend on their phases, nor on a choice of basis.

Where two eigenvalues are equal, to rounding, the vectors are not differentiable: what depends on them gets nan. What
depends on the values alone gets no nan; for symmetric functions of them, like their sum of squares, it is the right
first derivative. Second derivatives pass through the vectors, and are nan there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.batching import over_stack
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of
from .matrices import (
    adjoint,
    conjugated,
    diagonal_matrix,
    diagonal_of,
    gather_into,
    hermitian_from,
    over_gaps,
    real_part,
    transposed,
)

# -- Hermitian eigenvalues -------------------------------------------------------------------------------------------


@primitive
def eigh_op(x: Array, *, UPLO: Any = "L") -> Any:
    """A = V diag(w) Vᴴ, from one triangle of x.

    With P = Vᴴ dA V: dw = diag P, dV = V (F∘P), F_ij = 1/(w_j - w_i) and 0 on the diagonal: phases stand still.
    Transposed, A_bar = conj(V) (diag(g_w) + F ∘ Vᵀ g_V) Vᵀ, folded into the triangle that was read.
    (M. Giles, "An extended collection of matrix derivative results", 2008, section 3.1.)
    """
    return np.linalg.eigh(x, UPLO)


@eigh_op.defvjp("x")
def _eigh_vjp(y: Any, x: Array, *, UPLO: str = "L") -> Any:
    w, v = y

    def pullback(gs: Any) -> Array:
        g_w, g_v = gs
        inner = diagonal_matrix(g_w) + over_gaps(transposed(v) @ g_v, w)
        return gather_into(conjugated(v) @ inner @ transposed(v), UPLO)

    return pullback


@eigh_op.defjvp("x")
def _eigh_jvp(y: Any, x: Array, *, UPLO: str = "L") -> Any:
    w, v = y

    def pushforward(x_dot: Array) -> tuple[Array, Array]:
        p = adjoint(v) @ hermitian_from(x_dot, UPLO) @ v
        return real_part(diagonal_of(p)), v @ over_gaps(p, w)

    return pushforward


over_stack(eigh_op, 2)


@implements(np.linalg.eigh)
def eigh(a: Array, UPLO: str = "L") -> Any:
    """As np.linalg.eigh; the derivative lies in the triangle that is read."""
    triangle = UPLO.upper()
    if triangle not in ("L", "U"):
        raise ValueError(f"np.linalg.eigh: UPLO={UPLO!r}; it names a triangle, 'L' or 'U'.")
    return eigh_op(a, UPLO=triangle)


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Array, UPLO: str = "L") -> Array:
    """As np.linalg.eigvalsh; the derivative lies in the triangle that is read."""
    return eigh(a, UPLO)[0]


# -- general eigenvalues ---------------------------------------------------------------------------------------------


@primitive
def eig_op(x: Array) -> Any:
    """A V = V diag(w), general, complex where it must be; columns of unit length, their largest components real.

    With W = V⁻¹ dA V: dw = diag W, and dv_j = u_j + c_j v_j with U = V (F∘W), F_ij = 1/(w_j - w_i). LAPACK's
    normalisation fixes c_j = -Re(v_jᴴ u_j) - i Im(u_kj) / v_kj, k the largest component. Transposed, with g' what
    becomes of g_V under that, A_bar = V⁻ᵀ (diag(g_w) + F ∘ Vᵀ g') Vᵀ. A defective matrix has no derivative.
    (M. Giles, "An extended collection of matrix derivative results", 2008, section 3.1.)
    """
    return np.linalg.eig(x)


@primitive(differentiable=False)
def real_component(v: Array) -> Any:
    """Mark in each column, (..., n, n), the component that LAPACK made real: the largest, at a tie one that is."""
    size = np.abs(v) * np.where(np.imag(v) == 0, 2, 1)
    n = shape_of(v)[-1]
    return np.arange(n)[:, None] == np.argmax(size, axis=-2, keepdims=True) if n else np.zeros(shape_of(v), bool)


over_stack(real_component, 2)


def _eig_normalise(u: Array, v: Array) -> Array:
    """Return u_j + c_j v_j: the change of vectors that stay of unit length, the chosen component real."""
    c: Array = -np.sum(real_part(conjugated(v) * u), -2, keepdims=True)
    if dtype_of(v).kind == "c":
        chosen = real_component(v)
        c = c - 1j * (np.sum(chosen * np.imag(u), -2, keepdims=True) / np.sum(chosen * np.real(v), -2, keepdims=True))
    return u + c * v


def _eig_normalise_transposed(g: Array, v: Array) -> Array:
    """Re Σ g (u + c v) as a pairing with u: g - Re(gᵀv) conj(v) - i Im(gᵀv) e_k / v_k in each column."""
    s = np.sum(g * v, -2, keepdims=True)
    g = g - real_part(s) * conjugated(v)
    if dtype_of(v).kind == "c":
        chosen = real_component(v)
        g = g - 1j * (np.imag(s) / np.sum(chosen * np.real(v), -2, keepdims=True)) * chosen
    return g


@eig_op.defvjp("x")
def _eig_vjp(y: Any, x: Array) -> Any:
    w, v = y

    def pullback(gs: Any) -> Array:
        g_w, g_v = gs
        m = transposed(v) @ _eig_normalise_transposed(g_v, v)
        inner = diagonal_matrix(g_w) + over_gaps(m, w)
        return np.linalg.solve(transposed(v), inner @ transposed(v))

    return pullback


@eig_op.defjvp("x")
def _eig_jvp(y: Any, x: Array) -> Any:
    w, v = y

    def pushforward(x_dot: Array) -> tuple[Array, Array]:
        p = np.linalg.solve(v, x_dot @ v)
        return diagonal_of(p), _eig_normalise(v @ over_gaps(p, w), v)

    return pushforward


over_stack(eig_op, 2)
implements(np.linalg.eig)(eig_op)


@implements(np.linalg.eigvals)
def eigvals(a: Array) -> Array:
    """As np.linalg.eigvals."""
    return eig_op(a)[0]
