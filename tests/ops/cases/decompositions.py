"""Linear systems, determinants, decompositions: regular matrices with spectra well apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import CASES, case, lattice

stacks = hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=2)


def _orthogonal(rng: np.random.Generator, stack: tuple[int, ...], n: int, turn: bool = False) -> np.ndarray:
    """Orthogonal matrices, or unitary ones."""
    m = rng.standard_normal((*stack, n, n))
    return np.linalg.qr(m + 1j * rng.standard_normal(m.shape) if turn else m)[0]


@st.composite
def with_singular_values(draw: Any, m: int, n: int, stack: tuple[int, ...] = ()) -> Any:
    """U diag(s) Vᴴ with singular values near 1, 2, 3, ...: well apart; real or complex."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k, turned = min(m, n), draw(st.booleans())
    s = np.arange(1, k + 1) + rng.uniform(0, 0.25, (*stack, k))
    return (_orthogonal(rng, stack, m, turned)[..., :k] * s[..., None, :]) @ _orthogonal(rng, stack, n, turned)[
        ..., :k, :
    ]


@st.composite
def hermitian(draw: Any, n: int, positive: bool = False) -> np.ndarray:
    """A Hermitian matrix with eigenvalues well apart, of mixed signs or positive; real or complex."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    stack = draw(stacks)
    v = _orthogonal(rng, stack, n, draw(st.booleans()))
    w = np.arange(1, n + 1) + rng.uniform(0, 0.25, (*stack, n))
    signs = 1 if positive else rng.choice([-1, 1], (*stack, n))
    return (v * (w * signs)[..., None, :]) @ np.swapaxes(np.conj(v), -1, -2)


@case("ops.solving.solve_op")
def _solve(draw: Any) -> Any:
    n, k = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    left, right = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=2)).input_shapes
    return (draw(with_singular_values(n, n, left)), draw(lattice((*right, n, k)))), {}


@case("ops.solving.inv_op")
def _inv(draw: Any) -> Any:
    n = draw(st.integers(0, 3))
    return (draw(with_singular_values(n, n, draw(stacks))),), {}


@case("ops.solving.pinv_op")
def _pinv(draw: Any) -> Any:
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return (draw(with_singular_values(m, n, draw(stacks))),), {"rcond": draw(st.sampled_from([1e-15, 1e-3]))}


@case("ops.solving.matrix_rank_op")
def _matrix_rank(draw: Any) -> Any:
    m, n = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    stack = draw(stacks | st.just((2, 3)))
    return (draw(lattice((*stack, m, n), -0.125, 0.125) | lattice((*stack, m, n))),), {
        "tol": draw(st.sampled_from([None, 0.5]))
    }


@st.composite
def perhaps_singular(draw: Any) -> Any:
    """A regular matrix, or one whose last column is a multiple of the first, to the last bit."""
    n = draw(st.integers(0, 3))
    a = draw(with_singular_values(n, n, draw(stacks)))
    if n > 1 and draw(st.booleans()):
        a[..., -1] = 2 * a[..., 0]
    return a


CASES["tinygrad_np.ops.determinants.det_op"] = perhaps_singular().map(lambda a: ((a,), {}))


@case("ops.determinants.cofactor_op")
def _cofactor(draw: Any) -> Any:
    n = draw(st.integers(0, 3))
    return (draw(with_singular_values(n, n, draw(stacks))),), {}


@case("ops.determinants.slogdet_op")
def _slogdet(draw: Any) -> Any:
    n = draw(st.integers(0, 3))
    return (draw(with_singular_values(n, n, draw(stacks))),), {}


@case("ops.decompositions.cholesky_op")
def _cholesky(draw: Any) -> Any:
    return (draw(hermitian(draw(st.integers(0, 3)), positive=True)),), {}


@case("ops.eigenvalues.eigh_op")
def _eigh(draw: Any) -> Any:
    return (draw(hermitian(draw(st.integers(0, 3)))),), {"UPLO": draw(st.sampled_from("LU"))}


@case("ops.eigenvalues.eig_op")
def _eig(draw: Any) -> Any:
    """Real eigenvalues, or complex ones: blocks [[a, b], [-b, a]]; in a basis that is not far from orthonormal.

    Its rows differ in length, lest two components of a vector be the largest.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, stack = draw(st.integers(0, 3)), draw(stacks)
    d = np.zeros((*stack, n, n))
    d[..., range(n), range(n)] = 3 * np.arange(n) - 2 + rng.uniform(0, 0.25, (*stack, n))
    if n > 1 and draw(st.booleans()):
        d[..., 0, 1], d[..., 1, 0], d[..., 1, 1] = 3, -3, d[..., 0, 0]
    basis = (_orthogonal(rng, stack, n) + _orthogonal(rng, stack, n) / 4) * (1 + np.arange(n)[:, None] / 2)
    return (basis @ d @ np.linalg.inv(basis),), {}


@case("ops.eigenvalues.real_component")
def _real_component(draw: Any) -> Any:
    n = draw(st.integers(0, 3))
    return (draw(with_singular_values(n, n, draw(stacks))),), {}


@case("ops.matrices.coincident")
def _coincident(draw: Any) -> Any:
    return (draw(lattice((*draw(stacks), draw(st.integers(0, 3))), -0.25, 0.25)),), {}


@case("ops.decompositions.svd_op")
def _svd(draw: Any) -> Any:
    m, n = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    full = abs(m - n) < 2 and draw(st.booleans())  # a complement of one column is unique but for its sign
    return (draw(with_singular_values(m, n, draw(stacks))),), {"full_matrices": full}


@case("ops.decompositions.qr_op")
def _qr(draw: Any) -> Any:
    m = draw(st.integers(1, 4))
    n = draw(st.integers(1, m))
    complete = m - n < 2 and draw(st.booleans())  # a complement of one column is unique but for its sign
    return (draw(with_singular_values(m, n, draw(stacks))),), {"complete": complete}
