"""Normalisation as a function of its parameters: batch, layer, group, instance and root mean square.

All standardise over some axes and then scale and shift; they differ in the axes alone. For x (N, *size, C):

    batch_norm      N and size             one mean a channel
    layer_norm      the last axes          one mean an example (and position)
    group_norm      size and C/groups      one mean an example and group
    instance_norm   size                   one mean an example and channel
    rms_norm        the last axes          no mean: divided by the root of the mean square
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..core.tensor import Array, dtype_of, shape_of
from ..ops.standardizing import Standardized, standardize_op
from ..ops.windows import Ints, Layout
from ..transforms.stop import stop_gradient
from .normalization_parts import affine, checked, last_axes, widened


class BatchNormState(NamedTuple):
    """Running statistics of `batch_norm` and `instance_norm`, shape (C,) each."""

    mean: Array
    var: Array


def batch_norm_state(channels: int, dtype: Any = np.float32) -> BatchNormState:
    """Return the initial state of `batch_norm` or `instance_norm`: mean 0, variance 1."""
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
        Weight of the new statistics, in [0, 1], as in torch: state = (1 - momentum) state + momentum batch. The
        batch's variance enters unbiased. No gradient passes through the state.
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
        For shapes that do not fit, a momentum outside [0, 1], or fewer than two values a channel in training.

    Notes
    -----
    y = scale (x - mean) / sqrt(var + eps) + bias, differentiated through mean and var when training.

    References
    ----------
    S. Ioffe and C. Szegedy, Batch normalization, ICML 2015.
    """
    channel = checked("batch_norm", x, eps, layout, scale=scale, bias=bias, **_named(state))
    axes = tuple(i for i in range(len(shape_of(x))) if i != channel)
    if not train:
        return _with_state(x, state, scale, bias, channel, eps), state
    count = math.prod(shape_of(x)[i] for i in axes)
    if count < 2:
        raise ValueError(f"batch_norm: training needs two values a channel or more, x has shape {shape_of(x)}.")
    out = standardize_op(x, *_channelwise(scale, bias, x, channel), axis=axes, eps=float(eps))
    new = _updated(state, np.reshape(out.mean, -1), np.reshape(out.var, -1) * (count / (count - 1)), momentum)
    return out.y, new


def instance_norm(
    x: Array,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    state: BatchNormState | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    layout: Layout = "channels_last",
) -> Any:
    """Normalise each channel of each example over its spatial axes, then scale and shift it.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Floating point.
    scale, bias : array, shape (C,), optional
        Learned factor and offset.
    state : BatchNormState, optional
        Running statistics, from `batch_norm_state` at first. With them the result is the pair (y, state).
    use_input_stats : bool
        Normalise with the examples' own statistics, and update the state if there is one, with their means over the
        batch; otherwise use the state and return it.
    momentum, eps, layout
        As for `batch_norm`.

    Returns
    -------
    array or (array, BatchNormState)
        Shape and dtype of x.

    Raises
    ------
    ValueError
        For shapes that do not fit, statistics of fewer than two values a channel or of no example, and neither
        statistics nor state to normalise with.

    Notes
    -----
    y = scale (x - mean) / sqrt(var + eps) + bias.

    References
    ----------
    D. Ulyanov, A. Vedaldi and V. Lempitsky, Instance normalization, arXiv:1607.08022.
    """
    named = {} if state is None else _named(state)
    channel = checked("instance_norm", x, eps, layout, least=3, scale=scale, bias=bias, **named)
    if not use_input_stats:
        if state is None:
            raise ValueError("instance_norm: use_input_stats=False normalises with the state; pass state=.")
        return _with_state(x, state, scale, bias, channel, eps), state
    axes = tuple(i for i in range(1, len(shape_of(x))) if i != channel)
    count = math.prod(shape_of(x)[i] for i in axes)
    if count < 2:
        raise ValueError(f"instance_norm: it needs two values a channel of an example, x has shape {shape_of(x)}.")
    out = standardize_op(x, *_channelwise(scale, bias, x, channel), axis=axes, eps=float(eps))
    return out.y if state is None else (out.y, _over_examples(state, out, count, momentum))


def layer_norm(
    x: Array,
    normalized_shape: Ints,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    eps: float = 1e-5,
) -> Array:
    """Normalise over the last axes, then scale and shift each element.

    Parameters
    ----------
    x : array, shape (..., *normalized_shape)
        Floating point.
    normalized_shape : int or tuple of int
        Lengths of the axes to normalise over.
    scale, bias : array, shape normalized_shape, optional
        Learned factor and offset.
    eps : float
        Added to the variance.

    Returns
    -------
    array
        Shape and dtype of x.

    Raises
    ------
    ValueError
        For shapes that do not fit.

    Notes
    -----
    y = scale (x - mean) / sqrt(var + eps) + bias, with one mean and one variance for each index of the leading axes.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization, arXiv:1607.06450.

    Examples
    --------
    >>> layer_norm(np.array([1.0, 3.0]), 2, eps=0.0)
    array([-1.,  1.])
    """
    axes = last_axes("layer_norm", x, normalized_shape, eps, scale=scale, bias=bias)
    return affine(standardize_op(x, 1.0, 0.0, axis=axes, eps=float(eps)).y, scale, bias)


