"""Activations made of straight pieces: leaky, bounded, hard and shrinking ones.

At a corner the derivative is that of the flatter side, so 0 where one side is constant, as in PyTorch. A nan stays nan.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.families import broadcasting, elementwise, zero_like
from ..core.primitive import Primitive
from ..core.tensor import Array, dtype_of, shape_of
from ..kernels import elementwise as kernels
from .windows import Layout, check_layout


def _relu6(x: Any) -> Any:
    return np.minimum(np.maximum(x, 0), 6)


relu6 = elementwise(
    _relu6,
    "min(max(x, 0), 6); y' = 1 where 0 < x < 6, else 0 (at 0 and 6 too).",
    name="relu6",
    from_output=lambda y: np.greater(y, 0) & np.less(y, 6),
)


def _not_above(h: Array, x: Array) -> Array:
    """Return h where x <= 0, else 0."""
    return np.where(np.greater(x, 0), zero_like(h), h)


leaky_relu_gradient: Primitive = broadcasting(
    kernels.leaky_relu_gradient,
    "z = g or slope g, where x > 0 or not: linear in g, ∂x = 0, ∂slope = g where x <= 0.",
    g=lambda z, g, x, slope: lambda h: leaky_relu_gradient(h, x, slope),
    x=lambda z, g, x, slope: lambda h: np.zeros(shape_of(z), dtype_of(z)),
    slope=lambda z, g, x, slope: lambda h: h * _not_above(g, x),
    module=__name__,
)
leaky_relu_op = broadcasting(
    kernels.leaky_relu,
    "x where x > 0, else slope x: ∂x = 1 or slope (at 0 too), ∂slope = min(x, 0).",
    x=lambda z, x, slope: lambda h: leaky_relu_gradient(h, x, slope),
    slope=lambda z, x, slope: lambda h: h * _not_above(x, x),
    module=__name__,
)


def leaky_relu(x: Array, negative_slope: Array = 0.01) -> Array:
    """x where x > 0, else negative_slope x; y' = 1 or negative_slope (at 0 too)."""
    return leaky_relu_op(x, negative_slope)


def prelu(x: Array, weight: Array, *, layout: Layout = "channels_last") -> Array:
    """x where x > 0, else weight x, with a learned slope (He et al., 2015).

    Parameters
    ----------
    x : array, shape (..., C); channels_first: (N, C, ...)
        Floating point.
    weight : array, shape (C,), or (1,) or () for one slope
    layout : {"channels_last", "channels_first"}

    Returns
    -------
    array
        Shape and dtype of x.

    Raises
    ------
    ValueError
        If the slopes do not fit the channels.

    Notes
    -----
    x_bar = g or weight g (at 0 too); weight_bar = Σ g min(x, 0), over all that a slope is used for.
    """
    channel, shape = (1 if check_layout("prelu", layout) else -1), shape_of(x)
    if shape_of(weight) in ((), (1,)):
        return leaky_relu(x, np.reshape(weight, ()) if shape_of(weight) else weight)
    if len(shape) <= max(channel, 0) or shape_of(weight) != (shape[channel],):
        raise ValueError(
            f"prelu: weight has shape {shape_of(weight)} and x {shape} (layout={layout!r}); give one, or one a channel."
        )
    return leaky_relu(x, weight if channel == -1 else np.reshape(weight, (-1, *(1,) * (len(shape) - 2))))


def hard_tanh(x: Array, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """Return x held between min_val and max_val; y' = 1 where min_val < x < max_val, else 0 (at the bounds too).

    np.clip differs in the derivative at the bounds, 1, and in being differentiable in them.
    """
    if not min_val <= max_val:
        raise ValueError(f"hard_tanh: min_val={min_val!r} is not below max_val={max_val!r}.")
    return np.where(np.less_equal(x, min_val), min_val, np.where(np.greater_equal(x, max_val), max_val, x))


def hard_sigmoid(x: Array) -> Array:
    """Return 0 for x <= -3, 1 for x >= 3, x/6 + 1/2 between; y' = 1/6 where -3 < x < 3, else 0 (at ±3 too)."""
    return (hard_tanh(x, -3.0, 3.0) + 3) * (1 / 6)


def hard_swish(x: Array) -> Array:
    """X hard_sigmoid(x) (Howard et al., 2019): y' = 0 for x <= -3, 1 for x >= 3, x/3 + 1/2 between."""
    return x * hard_sigmoid(x)


def _check_lambd(operation: str, lambd: float) -> None:
    if not lambd >= 0:
        raise ValueError(f"{operation}: lambd={lambd!r}; half the width of the flat piece is not negative.")


def hard_shrink(x: Array, lambd: float = 0.5) -> Array:
    """Return x where |x| > lambd, else 0; y' = 1 or 0 (at ±lambd, where y jumps, 0)."""
    _check_lambd("hard_shrink", lambd)
    return np.where(np.less_equal(np.absolute(x), lambd), zero_like(x), x)


def soft_shrink(x: Array, lambd: float = 0.5) -> Array:
    """Return x - lambd sign(x) where |x| > lambd, else 0; y' = 1 or 0 (at ±lambd 0).

    It is the proximal map of lambd |x|.
    """
    _check_lambd("soft_shrink", lambd)
    return np.where(np.less_equal(np.absolute(x), lambd), zero_like(x), x - lambd * np.sign(x))


def threshold(x: Array, threshold: float, value: float) -> Array:
    """Return x where x > threshold, else value; y' = 1 or 0 (at the threshold 0)."""
    return np.where(np.less_equal(x, threshold), value, x)
