"""Determinants and cofactors."""

from ..table import entry

_A = [[2.0, 1.0], [0.5, 3.0]]

entry(
    "determinants.det_op",
    "y = det A = Σ_j a_ij C_ij along any row i, C_ij the cofactors",
    "The cofactors of row i hold no entry of row i, so ∂y/∂a_ij = C_ij: dy = Σ_ij C_ij da_ij, and <g, dy> = <g C, dA>. "
    "Where A has an inverse, C = det(A) A⁻ᵀ and dy = det(A) tr(A⁻¹ dA), Jacobi's formula.",
    at=(_A,),
    conventions=[
        (
            "a singular matrix has cofactors too",
            "grad(np.linalg.det)(np.array([[1.0, 2.0], [2.0, 4.0]]))",
            [[4.0, -2.0], [-2.0, 1.0]],
        ),
        ("of rank n - 2 and less they are 0", "grad(np.linalg.det)(np.zeros((3, 3)))", [[0.0] * 3] * 3),
        (
            "but the second derivative of 2 x 2 zeros is not: det is a quadratic form",
            "grad(lambda a: grad(np.linalg.det)(a)[0, 0])(np.zeros((2, 2)))",
            [[0.0, 0.0], [0.0, 1.0]],
        ),
    ],
    source="M. Giles, An extended collection of matrix derivative results, 2008",
    cost="2/3 n³ flops, of an LU decomposition. The pullback is a determinant and an inverse, 8/3 n³",
)
entry(
    "determinants.cofactor_op",
    "C_ij = ∂det(A)/∂a_ij = (-1)^(i+j) det(A without row i and column j)",
    "C is a gradient, so its Jacobian is the Hessian of the determinant, which is symmetric: a_bar is what dC is with "
    "g for dA. For a regular A vary C = det(A) A⁻ᵀ by the product rule: d det(A) A⁻ᵀ = tr(A⁻¹ dA) C, and "
    "det(A) d(A⁻¹)ᵀ = -det(A) (A⁻¹ dA A⁻¹)ᵀ = -A⁻ᵀ dAᵀ C.",
    at=(_A,),
    conventions=[
        (
            "of a 2 x 2 matrix the map is linear: zeros have a derivative",
            "vjp(registry['determinants.cofactor_op'], np.zeros((2, 2)))[1](np.array([[1.0, 2.0], [3.0, 4.0]]))[0]",
            [[4.0, -3.0], [-2.0, 1.0]],
        )
    ],
    cost="8/3 n³ flops, of a determinant and an inverse. The pullback is the rank, an inverse and two products, 9 n³, "
    "or a singular value decomposition",
)
entry(
    "determinants.slogdet_op",
    "det A = σ exp(l): l = log|det A|, |σ| = 1",
    at=(_A,),
    derivation=(
        "log det A = log σ + l. By Jacobi's formula d det(A) = det(A) tr(A⁻¹ dA), so dl + dσ/σ = t with t = tr(A⁻¹ "
        "dA). Since |σ| = 1, dσ/σ is imaginary: dl = Re t, dσ = i σ Im t; for real A the sign stands still."
        "\n\n"
        "<g_l, dl> + <g_σ, dσ> = Re(g_l t) + Re(g_σ i σ Im t) = Re((g_l + i Im(g_σ σ)) t), and t = <A⁻ᵀ, dA>: so "
        "a_bar = (g_l + i Im(g_σ σ)) A⁻ᵀ. No product of eigenvalues is taken, so l neither over- nor underflows."
    ),
    conventions=[
        (
            "a singular matrix has l = -inf and no derivative",
            "np.isnan(grad(lambda a: np.linalg.slogdet(a)[1])(np.ones((2, 2)))).all()",
            True,
        ),
        (
            "but a cotangent of exactly 0 stays 0 there",
            "grad(lambda a: 0.0 * np.linalg.slogdet(a)[1])(np.ones((2, 2)))",
            [[0.0, 0.0], [0.0, 0.0]],
        ),
        (
            "far beyond the largest float: det = 10^400",
            "1e200 * grad(lambda a: np.linalg.slogdet(a)[1])(1e200 * np.eye(2))",
            [[1.0, 0.0], [0.0, 1.0]],
        ),
    ],
    source="M. Giles, An extended collection of matrix derivative results, 2008",
    cost="2/3 n³ flops, of an LU decomposition. The pullback is an inverse, 2 n³",
)
