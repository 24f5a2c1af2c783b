"""Layers as functions of their parameters: dense, dropout, batch_norm."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import random
from ..core.families import zero_like
from ..core.tensor import Array, dtype_of, shape_of
from ..ops.windows import Layout, check_layout
from ..transforms.stop import stop_gradient


def dense(x: Array, w: Array, b: Array | None = None) -> Array:
    """Affine map of the last axis, x w + b.

    Parameters
    ----------
    x : array, shape (..., in)
    w : array, shape (in, out)
    b : array, shape (out,), optional

    Returns
    -------
    array, shape (..., out)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    y = x w + b; x_bar = g wᵀ, w_bar = xᵀ g and b_bar = Σ g over all but the last axis. Kept: x and w.
    Cost: 2 in out flops an example forward, twice that backward.
    """
    if len(shape_of(w)) != 2 or shape_of(x)[-1:] != shape_of(w)[:1]:
        raise ValueError(f"dense: x has shape {shape_of(x)} and w {shape_of(w)}; expected (..., in) and (in, out).")
    y = np.matmul(x, w)
    if b is None:
        return y
    if shape_of(b) != shape_of(w)[1:]:
        raise ValueError(f"dense: b has shape {shape_of(b)}; the {shape_of(w)[1]} outputs need ({shape_of(w)[1]},).")
    return y + b


def dropout(x: Array, rate: float, key: Array | None) -> Array:
    """Inverted dropout: each element is zero with probability `rate`, else divided by 1 - rate.

    Parameters
    ----------
    x : array
        Any shape, floating point.
    rate : float
        In [0, 1).
    key : uint64 array of shape (2,) or None
        Random key; None means inference, where x is returned as it is.

    Returns
    -------
    array
        Shape and dtype of x.

    Notes
    -----
    y = m x / (1 - rate) with m Bernoulli(1 - rate), so E[y] = x; x_bar = m g / (1 - rate). The same key, the same m.

    References
    ----------
    N. Srivastava et al., Dropout, JMLR 15, 2014.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.floating) or not 0 <= rate < 1:
        raise ValueError(f"dropout: rate={rate!r}; it is the probability of a zero, in [0, 1).")
    if key is None or rate == 0:
        return x
    mask = random.bernoulli(key, 1 - float(rate), shape_of(x))
    return np.where(mask, x * (1 / (1 - float(rate))), zero_like(x))


class BatchNormState(NamedTuple):
    """Running statistics of `batch_norm`, shape (C,) each."""

    mean: Array
    var: Array


def batch_norm_state(channels: int, dtype: Any = np.float32) -> BatchNormState:
    """Return the initial state of `batch_norm`: mean 0, variance 1."""
    return BatchNormState(np.zeros(channels, dtype), np.ones(channels, dtype))


def batch_norm(
    x: Array,
    state: BatchNormState,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    train: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
    layout: Layout = "channels_last",
) -> tuple[Array, BatchNormState]:
    """Normalise each channel over the batch and the spatial axes, then scale and shift it.

    Parameters
    ----------
    x : array, shape (N, *size, C) or (N, C); channels_first: (N, C, *size)
        Floating point.
    state : BatchNormState
        Running mean and variance, from `batch_norm_state` at first.
    scale, bias : array, shape (C,), optional
        Learned factor and offset.
    train : bool
        Normalise with the batch's own statistics and update the state; otherwise use the state and return it.
    momentum : float
        Weight of the new statistics, as in torch: state = (1 - momentum) state + momentum batch. The batch's variance
        enters unbiased. No gradient passes through the state.
    eps : float
        Added to the variance.
    layout : {"channels_last", "channels_first"}

    Returns
    -------
    y : array
        Shape and dtype of x.
    state : BatchNormState
        Plain arrays.

    Raises
    ------
    ValueError
        For shapes that do not fit, or fewer than two values a channel in training.

    Notes
    -----
    y = scale (x - mean) / sqrt(var + eps) + bias, differentiated through mean and var when training.

    References
    ----------
    S. Ioffe and C. Szegedy, Batch normalization, ICML 2015.
    """
    first = check_layout("batch_norm", layout)
    rank = len(shape_of(x))
    if rank < 2:
        raise ValueError(f"batch_norm: x has shape {shape_of(x)}; expected a batch axis and one of channels.")
    channel = 1 if first else rank - 1
    channels = shape_of(x)[channel]
    for name, p in (("scale", scale), ("bias", bias), ("state.mean", state.mean), ("state.var", state.var)):
        if p is not None and shape_of(p) != (channels,):
            raise ValueError(
                f"batch_norm: {name} has shape {shape_of(p)}; x has {channels} channels (layout={layout!r})."
            )
    axes = tuple(i for i in range(rank) if i != channel)
    wide = tuple(channels if i == channel else 1 for i in range(rank))
    mean, var = state
    if train:
        count = int(np.prod([shape_of(x)[i] for i in axes]))
        if count < 2:
            raise ValueError(f"batch_norm: training needs two values a channel or more, x has shape {shape_of(x)}.")
        mean, var = np.mean(x, axis=axes), np.var(x, axis=axes)
        state = _updated(state, stop_gradient(mean), stop_gradient(var) * (count / (count - 1)), momentum)
    factor = 1 / np.sqrt(var + eps)
    factor = factor if scale is None else factor * scale
    y = (x - np.reshape(mean, wide)) * np.reshape(factor, wide)
    return (y if bias is None else y + np.reshape(bias, wide)), state


def _updated(state: BatchNormState, mean: Array, var: Array, momentum: float) -> BatchNormState:
    old_mean, old_var = stop_gradient(state)
    return BatchNormState(
        ((1 - momentum) * old_mean + momentum * mean).astype(dtype_of(old_mean)),
        ((1 - momentum) * old_var + momentum * var).astype(dtype_of(old_var)),
    )
