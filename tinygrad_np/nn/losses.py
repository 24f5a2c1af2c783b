"""Losses, with PyTorch's parameters and meaning."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.families import zero_like
from ..core.tensor import Array, Tensor, dtype_of, shape_of
from ..ops.activations import log_softmax, softplus

Reduction = Literal["mean", "sum", "none"]


def _reduce(operation: str, losses: Array, reduction: str, count: Any = None) -> Array:
    """Reduce losses; the mean divides by `count`, by default by their number."""
    if reduction == "none":
        return losses
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "mean":
        return np.mean(losses) if count is None else np.sum(losses) / count
    raise ValueError(f"{operation}: reduction={reduction!r}; it is 'mean', 'sum' or 'none'.")


def _same_shape(operation: str, **arrays: Array) -> None:
    shapes = {name: shape_of(a) for name, a in arrays.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(
            f"{operation}: " + " and ".join(f"{n} of shape {s}" for n, s in shapes.items()) + " must agree."
        )


def cross_entropy(
    logits: Array,
    targets: Array,
    *,
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> Array:
    """Softmax cross-entropy between logits and classes, computed without overflow.

    Parameters
    ----------
    logits : array, shape (..., C), or with the classes on `axis`
        Unnormalised log-probabilities.
    targets : integer array of the logits' shape without `axis`, or floating-point array of the logits' shape
        Class indices in 0..C-1, or class probabilities.
    weight : array, shape (C,), optional
        Weight of each class.
    ignore_index : int
        Targets of this value contribute neither to the loss nor to the mean's divisor; only with class indices.
    label_smoothing : float
        In [0, 1]: the target becomes (1 - label_smoothing) target + label_smoothing / C.
    axis : int
        Axis of the classes. (PyTorch has it at 1.)
    reduction : {"mean", "sum", "none"}
        The mean over class indices divides by the sum of their weights, that over probabilities by their number.

    Returns
    -------
    array
        A scalar, or with "none" the losses, of the shape of the class indices.

    Raises
    ------
    ValueError
        For shapes that do not fit and labels out of range.

    Notes
    -----
    loss = -Σ_c w_c t_c log softmax(x)_c. With plain class indices x_bar = (softmax(x) - onehot(t)) g / count.

    Examples
    --------
    >>> print(round(float(cross_entropy(np.zeros((2, 10)), np.array([3, 7]))), 4))
    2.3026
    """
    axis = normalize_axis_index(axis, len(shape_of(logits)))
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing={label_smoothing!r} is not in [0, 1].")
    if not hasattr(targets, "dtype"):
        targets = np.asarray(targets)
    log_p = np.moveaxis(log_softmax(logits, axis), axis, -1)
    classes = shape_of(log_p)[-1]
    if weight is not None and shape_of(weight) != (classes,):
        raise ValueError(f"cross_entropy: weight has shape {shape_of(weight)}; there are {classes} classes.")
    if dtype_of(targets).kind in "fc":
        _same_shape("cross_entropy", logits=logits, targets=targets)
        t = np.moveaxis(targets, axis, -1) * (1 - label_smoothing) + label_smoothing / classes
        losses = -np.sum(t * log_p * (1 if weight is None else weight), axis=-1)
        return _reduce("cross_entropy", losses, reduction)
    return _of_indices(log_p, targets, weight, ignore_index, label_smoothing, reduction)


def _of_indices(
    log_p: Array, targets: Array, weight: Array | None, ignore_index: int, smoothing: float, reduction: Reduction
) -> Array:
    """Cross-entropy from log-probabilities (..., C) and class indices (...)."""
    *shape, classes = shape_of(log_p)
    if shape_of(targets) != tuple(shape):
        raise ValueError(
            f"cross_entropy: targets of shape {shape_of(targets)}, {dtype_of(targets)}; with {classes} classes "
            f"indices need shape {tuple(shape)}, probabilities {(*shape, classes)} and a floating dtype."
        )
    ignored = np.equal(targets, ignore_index)
    if type(targets) is not Tensor:
        wrong = targets[(targets < 0) | (targets >= classes)]
        wrong = wrong[wrong != ignore_index]
        if wrong.size:
            raise ValueError(
                f"cross_entropy: label {wrong.flat[0]} is not in 0..{classes - 1} (logits have {classes} classes)."
            )
    labels = np.where(ignored, 0, targets)
    picked = np.squeeze(np.take_along_axis(log_p, np.expand_dims(labels, -1), -1), -1)
    weights = dtype_of(log_p).type(1) if weight is None else np.take(weight, labels)
    losses = -picked * weights
    if smoothing:
        spread = np.sum(log_p if weight is None else log_p * weight, axis=-1)
        losses = (1 - smoothing) * losses - (smoothing / classes) * spread
    unweighted = weight is None and type(ignored) is not Tensor and not ignored.any()
    if unweighted:
        return _reduce("cross_entropy", losses, reduction)
    zero = zero_like(losses)
    counted = np.sum(np.where(ignored, zero, np.broadcast_to(weights, shape_of(losses))))
    return _reduce("cross_entropy", np.where(ignored, zero, losses), reduction, counted)


def binary_cross_entropy_with_logits(
    logits: Array,
    targets: Array,
    *,
    weight: Array | None = None,
    pos_weight: Array | None = None,
    reduction: Reduction = "mean",
) -> Array:
    """Log-loss of a sigmoid, from its logits, computed without overflow.

    Parameters
    ----------
    logits : array
        Any shape.
    targets : array of that shape
        Probabilities of the positive class, in [0, 1].
    weight : array, optional
        Factor of each loss; broadcasts.
    pos_weight : array, optional
        Factor of the positive class's part; broadcasts.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    array
        A scalar, or with "none" the losses, of the logits' shape.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    loss = -p t log s(x) - (1 - t) log(1 - s(x)) = (1 - t) x + (1 + (p - 1) t) log(1 + exp(-x)).
    With p = 1, x_bar = (s(x) - t) g.
    """
    _same_shape("binary_cross_entropy_with_logits", logits=logits, targets=targets)
    targets = targets.astype(dtype_of(logits)) if dtype_of(targets).kind in "biu" else targets
    factor = 1 if pos_weight is None else 1 + (pos_weight - 1) * targets
    losses = (1 - targets) * logits + factor * softplus(-logits)
    return _reduce("binary_cross_entropy_with_logits", losses if weight is None else losses * weight, reduction)


def mse_loss(prediction: Array, target: Array, *, reduction: Reduction = "mean") -> Array:
    """Squared error (prediction - target)².

    Parameters
    ----------
    prediction, target : arrays of one shape
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    array
        A scalar, or with "none" the losses.

    Raises
    ------
    ValueError
        If the shapes differ: broadcasting (N, 1) against (N,) is a classic mistake.
    """
    _same_shape("mse_loss", prediction=prediction, target=target)
    return _reduce("mse_loss", np.square(prediction - target), reduction)
