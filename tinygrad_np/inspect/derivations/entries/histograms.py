"""Where values lie among the edges of bins."""

from ..table import entry

entry(
    "histograms.digitize_op",
    "y_i = the number of edges b_j <= x_i (b_j < x_i with right), for edges that rise",
    "An integer: it stays the same when x or an edge moves a little, and jumps where an x meets an edge.",
    at=([0.5, 2.0], [0.0, 1.0, 3.0]),
    conventions=[
        ("a value on an edge is in the bin that begins there", "np.digitize(1.0, np.array([0.0, 1.0]))", 2),
        ("with right=True in the one that ends there", "np.digitize(1.0, np.array([0.0, 1.0]), right=True)", 1),
    ],
)
entry(
    "histograms.edges_op",
    "y_j = the j-th of the edges that fit the values",
    "Automatic edges are a choice of where to count, by the smallest and largest value and a rule for their number. "
    "They are held constant, since the counts, for which one asks, do not change with them but in jumps.",
    at=([0.0, 1.0, 4.0],),
    options={"bins": 2},
    conventions=[
        (
            "the weights of a histogram are differentiable, its edges are not",
            "grad(lambda w: np.histogram(np.array([0.5, 2.0]), 2, weights=w)[0][1])(np.ones(2))",
            [0.0, 1.0],
        )
    ],
)
