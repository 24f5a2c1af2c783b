"""Elements in other shapes, orders and places: reshaping, joining, padding. Linear maps, whose entries are 0 and 1."""

import numpy as np

from ..table import entry

_MATRIX = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]

entry(
    "shaping.reshape_op",
    "y[j] = x[i], i and j the same place in C order",
    "No number changes: <g, dy> = Σ g dx over places, so x_bar = reshape(g, shape of x).",
    at=(_MATRIX,),
    options={"shape": (3, 2)},
)
entry(
    "shaping.transpose_op",
    "y[i_p(0), i_p(1), ...] = x[i_0, i_1, ...], p a permutation of the axes",
    "No number changes: x_bar = transpose(g, p⁻¹), which brings every g back to where its x was.",
    at=(_MATRIX,),
    options={"axes": (1, 0)},
)
entry(
    "shaping.broadcast_op",
    "y[.., i, ..] = x[.., 0, ..] along the axes that are broadcast",
    "<g, dy> = Σ_i g[.., i, ..] dx[.., 0, ..]: x_bar is the sum of g over the axes along which x was broadcast.",
    at=([[1.0], [2.0]],),
    options={"shape": (2, 3)},
)
entry(
    "shaping.astype_op",
    "y = x, rounded to another dtype",
    "The rounding is no part of the derivative: dy = dx, so x_bar = g, in the dtype of x.",
    at=([1.0, 2.5],),
    options={"dtype": np.dtype(np.float64)},
    conventions=[
        (
            "a cotangent has the dtype of its argument",
            "grad(lambda x: np.sum(x.astype(np.float64)))(np.float32(2)).dtype == np.float32",
            True,
        ),
        ("a cast to integers has no derivative", "grad(lambda x: x * x.astype(int))(2.5)", 2.0),
    ],
)

# -- order -----------------------------------------------------------------------------------------------------------

entry(
    "arranging.flip_op",
    "y[i] = x[n - 1 - i] along the axes",
    "<g, dy> = Σ_i g[i] dx[n - 1 - i] = Σ_j g[n - 1 - j] dx[j]: x_bar is g reversed.",
    at=([1.0, 2.0, 3.0],),
    options={"axes": (0,)},
)
entry(
    "arranging.roll_op",
    "y[i] = x[(i - shift) mod n] along the axes",
    "With j = i - shift, <g, dy> = Σ_j g[(j + shift) mod n] dx[j]: x_bar is g shifted back.",
    at=([1.0, 2.0, 3.0],),
    options={"shifts": (1,), "axes": (0,)},
)
entry(
    "arranging.repeat_op",
    "y[i r + k] = x[i] for 0 <= k < r, r the number of repeats",
    "<g, dy> = Σ_i (Σ_k g[i r + k]) dx[i]: x_bar is g summed over each element's copies.",
    at=([1.0, 2.0],),
    options={"repeats": 2, "axis": 0},
)
entry(
    "arranging.sum_repeats_op",
    "y[i] = Σ_{0<=k<r} x[i r + k]",
    "<g, dy> = Σ_i g[i] Σ_k dx[i r + k]: x_bar repeats each g.",
    at=([1.0, 2.0, 3.0, 4.0],),
    options={"repeats": 2, "axis": 0},
)

# -- joining ---------------------------------------------------------------------------------------------------------

_TOGETHER = "Linear in all arguments together, so the JVP joins their tangents: y_dot of (x0_dot, x1_dot, ...)."
entry(
    "joining.concatenate_op",
    "y = (x0, x1, ...) along an axis: y[s_k + i] = x_k[i], s_k the length of what stands before",
    f"<g, dy> = Σ_k Σ_i g[s_k + i] dx_k[i]: x_k_bar = g[s_k : s_k + n_k]. {_TOGETHER}",
    at=([1.0, 2.0], [3.0]),
    options={"axis": 0},
)
entry(
    "joining.stack_op",
    "y[k, i] = x_k[i], k along a new axis",
    f"<g, dy> = Σ_k Σ_i g[k, i] dx_k[i]: x_k_bar = g[k]. {_TOGETHER}",
    at=([1.0, 2.0], [3.0, 4.0]),
    options={"axis": 0},
)
entry(
    "joining.split_op",
    "y_k[i] = x[s_k + i], the parts between the points s_k of an axis",
    "<g, dy> = Σ_k Σ_i g_k[i] dx[s_k + i]: x_bar is the parts' cotangents joined, 0 for a part that nobody used.",
    at=([1.0, 2.0, 3.0],),
    options={"points": (1,), "axis": 0},
    conventions=[
        (
            "a part that is not used gets zeros",
            "grad(lambda x: np.sum(np.split(x, [1])[0]))(np.ones(3))",
            [1.0, 0.0, 0.0],
        )
    ],
)

# -- padding and parts -----------------------------------------------------------------------------------------------

entry(
    "padding.pad_op",
    "y[low + i] = x[i], a constant elsewhere",
    "The constant does not change: <g, dy> = Σ_i g[low + i] dx[i], so x_bar = g[low : low + n], and y_dot is "
    "x_dot with "
    "zeros around it.",
    at=([1.0, 2.0],),
    options={"widths": ((1, 2),), "value": 9.0},
    conventions=[("nothing comes from the padding", "grad(lambda x: np.sum(np.pad(x, 3)))(np.ones(2))", [1.0, 1.0])],
)
entry(
    "parts.part_sum_op",
    why="<g, dy> = Σ_p g_p Σ_{start_p <= i < stop_p} dx_i, so x_bar_i is the sum of the g_p of the parts that i is in.",
    at=([1.0, 2.0, 3.0],),
    options={"axis": 0, "parts": ((0, 2), (1, 3))},
)
entry(
    "parts.part_spread_op",
    "x_i = Σ_p g_p over the parts p that i is in",
    "The transpose of a sum over parts: with x's cotangent h, <h, dx> = Σ_p dg_p Σ_{i in p} h_i, so g_bar_p is the sum "
    "of h over the part.",
    at=([1.0, 2.0],),
    options={"axis": 0, "parts": ((0, 2), (1, 3)), "size": 3},
)