def rms_norm(x: Array, normalized_shape: Ints, scale: Array | None = None, *, eps: float | None = None) -> Array:
    """Divide by the root of the mean square over the last axes, then scale each element.

    Parameters
    ----------
    x : array, shape (..., *normalized_shape)
        Floating point.
    normalized_shape : int or tuple of int
        Lengths of the axes to normalise over.
    scale : array, shape normalized_shape, optional
        Learned factor.
    eps : float, optional
        Added to the mean square; by default the machine epsilon of x's dtype.

    Returns
    -------
    array
        Shape and dtype of x.

    Raises
    ------
    ValueError
        For shapes that do not fit.

    Notes
    -----
    y = scale x r with r = 1 / sqrt(E x² + eps). As for `layer_norm` without the mean: x_bar = r (g - y E y g).

    References
    ----------
    B. Zhang and R. Sennrich, Root mean square layer normalization, NeurIPS 2019.

    Examples
    --------
    >>> rms_norm(np.array([1.0, -7.0]), 2)
    array([ 0.2, -1.4])
    """
    axes = last_axes("rms_norm", x, normalized_shape, 0.0 if eps is None else eps, scale=scale)
    eps = float(np.finfo(dtype_of(x)).eps) if eps is None else eps
    return affine(standardize_op(x, 1.0, 0.0, axis=axes, eps=float(eps), centred=False).y, scale, None)


def group_norm(
    x: Array,
    num_groups: int,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    eps: float = 1e-5,
    layout: Layout = "channels_last",
) -> Array:
    """Normalise each group of channels of each example over these and the spatial axes, then scale and shift channels.

    Parameters
    ----------
    x : array, shape (N, *size, C) or (N, C); channels_first: (N, C, *size)
        Floating point.
    num_groups : int
        Groups of C / num_groups neighbouring channels.
    scale, bias : array, shape (C,), optional
        Learned factor and offset.
    eps : float
        Added to the variance.
    layout : {"channels_last", "channels_first"}

    Returns
    -------
    array
        Shape and dtype of x.

    Raises
    ------
    ValueError
        For shapes that do not fit, or if the groups do not divide the channels.

    Notes
    -----
    y = scale (x - mean) / sqrt(var + eps) + bias, with one mean and one variance for each example and group.

    References
    ----------
    Y. Wu and K. He, Group normalization, ECCV 2018.
    """
    channel = checked("group_norm", x, eps, layout, scale=scale, bias=bias)
    shape = shape_of(x)
    channels = shape[channel]
    if isinstance(num_groups, bool) or not isinstance(num_groups, int | np.integer) or num_groups < 1:
        raise ValueError(f"group_norm: num_groups={num_groups!r}; it is a positive integer.")
    if channels % num_groups:
        raise ValueError(f"group_norm: num_groups={num_groups} does not divide the {channels} channels of {shape}.")
    grouped = np.reshape(x, (*shape[:channel], num_groups, channels // num_groups, *shape[channel + 1 :]))
    axes = tuple(i for i in range(1, len(shape) + 1) if i != channel)
    y = np.reshape(standardize_op(grouped, 1.0, 0.0, axis=axes, eps=float(eps)).y, shape)
    return affine(y, widened(scale, x, channel), widened(bias, x, channel))


def _channelwise(scale: Array | None, bias: Array | None, x: Array, channel: int) -> tuple[Array, Array]:
    """Return the factor and the offset of each channel with the axes of x, or the numbers 1 and 0."""
    return 1.0 if scale is None else widened(scale, x, channel), 0.0 if bias is None else widened(bias, x, channel)


# -- running statistics ------------------------------------------------------------------------------------------------


def _with_state(
    x: Array, state: BatchNormState, scale: Array | None, bias: Array | None, channel: int, eps: float
) -> Array:
    """Normalise with the running statistics; one factor a channel."""
    factor = affine(1 / np.sqrt(state.var + float(eps)), scale, None)
    return affine(x - widened(state.mean, x, channel), widened(factor, x, channel), widened(bias, x, channel))


def _over_examples(state: BatchNormState, out: Standardized, count: int, momentum: float) -> BatchNormState:
    """Update the state with the means over the batch of the examples' moments."""
    examples = shape_of(out.mean)[0]
    if examples == 0:
        raise ValueError("instance_norm: a batch of no examples has no statistics to update the state with.")
    mean, var = (np.mean(np.reshape(part, (examples, -1)), axis=0) for part in (out.mean, out.var))
    return _updated(state, mean, var * (count / (count - 1)), momentum)


def _updated(state: BatchNormState, mean: Array, var: Array, momentum: float) -> BatchNormState:
    old, new = stop_gradient((state, BatchNormState(mean, var)))
    if not 0 <= momentum <= 1:  # else the variance can become negative
        raise ValueError(f"running statistics: momentum={momentum!r} is not in [0, 1].")
    parts = [((1 - momentum) * a + momentum * b).astype(dtype_of(a)) for a, b in zip(old, new, strict=True)]
    return BatchNormState(*parts)


def _named(state: BatchNormState) -> dict[str, Array]:
    return {"state.mean": state.mean, "state.var": state.var}
