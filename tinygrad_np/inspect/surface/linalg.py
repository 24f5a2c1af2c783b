"""Examples of products and of numpy.linalg; what depends on vectors is free of their phases and of bases to choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import POSITIVE, T3, A, B, M, S, V, example

STACK = np.stack([M, M.T + 0.5 * np.eye(3)])
TALL = np.concatenate([M, A])[:4] + 0.25  # (4, 3), full rank
TURNING = np.array([[0.5, -2.0, 0.25], [1.5, 0.75, 0.5], [0.25, -0.5, 3.0]])  # a pair of complex eigenvalues
POWER = np.eye(3) + M / 4

vecdot: Any = np.vecdot
linalg_vecdot: Any = np.linalg.vecdot


def _projections(v: Any) -> Any:
    """v_i v_iᴴ of every column: what does not depend on its phase."""
    return np.einsum("...ai,...bi->...iab", v, np.conj(v))


def _beyond(q: Any, k: int) -> Any:
    """Return the projection onto the columns of a basis from the k-th on."""
    return q[..., k:] @ np.conj(np.swapaxes(q[..., k:], -1, -2))


def _parts(function: Any, decompose: Any, **options: Any) -> Any:
    """Return x -> function(the parts of its decomposition)."""
    return lambda x: function(*decompose(x, **options))


def _together(*parts: Any) -> Any:
    return parts


# -- products --------------------------------------------------------------------------------------------------------

example(
    "numpy.matmul",
    (np.matmul, (A, B)),
    (np.matmul, (A, V)),
    (np.matmul, (V, V[::-1])),
    (np.matmul, (T3, T3[0].T)),
    (lambda x, y: np.matmul(x, y, axes=[(0, 1), (1, 0), (1, 0)]), (A, A)),
    (lambda x, y: x @ y @ x, (A, B)),
)
example("numpy.dot", (np.dot, (A, B)), (np.dot, (V, V[::-1])), (np.dot, (V, np.array(2.0))), (np.dot, (B.T, T3)))
example("numpy.inner", (np.inner, (A, V)), (np.inner, (T3, T3[0])), (np.inner, (V, np.array(2.0))))
example("numpy.outer", (np.outer, (A, V)), (np.outer, (V, V)))
example("numpy.vdot", (np.vdot, (V, V[::-1])), (np.vdot, (A, B)))
example(
    "numpy.tensordot",
    (lambda x, y: np.tensordot(x, y, axes=([0, 1], [0, 1])), (T3, T3)),
    (lambda x, y: np.tensordot(x, y, 0), (V, A)),
    (lambda x, y: np.tensordot(x, y, 1), (A, B)),
    (lambda x, y: np.tensordot(x, y, axes=(-1, 0)), (A, V)),
)
example(
    "numpy.einsum",
    (lambda x, y: np.einsum("ij,jk->ik", x, y), (A, B)),
    (lambda x: np.einsum("ii->i", x), (S,)),
    (lambda x: np.einsum("...ij->...j", x), (T3,)),
    (lambda x, y: np.einsum("...i,i", x, y), (A, V)),
    (lambda x, y, z: np.einsum("ij,jk,k->i", x, y, z, optimize=True), (A, B, B[0])),
    (lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), (A, B)),
)
example(
    "numpy.vecdot",
    (vecdot, (A, V)),
    (lambda x, y: vecdot(x, y, axis=0), (A, A + 1)),
    (lambda x, y: vecdot(x, y, keepdims=True), (A, A + 1)),
    (lambda x, y: vecdot(x, y, axes=[0, 1]), (B, A)),
)
if hasattr(np, "matvec"):  # NumPy >= 2.2
    matvec: Any = np.matvec
    vecmat: Any = np.vecmat
    example(
        "numpy.matvec",
        (matvec, (A, V)),
        (matvec, (STACK, A)),
        (lambda x, y: matvec(x, y, axes=[(1, 0), 0, 0]), (A, V[:2])),
    )
    example(
        "numpy.vecmat",
        (vecmat, (V, B)),
        (vecmat, (A, STACK)),
        (lambda x, y: vecmat(x, y, axes=[0, (1, 0), 0]), (V, A)),
    )
example(
    "numpy.cross",
    (np.cross, (A, V)),
    (lambda x, y: np.cross(x, y, axis=0), (B, B + V[:, None])),
    (lambda x, y: np.cross(x, y, axisa=0, axisb=1, axisc=0), (B, A)),
)
example("numpy.kron", (np.kron, (A, V)), (np.kron, (B, A)), (np.kron, (V, np.array(2.0))))

# -- the products of numpy.linalg ------------------------------------------------------------------------------------

example("numpy.linalg.matmul", (np.linalg.matmul, (A, B)))
example("numpy.linalg.outer", (np.linalg.outer, (V, B[:, 0])))
example(
    "numpy.linalg.tensordot", (np.linalg.tensordot, (A, A)), (lambda x, y: np.linalg.tensordot(x, y, axes=1), (A, B))
)
example("numpy.linalg.vecdot", (linalg_vecdot, (A, V)), (lambda x, y: linalg_vecdot(x, y, axis=0), (A, A + 1)))
example(
    "numpy.linalg.cross", (np.linalg.cross, (A, V)), (lambda x, y: np.linalg.cross(x, y, axis=0), (B, B + V[:, None]))
)
example("numpy.linalg.matrix_transpose", (np.linalg.matrix_transpose, (T3,)))
example("numpy.linalg.diagonal", (np.linalg.diagonal, (T3,)), (lambda x: np.linalg.diagonal(x, offset=-1), (T3,)))
example("numpy.linalg.trace", (np.linalg.trace, (T3,)), (lambda x: np.linalg.trace(x, offset=1), (T3,)))
example(
    "numpy.linalg.multi_dot",
    (lambda x, y, z: np.linalg.multi_dot([x, y, z]), (V, M, B)),
    (lambda x, y, z, v: np.linalg.multi_dot([x, y, z, v]), (A, M, B, V[:2])),
)
example(
    "numpy.linalg.matrix_power",
    (lambda x: np.linalg.matrix_power(x, 5), (POWER,)),
    (lambda x: np.linalg.matrix_power(x, -2), (STACK,)),
    (lambda x: np.linalg.matrix_power(x, 0) @ x, (M,)),
)

# -- linear systems --------------------------------------------------------------------------------------------------

example(
    "numpy.linalg.solve",
    (np.linalg.solve, (M, V)),
    (np.linalg.solve, (M, B)),
    (np.linalg.solve, (STACK, B)),
    (np.linalg.solve, (STACK, V)),
)
example("numpy.linalg.inv", (np.linalg.inv, (M,)), (np.linalg.inv, (STACK,)))
example(
    "numpy.linalg.tensorsolve",
    (np.linalg.tensorsolve, (np.eye(6).reshape(2, 3, 6) + T3.reshape(-1)[:6] / 8, A)),
    (lambda a, b: np.linalg.tensorsolve(a, b, axes=(0,)), ((np.eye(6) + 0.125).reshape(6, 2, 3), A)),
)
example("numpy.linalg.tensorinv", (lambda a: np.linalg.tensorinv(a, ind=1), ((np.eye(6) + 0.125).reshape(6, 2, 3),)))
example(
    "numpy.linalg.pinv",
    (np.linalg.pinv, (TALL,)),
    (np.linalg.pinv, (A,)),
    (lambda x: np.linalg.pinv(x, rcond=1e-8), (STACK,)),
    (lambda u, v: np.linalg.pinv(np.outer(u, v), rtol=1e-8), (V, B[:, 0])),  # rank 1
    (lambda x: np.linalg.pinv(x, hermitian=True), (M,)),
)
example(
    "numpy.linalg.lstsq",
    (lambda a, b: np.linalg.lstsq(a, b)[0], (TALL, POSITIVE.reshape(-1)[:4])),
    (lambda a, b: np.linalg.lstsq(a, b)[0], (A, V[:2])),
    (lambda a, b: tuple(np.linalg.lstsq(a, b, rcond=1e-10)[i] for i in (0, 1, 3)), (TALL, T3[0].T)),
    (lambda a, b: tuple(np.linalg.lstsq(a, b, rcond=-1)[i] for i in (0, 1, 3)), (TALL, POSITIVE.reshape(-1)[:4])),
)
example(
    "numpy.linalg.cond",
    (np.linalg.cond, (M,)),
    (lambda x: np.linalg.cond(x, -2), (STACK,)),
    (lambda x: np.real(np.linalg.cond(x, 1)), (M,)),  # NumPy 2.0 makes it complex for a complex x
    (lambda x: np.real(np.linalg.cond(x, "fro")), (STACK,)),
    (lambda x: np.real(np.linalg.cond(x, -np.inf)), (M,)),
    (lambda x: np.real(np.linalg.cond(x, "nuc")), (M,)),
)

# -- determinants and decompositions ---------------------------------------------------------------------------------

example(
    "numpy.linalg.det",
    (np.linalg.det, (M,)),
    (np.linalg.det, (STACK,)),
    (np.linalg.det, (np.eye(3),)),
)
example(
    "numpy.linalg.slogdet",
    (_parts(_together, np.linalg.slogdet), (STACK,)),
    (lambda x: np.linalg.slogdet(x)[1], (M,)),
)
example(
    "numpy.linalg.cholesky",
    (np.linalg.cholesky, (S,)),
    (lambda x: np.linalg.cholesky(x @ np.conj(x.T), upper=True), (M,)),
    (lambda x: np.linalg.cholesky(x @ np.conj(np.swapaxes(x, -1, -2))), (STACK,)),
)
example(
    "numpy.linalg.qr",
    (_parts(_together, np.linalg.qr), (TALL,)),
    (_parts(_together, np.linalg.qr), (A,)),
    (lambda x: np.linalg.qr(x, mode="r"), (STACK,)),
    (_parts(lambda q, r: (_beyond(q, 2), r), np.linalg.qr, mode="complete"), (TALL[:, :2],)),
)
example(
    "numpy.linalg.svd",
    (lambda x: np.linalg.svd(x, compute_uv=False), (STACK,)),
    (_parts(lambda u, s, vh: (s, _projections(u), (u / s) @ vh), np.linalg.svd, full_matrices=False), (TALL,)),
    (_parts(lambda u, s, vh: (_projections(vh.T), (u * s**2) @ vh), np.linalg.svd, full_matrices=False), (A,)),
    (_parts(lambda u, s, vh: (s, _beyond(u, 2), (u[:, :2] / s) @ vh), np.linalg.svd), (TALL[:, :2],)),
    (_parts(lambda u, s, vh: (s, _projections(u), (u / s) @ vh), np.linalg.svd, hermitian=True), (M,)),
    (lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True), (STACK,)),
)
example("numpy.linalg.svdvals", (np.linalg.svdvals, (A,)), (np.linalg.svdvals, (STACK,)))
example(
    "numpy.linalg.eigh",
    (_parts(lambda w, v: (w, _projections(v)), np.linalg.eigh), (S,)),
    (_parts(lambda w, v: (v * np.exp(w)) @ np.conj(v.T), np.linalg.eigh, UPLO="U"), (M,)),
    (lambda x: np.linalg.eigh(x)[0], (STACK,)),
)
example("numpy.linalg.eigvalsh", (np.linalg.eigvalsh, (S,)), (lambda x: np.linalg.eigvalsh(x, UPLO="U"), (STACK,)))
example(
    "numpy.linalg.eig",
    (_parts(lambda w, v: (w, _projections(v)), np.linalg.eig), (TURNING,)),
    (_parts(lambda w, v: (v * w**2) @ np.linalg.inv(v), np.linalg.eig), (M,)),
)
example("numpy.linalg.eigvals", (np.linalg.eigvals, (TURNING,)), (lambda x: np.sum(np.linalg.eigvals(x) ** 2), (S,)))
