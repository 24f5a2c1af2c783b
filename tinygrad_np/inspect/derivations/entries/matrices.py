"""What the rules of decompositions share."""

from ..table import entry

entry(
    "matrices.coincident",
    "c_ij = [|w_j - w_i| <= n ε max_k |w_k|]",
    "A mask. It tells the rules of eigenvalues and singular values where 1/(w_j - w_i) would be noise, and is constant "
    "between jumps.",
    at=([1.0, 2.0, 2.0],),
    conventions=[
        (
            "a difference of rounding counts as none",
            "registry['matrices.coincident'](np.array([1.0, 1.0 + 2e-16]))",
            [[True, True], [True, True]],
        )
    ],
)
