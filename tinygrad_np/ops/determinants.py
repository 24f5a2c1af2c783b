"""Determinants: det with all its derivatives at singular matrices too, slogdet."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.batching import over_stack
from ..core.families import multiply_at_pole
from ..core.primitive import primitive
from ..core.tensor import Array, Tensor, dtype_of, shape_of, zeros_of
from .matrices import adjoint, conjugated, diagonal_matrix, diagonal_of, identity_like, real_part, transposed

REGULAR = 1e-4  # smallest over largest singular value, from which on an inverse is good enough


@primitive(implements=np.linalg.det)
def det_op(a: Array) -> Any:
    """y = det A. Expanding along a row, ∂y/∂a_ij is the cofactor C_ij: a_bar = g C, for singular matrices too.

    So the first two derivatives are right at any matrix; see `cofactor_op` for higher ones.
    """
    return np.linalg.det(a)


@det_op.defvjp("a")
def _det_vjp(y: Array, a: Array) -> Any:
    return lambda g: np.expand_dims(g, (-2, -1)) * cofactor_op(a)


@det_op.defjvp("a")
def _det_jvp(y: Array, a: Array) -> Any:
    return lambda a_dot: np.sum(cofactor_op(a) * a_dot, (-2, -1))


over_stack(det_op, 2)


@primitive
def cofactor_op(a: Array) -> Any:
    """C, the matrix of cofactors: det(A) A⁻ᵀ for a regular A.

    For a singular one, with A = U diag(s) Vᴴ and φ = det(U) det(Vᴴ), C = φ conj(U) diag(p) Vᵀ, p_i the product of all
    s but s_i: no division. The derivative of C is the second one of the determinant, a symmetric bilinear form, so
    its VJP is its JVP:

        dC = tr(A⁻¹ dA) C - A⁻ᵀ dAᵀ C                                    for a regular A,
        dC = φ conj(U) (diag(Q diag X) - Q ∘ Xᵀ) Vᵀ,  X = Uᴴ dA V,       always,

    with Q_ij the product of all s but s_i and s_j, Q_ii = 0; for det(S + X) has the second derivative
    Σ_{i≠j} Q_ij (X_ii X_jj - X_ij X_ji) at S = diag(s). The first is taken where it is accurate, for it is right to
    all orders; the second differentiates to third and higher orders where the singular values are distinct.
    """
    y = np.linalg.det(a)[..., None, None]
    regular = y != 0
    with np.errstate(over="ignore", invalid="ignore"):
        c = y * transposed(np.linalg.inv(np.where(regular, a, identity_like(a))))  # one LU, so its errors cancel
    usable = regular & np.isfinite(c).all((-2, -1), keepdims=True)
    return c if usable.all() else np.where(usable, c, _singular_cofactors(np.where(usable, identity_like(a), a)))


def _singular_cofactors(a: Array) -> Any:
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    s = np.where(s <= n * np.finfo(s.dtype).eps * s[..., :1], 0, s)
    others = np.prod(np.where(np.eye(n, dtype=bool), 1, s[..., None, :]), -1)
    phase = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return phase * ((np.conjugate(u) * others[..., None, :]) @ np.conjugate(vh))


@cofactor_op.defvjp("a")
@cofactor_op.defjvp("a")
def _cofactor_derivative(y: Array, a: Array) -> Any:
    n = shape_of(a)[-1]

    def derivative(d: Array) -> Array:
        if n < 2:
            return zeros_of(a)
        regular = np.equal(np.linalg.matrix_rank(a, rtol=REGULAR), n)
        if type(regular) is not Tensor and np.all(regular):
            return _by_inverse(y, a, d)
        holds = regular[..., None, None]
        return np.where(holds, _by_inverse(y, np.where(holds, a, identity_like(a)), d), _by_singular_values(a, d))

    return derivative


over_stack(cofactor_op, 2)


def _by_inverse(y: Array, a: Array, d: Array) -> Array:
    kt = transposed(np.linalg.inv(a))
    return np.sum(kt * d, (-2, -1))[..., None, None] * y - kt @ transposed(d) @ y


def _by_singular_values(a: Array, d: Array) -> Array:
    u, s, vh = np.linalg.svd(a)
    one = np.eye(shape_of(s)[-1], dtype=bool)
    others = np.prod(np.where(one[:, None] | one, dtype_of(s).type(1), s[..., None, None, :]), -1) * ~one
    x = adjoint(u) @ d @ adjoint(vh)
    core = diagonal_matrix(np.sum(others * diagonal_of(x)[..., None, :], -1)) - others * transposed(x)
    phase = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return phase * (conjugated(u) @ core @ conjugated(vh))


@primitive(implements=np.linalg.slogdet)
def slogdet_op(a: Array) -> Any:
    """Sign σ and logarithm l of |det A|: det A = σ exp(l).

    d log det A = tr(A⁻¹ dA) = dl + dσ/σ, real and imaginary part: dl = Re t, dσ = i σ Im t with t = tr(A⁻¹ dA).
    Transposed, a_bar = (g_l + i Im(g_σ σ)) A⁻ᵀ. At a singular matrix, where l = -inf, a zero cotangent stays zero.
    """
    return np.linalg.slogdet(a)


def _inverse_transposed(sign: Array, a: Array) -> Array:
    singular = np.equal(sign, 0)
    if type(singular) is not Tensor and not np.any(singular):
        return transposed(np.linalg.inv(a))
    here = singular[..., None, None]
    kt = transposed(np.linalg.inv(np.where(here, identity_like(a), a)))
    return np.where(here, dtype_of(a).type(np.nan), kt)


@slogdet_op.defvjp("a")
def _slogdet_vjp(y: Any, a: Array) -> Any:
    sign = y[0]

    def pullback(gs: Any) -> Array:
        g = gs[1] + 1j * np.imag(gs[0] * sign) if dtype_of(sign).kind == "c" else gs[1]
        return multiply_at_pole(np.expand_dims(g, (-2, -1)), _inverse_transposed(sign, a))

    return pullback


@slogdet_op.defjvp("a")
def _slogdet_jvp(y: Any, a: Array) -> Any:
    sign = y[0]

    def pushforward(a_dot: Array) -> tuple[Array | None, Array]:
        t = np.sum(multiply_at_pole(a_dot, _inverse_transposed(sign, a)), (-2, -1))
        return 1j * (sign * np.imag(t)) if dtype_of(sign).kind == "c" else None, real_part(t)

    return pushforward


over_stack(slogdet_op, 2)
