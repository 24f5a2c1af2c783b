"""Exercise 1: multiply, with broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from .exercise import Exercise, Mistake, Point


def _points() -> Any:
    from hypothesis import strategies as st

    from .. import strategies

    def arrays(shapes: Any) -> Any:
        return st.tuples(*(strategies.arrays(shape, strided=False) for shape in shapes))

    return strategies.broadcastable(2, min_side=1).flatmap(arrays).map(Point)


def _gather(bar: Any, shape: tuple[int, ...], combine: Any, *, front: bool = True, stretched: bool = True) -> Any:
    """Undo broadcasting by a sum or a mean, or half of it only."""
    if front:
        bar = combine(bar, axis=tuple(range(np.ndim(bar) - len(shape))))
    if stretched:
        axes = tuple(i - len(shape) for i, n in enumerate(shape) if n == 1)
        bar = combine(bar, axis=axes, keepdims=True)
    return bar


def _both(g: Any, x: Any, y: Any, combine: Any = np.sum, **which: bool) -> Any:
    return _gather(g * y, np.shape(x), combine, **which), _gather(g * x, np.shape(y), combine, **which)


MULTIPLY = Exercise(
    name="multiply",
    title="a product, and what broadcasting copies",
    order=2,
    points=_points,
    probes=(
        Point((np.array([[0.5], [1.25], [-2.0]]), np.array([0.75, 3.0, -1.5, 2.5]))),
        Point((np.array([0.5, 1.25]), np.array([[1.5, -0.25], [2.0, 3.0], [0.5, 4.0]]))),
        Point((np.array([[1.5, -0.25], [2.0, 3.0]]), np.array([[0.5, 7.0], [1.25, -1.0]]))),
        Point((np.array([[1.5, -0.25, 2.0], [3.0, 0.5, 7.0]]), np.array([[0.5], [1.25]]))),
        Point((np.array(3.0), np.array(0.5))),
    ),
    mistakes=(
        Mistake(
            "the broadcast axes are not summed",
            lambda g, x, y: (g * y, g * x),
            "Your cotangent has the shape of z. How often was one element of the argument used to make z?",
            "Broadcasting copies an element to several places of z, so its cotangent is the sum of what arrives at all "
            "copies: sum over the axes that were added in front, and over those of length 1 with keepdims=True.",
        ),
        Mistake(
            "only the axes added in front are summed, not those of length 1",
            lambda g, x, y: _both(g, x, y, stretched=False),
            "Broadcasting does two things. Which of them did you undo?",
            "An axis of length 1 was stretched: sum over it too, with keepdims=True, so that it stays as length 1.",
        ),
        Mistake(
            "only the axes of length 1 are summed, not those added in front",
            lambda g, x, y: _both(g, x, y, front=False),
            "Broadcasting does two things. Which of them did you undo?",
            "An argument with fewer axes than z was copied along the first ones: sum over the first "
            "np.ndim(g) - np.ndim(x) axes.",
        ),
        Mistake(
            "the copies are averaged, not summed",
            lambda g, x, y: _both(g, x, y, np.mean),
            "Move one element of the argument by 1: it moves all of its copies by 1. Does the loss change by the mean "
            "of what they do, or by all of it?",
            "Use np.sum where you use np.mean: the effects of all copies add up.",
        ),
        Mistake(
            "the two factors are swapped",
            lambda g, x, y: (_gather(g * x, np.shape(x), np.sum), _gather(g * y, np.shape(y), np.sum)),
            "Move x by 1 while y is 100. By how much does z move?",
            "dz = dx y + x dy: what stands beside dx is y. So g * y makes x_bar, and g * x makes y_bar.",
        ),
        Mistake(
            "the arriving cotangent g is left out",
            lambda g, x, y: _both(np.ones_like(g), x, y),
            "What if the loss is 10 times z? Your answer would be the same.",
            "The derivative of z in x is y; how the loss depends on z is told by g. The chain rule multiplies them: g "
            "* y.",
        ),
        Mistake(
            "the other factor is left out",
            lambda g, x, y: (_gather(g, np.shape(x), np.sum), _gather(g, np.shape(y), np.sum)),
            "This is the rule of x + y. What is different for x * y?",
            "dz = dx y + x dy: g is multiplied by the other factor before it is summed.",
        ),
    ),
    steps="Begin with x and y of one shape: then x_bar = g * y. Next take x of shape (3, 1) and y of shape (4,), and "
    "write all 12 products on paper: x[0] stands in four of them, and so x_bar[0] has four terms. Last, write a helper "
    "that sums any array down to a given shape, and use it for both.",
)
