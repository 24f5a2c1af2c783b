"""Cross-entropies, with every reduction."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import case, lattice, nonempty

_REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


def _classes(draw: Any) -> Any:
    """Draw logits, labels, the first of which counts, a cotangent of the loss, and options."""
    reduction, ignore_index = draw(_REDUCTIONS), draw(st.sampled_from([-100, 0]))
    *batch, classes = draw(nonempty)
    labels = st.integers(0, classes - 1)
    if ignore_index < 0:
        labels = labels | st.just(ignore_index)
    drawn = np.array(draw(hnp.arrays(np.int64, tuple(batch), elements=labels, fill=st.nothing())))
    some = drawn.reshape(-1)
    some[:1], some[-1:] = classes - 1, classes - 1  # as the one ignored may be all there is, and their mean is nan
    if classes == 1 and ignore_index == 0:
        reduction = "sum"
    g = draw(lattice(drawn.shape if reduction == "none" else ()))
    x = draw(lattice((*batch, classes)))
    return g, x, some.reshape(drawn.shape), {"reduction": reduction, "ignore_index": ignore_index}


@case("ops.cross_entropy.softmax_cross_entropy_op")
def _softmax_cross_entropy(draw: Any) -> Any:
    _, x, labels, options = _classes(draw)
    return (x, labels), options


@case("ops.cross_entropy.softmax_cross_entropy_gradient_op")
def _softmax_cross_entropy_gradient(draw: Any) -> Any:
    *arrays, options = _classes(draw)
    return tuple(arrays), options


def _binary(draw: Any) -> Any:
    shape, reduction = draw(nonempty | st.just(())), draw(_REDUCTIONS)
    return draw(lattice(shape if reduction == "none" else ())), draw(lattice(shape)), draw(lattice(shape)), reduction


@case("ops.cross_entropy.sigmoid_cross_entropy_op")
def _sigmoid_cross_entropy(draw: Any) -> Any:
    _, x, t, reduction = _binary(draw)
    return (x, t), {"reduction": reduction}


@case("ops.cross_entropy.sigmoid_cross_entropy_gradient_op")
def _sigmoid_cross_entropy_gradient(draw: Any) -> Any:
    *arrays, reduction = _binary(draw)
    return tuple(arrays), {"reduction": reduction}
