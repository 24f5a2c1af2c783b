"""Products of matrices and sums of products."""

from ..table import entry

entry(
    "linalg.matmul_op",
    "z_ij = Σ_l x_il y_lj: Z = X Y for stacks of matrices, and for a matrix or vector and a vector",
    "Σ_ij g_ij dz_ij = Σ_ijl g_ij (dx_il y_lj + x_il dy_lj). Beside dx_il stands Σ_j g_ij y_lj, the element il of g "
    "Yᵀ; beside dy_lj stands Σ_i x_il g_ij, the element lj of Xᵀ g. A matrix that meets a whole stack has its "
    "cotangents from all of it summed.",
    at=([[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]], [[1.0], [0.5], [-2.0]]),
    conventions=[
        ("a sum over nothing is 0", "np.matmul(np.ones((1, 0)), np.ones((0, 1)))", [[0.0]]),
        (
            "a matrix that serves a stack gathers from all of it",
            "grad(lambda y: np.sum(np.ones((3, 1, 2)) @ y))(np.ones((2, 1)))",
            [[3.0], [3.0]],
        ),
        (
            "a vector is one row or one column",
            "grad(lambda a: np.sum(a @ np.array([3.0, 4.0])))(np.ones((2, 2)))",
            [[3.0, 4.0], [3.0, 4.0]],
        ),
    ],
    source="M. Giles, An extended collection of matrix derivative results, 2008",
    cost="2 m k n flops for (m, k) and (k, n), and as many for each of the two cotangents: a backward pass costs twice "
    "a forward pass",
)
entry(
    "linalg.einsum_op",
    "y[output] = Σ Π_k x_k[inputs_k], summed over every label that is not in the output",
    "One term is g[output] Π_k x_k[inputs_k], a product of all operands and of g. Take dx_k out of it: its factor is "
    "the product of g and of the others, summed over all labels that x_k does not have. That is an einsum again, in "
    "which g and the k-th operand have changed places: xs_bar_k = einsum(g[output], the others -> inputs_k). In the "
    "normal form each label of x_k is in the output or in another operand, so that every index of x_k is reached; what "
    "does not have that form is summed or spread before. y_dot is the sum, over k, of the einsum with dx_k in the "
    "place of x_k.",
    at=([[1.0, 2.0], [0.5, -1.0]], [3.0, -2.0]),
    options={"inputs": ("ij", "j"), "output": "i"},
    conventions=[
        (
            "a label twice in one operand is a diagonal: the trace",
            "grad(lambda a: np.einsum('ii', a))(np.ones((2, 2)))",
            [[1.0, 0.0], [0.0, 1.0]],
        ),
        (
            "a label that stands nowhere else is summed",
            "grad(lambda a: np.sum(np.einsum('ij->i', a)))(np.zeros((2, 2)))",
            [[1.0, 1.0], [1.0, 1.0]],
        ),
    ],
    cost="a product for each operand but one and an addition, at each point of all labels. Each cotangent is an einsum "
    "over the same points, and costs the same",
)
