"""Exercise 3: max pooling, with windows that overlap and elements that tie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .exercise import Exercise, Mistake, Point


def _points() -> Any:
    from hypothesis import strategies as st

    from .. import strategies

    @st.composite
    def draw_point(draw: st.DrawFn) -> Point:
        size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        shape = (draw(st.integers(size, 5)), draw(st.integers(size, 5)))
        ties = draw(st.booleans())
        values = {"low": 0.0, "high": 0.25} if ties else {"distinct": True}
        x = draw(strategies.arrays(shape, strided=False, **values))
        return Point((x,), {"size": size, "stride": stride})

    return draw_point()


def _by_windows(into: Callable[[Any, Any, Any], None], step: int | None = None) -> Callable[..., Any]:
    """Make a rule of what is done to the window of x_bar, given that of x and the element of g."""

    def rule(g: Any, x: Any, *, size: int, stride: int) -> Any:
        x_bar = np.zeros_like(x)
        for i, j in np.ndindex(g.shape):
            top, left = i * (step or stride), j * (step or stride)
            place = np.s_[top : top + size, left : left + size]
            into(x_bar[place], x[place], g[i, j])
        return x_bar

    return rule


def _winner(window: Any) -> Any:
    return np.unravel_index(np.argmax(window), window.shape)


def _add(bar: Any, window: Any, g: Any) -> None:
    bar[_winner(window)] += g


def _overwrite(bar: Any, window: Any, g: Any) -> None:
    bar[_winner(window)] = g


def _add_to_last(bar: Any, window: Any, g: Any) -> None:
    bar[::-1, ::-1][_winner(window[::-1, ::-1])] += g


def _add_to_all(bar: Any, window: Any, g: Any) -> None:
    bar += g * (window == window.max())


def _share(bar: Any, window: Any, g: Any) -> None:
    tied = window == window.max()
    bar += g * tied / tied.sum()


def _spread(bar: Any, window: Any, g: Any) -> None:
    bar += g / window.size


def _without_g(bar: Any, window: Any, g: Any) -> None:
    bar[_winner(window)] += 1


def _columns_first(bar: Any, window: Any, g: Any) -> None:
    bar.T[_winner(window.T)] += g


_DISTINCT = np.array(
    [[3.0, 8.0, 1.0, 6.0, 2.5], [5.0, 4.0, 9.0, 7.0, 0.5], [2.0, 6.5, 1.5, 3.5, 5.5], [0.0, 4.5, 8.5, 7.5, 9.5]]
)
_TIED = np.array([[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])

MAX_POOL = Exercise(
    name="max_pool",
    title="picking, windows that overlap, and ties",
    order=1,
    points=_points,
    probes=(
        Point((_DISTINCT,), {"size": 2, "stride": 2}),
        Point((_DISTINCT,), {"size": 2, "stride": 1}),
        Point((_DISTINCT,), {"size": 3, "stride": 2}),
        Point((_TIED,), {"size": 2, "stride": 2}),
        Point((_TIED,), {"size": 2, "stride": 1}),
    ),
    mistakes=(
        Mistake(
            "windows that overlap overwrite each other",
            _by_windows(_overwrite),
            "An element may be the largest of two windows. What is left of the first one's g in your x_bar?",
            "Add to x_bar (+=) instead of setting it (=): the element acts on the loss through each window that it "
            "wins.",
        ),
        Mistake(
            "all equal maxima of a window get g",
            _by_windows(_add_to_all),
            "In a window of four equal numbers, your cotangents sum to 4 g. How much does z move if all four move by "
            "1?",
            "The comparison x == z finds all of the largest elements. Only one may get g: the first, which np.argmax "
            "of the window finds.",
        ),
        Mistake(
            "equal maxima share g",
            _by_windows(_share),
            "A fair choice, and np.max along an axis makes it here. Which one does the task ask of pooling?",
            "The first of the equal elements in the window's order takes all of g: np.argmax of the window finds it.",
        ),
        Mistake(
            "the last of equal maxima gets g",
            _by_windows(_add_to_last),
            "Which of two equal elements does your comparison prefer, the first or the last? Think of > and >=.",
            "A later element wins only if it is larger, not if it is equal: > in a search, or np.argmax.",
        ),
        Mistake(
            "among equal maxima the first in the order of columns gets g",
            _by_windows(_columns_first),
            "In which order do you walk through a window: row by row, or column by column?",
            "Row by row: the inner loop runs over the columns, as np.argmax of the flat window has it.",
        ),
        Mistake(
            "g is spread over the whole window",
            _by_windows(_spread),
            "This is the rule of average pooling. Which elements of the window does the maximum not depend on?",
            "Only the largest element of the window gets g, all others 0.",
        ),
        Mistake(
            "the arriving cotangent g is left out",
            _by_windows(_without_g),
            "What if the loss is 10 times z? Your answer would be the same.",
            "Add g[i, j] where you add 1.",
        ),
        Mistake(
            "the stride is taken for 1",
            _by_windows(_add, step=1),
            "Where does the window of z[1, 0] begin if stride is 2?",
            "The window of z[i, j] begins at (i * stride, j * stride), on the way back too.",
        ),
    ),
    steps="Loop over the elements of g. For each, cut the same window out of x that the forward function read, find "
    "where its largest element lies, and think of where that is in x. Try it with stride = size first, then with "
    "overlap, last with a window of equal numbers.",
)
