"""Sums, means, variances, extrema and cumulative sums over axes."""

from ..table import entry

_MATRIX = [[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]]

entry(
    "reductions.sum_op",
    "y = Σ_i x_i over the axes",
    "dy = Σ_i dx_i, so g dy = Σ_i g dx_i: every element gets the g of its group.",
    at=(_MATRIX,),
    options={"axis": (1,)},
    conventions=[("an empty sum is 0, and has no gradient to give", "grad(np.sum)(np.zeros(0))", [])],
)
entry(
    "reductions.mean_op",
    "y = (1/n) Σ_i x_i over the axes, n elements a group",
    "dy = (1/n) Σ_i dx_i, so g dy = Σ_i (g/n) dx_i. Linear, so y_dot = mean(x_dot).",
    at=(_MATRIX,),
    options={"axis": (1,)},
)
entry(
    "reductions.var_op",
    "y = Σ_i |x_i - m|² / (n - ddof), m the mean of the group",
    "dy = 2 Re Σ_i conj(x_i - m) (dx_i - dm) / (n - ddof), and the term with dm is 0, for the deviations sum to 0.",
    at=(_MATRIX,),
    options={"axis": (1,)},
    conventions=[
        ("of equal entries the gradient is 0", "grad(np.var)(np.ones(3))", [0.0, 0.0, 0.0]),
        ("a shift changes nothing, so x_bar sums to 0", "np.sum(grad(np.var)(np.array([1.0, 2.0, 4.0])))", 0.0),
    ],
)
entry(
    "reductions.std_op",
    "y = sqrt(Σ_i |x_i - m|² / (n - ddof)), m the mean of the group",
    "y² is the variance v: 2 y dy = dv = 2 Re Σ_i conj(x_i - m) dx_i / (n - ddof).",
    at=(_MATRIX,),
    options={"axis": (1,)},
    conventions=[("of equal entries, where y has a kink, 0", "grad(np.std)(np.ones(3))", [0.0, 0.0, 0.0])],
)
for _name, _far, _order in (("max", "largest", ">"), ("min", "smallest", "<")):
    entry(
        f"reductions.{_name}_op",
        f"y = {_name}_i x_i over the axes",
        f"Where one x_k is the {_far}, y moves with it alone: dy = dx_k. Among t ties y has a kink; equal shares "
        f"1/t, the "
        f"mean of the sides, keep what x does symmetric: x_bar_i = g [x_i = y] / t.",
        at=(_MATRIX,),
        options={"axis": (1,)},
        conventions=[
            ("ties share equally", f"grad(np.{_name})(np.array([2.0, 2.0]))", [0.5, 0.5]),
            (
                "nan attains the extremum: it takes the cotangent",
                f"grad(np.{_name})(np.array([1.0, np.nan]))",
                [0.0, 1.0],
            ),
        ],
    )
entry(
    "reductions.cumsum_op",
    "y_i = Σ_{j<=i} x_j along an axis",
    "<g, dy> = Σ_i g_i Σ_{j<=i} dx_j = Σ_j (Σ_{i>=j} g_i) dx_j.",
    at=([1.0, 2.0, 4.0],),
    options={"axis": 0},
)
