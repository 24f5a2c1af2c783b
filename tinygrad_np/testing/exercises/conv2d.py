"""Exercise 4: conv2d, a matrix product for each element of the kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from .exercise import Exercise, Mistake, Point
from .sheets import conv2d as sheet

_tap: Any = sheet.tap


def _points() -> Any:
    from hypothesis import strategies as st

    from .. import strategies

    @st.composite
    def draw_point(draw: st.DrawFn) -> Point:
        stride, dilation, padding = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(0, 1))
        kernel = draw(st.tuples(st.integers(1, 2), st.integers(1, 3)))
        least = [max(1, dilation * (k - 1) + 1 - 2 * padding) for k in kernel]
        size = [draw(st.integers(n, n + 2)) for n in least]
        images, channels, filters = (draw(st.integers(1, 2)) for _ in range(3))
        x = draw(strategies.arrays((images, *size, channels), strided=False))
        w = draw(strategies.arrays((*kernel, channels, filters), strided=False))
        return Point((x, w), {"stride": stride, "padding": padding, "dilation": dilation})

    return draw_point()


def _padded_bars(
    g: Any, x: Any, w: Any, *, stride: int, padding: int, dilation: int,
    add: bool = True, flip: bool = False, transpose: bool = True, mean: bool = False, with_g: bool = True,
) -> Any:  # fmt: skip
    """Return the cotangents of the padded x and of w, with one mistake or another."""
    p = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    g = g if with_g else np.ones_like(g)
    p_bar, w_bar = np.zeros_like(p), np.zeros_like(w)
    for a, b in np.ndindex(w.shape[:2]):
        met = _tap(g.shape[1], g.shape[2], a, b, stride, dilation)
        to = (-1 - a, -1 - b) if flip else (a, b)
        w_bar[to] = np.tensordot(p[met], g, axes=([0, 1, 2], [0, 1, 2])) / (len(x) if mean else 1)
        part = g @ (w[to].T if transpose else w[to])
        p_bar[met] = p_bar[met] + part if add else part
    return p_bar, w_bar


def _mistaken(*, cut: str = "both", **how: Any) -> Any:
    """Make a rule; `how` also replaces options, as one who forgets them would."""

    def rule(g: Any, x: Any, w: Any, **options: int) -> Any:
        p_bar, w_bar = _padded_bars(g, x, w, **{**options, **how})
        if cut == "nothing":
            return p_bar, w_bar
        start = 0 if cut == "the end" else options["padding"]
        return p_bar[:, start : start + x.shape[1], start : start + x.shape[2]], w_bar

    return rule


def _probe(images: int, height: int, width: int, channels: int, filters: int, *options: int) -> Point:
    kernel, stride, padding, dilation = options
    numbers = np.random.default_rng(0)
    x = numbers.integers(-16, 17, (images, height, width, channels)) / 8
    w = numbers.integers(-16, 17, (kernel, kernel, channels, filters)) / 8
    return Point((x, w), {"stride": stride, "padding": padding, "dilation": dilation})


CONV2D = Exercise(
    name="conv2d",
    title="a matrix product for each element of the kernel",
    order=1,
    points=_points,
    probes=(
        _probe(2, 4, 5, 2, 2, 2, 1, 0, 1),
        _probe(2, 4, 5, 2, 3, 2, 1, 1, 1),
        _probe(1, 5, 6, 2, 2, 2, 2, 0, 1),
        _probe(2, 5, 6, 1, 2, 2, 1, 0, 2),
        _probe(2, 5, 6, 2, 2, 3, 2, 1, 2),
    ),
    mistakes=(
        Mistake(
            "the padding is not cut off",
            _mistaken(cut="nothing"),
            "Your x_bar has the shape of the padded x. To whom does its border belong?",
            "The border is the cotangent of zeros that nobody can change: cut `padding` elements from each side.",
        ),
        Mistake(
            "all of the padding is cut off at the end",
            _mistaken(cut="the end"),
            "Where in the padded array does x[:, 0, 0] lie?",
            "x begins at `padding` in the padded array: take p_bar[:, padding : padding + H, padding : padding + W].",
        ),
        Mistake(
            "taps that overlap overwrite each other",
            _mistaken(add=False),
            "One element of x meets several elements of the kernel. What is left of the first one's share?",
            "Add to the window of x_bar (+=) instead of setting it (=), as in exercise 3.",
        ),
        Mistake(
            "the dilation is forgotten",
            _mistaken(dilation=1),
            "With dilation 2, how far from the first element of its window does w[1, 0] look?",
            "Element (a, b) of the kernel meets the elements that begin at (a * dilation, b * dilation); `tap` knows.",
        ),
        Mistake(
            "the stride is forgotten",
            _mistaken(stride=1),
            "With stride 2, which row of x did z[:, 1] begin at?",
            "z[:, i, j] read the padded x at (i * stride + a * dilation, j * stride + b * dilation); `tap` knows.",
        ),
        Mistake(
            "the kernel is turned round",
            _mistaken(flip=True),
            "Which element of the kernel did the forward function multiply this tap with?",
            "The same element (a, b) that a tap met forwards it meets on the way back. A turned kernel appears only if "
            "x_bar is written as a convolution of g, which then must be padded and spread too.",
        ),
        Mistake(
            "w[a, b] is not transposed in x_bar",
            _mistaken(transpose=False),
            "x_bar has C channels, g has F. What does exercise 2 say about x_bar of x @ w[a, b]?",
            "g @ w[a, b].T brings the F channels of g back to C.",
        ),
        Mistake(
            "w_bar is averaged over the images",
            _mistaken(mean=True),
            "Which mean did the forward function take?",
            "None: sum over the images. If the loss is a mean, g brings its 1/N along.",
        ),
        Mistake(
            "the arriving cotangent g is left out",
            _mistaken(with_g=False),
            "What if the loss is 10 times z? Your answer would be the same.",
            "Each product has g as one factor: x with g gives w_bar, g with w gives x_bar.",
        ),
    ),
    steps="Begin with stride 1, no padding, no dilation. For one element (a, b) of the kernel the forward function "
    "does x[window] @ w[a, b]: write down both cotangents of this product, from exercise 2. Loop over (a, b), add what "
    "belongs to x to the same window of a zero array. Padding comes last: do all on the padded array, and cut.",
)
