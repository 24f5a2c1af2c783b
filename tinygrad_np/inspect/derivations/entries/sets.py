"""The distinct elements of arrays."""

from ..table import entry

entry(
    "sets.unique_op",
    "y = (index, inverse, counts): x[index] are the distinct elements in ascending order",
    "Positions and counts are integers. The elements themselves are picked with them, so the derivative of np.unique "
    "is that of indexing: each goes back to its place, the first one among equals.",
    at=([2.0, 1.0, 2.0],),
    options={"axis": None, "equal_nan": True},
    conventions=[
        (
            "the first of equal elements takes the cotangent",
            "grad(lambda x: np.sum(np.unique(x) * np.array([1.0, 10.0])))(np.array([2.0, 1.0, 2.0]))",
            [10.0, 1.0, 0.0],
        )
    ],
)
entry(
    "sets.intersect_op",
    "y = (i, j): x[i] = y[j] are the elements that both have, in ascending order",
    "Positions are integers. They change only where an element of one array meets one of the other, and there by a "
    "jump.",
    at=([1.0, 3.0, 2.0], [2.0, 3.0]),
    options={"assume_unique": False},
    conventions=[
        (
            "np.intersect1d takes its elements from the first array",
            "vjp(np.intersect1d, np.array([1.0, 3.0]), np.array([3.0]))[1](np.array([5.0]))",
            ([0.0, 5.0], [0.0]),
        )
    ],
)
