"""Convolution and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_np.kernels.pooling import max_pool

from .base import CASES, case, distinct, lattice


def draw_windows(draw: Any, pads: bool = True) -> tuple[tuple[int, ...], dict[str, Any], tuple[int, ...]]:
    """Draw (size, stride/padding/dilation, kernel) with at least one output an axis; everything non-square."""
    axes = []
    for _ in range(draw(st.integers(1, 2))):
        kernel, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        low, high = draw(st.integers(0, kernel // 2)), draw(st.integers(0, kernel // 2))
        least = max(dilation * (kernel - 1) + 1 - low - high, dilation * (kernel - 1) + 1 if not pads else 1)
        axes.append((draw(st.integers(least, least + 3)), kernel, stride, (low, high) if pads else (0, 0), dilation))
    size, kernel, stride, padding, dilation = zip(*axes, strict=True)
    return size, {"stride": stride, "padding": padding, "dilation": dilation}, kernel


def outputs(size: Any, kernel: Any, *, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    return tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def _conv(draw: Any) -> dict[str, Any]:
    size, geometry, kernel = draw_windows(draw)
    groups, per_group, per_filter, n = draw(st.tuples(*[st.integers(1, 2)] * 4))
    out = outputs(size, kernel, **geometry)
    return {
        "size": size, "kernel_size": kernel, "geometry": geometry | {"groups": groups},
        "x": lattice((n, *size, groups * per_group)), "w": lattice((*kernel, per_group, groups * per_filter)),
        "g": lattice((n, *out, groups * per_filter)), "b": lattice((groups * per_filter,)),
    }  # fmt: skip


@case("ops.convolution.conv_op")
def _conv_op(draw: Any) -> Any:
    c = _conv(draw)
    bias = [draw(c["b"])] if draw(st.booleans()) else []
    return (draw(c["x"]), draw(c["w"]), *bias), c["geometry"]


@case("ops.convolution.conv_input_op")
def _conv_input_op(draw: Any) -> Any:
    c = _conv(draw)
    return (draw(c["g"]), draw(c["w"])), c["geometry"] | {"size": c["size"]}


@case("ops.convolution.conv_kernel_op")
def _conv_kernel_op(draw: Any) -> Any:
    c = _conv(draw)
    return (draw(c["x"]), draw(c["g"])), c["geometry"] | {"kernel_size": c["kernel_size"]}


def _pool(draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw the input's shape and so on, and the pooling primitives' geometry."""
    size, geometry, kernel = draw_windows(draw, pads=False)
    out = outputs(size, kernel, **geometry)
    n, channels = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    winner = hnp.arrays(
        np.uint8, (n, *out, channels), elements=st.integers(0, int(np.prod(kernel)) - 1), fill=st.nothing()
    )
    drawn = {"x": (n, *size, channels), "y": (n, *out, channels), "winner": winner, "size": size}
    return drawn, geometry | {"kernel_size": kernel, "output_size": out}


_SCALES = st.sampled_from([1.0, 0.5, 0.25])


@case("ops.pooling.max_pool")
def _max_pool(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(distinct(drawn["x"])),), geometry


@case("ops.pooling.max_pool_winner")
def _max_pool_winner(draw: Any) -> Any:
    (x,), geometry = draw(CASES["tinygrad_np.ops.pooling.max_pool"])
    return (x, max_pool(x, **geometry)), geometry


@case("ops.pooling.sum_pool")
def _sum_pool(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(lattice(drawn["x"])),), geometry | {"scale": draw(_SCALES)}


@case("ops.pooling.window_gather")
def _gather_windows(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(lattice(drawn["x"])), draw(drawn["winner"])), geometry


@case("ops.pooling.window_scatter")
def _scatter_windows(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(lattice(drawn["y"])), draw(drawn["winner"])), geometry | {"size": drawn["size"]}


def _parts(draw: Any) -> tuple[int, tuple[tuple[int, int], ...]]:
    size = draw(st.integers(1, 5))
    part = st.integers(0, size - 1).flatmap(lambda i: st.integers(i + 1, size).map(lambda j: (i, j)))
    return size, tuple(draw(st.lists(part, min_size=1, max_size=3)))


@case("ops.parts.part_sum_op")
def _part_sum(draw: Any) -> Any:
    (size, parts), shape, axis = (
        _parts(draw),
        draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        draw(st.integers(0, 2)),
    )
    return (draw(lattice((*shape[:axis], size, *shape[axis:]))),), {"axis": axis, "parts": parts}


@case("ops.parts.part_spread_op")
def _part_spread(draw: Any) -> Any:
    (size, parts), shape, axis = (
        _parts(draw),
        draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        draw(st.integers(0, 2)),
    )
    g = draw(lattice((*shape[:axis], len(parts), *shape[axis:])))
    return (g,), {"axis": axis, "parts": parts, "size": size}


@case("ops.pooling.winner_to_flat_index")
def _flat_index(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(drawn["winner"]),), geometry | {"size": drawn["size"]}


@case("ops.pooling.sum_pool_transpose")
def _sum_pool_transpose(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    order = draw(st.none() | st.permutations(range(len(drawn["x"]))).map(tuple))
    options = {"size": drawn["size"], "scale": draw(_SCALES), "order": order}
    return (draw(lattice(drawn["y"])),), geometry | options
