"""Losses of margins, with PyTorch's parameters and meaning: what is right by a margin costs nothing."""

from __future__ import annotations

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.families import zero_like
from ..core.tensor import Array, shape_of
from ..ops.activations import relu, softplus
from .loss_parts import (
    Reduction,
    check_class_weight,
    class_indices,
    floating_like,
    reduce_losses,
    refuse_where,
    same_shape,
)


def _signs(operation: str, scores: Array, targets: Array) -> Array:
    same_shape(operation, scores=scores, targets=targets)
    targets = floating_like(targets, scores)
    wrong = np.not_equal(np.absolute(targets), 1)
    refuse_where(wrong, f"{operation}: targets are -1 and 1; from 0 and 1 make 2 * targets - 1.")
    return targets


def hinge_loss(scores: Array, targets: Array, *, margin: float = 1.0, reduction: Reduction = "mean") -> Array:
    """Hinge loss max(0, margin - t x) of a binary classifier such as a support vector machine.

    Parameters
    ----------
    scores : array
        Any shape.
    targets : array of that shape
        -1 or 1.
    margin : float
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    array
        A scalar, or with "none" the losses.

    Raises
    ------
    ValueError
        If the shapes differ or a target is not -1 or 1.

    Notes
    -----
    x_bar = -t g where t x < margin, else 0 (at the corner too).
    """
    targets = _signs("hinge_loss", scores, targets)
    return reduce_losses("hinge_loss", relu(margin - targets * scores), reduction)


def soft_margin_loss(scores: Array, targets: Array, *, reduction: Reduction = "mean") -> Array:
    """Logistic loss log(1 + exp(-t x)) of labels t = -1 or 1, computed without overflow.

    Parameters, result and errors as for `hinge_loss`. x_bar = -t sigmoid(-t x) g.
    """
    targets = _signs("soft_margin_loss", scores, targets)
    return reduce_losses("soft_margin_loss", softplus(-targets * scores), reduction)


def multi_margin_loss(
    scores: Array,
    targets: Array,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Array | None = None,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> Array:
    """Hinge loss of classes: every class should score less than the right one by the margin.

    Parameters
    ----------
    scores : array, shape (..., C), or with the classes on `axis`
    targets : integer array of that shape without `axis`
        Class indices in 0..C-1.
    p : {1, 2}
        Exponent of the hinge.
    margin : float
    weight : array, shape (C,), optional
        Factor of the loss of examples of each class; it does not enter the mean's divisor.
    axis : int
        Axis of the classes.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    array
        A scalar, or with "none" the losses, of the shape of targets.

    Raises
    ------
    TypeError
        If targets are no integers.
    ValueError
        For shapes that do not fit, labels out of range, and other p.

    Notes
    -----
    loss = w_t Σ_(c ≠ t) max(0, margin - x_t + x_c)^p / C, with derivative 0 at the corners.
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p={p!r}; it is 1 or 2.")
    if not hasattr(targets, "dtype"):
        targets = np.asarray(targets)
    scores = np.moveaxis(scores, normalize_axis_index(axis, len(shape_of(scores))), -1)
    classes = shape_of(scores)[-1]
    check_class_weight("multi_margin_loss", weight, classes)
    labels = class_indices("multi_margin_loss", targets, shape_of(scores))
    own = np.expand_dims(labels, -1)
    terms = relu(margin - np.take_along_axis(scores, own, -1) + scores)
    others = np.where(np.equal(np.arange(classes), own), zero_like(scores), terms if p == 1 else terms * terms)
    losses = np.sum(others, axis=-1) * (1 / classes)
    losses = losses if weight is None else losses * np.take(weight, labels)
    return reduce_losses("multi_margin_loss", losses, reduction)
