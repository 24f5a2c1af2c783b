"""Losses of classes and probabilities, with PyTorch's parameters and meaning."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.families import one_for_zero, zero_like
from ..core.tensor import Array, Tensor, as_array, dtype_of, shape_of
from ..ops.activations import floating, log_softmax, softplus
from ..ops.bounded_logarithms import bounded_log, bounded_log1p
from ..ops.cross_entropy import sigmoid_cross_entropy_op, softmax_cross_entropy_op
from .loss_parts import (
    Reduction,
    check_class_indices,
    check_class_weight,
    check_reduction,
    class_indices,
    floating_like,
    reduce_losses,
    refuse_outside_unit,
    refuse_where,
    same_shape,
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
    TypeError
        If targets are neither integers nor floating-point numbers, or class indices of a floating-point dtype.
    ValueError
        For shapes that do not fit and labels out of range.

    See Also
    --------
    nll_loss : the same from log-probabilities.

    Notes
    -----
    loss = -Σ_c w_c t_c log softmax(x)_c. With plain class indices x_bar = (softmax(x) - onehot(t)) g / count, and the
    loss and its gradient are one operation each.

    Examples
    --------
    >>> print(round(float(cross_entropy(np.zeros((2, 10)), np.array([3, 7]))), 4))
    2.3026
    """
    logits, targets = as_array(logits), as_array(targets)
    shape = logits.shape
    axis = normalize_axis_index(axis, len(shape))
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing={label_smoothing!r} is not in [0, 1].")
    if weight is not None:
        check_class_weight("cross_entropy", weight, shape[axis])
    if targets.dtype.kind not in "fc" and weight is None and not label_smoothing:
        check_reduction("cross_entropy", reduction)
        x = floating(logits, "cross_entropy")
        x = x if axis == len(shape) - 1 else np.moveaxis(x, axis, -1)
        check_class_indices("cross_entropy", targets, x.shape)
        return softmax_cross_entropy_op(x, targets, reduction=reduction, ignore_index=int(ignore_index))
    log_p = np.moveaxis(log_softmax(logits, axis), axis, -1)
    classes = shape_of(log_p)[-1]
    if dtype_of(targets).kind in "fc":
        if shape_of(targets) == shape_of(log_p)[:-1]:
            raise TypeError(
                f"cross_entropy: targets of shape {shape_of(targets)} are {dtype_of(targets)}; class "
                "indices need an integer dtype, probabilities the shape of the logits."
            )
        same_shape("cross_entropy", logits=logits, targets=targets)
        t = np.moveaxis(targets, axis, -1) * (1 - label_smoothing) + label_smoothing / classes
        losses = -np.sum(t * log_p * (1 if weight is None else weight), axis=-1)
        return reduce_losses("cross_entropy", losses, reduction)
    return _of_indices("cross_entropy", log_p, targets, weight, ignore_index, label_smoothing, reduction)


def _of_indices(
    operation: str,
    log_p: Array,
    targets: Array,
    weight: Array | None,
    ignore_index: int,
    smoothing: float,
    reduction: Reduction,
) -> Array:
    """Negative log-likelihood from log-probabilities (..., C) and class indices (...), perhaps smoothed."""
    ignored = np.equal(targets, ignore_index)
    labels = class_indices(operation, targets, shape_of(log_p), ignored)
    picked = np.squeeze(np.take_along_axis(log_p, np.expand_dims(labels, -1), -1), -1)
    weights = dtype_of(log_p).type(1) if weight is None else np.take(weight, labels)
    losses = -picked * weights
    if smoothing:
        spread = np.sum(log_p if weight is None else log_p * weight, axis=-1)
        losses = (1 - smoothing) * losses - (smoothing / shape_of(log_p)[-1]) * spread
    unweighted = weight is None and type(ignored) is not Tensor and not ignored.any()
    if unweighted:
        return reduce_losses(operation, losses, reduction)
    zero = zero_like(losses)
    counted = np.sum(np.where(ignored, zero, np.broadcast_to(weights, shape_of(losses))))
    return reduce_losses(operation, np.where(ignored, zero, losses), reduction, counted)


