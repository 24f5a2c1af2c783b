"""Decompositions: Cholesky, singular values, QR, in stacks of matrices.

A function that reads one triangle of a Hermitian matrix (cholesky, svd with hermitian=True) has its derivative there,
and zeros in the other triangle. For equal singular values, and for what may depend on vectors, see `eigenvalues`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.batching import over_stack
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of
from .eigenvalues import eigh_op
from .matrices import (
    adjoint,
    conjugated,
    diagonal_matrix,
    diagonal_of,
    gather_into,
    hermitian_from,
    over_gaps,
    real_dtype,
    real_part,
    reciprocal_unless,
    transposed,
)

QRResult: Any = type(np.linalg.qr(np.eye(1)))
SVDResult: Any = type(np.linalg.svd(np.eye(1)))


# -- Cholesky --------------------------------------------------------------------------------------------------------


@primitive
def cholesky_op(x: Array) -> Any:
    """A = L Lᴴ, from the lower triangle of x.

    L⁻¹ dA L⁻ᴴ = L⁻¹ dL + (L⁻¹ dL)ᴴ, and L⁻¹ dL is lower triangular with a real diagonal: dL = L Φ(L⁻¹ dA L⁻ᴴ), where
    Φ takes the lower triangle and half of the diagonal. Transposed, A_bar = L⁻ᵀ Φ(Lᵀ g) conj(L)⁻¹, folded into the
    triangle that was read. (I. Murray, "Differentiation of the Cholesky decomposition", 2016.)
    """
    return np.linalg.cholesky(x)


def _half_lower(x: Array) -> Array:
    return np.tril(x) - diagonal_matrix(diagonal_of(x) / 2)


@cholesky_op.defvjp("x")
def _cholesky_vjp(y: Array, x: Array) -> Any:
    def pullback(g: Array) -> Array:
        inverse = np.linalg.inv(y)
        a_bar = transposed(inverse) @ _half_lower(transposed(y) @ g) @ conjugated(inverse)
        return gather_into(a_bar, "L")

    return pullback


@cholesky_op.defjvp("x")
def _cholesky_jvp(y: Array, x: Array) -> Any:
    def pushforward(x_dot: Array) -> Array:
        inverse = np.linalg.inv(y)
        return y @ _half_lower(inverse @ hermitian_from(x_dot, "L") @ adjoint(inverse))

    return pushforward


over_stack(cholesky_op, 2)


@implements(np.linalg.cholesky)
def cholesky(a: Array, /, *, upper: bool = False) -> Array:
    """As np.linalg.cholesky; the derivative lies in the triangle that is read."""
    return adjoint(cholesky_op(adjoint(a))) if upper else cholesky_op(a)


# -- orthonormal bases and their complements -------------------------------------------------------------------------
# Full bases are [Q, C]. C is free up to a unitary factor; the one that turns least has dC = -Q dQᴴ C.


def _complement_into(g: Array, q: Array, k: int) -> Array:
    """Return the cotangent of the first k columns of a full basis, that of the others folded in."""
    if shape_of(q)[-1] == k:
        return g
    first, rest = q[..., :k], q[..., k:]
    return g[..., :k] - conjugated(rest @ transposed(g[..., k:]) @ first)


def _with_complement(q_dot: Array, q: Array, k: int) -> Array:
    """Return the tangent of a full basis from that of its first k columns."""
    if shape_of(q)[-1] == k:
        return q_dot
    return np.concatenate([q_dot, -q[..., :k] @ (adjoint(q_dot) @ q[..., k:])], -1)


# -- singular values -------------------------------------------------------------------------------------------------


@primitive
def svd_op(x: Array, *, full_matrices: bool = False) -> Any:
    """A = U diag(s) Vᴴ.

    With S = diag(s), P = Uᴴ dA V and F_ij = 1/(s_j² - s_i²), 0 on the diagonal,

        ds = Re diag P,    dU = U (F∘(P S + S Pᴴ) + i Im diag(P) S⁻¹) + (1 - U Uᴴ) dA V S⁻¹,
        dV = V (F∘(S P + Pᴴ S)) + (1 - V Vᴴ) dAᴴ U S⁻¹.

    Transposed, with B = F ∘ Uᵀ g_U and C = F ∘ Vᵀ g_V, A_bar = conj(U) N Vᵀ + the parts off U and V, where
    N = (B + Bᴴ) S + S (C + Cᴴ) + diag(g_s + i Im diag(Uᵀ g_U) / s). Poles: see `eigenvalues`.
    (J. Townsend, "Differentiating the singular value decomposition", 2016; S. Wan, S.-X. Zhang, "Automatic
    differentiation for complex valued SVD", 2019.)
    """
    return np.linalg.svd(x, full_matrices=full_matrices)


def _over_square_gaps(m: Array, s: Array) -> Array:
    """Return m_ij / (s_j² - s_i²); see `over_gaps`."""
    column, row = s[..., :, None], s[..., None, :]
    return over_gaps(m, s, (row - column) * (row + column))


def _over_values(m: Array, s: Array) -> Array:
    """Return m_ij / s_j; at s_j = 0 nan, unless m_ij is exactly 0, which leads through no pole."""
    n = max(shape_of(s)[-1], 1)
    zero = s <= n * np.finfo(real_dtype(s)).eps * s[..., :1]
    quotient = m * reciprocal_unless(zero, s)[..., None, :]
    return np.where(zero[..., None, :] & np.not_equal(m, 0), dtype_of(quotient).type(np.nan), quotient)


@svd_op.defvjp("x")
def _svd_vjp(y: Any, x: Array, *, full_matrices: bool = False) -> Any:
    u_full, s, vh_full = y
    k = shape_of(s)[-1]
    (m, n), v_full = shape_of(x)[-2:], adjoint(vh_full)
    u, v = u_full[..., :k], v_full[..., :k]

    def pullback(gs: Any) -> Array:
        g_u, g_v = _complement_into(gs[0], u_full, k), _complement_into(adjoint(gs[2]), v_full, k)
        m_u = transposed(u) @ g_u
        b, c = _over_square_gaps(m_u, s), _over_square_gaps(transposed(v) @ g_v, s)
        core = (b + adjoint(b)) * s[..., None, :] + s[..., :, None] * (c + adjoint(c)) + diagonal_matrix(gs[1])
        if dtype_of(u).kind == "c":
            core = core + 1j * _over_values(diagonal_matrix(np.imag(diagonal_of(m_u))), s)
        off: Array = 0
        if m > k:
            h = _over_values(g_u, s)
            core, off = core - transposed(u) @ h, off + h @ transposed(v)
        if n > k:
            h = _over_values(g_v, s)
            core, off = core - adjoint(transposed(v) @ h), off + conjugated(u) @ adjoint(h)
        return conjugated(u) @ core @ transposed(v) + off

    return pullback


@svd_op.defjvp("x")
def _svd_jvp(y: Any, x: Array, *, full_matrices: bool = False) -> Any:
    u_full, s, vh_full = y
    k = shape_of(s)[-1]
    (m, n), v_full = shape_of(x)[-2:], adjoint(vh_full)
    u, v = u_full[..., :k], v_full[..., :k]

    def pushforward(x_dot: Array) -> tuple[Array, Array, Array]:
        p = adjoint(u) @ x_dot @ v
        left, right = p * s[..., None, :], s[..., :, None] * p
        turn = _over_square_gaps(left + adjoint(left), s)
        if dtype_of(u).kind == "c":
            turn = turn + 1j * _over_values(diagonal_matrix(np.imag(diagonal_of(p))), s)
        u_dot, v_dot = u @ turn, v @ _over_square_gaps(right + adjoint(right), s)
        if m > k:
            u_dot = u_dot + _over_values(x_dot @ v - u @ p, s)
        if n > k:
            v_dot = v_dot + _over_values(adjoint(x_dot) @ u - v @ adjoint(p), s)
        u_dot, v_dot = _with_complement(u_dot, u_full, k), _with_complement(v_dot, v_full, k)
        return u_dot, real_part(diagonal_of(p)), adjoint(v_dot)

    return pushforward


over_stack(svd_op, 2)


@implements(np.linalg.svd)
def svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """As np.linalg.svd. Columns beyond the singular values are an orthonormal complement, free to turn in itself."""
    if hermitian:
        u, s, vh = _svd_hermitian(a)
    else:
        u, s, vh = svd_op(a, full_matrices=full_matrices and compute_uv)
    return SVDResult(u, s, vh) if compute_uv else s


def _svd_hermitian(a: Array) -> tuple[Array, Array, Array]:
    """A = V diag(w) Vᴴ, so s = |w|, U = V and Vᴴ takes the signs."""
    w, v = eigh_op(a, UPLO="L")
    order = np.flip(np.argsort(np.absolute(w), axis=-1), -1)
    w = np.take_along_axis(w, order, -1)
    v = np.take_along_axis(v, order[..., None, :], -1)
    return v, np.absolute(w), adjoint(v * np.sign(w)[..., None, :])


@implements(np.linalg.svdvals)
def svdvals(x: Array, /) -> Array:
    """As np.linalg.svdvals."""
    return svd_op(x)[1]


# -- QR --------------------------------------------------------------------------------------------------------------


@primitive
def qr_op(x: Array, *, complete: bool = False) -> Any:
    """A = Q R for (..., m, n), m >= n and full rank; R is (..., n, n) and its diagonal real.

    dA R⁻¹ = dQ + Q T with T = dR R⁻¹ upper triangular, its diagonal real, and Qᴴ dQ skew-Hermitian. So with
    M = Qᴴ dA R⁻¹: T = triu(M, 1) + tril(M, -1)ᴴ + Re diag M, dR = T R, dQ = dA R⁻¹ - Q T. Transposed, with
    H = g_R Rᵀ - Qᵀ g_Q made Hermitian from its upper triangle, A_bar = (g_Q + conj(Q) H) R⁻ᵀ.
    (S. F. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions", 2012.)
    """
    if not complete:
        return np.linalg.qr(x)
    q, r = np.linalg.qr(x, "complete")
    return QRResult(q, r[..., : r.shape[-1], :])


@qr_op.defvjp("x")
def _qr_vjp(y: Any, x: Array, *, complete: bool = False) -> Any:
    q_full, r = y
    n = shape_of(r)[-1]
    q = q_full[..., :n]

    def pullback(gs: Any) -> Array:
        g_q = _complement_into(gs[0], q_full, n)
        h = hermitian_from(gs[1] @ transposed(r) - transposed(q) @ g_q, "U")
        return transposed(np.linalg.solve(r, transposed(g_q + conjugated(q) @ h)))

    return pullback


@qr_op.defjvp("x")
def _qr_jvp(y: Any, x: Array, *, complete: bool = False) -> Any:
    q_full, r = y
    n = shape_of(r)[-1]
    q = q_full[..., :n]

    def pushforward(x_dot: Array) -> tuple[Array, Array]:
        z = transposed(np.linalg.solve(transposed(r), transposed(x_dot)))
        t = gather_into(adjoint(q) @ z, "U")
        return _with_complement(z - q @ t, q_full, n), t @ r

    return pushforward


over_stack(qr_op, 2)


@implements(np.linalg.qr)
def qr(a: Array, mode: str = "reduced") -> Any:
    """As np.linalg.qr, in the modes reduced, complete and r; differentiable where the first min(m, n) columns are free.

    For m < n, A = Q [R₁, R₂] with Q R₁ the decomposition of the first m columns and R₂ = Qᴴ A₂.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"np.linalg.qr: mode={mode!r} is not supported for Tensors; use 'reduced', 'complete' or 'r'.")
    m, n = (0, 0) if len(shape_of(a)) < 2 else shape_of(a)[-2:]
    q, r = qr_op(a[..., :m] if m < n else a, complete=mode == "complete" and m > n)
    if m < n:
        r = np.concatenate([r, adjoint(q) @ a[..., m:]], -1)
    elif mode == "complete" and m > n:
        r = np.concatenate([r, np.zeros((*shape_of(r)[:-2], m - n, n), dtype_of(r))], -2)
    return r if mode == "r" else QRResult(q, r)
