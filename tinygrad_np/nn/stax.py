"""The usual layers as values, for `nn.serial`: Conv(6, 5) is a pair (init, apply).

Each is a `Layer` around the function of `tinygrad_np.nn` with the same name in lower case, takes its options, and
leaves the arithmetic to it. Functions without parameters need no constructor: `nn.relu` and `np.tanh` are layers as
they are. Weights are called "w" and "b", those of normalisations "scale" and "bias", as the functions call them.

Initialisers are functions (key, shape), such as those of `nn.initializers`. By default weights are drawn by
`he_normal`, which suits the ReLU, and biases are zero. Weights are drawn with channels last in either layout, so that
the same key gives the same network.
"""
# ruff: noqa: N802  (what makes a layer is written like a class, as elsewhere, and apart from the functions)

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import random
from ..core.tensor import Array, shape_of
from ..ops import convolution, pooling
from ..ops.transposed_convolution import conv_transpose
from ..ops.windows import Ints, Layout, Padding, check_layout, per_axis
from . import layers, normalization
from .initializers import he_normal, zeros
from .layer_pair import Layer, Params, Shape, infer, stateful

__all__ = [
    "AvgPool", "BatchNorm", "Conv", "ConvTranspose", "Dense", "Dropout", "Flatten", "GlobalAvgPool", "GlobalMaxPool",
    "Identity", "LayerNorm", "MaxPool",
]  # fmt: skip

Initializer = Callable[[Any, Any], Any]


def _layer(kind: str, draw: Callable[[Array, Shape], Params], f: Callable[..., Any]) -> Layer:
    """Return the layer y = f(x, **params) with parameters draw(key, input_shape)."""

    def init(key: Array, input_shape: Shape) -> tuple[Params, Shape]:
        params = draw(key, input_shape)
        return params, infer(lambda x: f(x, **params), input_shape, 0)

    return Layer(init, lambda params, x, *, key=None, train=False: f(x, **params), kind)


def _without_parameters(kind: str, f: Callable[[Any], Any]) -> Layer:
    return _layer(kind, lambda key, shape: {}, f)


def _channels(kind: str, shape: Shape, layout: str = "channels_last", spatial: bool = True) -> int:
    """Return the number of channels of an input's shape."""
    first = check_layout(kind, layout)
    if len(shape) < 1 + spatial or not all(isinstance(n, int | np.integer) for n in shape):
        axes = ("(C, *size)" if first else "(*size, C)") if spatial else "(..., features)"
        raise ValueError(f"{kind}: the input shape {shape} of one example is not {axes}.")
    return int(shape[0] if first else shape[-1])


def _check_count(kind: str, name: str, n: Any) -> None:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"{kind}: {name}={n!r}; it is a number, 1 or more.")


def Dense(features: int, *, bias: bool = True, w_init: Initializer = he_normal, b_init: Initializer = zeros) -> Layer:
    """Affine map of the last axis; see `nn.dense`. Parameters w (in, features) and b (features,)."""
    _check_count("Dense", "features", features)

    def draw(key: Array, shape: Shape) -> Params:
        w_key, b_key = random.split(key)
        w = w_init(w_key, (_channels("Dense", shape, spatial=False), features))
        return {"w": w, "b": b_init(b_key, (features,))} if bias else {"w": w}

    return _layer("dense", draw, layers.dense)


