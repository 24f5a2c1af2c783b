"""Eigenvalues and eigenvectors."""

from ..table import entry

entry(
    "eigenvalues.eigh_op",
    "A = V diag(w) Vᴴ, V unitary, from one triangle of x",
    "Vary A V = V W: dA V + A dV = dV W + V dW. With dV = V Ω and Vᴴ from the left, Vᴴ A = W Vᴴ: P + W Ω = Ω W + dW. "
    "On the diagonal W and Ω commute: dw_i = P_ii. Off it P_ij = Ω_ij (w_j - w_i). Ω_ii may be any imaginary number, "
    "for a vector's phase is free; 0 is taken."
    "\n\n"
    "<g, dy> = <g_w, diag P> + <Vᵀ g_V, F∘P>, and F∘ is its own transpose. A is made of a triangle of x and its "
    "adjoint, so x_bar is A_bar plus its adjoint within that triangle, and 0 off it.",
    at=([[2.0, 0.0], [1.0, 4.0]],),
    conventions=[
        (
            "one triangle is read, and has the whole derivative: here of Σ w² = Σ |a_ij|²",
            "grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(np.array([[2.0, 7.0], [1.0, 3.0]]))",
            [[4.0, 0.0], [4.0, 6.0]],
        ),
        (
            "equal eigenvalues: a symmetric function of them has its derivative",
            "grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(3 * np.eye(2))",
            [[6.0, 0.0], [0.0, 6.0]],
        ),
        (
            "what depends on the vectors has none there: 1/(w_j - w_i) has a pole",
            "np.isnan(grad(lambda a: np.linalg.eigh(a)[1][0, 1])(np.eye(2))).any()",
            True,
        ),
    ],
    cost="about 9 n³ flops. The pullback is three products of matrices, 6 n³: the decomposition itself is the dear "
    "part",
)
entry(
    "eigenvalues.eig_op",
    "A V = V diag(w): y = (w, V), the columns of V of unit length",
    "As for a Hermitian matrix, but V⁻¹ takes the place of Vᴴ, since the vectors are not orthogonal: vary A V = V W, "
    "put dV = V Ω, and with V⁻¹ from the left V⁻¹ dA V = Ω W - W Ω + dW: dw_i is its diagonal and, off it, Ω_ij = "
    "(V⁻¹ dA V)_ij / (w_j - w_i). Ω_jj, a multiple of v_j itself, is free, and fixed by how the vectors are "
    "normalised: to first order, |v_j| = 1 takes away the part of u_j along v_j."
    "\n\n"
    "<g, dy> = <g_w, dw> + <g_V, dV>; x_bar is the A_bar that follows.",
    at=([[2.0, 1.0], [0.5, 4.0]],),
    conventions=[
        (
            "the sum of the eigenvalues is the trace",
            "grad(lambda a: np.sum(np.linalg.eigvals(a)))(np.array([[2.0, 1.0], [0.5, 4.0]]))",
            [[1.0, 0.0], [0.0, 1.0]],
        ),
        (
            "what depends on the vectors of equal eigenvalues has no derivative",
            "np.isnan(grad(lambda a: np.linalg.eig(a)[1][0, 1])(np.eye(2))).any()",
            True,
        ),
    ],
    cost="about 25 n³ flops. The pullback is two products of matrices and a solve, 20/3 n³",
)
entry(
    "eigenvalues.real_component",
    "m_ij = [v_ij is the component of column j that LAPACK made real]",
    "A mask, constant between jumps: which component is the largest changes only where two are equal.",
    at=([[0.8, 0.3], [0.6, -0.95]],),
)
