"""Helpers of the rules for stacks of matrices: transposes, diagonals, triangles, reciprocals of gaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.batching import over_stack
from ..core.families import zero_like
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, shape_of


def transposed(x: Array) -> Array:
    """Xᵀ of every matrix of a stack."""
    return np.swapaxes(x, -1, -2)


def conjugated(x: Array) -> Array:
    """Return the complex conjugate; a real array stays itself."""
    return np.conjugate(x) if dtype_of(x).kind == "c" else x


def adjoint(x: Array) -> Array:
    """Xᴴ of every matrix of a stack."""
    return conjugated(transposed(x))


def real_part(x: Array) -> Array:
    """Return the real part; a real array stays itself."""
    return np.real(x) if dtype_of(x).kind == "c" else x


def identity_like(x: Array) -> Any:
    """Return the identity matrix of the length of x's last axis, in its precision."""
    return np.eye(shape_of(x)[-1], dtype=real_dtype(x))


def real_dtype(x: Array) -> np.dtype[Any]:
    """Return the dtype of the real part of x."""
    return np.empty(0, dtype_of(x)).real.dtype


def diagonal_of(x: Array) -> Array:
    """Return the diagonal of every matrix of a stack."""
    return np.diagonal(x, 0, -2, -1)


def diagonal_matrix(d: Array) -> Array:
    """Return a diagonal matrix for every vector of a stack."""
    return d[..., None] * identity_like(d)


def hermitian_from(x: Array, triangle: str) -> Array:
    """Return the Hermitian matrix that shares one triangle, "L" or "U", with x, and the real part of the diagonal."""
    below = np.tril(x, -1) if triangle == "L" else np.triu(x, 1)
    return below + adjoint(below) + diagonal_matrix(real_part(diagonal_of(x)))


def gather_into(h: Array, triangle: str) -> Array:
    """Transpose of `hermitian_from`: Re Σ h hermitian_from(dx) = Re Σ gather_into(h) dx; zero off the triangle."""
    both = h + adjoint(h)
    off = np.tril(both, -1) if triangle == "L" else np.triu(both, 1)
    return off + diagonal_matrix(real_part(diagonal_of(h)))


@primitive(differentiable=False)
def coincident(w: Array) -> Any:
    """Tell which pairs of eigenvalues or singular values, (..., n), are equal to rounding, the diagonal among them.

    That is |w_j - w_i| <= n ε max|w|: a smaller difference is noise, and so would be its reciprocal.
    """
    n = shape_of(w)[-1]
    largest = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    return np.abs(w[..., None, :] - w[..., :, None]) <= n * np.finfo(real_dtype(w)).eps * largest


over_stack(coincident, 1)


def reciprocal_unless(zero: Array, x: Array) -> Array:
    """Return 1/x, and 0 where `zero` holds."""
    return np.where(zero, zero_like(x), 1 / np.where(zero, dtype_of(x).type(1), x))


def over_gaps(m: Array, w: Array, gaps: Array | None = None) -> Array:
    """Return m_ij / (w_j - w_i), or m_ij / gaps_ij, and 0 for i = j.

    For an equal pair there is no such number: nan, unless m_ij is exactly 0, which leads through no pole.
    """
    equal = coincident(w)
    quotient = m * reciprocal_unless(equal, w[..., None, :] - w[..., :, None] if gaps is None else gaps)
    apart = ~np.eye(shape_of(w)[-1], dtype=bool)
    return np.where(equal & apart & np.not_equal(m, 0), dtype_of(quotient).type(np.nan), quotient)