def nll_loss(
    log_probabilities: Array,
    targets: Array,
    *,
    weight: Array | None = None,
    ignore_index: int = -100,
    axis: int = -1,
    reduction: Reduction = "mean",
) -> Array:
    """Negative log-likelihood of classes, given log-probabilities such as `log_softmax` makes.

    Parameters
    ----------
    log_probabilities : array, shape (..., C), or with the classes on `axis`
    targets : integer array of that shape without `axis`
        Class indices in 0..C-1.
    weight, ignore_index, axis, reduction
        As for `cross_entropy`, which is this of the log-softmax.

    Returns
    -------
    array
        A scalar, or with "none" the losses, of the shape of targets.

    Raises
    ------
    TypeError
        If targets are no integers.
    ValueError
        For shapes that do not fit and labels out of range.

    Notes
    -----
    loss = -w_t x_t, 0 where t is ignored; the mean divides by Σ w_t. x_bar = -w_t g / Σ w at t, 0 at other classes.
    """
    if not hasattr(targets, "dtype"):
        targets = np.asarray(targets)
    log_p = np.moveaxis(log_probabilities, axis, -1)
    check_class_weight("nll_loss", weight, shape_of(log_p)[-1])
    return _of_indices("nll_loss", log_p, targets, weight, ignore_index, 0.0, reduction)


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
        If the shapes differ, or targets leave [0, 1].

    Notes
    -----
    loss = -p t log s(x) - (1 - t) log(1 - s(x)) = (1 - t) x + (1 + (p - 1) t) log(1 + exp(-x)).
    With p = 1, x_bar = (s(x) - t) g.
    """
    same_shape("binary_cross_entropy_with_logits", logits=logits, targets=targets)
    refuse_outside_unit("binary_cross_entropy_with_logits", targets=targets)
    targets = floating_like(targets, logits)
    if weight is None and pos_weight is None:
        check_reduction("binary_cross_entropy_with_logits", reduction)
        return sigmoid_cross_entropy_op(logits, targets, reduction=reduction)
    factor = 1 if pos_weight is None else 1 + (pos_weight - 1) * targets
    losses = (1 - targets) * logits + factor * softplus(-logits)
    return reduce_losses("binary_cross_entropy_with_logits", losses if weight is None else losses * weight, reduction)


def binary_cross_entropy(
    probabilities: Array, targets: Array, *, weight: Array | None = None, reduction: Reduction = "mean"
) -> Array:
    """Log-loss of probabilities; `binary_cross_entropy_with_logits` is more exact where logits are at hand.

    Parameters
    ----------
    probabilities : array
        Any shape, in [0, 1].
    targets : array of that shape
        Probabilities of the positive class, in [0, 1].
    weight : array, optional
        Factor of each loss; broadcasts.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    array
        A scalar, or with "none" the losses.

    Raises
    ------
    ValueError
        If the shapes differ or something leaves [0, 1].

    Notes
    -----
    loss = -t log p - (1 - t) log(1 - p) and p_bar = (-t / p + (1 - t) / (1 - p)) g, where as in PyTorch no logarithm
    is below -100 and no reciprocal above 10¹². So at p = 0 and 1 with the target to match the loss is 0 and the slope
    the one-sided derivative, 1 and -1 (PyTorch has 0); with the opposite target they are 100 and ∓10¹².
    """
    same_shape("binary_cross_entropy", probabilities=probabilities, targets=targets)
    refuse_outside_unit("binary_cross_entropy", probabilities=probabilities, targets=targets)
    targets = floating_like(targets, probabilities)
    losses = -(targets * bounded_log(probabilities) + (1 - targets) * bounded_log1p(-probabilities))
    return reduce_losses("binary_cross_entropy", losses if weight is None else losses * weight, reduction)


def kl_div(
    log_probabilities: Array,
    target: Array,
    *,
    log_target: bool = False,
    reduction: Literal["mean", "batchmean", "sum", "none"] = "mean",
) -> Array:
    """Terms of the Kullback-Leibler divergence KL(target || probabilities).

    Parameters
    ----------
    log_probabilities : array
        Any shape.
    target : array of that shape
        Probabilities, or their logarithms with `log_target`.
    log_target : bool
    reduction : {"mean", "batchmean", "sum", "none"}
        As in PyTorch "mean" divides by the number of elements; the divergence, a sum over classes, averaged over the
        first axis, is "batchmean".

    Returns
    -------
    array
        A scalar, or with "none" the terms.

    Raises
    ------
    ValueError
        If the shapes differ, a probability is negative, or "batchmean" has no first axis.

    Notes
    -----
    term = t (log t - x), with x_bar = -t g and t_bar = (log t - x + 1) g. Where t = 0 the term is 0 and so are its
    derivatives, also if x is -inf, as for a class ruled out by both. (PyTorch gives nan there.)
    """
    same_shape("kl_div", log_probabilities=log_probabilities, target=target)
    target = floating_like(target, log_probabilities)
    if log_target:
        t, log_t = np.exp(target), target
    else:
        refuse_where(np.less(target, 0), "kl_div: target has negative probabilities; logarithms need log_target=True.")
        t, log_t = target, np.log(one_for_zero(target))
    none, zero = np.equal(t, 0), zero_like(log_probabilities)
    losses = t * (np.where(none, zero, log_t) - np.where(none, zero, log_probabilities))
    if reduction != "batchmean":
        return reduce_losses("kl_div", losses, reduction)
    if not shape_of(losses):
        raise ValueError("kl_div: reduction='batchmean' divides by the length of the first axis; there is none.")
    return np.sum(losses) / shape_of(losses)[0]