def Conv(
    filters: int,
    kernel_size: Ints,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    layout: Layout = "channels_last",
    padding_mode: str = "zeros",
    bias: bool = True,
    w_init: Initializer = he_normal,
    b_init: Initializer = zeros,
) -> Layer:
    """Convolution over any number of spatial axes, as many as the input has; see `nn.conv`.

    Parameters w, (*kernel, C/groups, filters) with channels last, and b (filters,).
    """
    _check_count("Conv", "filters", filters)
    _check_count("Conv", "groups", groups)
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    options |= {"layout": layout, "padding_mode": padding_mode}

    def draw(key: Array, shape: Shape) -> Params:
        channels = _channels("Conv", shape, layout)
        if channels % groups:
            raise ValueError(f"Conv: groups={groups} does not divide the {channels} channels of the input.")
        kernel = per_axis("Conv", "kernel_size", kernel_size, len(shape) - 1)
        w_key, b_key = random.split(key)
        w = _in_layout(w_init(w_key, (*kernel, channels // groups, filters)), layout)
        return {"w": w, "b": b_init(b_key, (filters,))} if bias else {"w": w}

    return _layer("conv", draw, lambda x, w, b=None: convolution.conv(x, w, b, **options))


def _in_layout(w: Array, layout: str) -> Array:
    """Bring a weight (*kernel, C, F) to its layout, in memory too."""
    return np.ascontiguousarray(np.moveaxis(w, (-1, -2), (0, 1))) if layout == "channels_first" else w


def ConvTranspose(
    filters: int,
    kernel_size: Ints,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
    layout: Layout = "channels_last",
    bias: bool = True,
    w_init: Initializer = he_normal,
    b_init: Initializer = zeros,
) -> Layer:
    """Transposed convolution to so many filters, any number of spatial axes; see `nn.conv_transpose`.

    Parameters w, of the convolution it transposes: (*kernel, filters/groups, C) with channels last, and b (filters,).
    The fan in that `w_init` sees is C/groups times the kernel.
    """
    _check_count("ConvTranspose", "filters", filters)
    _check_count("ConvTranspose", "groups", groups)
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    options |= {"layout": layout, "output_padding": output_padding}

    def draw(key: Array, shape: Shape) -> Params:
        channels = _channels("ConvTranspose", shape, layout)
        if channels % groups or filters % groups:
            raise ValueError(f"ConvTranspose: groups={groups} does not divide {channels} channels, {filters} filters.")
        kernel = per_axis("ConvTranspose", "kernel_size", kernel_size, len(shape) - 1)
        w_key, b_key = random.split(key)
        # Drawn as (*kernel, C/groups, group, filters/groups), then both parts of a group change places.
        w = np.reshape(w_init(w_key, (*kernel, channels // groups, filters)), (*kernel, -1, groups, filters // groups))
        w = np.reshape(np.swapaxes(w, -1, -3), (*kernel, filters // groups, channels))
        w = _in_layout(w, layout)
        return {"w": w, "b": b_init(b_key, (filters,))} if bias else {"w": w}

    return _layer("conv_transpose", draw, lambda x, w, b=None: conv_transpose(x, w, b, **options))


def MaxPool(
    kernel_size: Ints,
    *,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    layout: Layout = "channels_last",
) -> Layer:
    """Maximum of sliding windows; see `nn.max_pool`."""
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    return _without_parameters("max_pool", lambda x: pooling.max_pool(x, kernel_size, layout=layout, **options))


def AvgPool(
    kernel_size: Ints,
    *,
    stride: Ints | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    layout: Layout = "channels_last",
) -> Layer:
    """Mean of sliding windows; see `nn.avg_pool`."""
    options: dict[str, Any] = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    options |= {"count_include_pad": count_include_pad, "layout": layout}
    return _without_parameters("avg_pool", lambda x: pooling.avg_pool(x, kernel_size, **options))


def GlobalAvgPool(*, layout: Layout = "channels_last") -> Layer:
    """Mean over all spatial axes; see `nn.global_avg_pool`."""
    return _without_parameters("global_avg_pool", lambda x: pooling.global_avg_pool(x, layout=layout))


def GlobalMaxPool(*, layout: Layout = "channels_last") -> Layer:
    """Maximum over all spatial axes; see `nn.global_max_pool`."""
    return _without_parameters("global_max_pool", lambda x: pooling.global_max_pool(x, layout=layout))


def BatchNorm(
    *,
    momentum: float = 0.1,
    eps: float = 1e-5,
    scale: bool = True,
    bias: bool = True,
    layout: Layout = "channels_last",
) -> Layer:
    """Normalisation of each channel over the batch; see `nn.batch_norm`.

    Parameters scale (C,) of ones, bias (C,) of zeros, and state, a `BatchNormState`, which no gradient changes:
    `apply_with_state` returns the new one in training, as {"state": ...}. With train=False the state is what the
    batch is normalised with.

    Examples
    --------
    A loss for `training.fit`, which puts the new statistics in their places:

    >>> from tinygrad_np import nn
    >>> net = nn.serial(Conv(8, 3), BatchNorm(), nn.relu, Flatten(), Dense(10))
    >>> def loss(params, batch, key):
    ...     logits, state = net.apply_with_state(params, batch[0], key=key, train=True)
    ...     return nn.cross_entropy(logits, batch[1]), {"state": state}
    """
    options: dict[str, Any] = {"momentum": momentum, "eps": eps, "layout": layout}

    def init(key: Array, input_shape: Shape) -> tuple[Params, Shape]:
        channels = _channels("BatchNorm", input_shape, layout, spatial=False)
        params: Params = {"scale": np.ones(channels, np.float32)} if scale else {}
        params |= {"bias": np.zeros(channels, np.float32)} if bias else {}
        return params | {"state": normalization.batch_norm_state(channels)}, input_shape

    def apply_with_state(params: Params, x: Any, *, key: Array | None = None, train: bool = False) -> Any:
        weights = params.get("scale"), params.get("bias")
        y, state = normalization.batch_norm(x, params["state"], *weights, train=train, **options)
        return y, {"state": state} if train else {}

    return stateful(init, apply_with_state, "batch_norm")


def LayerNorm(*, eps: float = 1e-5, scale: bool = True, bias: bool = True) -> Layer:
    """Normalisation of the last axis; see `nn.layer_norm`. Parameters scale of ones and bias of zeros, (C,) each."""

    def draw(key: Array, shape: Shape) -> Params:
        size = (_channels("LayerNorm", shape, spatial=False),)
        params: Params = {"scale": np.ones(size, np.float32)} if scale else {}
        return params | ({"bias": np.zeros(size, np.float32)} if bias else {})

    def normalize(x: Any, scale: Any = None, bias: Any = None) -> Any:
        return normalization.layer_norm(x, shape_of(x)[-1], scale, bias, eps=eps)

    return _layer("layer_norm", draw, normalize)


def Dropout(rate: float) -> Layer:
    """Zeros at random in training, for which it needs a key; see `nn.dropout`. With train=False the identity."""
    layers.dropout(np.zeros(0, np.float32), rate, None)  # refuses a wrong rate now

    def apply(params: Params, x: Any, *, key: Array | None = None, train: bool = False) -> Any:
        if train and rate and key is None:
            raise ValueError("Dropout: training needs a random key; pass apply(params, x, key=key, train=True).")
        return layers.dropout(x, rate, key if train else None)

    return Layer(lambda key, shape: ({}, shape), apply, "dropout")


def Flatten() -> Layer:
    """Join all axes of an example to one: (N, ...) to (N, features)."""

    def flatten(x: Any) -> Any:
        shape = shape_of(x)
        return np.reshape(x, (shape[0], math.prod(shape[1:])))

    return _without_parameters("flatten", flatten)


def Identity() -> Layer:
    """Give the input as it is."""
    return _without_parameters("identity", lambda x: x)
