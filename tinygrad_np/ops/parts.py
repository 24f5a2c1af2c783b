"""Sums over parts of an axis that may have different lengths and overlap, and their transpose: linear, so a pair."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.batching import over_leading_axis
from ..core.primitive import primitive
from ..core.tensor import Array, shape_of

Parts = tuple[tuple[int, int], ...]


def _places(x: Array, axis: int, parts: Parts) -> list[tuple[Any, Any]]:
    """Return for each part its index among the parts, which keeps the axis, and that of its elements."""
    before = (slice(None),) * axis
    return [((*before, slice(p, p + 1)), (*before, slice(*part))) for p, part in enumerate(parts)]


@primitive
def part_sum_op(x: Array, *, axis: int, parts: Parts) -> Any:
    """y_p = Σ_{start_p <= i < stop_p} x_i along an axis. VJP: each element gets the g of its parts."""
    y = np.empty_like(x, shape=(*x.shape[:axis], len(parts), *x.shape[axis + 1 :]))
    for p, elements in _places(x, axis, parts):
        np.sum(x[elements], axis=axis, keepdims=True, out=y[p])
    return y


@primitive
def part_spread_op(g: Array, *, axis: int, parts: Parts, size: int) -> Any:
    """x_i = Σ g_p over the parts p with start_p <= i < stop_p, i < size. VJP: each part gets the sum over it."""
    x = np.zeros_like(g, shape=(*g.shape[:axis], size, *g.shape[axis + 1 :]))
    for p, elements in _places(g, axis, parts):
        x[elements] += g[p]
    return x


@part_sum_op.defvjp("x")
def _part_sum_vjp(y: Array, x: Array, *, axis: int, parts: Parts) -> Any:
    size = shape_of(x)[axis]
    return lambda g: part_spread_op(g, axis=axis, parts=parts, size=size)


@part_spread_op.defvjp("g")
def _part_spread_vjp(y: Array, g: Array, *, axis: int, parts: Parts, size: int) -> Any:
    return lambda h: part_sum_op(h, axis=axis, parts=parts)


part_sum_op.deflinear("x")
part_spread_op.deflinear("g")
over_leading_axis(part_sum_op, "axis")
over_leading_axis(part_spread_op, "axis")
