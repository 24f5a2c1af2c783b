"""Initialisers: functions of a key and a shape.

The variance-scaling ones keep the variance of activations (fan in), of gradients (fan out) or of both (their mean). A
weight's fan in is its in_axis times the receptive field, all axes that are neither in_axis nor out_axis; the defaults
suit dense (in, out) and channels-last convolution weights (*kernel, in, out). For channels-first weights
(out, in, *kernel) pass in_axis=1, out_axis=0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import random
from ..core.tensor import Array

Shape = Sequence[int]


def zeros(key: Array | None, shape: Shape, dtype: Any = np.float32) -> Array:
    """Zeros; the key is not used."""
    return np.zeros(shape, dtype)


def normal(key: Array, shape: Shape, dtype: Any = np.float32, *, mean: float = 0.0, std: float = 1.0) -> Array:
    """Normal with a mean and a standard deviation."""
    return random.normal(key, shape, dtype) * std + mean


def uniform(key: Array, shape: Shape, dtype: Any = np.float32, *, low: float = 0.0, high: float = 1.0) -> Array:
    """Uniform in [low, high)."""
    return random.uniform(key, shape, dtype, low, high)


def _fans(shape: Shape, in_axis: int, out_axis: int) -> tuple[float, float]:
    if len(shape) < 2:
        raise ValueError(f"initializers: shape {tuple(shape)} has no fan in and fan out; use zeros, normal or uniform.")
    fan_in, fan_out = shape[in_axis], shape[out_axis]
    if in_axis % len(shape) == out_axis % len(shape) or not fan_in * fan_out:
        raise ValueError(
            f"initializers: in_axis={in_axis} and out_axis={out_axis} of shape {tuple(shape)} give no fans."
        )
    field = math.prod(shape) / (fan_in * fan_out)
    return fan_in * field, fan_out * field


def _scaling(
    name: str, source: str, variance: Callable[[float, float], float], distribution: str
) -> Callable[..., Array]:
    def initializer(
        key: Array, shape: Shape, dtype: Any = np.float32, *, in_axis: int = -2, out_axis: int = -1
    ) -> Array:
        std = math.sqrt(variance(*_fans(shape, in_axis, out_axis)))
        if distribution == "normal":
            return random.normal(key, shape, dtype) * std
        return random.uniform(key, shape, dtype, -math.sqrt(3) * std, math.sqrt(3) * std)

    initializer.__name__ = initializer.__qualname__ = f"{name}_{distribution}"
    formula = {"glorot": "2/(fan_in + fan_out)", "he": "2/fan_in", "lecun": "1/fan_in"}[name]
    initializer.__doc__ = f"{distribution.capitalize()} with mean 0 and variance {formula} ({source})."
    return initializer


def _glorot(fan_in: float, fan_out: float) -> float:
    return 2 / (fan_in + fan_out)


def _he(fan_in: float, fan_out: float) -> float:
    return 2 / fan_in


def _lecun(fan_in: float, fan_out: float) -> float:
    return 1 / fan_in


glorot_normal = _scaling("glorot", "Glorot and Bengio, 2010", _glorot, "normal")
glorot_uniform = _scaling("glorot", "Glorot and Bengio, 2010", _glorot, "uniform")
he_normal = _scaling("he", "He et al., 2015", _he, "normal")
he_uniform = _scaling("he", "He et al., 2015", _he, "uniform")
lecun_normal = _scaling("lecun", "LeCun et al., Efficient BackProp, 1998", _lecun, "normal")
lecun_uniform = _scaling("lecun", "LeCun et al., Efficient BackProp, 1998", _lecun, "uniform")
