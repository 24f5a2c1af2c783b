"""Exercise 2: matmul, with a stack of matrices that share their weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from .exercise import Exercise, Mistake, Point


def _points() -> Any:
    from hypothesis import strategies as st

    from .. import strategies

    @st.composite
    def draw_point(draw: st.DrawFn) -> Point:
        *stack, n, k = draw(st.lists(st.integers(1, 3), min_size=2, max_size=3))
        m = draw(st.integers(1, 3))
        x = draw(strategies.arrays((*stack, n, k), strided=False))
        return Point((x, draw(strategies.arrays((k, m), strided=False))))

    return draw_point()


def _swapped(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _x_bar(g: Any, w: Any) -> Any:
    return g @ w.T


def _w_bars(g: Any, x: Any) -> Any:
    """Return the cotangent of w for each matrix of the stack."""
    return _swapped(x) @ g


def _over_stack(bars: Any, combine: Any = np.sum) -> Any:
    return combine(bars, axis=tuple(range(np.ndim(bars) - 2)))


_SQUARE, _OTHER = np.array([[0.5, 1.25], [-2.0, 3.0]]), np.array([[1.5, -0.25], [2.0, 0.75]])

MATMUL = Exercise(
    name="matmul",
    title="sums in index notation, and what a stack shares",
    order=2,
    points=_points,
    probes=(
        Point((_SQUARE, _OTHER)),
        Point((np.stack([_SQUARE, _OTHER]), _OTHER)),
        Point((np.array([[0.5, 1.25, 2.0]]), np.array([[1.0, 0.5], [-1.5, 2.0], [0.25, 3.0]]))),
        Point((np.arange(1.0, 13.0).reshape(2, 2, 3) / 4, np.array([[1.0, 0.5], [-1.5, 2.0], [0.25, 3.0]]))),
    ),
    mistakes=(
        Mistake(
            "w is not transposed in x_bar",
            lambda g, x, w: (g @ w, _over_stack(_w_bars(g, x))),
            "x_bar[i, l] sums g[i, j] w[l, j] over j. In g @ w, over which index of w is the sum?",
            "The sum runs over the last index of both, which is the product with the transpose: g @ w.T.",
        ),
        Mistake(
            "the factors of x_bar are in the wrong order",
            lambda g, x, w: (w.T @ g, _over_stack(_w_bars(g, x))),
            "The index i of x_bar[i, l] comes from g. Which factor gives a product its rows?",
            "Rows come from the first factor: g @ w.T, not w.T @ g.",
        ),
        Mistake(
            "x is not transposed in w_bar",
            lambda g, x, w: (_x_bar(g, w), _over_stack(x @ g)),
            "w_bar[l, j] sums x[i, l] g[i, j] over i. In x @ g, over which index of x is the sum?",
            "The sum runs over the first index of both: np.swapaxes(x, -1, -2) @ g.",
        ),
        Mistake(
            "w_bar is transposed",
            lambda g, x, w: (_x_bar(g, w), _over_stack(_swapped(g) @ x)),
            "w_bar[l, j] belongs to w[l, j]. Which of your two factors has the index l, and does it give the rows?",
            "Turn the product round: (g.T x).T = x.T g, so np.swapaxes(x, -1, -2) @ g.",
        ),
        Mistake(
            "w_bar is not summed over the stack",
            lambda g, x, w: (_x_bar(g, w), _w_bars(g, x)),
            "Your w_bar has one matrix for each one of the stack, but there is one w. Which rule of exercise 1 is "
            "that?",
            "All matrices of x met the same w, so their cotangents add up: sum over all axes but the last two.",
        ),
        Mistake(
            "w_bar is averaged over the stack, not summed",
            lambda g, x, w: (_x_bar(g, w), _over_stack(_w_bars(g, x), np.mean)),
            "Moving w moves the results of all matrices of the stack. Does the loss change by the mean of that?",
            "Use np.sum over the stack: a mean belongs here only if the loss has one, and then g brings its 1/n along.",
        ),
        Mistake(
            "x.T reverses all axes, also those of the stack",
            lambda g, x, w: (_x_bar(g, w), _over_stack(x.T @ g)),
            "What is the shape of x.T for x of shape (5, 2, 3)?",
            "np.swapaxes(x, -1, -2) transposes each matrix of the stack; .T reverses all axes.",
        ),
    ),
    steps="Take x of shape (2, 3) and w of shape (3, 1). Write z[0, 0] and z[1, 0] out, then the change of "
    "g[0, 0] z[0, 0] + g[1, 0] z[1, 0] when x[0, 1] moves, and when w[1, 0] moves. Find the index that is summed in "
    "each, then the product that sums it. Add the stack last.",
)
