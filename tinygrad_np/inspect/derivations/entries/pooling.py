"""Pooling: maxima, sums and means of windows, and the operations that their rules are made of."""

import numpy as np

from ..table import entry

_X = [[[[1.0], [3.0], [2.0], [0.0]], [[4.0], [0.5], [-1.0], [5.0]]]]  # (1, 2, 4, 1)
_WINDOWS = {
    "kernel_size": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "output_size": (1, 2),
}  # fmt: skip
_WINNER = np.array([[[[2], [3]]]], np.uint8)  # in the windows of _X the elements 4 and 5
_Y = [[[[4.0], [5.0]]]]

entry(
    "pooling.max_pool",
    why="While one element of each window is the largest, y moves with it alone: dy[p] = dx[i(p)], i(p) the place of "
    "the first maximum. So <g, dy> = Σ_p g[p] dx[i(p)], x_bar[i] = Σ_{p: i(p) = i} g[p], and y_dot[p] = x_dot[i(p)].",
    see="pooling.max_pool",
    at=(_X,),
    options=_WINDOWS,
    conventions=[
        (
            "of equal elements the first in window order takes all",
            "grad(lambda x: np.sum(nn.max_pool1d(x, 3)))(np.ones((1, 3, 1))).ravel()",
            [1.0, 0.0, 0.0],
        ),
        (
            "an element that wins in two windows gets both cotangents",
            "grad(lambda x: np.sum(nn.max_pool1d(x, 2, stride=1)))(np.array([0.0, 5.0, 1.0]).reshape(1, 3, 1)).ravel()",
            [0.0, 2.0, 0.0],
        ),
        (
            "padding counts as minus infinity and never wins",
            "nn.max_pool1d(np.full((1, 2, 1), -3.0), 2, padding=1).ravel()",
            [-3.0, -3.0],
        ),
        ("nan wins", "nn.max_pool1d(np.array([1.0, np.nan]).reshape(1, 2, 1), 2).ravel()", [float("nan")]),
    ],
)
entry(
    "pooling.max_pool_winner",
    "k[p] = the least r, in window order, with x[p stride + r dilation - low] = y[p]",
    "An offset, an integer: it stays as it is when x changes a little, but for ties, where it jumps.",
    at=(_X, _Y),
    options=_WINDOWS,
    conventions=[
        (
            "the first of equal elements",
            "nn.max_pool1d(np.ones((1, 4, 1)), 2, return_indices=True)[1].ravel()",
            [0, 2],
        )
    ],
)
entry(
    "pooling.winner_to_flat_index",
    "i[p] = the row-major place of p stride + k[p] dilation - low among the input's positions",
    "Integers from integers.",
    at=(_WINNER,),
    options=_WINDOWS | {"size": (2, 4)},
)
entry(
    "pooling.window_gather",
    "y[p] = x[p stride + k[p] dilation - low], k the offset of the winner",
    "The pushforward of max pooling. <g, dy> = Σ_p g[p] dx[i(p)], so x_bar adds each g to its window's winner: "
    "window_scatter.",
    at=(_X, _WINNER),
    options=_WINDOWS,
)
entry(
    "pooling.window_scatter",
    "y[i] = Σ_{p: i(p) = i} g[p], i(p) the place of window p's winner",
    "The pullback of max pooling. With y's cotangent h, <h, dy> = Σ_p h[i(p)] dg[p], so g_bar[p] = h[i(p)]: "
    "window_gather.",
    at=(_Y, _WINNER),
    options=_WINDOWS | {"size": (2, 4)},
)
entry(
    "pooling.sum_pool",
    "y[p] = scale Σ_r x[p stride + r dilation - low]",
    "<g, dy> = scale Σ_p g[p] Σ_r dx[p stride + r dilation - low], so x_bar[i] = scale Σ_{p: i in window p} g[p]. "
    "Average pooling is the sum with the scale 1/n, or divided by each window's count where these differ.",
    at=(_X,),
    options=_WINDOWS | {"scale": 0.25},
    conventions=[
        (
            "average pooling counts padding in the divisor",
            "nn.avg_pool1d(np.ones((1, 2, 1)), 2, padding=1).ravel()",
            [0.5, 0.5],
        ),
        (
            "unless it is told not to",
            "nn.avg_pool1d(np.ones((1, 2, 1)), 2, padding=1, count_include_pad=False).ravel()",
            [1.0, 1.0],
        ),
    ],
)
entry(
    "pooling.sum_pool_transpose",
    "y[i] = scale Σ_{p: i in window p} g[p]",
    "The transpose of the sum over windows: with y's cotangent h, <h, dy> = scale Σ_p dg[p] Σ_{i in window p} h[i], so "
    "g_bar is sum_pool(h).",
    at=(_Y,),
    options=_WINDOWS | {"scale": 0.25, "size": (2, 4), "order": None},
)
