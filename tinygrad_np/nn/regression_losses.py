"""Losses of regression, with PyTorch's parameters and meaning: d is prediction - target throughout."""

from __future__ import annotations

import math

import numpy as np

from ..core.tensor import Array, shape_of
from ..ops.piecewise_activations import hard_tanh
from ..transforms.stop import stop_gradient
from .loss_parts import Reduction, floating_like, reduce_losses, refuse_where, same_shape


def _difference(operation: str, prediction: Array, target: Array) -> Array:
    same_shape(operation, prediction=prediction, target=target)
    return prediction - floating_like(target, prediction)


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

    Notes
    -----
    prediction_bar = 2 (prediction - target) g.
    """
    return reduce_losses("mse_loss", np.square(_difference("mse_loss", prediction, target)), reduction)


def l1_loss(prediction: Array, target: Array, *, reduction: Reduction = "mean") -> Array:
    """Absolute error |d|.

    Parameters, result and errors as for `mse_loss`. prediction_bar = sign(d) g, 0 at d = 0.
    """
    return reduce_losses("l1_loss", np.absolute(_difference("l1_loss", prediction, target)), reduction)


def huber_loss(prediction: Array, target: Array, *, delta: float = 1.0, reduction: Reduction = "mean") -> Array:
    """Squared error d²/2 up to |d| = delta, beyond it the tangent delta (|d| - delta/2) (Huber, 1964).

    Parameters
    ----------
    prediction, target : arrays of one shape
    delta : float
        Positive.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    array
        A scalar, or with "none" the losses.

    Raises
    ------
    ValueError
        If the shapes differ or delta is not positive.

    Notes
    -----
    With c = d held in [-delta, delta], loss = c (d - c/2) and prediction_bar = c g. The second derivative is 1 where
    |d| < delta, else 0.
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: delta={delta!r}; it is positive.")
    return reduce_losses("huber_loss", _huber(_difference("huber_loss", prediction, target), delta), reduction)


def _huber(d: Array, delta: float) -> Array:
    c = hard_tanh(d, -delta, delta)
    return c * (d - 0.5 * c)


def smooth_l1_loss(prediction: Array, target: Array, *, beta: float = 1.0, reduction: Reduction = "mean") -> Array:
    """Absolute error with a rounded tip: d²/(2 beta) up to |d| = beta, beyond it |d| - beta/2 (Girshick, 2015).

    Parameters as for `huber_loss`, of which it is 1/beta, but beta may be 0, which makes it `l1_loss`.
    With c = d held in [-beta, beta], prediction_bar = c g / beta.
    """
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta={beta!r}; it is not negative.")
    d = _difference("smooth_l1_loss", prediction, target)
    return reduce_losses("smooth_l1_loss", _huber(d, beta) * (1 / beta) if beta else np.absolute(d), reduction)


def gaussian_nll_loss(
    prediction: Array,
    target: Array,
    var: Array,
    *,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> Array:
    """Negative log-likelihood of normal targets, given predicted means and variances.

    Parameters
    ----------
    prediction, target : arrays of one shape
    var : array
        Not negative; of that shape, or with a last axis of length 1, or without the last axis, for one variance a row.
    full : bool
        Add the constant log(2π)/2.
    eps : float
        Positive, the least variance. Where it is taken the gradient is what it is at eps, as in PyTorch.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    array
        A scalar, or with "none" the losses.

    Raises
    ------
    ValueError
        If shapes do not fit, a variance is negative or eps is not positive.

    Notes
    -----
    loss = (log v + d²/v)/2; prediction_bar = g d/v, var_bar = g (1 - d²/v)/(2v).
    """
    d = _difference("gaussian_nll_loss", prediction, target)
    shape = shape_of(prediction)
    if shape_of(var) == shape[:-1] and shape:
        var = np.expand_dims(var, -1)
    if shape_of(var) != shape and shape_of(var) != (*shape[:-1], 1):
        raise ValueError(f"gaussian_nll_loss: var has shape {shape_of(var)}; for {shape} give one each, or one a row.")
    if not eps > 0:
        raise ValueError(f"gaussian_nll_loss: eps={eps!r}; it is positive.")
    refuse_where(np.less(var, 0), "gaussian_nll_loss: var must not be negative.")
    v = var + stop_gradient(np.maximum(var, eps) - var)
    losses = 0.5 * (np.log(v) + d * d / v)
    return reduce_losses("gaussian_nll_loss", losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def poisson_nll_loss(
    prediction: Array,
    target: Array,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: Reduction = "mean",
) -> Array:
    """Negative log-likelihood of counts, given their predicted means or the logarithms of these.

    Parameters
    ----------
    prediction : array
        Logarithms of the means, or with log_input=False the means.
    target : array of that shape
        Counts, not negative.
    log_input : bool
    full : bool
        Add Stirling's approximation of log t!, t log t - t + log(2πt)/2 where t > 1.
    eps : float
        Added to a mean before its logarithm is taken.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    array
        A scalar, or with "none" the losses.

    Raises
    ------
    ValueError
        If the shapes differ or a count is negative.

    Notes
    -----
    loss = exp(x) - t x with x_bar = (exp(x) - t) g; or x - t log(x + eps) with x_bar = (1 - t/(x + eps)) g.
    """
    same_shape("poisson_nll_loss", prediction=prediction, target=target)
    refuse_where(np.less(target, 0), "poisson_nll_loss: target must be counts, not negative.")
    t = floating_like(target, prediction)
    losses = np.exp(prediction) - t * prediction if log_input else prediction - t * np.log(prediction + eps)
    if full:
        large = np.greater(t, 1)
        s = np.where(large, t, 1.0)
        losses = losses + np.where(large, s * np.log(s) - s + 0.5 * np.log(2 * math.pi * s), 0.0)
    return reduce_losses("poisson_nll_loss", losses, reduction)
