"""Cholesky, singular values, QR."""

import numpy as np

from ..table import entry

entry(
    "decompositions.cholesky_op",
    "A = L Lᴴ: y = L, lower triangular, from the lower triangle of x",
    "Vary A = L Lᴴ: dA = dL Lᴴ + L dLᴴ. L⁻¹ from the left and L⁻ᴴ from the right leave a triangular matrix plus its "
    "adjoint on the right side; a Hermitian matrix splits so in one way only, by Φ.",
    at=([[4.0, 0.0], [1.0, 3.0]],),
    conventions=[
        (
            "one triangle is read, and has the whole derivative",
            "grad(lambda a: np.sum(np.linalg.cholesky(a)))(np.array([[4.0, 0.0], [0.0, 1.0]]))",
            [[0.25, 0.0], [0.5, 0.5]],
        ),
        (
            "a matrix that is not positive definite has no L",
            "np.linalg.cholesky(np.array([[1.0, 2.0], [2.0, 1.0]]))",
            np.linalg.LinAlgError,
        ),
    ],
    derivation=(
        "Vary A = L Lᴴ: dA = dL Lᴴ + L dLᴴ. From the left with L⁻¹ and from the right with L⁻ᴴ, M = L⁻¹ dA L⁻ᴴ = K + "
        "Kᴴ with K = L⁻¹ dL, which is lower triangular with a real diagonal. A Hermitian M splits into such a K and "
        "its adjoint in one way: K = Φ(M), the lower triangle with half of the diagonal. So dL = L Φ(L⁻¹ dA L⁻ᴴ)."
        "\n\n"
        "Φ multiplies each entry by 1, 1/2 or 0, so it is its own transpose: <g, L Φ(M)> = <Φ(Lᵀ g), L⁻¹ dA L⁻ᴴ>, and "
        "what stands beside dA is A_bar = L⁻ᵀ Φ(Lᵀ g) conj(L)⁻¹. A is made of the lower triangle of x and its adjoint, "
        "so x_bar is A_bar plus its adjoint, folded into that triangle; off it x_bar is 0. L_dot follows from dL with "
        "the Hermitian matrix of x_dot for dA."
    ),
    source="I. Murray, Differentiation of the Cholesky decomposition, 2016",
    cost="1/3 n³ flops. The pullback is an inverse and three products, 8 n³",
)
entry(
    "decompositions.svd_op",
    "A = U diag(s) Vᴴ, U and V with orthonormal columns",
    "Vary A = U S Vᴴ and look at it in the bases U and V: P = Uᴴ dA V = Ω S + dS - S Ψ with Ω = Uᴴ dU, Ψ = Vᴴ dV. Both "
    "are skew-Hermitian, for 0 = d(Uᴴ U) = Ωᴴ + Ω. On the diagonal the real part is ds_i. Off it, "
    "P_ij = Ω_ij s_j - s_i Ψ_ij and conj(P_ji) = -Ω_ij s_i + s_j Ψ_ij: two equations for two unknowns. "
    "P_ij s_j + s_i conj(P_ji) = Ω_ij (s_j² - s_i²) gives Ω, s_i P_ij + conj(P_ji) s_j = Ψ_ij (s_j² - s_i²) gives Ψ. "
    "What dU does outside of the range of U, (1 - U Uᴴ) dA = (1 - U Uᴴ) dU S Vᴴ tells."
    "\n\n"
    "In <g, dy> = <g_U, dU> + <g_s, ds> + <g_V, dV> every term is brought to the form <N, P>, and "
    "<N, Uᴴ dA V> = <conj(U) N Vᵀ, dA> gives x_bar, the A_bar below. For instance <g_U, U (F∘(P S + S Pᴴ))> = "
    "<B, P S> + <B, S Pᴴ> with B = F ∘ Uᵀ g_U, and <B, S Pᴴ> = <Bᴴ, P S>, for Re z = Re conj(z): together "
    "<(B + Bᴴ) S, P>.",
    at=([[3.0, 1.0], [0.5, 1.0]],),
    conventions=[
        (
            "equal singular values: what depends on the values alone has its derivative, here U Vᴴ",
            "grad(lambda a: np.sum(np.linalg.svd(a, compute_uv=False)))(np.eye(2))",
            [[1.0, 0.0], [0.0, 1.0]],
        ),
        (
            "what depends on the vectors has none there: 1/(s_j² - s_i²) has a pole",
            "np.isnan(grad(lambda a: np.linalg.svd(a)[0][0, 1])(np.eye(2))).any()",
            True,
        ),
        (
            "the largest alone: u_1 v_1ᴴ",
            "grad(lambda a: np.linalg.norm(a, 2))(np.diag([2.0, 1.0]))",
            [[1.0, 0.0], [0.0, 0.0]],
        ),
    ],
    cost="about (6 m + 20 n) n² flops for (m, n), m >= n. The pullback is a handful of products of matrices, 2 m n² "
    "each",
)
entry(
    "decompositions.qr_op",
    "A = Q R, Q with orthonormal columns, R upper triangular with a real diagonal",
    "Vary A = Q R and multiply with R⁻¹ from the right. In M = Qᴴ dA R⁻¹ = Ω + T below, Ω = Qᴴ dQ is skew-Hermitian, "
    "for 0 = d(Qᴴ Q) = Ωᴴ + Ω, and T has nothing below the diagonal. So there M_ij = Ω_ij, and above it "
    "T_ij = M_ij - Ω_ij = M_ij + conj(M_ji)."
    "\n\n"
    "With Z = dA R⁻¹, <g, dy> = <g_Q, Z - Q T> + <g_R, T R> = <g_Q, Z> + <g_R Rᵀ - Qᵀ g_Q, T>. T takes from M the "
    "diagonal, the upper triangle and the adjoint of the lower one; the transpose of this map makes a matrix Hermitian "
    "from its upper triangle. So the last term is <H, Qᴴ Z> = <conj(Q) H, Z>, and x_bar is the A_bar below.",
    at=([[3.0, 1.0], [1.0, 2.0], [0.5, -1.0]],),
    conventions=[
        (
            "without full rank R has no inverse, and Q no derivative",
            "grad(lambda a: np.sum(np.linalg.qr(a)[0]))(np.zeros((2, 2)))",
            np.linalg.LinAlgError,
        ),
        (
            "of R alone, |det A| = Π |r_ii| moves as the determinant does",
            "grad(lambda a: np.abs(np.prod(np.diagonal(np.linalg.qr(a)[1]))))(np.array([[2.0, 0.0], [0.0, 3.0]]))",
            [[3.0, 0.0], [0.0, 2.0]],
        ),
    ],
    cost="(4 m - 4/3 n) n² flops for (m, n), m >= n. The pullback is three products and a solve with R, some 2 m n² "
    "each",
)
