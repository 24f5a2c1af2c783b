"""Standardising: what all normalisations share. Subtract the mean over some axes, divide by the standard deviation.

A scale and an offset for each group are part of the operation, for that saves two readings of the array each way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..core.batching import align, batched, shifted
from ..core.families import unbroadcast
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, shape_of
from ..kernels import standardizing as kernels
from .reductions import AxisTuple


class Standardized(NamedTuple):
    """The standardised array and its moments, these with reduced axes of length 1."""

    y: Array
    mean: Array
    var: Array


class Gradient(NamedTuple):
    """The cotangent of x, and Σ g z and Σ g, those of scale and bias where these are not broadcast."""

    x_bar: Array
    along: Array
    total: Array


@primitive
def standardize_op(x: Array, scale: Array, bias: Array, *, axis: AxisTuple, eps: float, centred: bool = True) -> Any:
    """y = s d r + b with d = x - m and r = 1 / sqrt(v + eps), and the moments m = E x and v = E d² over the axes.

    dm = E dx, dv = 2 E d dx and dr = -r³ dv / 2, so with z = d r

        dy = s r (dx - E dx - z E z dx) + z ds + db

    whose map of dx is symmetric: x_bar = r (s g - E s g - z E z s g) + m_bar / n + 2 d v_bar / n, and s_bar = Σ g z,
    b_bar = Σ g. s and b have one value for each group, or broadcast to that. Not `centred`, m is 0 and the terms with
    E dx and m_bar are not there. Kept: x and the moments. The moments of float16, whose squares overflow beyond 255,
    are float32.
    """
    return Standardized(*kernels.standardize(x, scale, bias, axis=axis, eps=eps, centred=centred))


@primitive
def standardize_gradient_op(
    g: Array,
    mean_bar: Array,
    var_bar: Array,
    x: Array,
    scale: Array,
    mean: Array,
    var: Array,
    *,
    axis: AxisTuple,
    eps: float,
    centred: bool = True,
) -> Any:
    """x_bar = s r g - s r G / n - s r³ D d / n + m_bar / n + 2 d v_bar / n, D r and G, with G = Σ g and D = Σ g d.

    As a function of all its arguments, the moments too: paired with (k, α, β) it is

        s r Σ k g - s r K G / n - s r³ C D / n + m_bar K / n + 2 v_bar C / n + α r D + β G,    K = Σ k, C = Σ k d

    and its derivatives are those of this sum, with dr = -r³ dv / 2. Not `centred`, the terms with K are not there.
    """
    arrays = (g, mean_bar, var_bar, x, scale, mean, var)
    return Gradient(*kernels.standardize_gradient(*arrays, axis=axis, eps=eps, centred=centred))


standardize_op.fresh = True


def _prepare(
    kernel: Callable[..., tuple[Array, Array, Array]], outs: tuple[Array, Array, Array], *args: Array, **options: Any
) -> list[Callable[[], object]]:
    """Have the kernel write its first result, which is large, where it belongs."""

    def run() -> None:
        for out, value in zip(outs[1:], kernel(*args, **options, out=outs[0])[1:], strict=True):
            np.copyto(out, value)

    return [run]


standardize_op.defprepare(partial(_prepare, kernels.standardize))
standardize_gradient_op.defprepare(partial(_prepare, kernels.standardize_gradient))


def _sum(a: Array, axis: AxisTuple) -> Array:
    return np.sum(a, axis=axis, keepdims=True)


def _count(x: Array, axis: AxisTuple) -> int:
    return max(math.prod(shape_of(x)[a] for a in axis), 1)


@standardize_op.defvjp("x", "scale", "bias")
def _standardize_vjp(out: Standardized, x: Array, scale: Array, bias: Array, **options: Any) -> Any:
    scale_shape, bias_shape = shape_of(scale), shape_of(bias)

    def pullback(g: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        x_bar, along, total = standardize_gradient_op(*g, x, scale, out.mean, out.var, **options)
        return x_bar, unbroadcast(along, scale_shape), unbroadcast(total, bias_shape)

    return pullback


@standardize_op.defjvp("x", "scale", "bias")
def _standardize_jvp(
    out: Standardized, x: Array, scale: Array, bias: Array, *, axis: AxisTuple, eps: float, centred: bool = True
) -> Any:
    n, d, r = _count(x, axis), x - out.mean, 1 / np.sqrt(out.var + eps)

    def pushforward(x_dot: Array | None, scale_dot: Array | None, bias_dot: Array | None) -> Standardized:
        mean_dot = var_dot = None
        y_dot = np.broadcast_to(dtype_of(x).type(0) if bias_dot is None else bias_dot, shape_of(x))
        if scale_dot is not None:
            y_dot = y_dot + d * r * scale_dot
        if x_dot is not None:
            along = _sum(x_dot * d, axis) / n
            mean_dot, var_dot = _sum(x_dot, axis) / n if centred else None, 2 * along
            moved = x_dot - mean_dot if centred else x_dot
            y_dot = y_dot + scale * r * (moved - d * (r * r * along))
        return Standardized(y_dot, mean_dot, var_dot)

    return pushforward


@standardize_gradient_op.defvjp("g", "mean_bar", "var_bar", "x", "scale", "mean", "var")
def _gradient_vjp(
    out: Gradient, g: Array, mean_bar: Array, var_bar: Array, x: Array, scale: Array, mean: Array, var: Array,
    *, axis: AxisTuple, eps: float, centred: bool = True,
) -> Any:  # fmt: skip
    shapes, n = [shape_of(a) for a in (mean_bar, var_bar, scale, mean, var)], _count(x, axis)

    def pullback(cotangents: tuple[Array, Array, Array]) -> tuple[Array, ...]:
        k, alpha, beta = cotangents
        d, r = x - mean, 1 / np.sqrt(var + eps)
        s_r, s_r3 = scale * r, scale * r**3
        sums = _sum(k, axis), _sum(g, axis), _sum(k * g, axis), _sum(k * d, axis), _sum(g * d, axis)
        k_sum, g_sum, kg, kd, gd = sums
        level = k_sum if centred else 0 * k_sum
        inner = kg - level * g_sum / n
        g_bar = s_r * (k - level / n) + d * (alpha * r - s_r3 * kd / n) + beta
        x_bar = g * (alpha * r - s_r3 * kd / n) + k * ((2 * var_bar - s_r3 * gd) / n)
        slope = scale * inner - 3 * scale * r * r * kd * gd / n + alpha * gd
        bars = level / n, 2 * kd / n, r * inner - r**3 * kd * gd / n, -_sum(x_bar, axis), -0.5 * r**3 * slope
        mean_bb, var_bb, scale_bar, m_bar, v_bar = map(unbroadcast, bars, shapes)
        return g_bar, mean_bb, var_bb, x_bar, scale_bar, m_bar, v_bar

    return pullback


@standardize_gradient_op.defjvp("g", "mean_bar", "var_bar", "x", "scale", "mean", "var")
def _gradient_jvp(
    out: Gradient, g: Array, mean_bar: Array, var_bar: Array, x: Array, scale: Array, mean: Array, var: Array,
    *, axis: AxisTuple, eps: float, centred: bool = True,
) -> Any:  # fmt: skip
    n = _count(x, axis)

    def pushforward(*dots: Array | None) -> Gradient:
        zeros = [np.zeros_like(a) for a in (g, mean_bar, var_bar, x, scale, mean, var)]
        g_dot, mb_dot, vb_dot, x_dot, s_dot, m_dot, v_dot = (
            z if dot is None else dot for dot, z in zip(dots, zeros, strict=True)
        )
        d, r = x - mean, 1 / np.sqrt(var + eps)
        d_dot, r_dot = x_dot - m_dot, -0.5 * r**3 * v_dot
        a, a_dot = scale * r, s_dot * r + scale * r_dot
        total, along, total_dot = _sum(g, axis), _sum(g * d, axis), _sum(g_dot, axis)
        along_dot = _sum(g_dot * d + g * d_dot, axis)
        slope = (2 * var_bar - a * r * r * along) / n
        slope_dot = (2 * vb_dot - (a_dot * r * r + 2 * a * r * r_dot) * along - a * r * r * along_dot) / n
        change = a_dot * g + a * g_dot + slope_dot * d + slope * d_dot
        if centred:
            change = change + (mb_dot - a_dot * total - a * total_dot) / n
        return Gradient(change, r_dot * along + r * along_dot, total_dot)

    return pushforward


@standardize_op.defbatch
def _standardize_batch(
    size: int, axes: Any, x: Array, scale: Array, bias: Array, *, axis: AxisTuple, **options: Any
) -> Any:
    x = batched(size, x, axes[0])
    rank = len(shape_of(x)) - 1
    scale, bias = align(size, scale, axes[1], rank), align(size, bias, axes[2], rank)
    return standardize_op(x, scale, bias, axis=shifted(axis), **options), 0


@standardize_gradient_op.defbatch
def _gradient_batch(size: int, axes: Any, g: Array, *args: Array, axis: AxisTuple, **options: Any) -> Any:
    g, x = batched(size, g, axes[0]), batched(size, args[2], axes[3])
    rank = len(shape_of(x)) - 1
    mean_bar, var_bar, _, *others = (align(size, a, b, rank) for a, b in zip(args, axes[1:], strict=True))
    return standardize_gradient_op(g, mean_bar, var_bar, x, *others, axis=shifted(axis), **options), 0
