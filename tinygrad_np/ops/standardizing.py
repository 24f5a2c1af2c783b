"""Standardising: what all normalisations share. Subtract the mean over some axes, divide by the standard deviation."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..core.batching import over_leading_axis
from ..core.primitive import primitive
from ..core.tensor import Array, shape_of
from .reductions import AxisTuple


class Standardized(NamedTuple):
    """The standardised array and its moments, these with reduced axes of length 1."""

    y: Array
    mean: Array
    var: Array


def _mean(x: Array, axis: AxisTuple) -> Array:
    """Mean over axes, kept. One axis after the other: short sums round less, and the inner loops are long."""
    for a in axis:
        x = (np.mean if shape_of(x)[a] else np.sum)(x, axis=a, keepdims=True)  # of nothing it is 0
    return x


@primitive
def standardize_op(x: Array, *, axis: AxisTuple, eps: float, centred: bool = True) -> Any:
    """y = (x - m) r with r = 1 / sqrt(v + eps), and its moments m = E x and v = E (x - m)² over the axes.

    With d = x - m: dm = E dx, dv = 2 E d dx, and from dr = -r³ dv / 2 follows dy = r (dx - E dx) - r³ d E d dx,

        dy = r (dx - E dx - y E y dx)

    a symmetric map, so the VJP is x_bar = r (g - E g - y E y g). The moments' own cotangents, m_bar / n and
    2 d v_bar / n, join the two means. Kept: y and v. Not `centred`, m is 0 and the terms with E dx are not there.
    The variance is that of the deviations (two passes), so a large mean does not cancel it. The moments of float16,
    whose squares overflow beyond 255, are float32.
    """
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    mean = _mean(wide, axis) if centred else wide.dtype.type(0)
    d = wide - mean
    var = _mean(np.square(d), axis)
    d *= 1 / np.sqrt(var + eps)
    return Standardized(d.astype(x.dtype, copy=False), mean + np.zeros_like(var), var)


over_leading_axis(standardize_op, "axis")


@standardize_op.defvjp("x")
def _standardize_vjp(out: Standardized, x: Array, *, axis: AxisTuple, eps: float, centred: bool = True) -> Any:
    y, _, var = out
    n = max(math.prod(shape_of(x)[a] for a in axis), 1)

    def pullback(g: tuple[Array, Array, Array]) -> Array:
        y_bar, mean_bar, var_bar = g
        root = np.sqrt(var + eps)
        x_bar = y_bar - y * (_mean(y_bar * y, axis) - var_bar * ((var + eps) * (2 / n)))
        if centred:
            x_bar = x_bar - (_mean(y_bar, axis) - mean_bar * (root * (1 / n)))
        return x_bar * (1 / root)

    return pullback


@standardize_op.defjvp("x")
def _standardize_jvp(out: Standardized, x: Array, *, axis: AxisTuple, eps: float, centred: bool = True) -> Any:
    y, _, var = out

    def pushforward(x_dot: Array) -> Standardized:
        root = np.sqrt(var + eps)
        along, level = _mean(x_dot * y, axis), _mean(x_dot, axis) if centred else None
        change = x_dot - y * along if level is None else x_dot - level - y * along
        return Standardized(change * (1 / root), level, along * root * 2)

    return pushforward
