"""Exercise 5: softmax cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .exercise import Exercise, Mistake, Point


def _points() -> Any:
    from hypothesis import strategies as st

    from .. import strategies

    @st.composite
    def draw_point(draw: st.DrawFn) -> Point:
        n, classes = draw(st.integers(1, 3)), draw(st.integers(1, 4))
        logits = draw(strategies.arrays((n, classes), strided=False))
        labels = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)))
        return Point((logits + draw(st.sampled_from([0.0, 0.0, 0.0, 1024.0])), labels))

    return draw_point()


def _softmax(x: Any, axis: int = 1) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _truth(logits: Any, labels: Any) -> Any:
    return np.eye(logits.shape[1])[labels]


def _overflowing(g: Any, logits: Any, labels: Any) -> Any:
    e = np.exp(logits)
    return g * (e / np.sum(e, axis=1, keepdims=True) - _truth(logits, labels)) / len(labels)


_LOGITS, _LABELS = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]]), np.array([2, 1])

CROSS_ENTROPY = Exercise(
    name="cross_entropy",
    title="a loss: the chain rule through a sum of exponentials",
    order=2,
    points=_points,
    probes=(
        Point((_LOGITS, _LABELS)),
        Point((np.array([[0.5, 1.0, 0.25, -1.0], [2.0, 0.5, 1.0, 1.5], [1.0, 0.0, 3.0, 0.5]]), np.array([0, 3, 1]))),
        Point((_LOGITS + 1024, _LABELS)),
    ),
    mistakes=(
        Mistake(
            "the mean's 1/N is missing",
            lambda g, x, labels: g * (_softmax(x) - _truth(x, labels)),
            "Repeat the batch twice: the loss stays as it is. What becomes of the cotangent of one row?",
            "The loss is a mean over N rows, so each row's share in it is 1/N: divide by len(labels).",
        ),
        Mistake(
            "the label is not subtracted",
            lambda g, x, labels: g * _softmax(x) / len(labels),
            "The loss has two terms: log of the sum of exponentials, and the logit of the label. Which is missing in "
            "your answer? And what is the sum of a row of it?",
            "The second term, -logits[n, labels[n]], takes 1 from the label's place: softmax minus one-hot labels.",
        ),
        Mistake(
            "the sign is wrong",
            lambda g, x, labels: g * (_truth(x, labels) - _softmax(x)) / len(labels),
            "If the label's logit grows, does the loss grow or shrink?",
            "The loss is minus the mean of log p: softmax minus one-hot labels, not the other way round.",
        ),
        Mistake(
            "the arriving cotangent g is left out",
            lambda g, x, labels: (_softmax(x) - _truth(x, labels)) / len(labels),
            "What if the loss is multiplied by 10 before it is differentiated? Your answer would be the same.",
            "Multiply by g. A loss often stands at the end, where g is 1, but not always.",
        ),
        Mistake(
            "the mean is taken over all logits",
            lambda g, x, labels: g * (_softmax(x) - _truth(x, labels)) / np.size(x),
            "Over how many terms does the loss take its mean: over rows, or over all logits?",
            "Divide by N, the number of rows, not by N C.",
        ),
        Mistake(
            "the softmax runs along the batch",
            lambda g, x, labels: g * (_softmax(x, 0) - _truth(x, labels)) / len(labels),
            "Which numbers are the probabilities of one image: a row, or a column?",
            "Sum the exponentials over axis 1 with keepdims=True.",
        ),
        Mistake(
            "the exponentials overflow",
            _overflowing,
            "Your answer is right for small logits. What is np.exp(1000), and inf / inf?",
            "Subtract each row's maximum first: the factor exp(-max) cancels in the quotient, so p stays as it is.",
        ),
    ),
    steps="Take one row. The loss is log(exp(x[0]) + exp(x[1]) + ...) - x[label]. Differentiate the first term in "
    "x[c]: the chain rule gives a quotient that has a name. Then the second term. Then put N rows together, and g in "
    "front.",
)
