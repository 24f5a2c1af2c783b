"""Linear systems, inverses, pseudoinverses, rank."""

import numpy as np

from ..table import entry

_GILES = (
    "M. Giles, An extended collection of matrix derivative results for forward and reverse mode automatic "
    "differentiation, 2008"
)
_A = [[2.0, 1.0], [0.5, 3.0]]

entry(
    "solving.solve_op",
    "X = A⁻¹ B, which is A X = B, for stacks of matrices",
    "Vary both sides of A X = B: the product rule gives dA X + A dX = dB, a system for dX with the matrix of the "
    "system itself. "
    "With <P, Q> = tr(Pᵀ Q), <g, dX> = tr(gᵀ A⁻¹ (dB - dA X)) = <A⁻ᵀ g, dB - dA X>. What stands beside dB is b_bar, "
    "found by one solve with Aᵀ; and -<b_bar, dA X> = -<b_bar Xᵀ, dA>.",
    at=(_A, [[1.0], [-1.0]]),
    conventions=[
        (
            "a singular matrix has no solution, and no derivative",
            "grad(lambda a: np.sum(np.linalg.solve(a, np.ones(2))))(np.ones((2, 2)))",
            np.linalg.LinAlgError,
        ),
        (
            "a matrix that serves a stack gathers what all systems send back",
            "grad(lambda a: np.sum(np.linalg.solve(a, np.ones((3, 2, 1)))))(np.eye(2))",
            [[-3.0, -3.0], [-3.0, -3.0]],
        ),
    ],
    source=_GILES,
    cost="2/3 n³ + 2 n² k flops for (n, n) and (n, k). The pullback is one more solve, with the transposed matrix, and "
    "the product b_bar Xᵀ, 2 n² k",
)
entry(
    "solving.inv_op",
    "Y = A⁻¹: Y A = 1",
    "Vary Y A = 1: dY A + Y dA = 0, and from the right with Y, dY = -Y dA Y. Then <g, dY> = -tr(gᵀ Y dA Y) = "
    "-tr(Y gᵀ Y dA) = -<Yᵀ g Yᵀ, dA>, since a trace does not change when its factors go round. For 1 x 1 this is "
    "(1/x)' = -1/x².",
    at=(_A,),
    conventions=[
        (
            "a singular matrix has no inverse, and no derivative",
            "grad(lambda a: np.sum(np.linalg.inv(a)))(np.zeros((2, 2)))",
            np.linalg.LinAlgError,
        )
    ],
    source=_GILES,
    cost="2 n³ flops. The pullback is two products of matrices, 4 n³",
)
entry(
    "solving.pinv_op",
    "Y = A⁺: A Y A = A, Y A Y = Y, and P = A Y, R = Y A Hermitian",
    "P projects onto the range of A. Vary P A = A: dP A = (1 - P) dA, and times Y, dP P = (1 - P) dA Y. A projection "
    "varies as dP = d(P P) = dP P + P dP, the second term the adjoint of the first: dP = (1 - P) dA Y + its adjoint. "
    "Likewise A R = A gives R dR = Y dA (1 - R) and dR = Y dA (1 - R) + its adjoint."
    "\n\n"
    "Vary Y = R Y: dY = dR Y + R dY, where R dY = Y A dY = Y (dP - dA Y). In dR Y only the adjoint survives, since "
    "(1 - R) Y = 0, and in Y dP too, since Y (1 - P) = 0: what remains are the change within the range, and the "
    "turning of the two spaces. In <g, dY> each term is linear in dA or in dAᴴ; collect what stands beside dA.",
    at=([[2.0, 1.0], [0.5, 3.0], [1.0, 0.0]],),
    options={"rcond": 1e-15},
    conventions=[
        (
            "where the rank jumps, the derivative is that among matrices of the same rank: none at a zero matrix",
            "grad(lambda a: np.sum(np.linalg.pinv(a)))(np.zeros((2, 2)))",
            [[0.0, 0.0], [0.0, 0.0]],
        ),
        (
            "of rank 1: only what keeps the rank to first order counts",
            "grad(lambda a: np.linalg.pinv(a)[0, 0])(np.array([[2.0, 0.0], [0.0, 0.0]]))",
            [[-0.25, 0.0], [0.0, 0.0]],
        ),
    ],
    cost="that of a singular value decomposition and a product, (8 m + 20 n) n² flops for (m, n), m >= n. The pullback "
    "is some ten products of matrices",
)
entry(
    "solving.matrix_rank_op",
    "y = the number of singular values s_i > limit",
    "A count: it stays the same when A moves a little, and jumps where a singular value crosses the limit.",
    at=([[1.0, 2.0], [2.0, 4.0]],),
    conventions=[("a zero matrix has rank 0", "np.linalg.matrix_rank(np.zeros((2, 2)))", 0)],
    cost="that of the singular values alone, (4 m - 4/3 n) n² flops for (m, n), m >= n",
)
