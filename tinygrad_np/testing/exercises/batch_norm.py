"""Exercise 6: batch normalisation, where every row acts on every other."""

from __future__ import annotations

from typing import Any

import numpy as np

from .exercise import Exercise, Mistake, Point


def _points() -> Any:
    from hypothesis import strategies as st

    from .. import strategies

    @st.composite
    def draw_point(draw: st.DrawFn) -> Point:
        n, d = draw(st.integers(3, 4)), draw(st.integers(1, 2))
        x = draw(strategies.arrays((n, d), distinct=True, strided=False))
        scale = draw(strategies.arrays((d,), away_from=(0.0,), strided=False))
        shift = draw(strategies.arrays((d,), strided=False))
        return Point((x, scale, shift), {"eps": draw(st.sampled_from([0.5, 1e-5]))})

    return draw_point()


def _rule(
    g: Any, x: Any, scale: Any, shift: Any, *, eps: float = 1e-5,
    through_mean: bool = True, through_variance: bool = True, scaled: bool = True, normalised: bool = True,
    summed: bool = True, unbiased: int = 0, with_eps: bool = True, total: Any = np.mean,
) -> Any:  # fmt: skip
    """Return the cotangents, with one mistake or another."""
    r = 1 / np.sqrt(np.var(x, axis=0, ddof=unbiased) + (eps if with_eps else 0))
    h = (x - np.mean(x, axis=0)) * r
    h_bar = g * scale if scaled else g
    x_bar = h_bar - (total(h_bar, axis=0) if through_mean else 0)
    x_bar = x_bar - (h * total(h_bar * h, axis=0) if through_variance else 0)
    scale_bar = np.sum(g * h, axis=0) if normalised else np.sum(g * x, axis=0)
    return r * x_bar, scale_bar, np.sum(g, axis=0) if summed else g


def _mistaken(**how: Any) -> Any:
    return lambda g, x, scale, shift, **options: _rule(g, x, scale, shift, **options, **how)


_X = np.array([[0.5, 2.0], [1.25, -1.5], [-2.0, 0.75]])

BATCH_NORM = Exercise(
    name="batch_norm",
    title="all of it: broadcasting, means, and a variance",
    order=2,
    points=_points,
    probes=(
        Point((_X, np.array([1.5, -0.5]), np.array([0.25, 2.0])), {"eps": 1e-5}),
        Point((_X, np.array([1.5, -0.5]), np.array([0.25, 2.0])), {"eps": 0.5}),
        Point((np.array([[1.0], [3.0], [0.5], [2.25]]), np.array([2.0]), np.array([0.5])), {"eps": 0.5}),
    ),
    mistakes=(
        Mistake(
            "mean and variance are taken for constants",
            _mistaken(through_mean=False, through_variance=False),
            "Add the same number to all of a column: z does not change. What should the sum of x_bar along it be? And "
            "what is it in your answer?",
            "x acts on z through mean and variance too: x_bar = r (h_bar - mean(h_bar) - h mean(h_bar h)), with "
            "h_bar = g scale and r = 1/sqrt(variance + eps).",
        ),
        Mistake(
            "the variance is taken for a constant",
            _mistaken(through_variance=False),
            "Multiply a column by 2: z hardly changes. So what should the sum of x_bar times h along it be, nearly?",
            "One term is missing: with r = (variance + eps)^(-1/2), dr = -r³/2 d variance, and d variance = "
            "2 mean((x - mean) dx).",
        ),
        Mistake(
            "the mean is taken for a constant",
            _mistaken(through_mean=False),
            "Add the same number to all of a column: z does not change. What should the sum of x_bar along it be?",
            "h holds x - mean, and the mean moves by mean(dx): subtract the mean of h_bar.",
        ),
        Mistake(
            "sums stand where means belong",
            _mistaken(total=np.sum),
            "mean and variance each divide by N. Where is this 1/N in your answer?",
            "x[n] moves the mean by 1/N of its own move: take np.mean of h_bar and of h_bar * h along axis 0.",
        ),
        Mistake(
            "scale is left out of x_bar",
            _mistaken(scaled=False),
            "z = scale * h + shift. By how much does z move for a unit of h?",
            "The cotangent of h is g * scale, and x_bar follows from that one.",
        ),
        Mistake(
            "scale_bar is made of x, not of the normalised x",
            _mistaken(normalised=False),
            "What does scale multiply in the forward pass?",
            "scale multiplies h = (x - mean) / sqrt(variance + eps), so scale_bar sums g * h over the batch.",
        ),
        Mistake(
            "shift_bar is not summed over the batch",
            _mistaken(summed=False),
            "shift has shape (D,). To how many rows was it added?",
            "shift was broadcast over the batch, so its cotangent sums over axis 0, as in exercise 1.",
        ),
        Mistake(
            "the variance divides by N - 1",
            _mistaken(unbiased=1),
            "By what does the forward function divide in the variance? np.var has an argument for it.",
            "Use the variance that the forward pass used, with 1/N: np.var(x, axis=0).",
        ),
        Mistake(
            "eps is left out",
            _mistaken(with_eps=False),
            "Your answer is right where eps is tiny. What is under the square root?",
            "r = 1/sqrt(variance + eps), in the backward pass too.",
        ),
    ),
    steps="Take it apart: z = scale * h + shift gives shift_bar, scale_bar and h_bar = g * scale, by exercise 1. Then "
    "h = r c with c = x - mean: write dh = r dc + c dr, then dc and dr in terms of dx. Collect, in Σ h_bar dh, what "
    "multiplies dx[n].",
)
