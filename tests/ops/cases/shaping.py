"""Shapes and order."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import CASES, broadcast_shapes, case, dims, lattice, nonempty, shapes


@case("ops.shaping.reshape_op")
def _reshape(draw: Any) -> Any:
    x = draw(shapes.flatmap(lattice))
    return (x,), {"shape": draw(st.sampled_from([(x.size,), (1, x.size), (x.size, 1, 1), x.shape[::-1]]))}


@case("ops.shaping.transpose_op")
def _transpose(draw: Any) -> Any:
    x = draw(shapes.flatmap(lattice))
    return (x,), {"axes": tuple(draw(st.permutations(range(x.ndim))))}


_BROADCAST = [((3, 1), (2, 3, 2)), ((3, 1), (1, 3, 2)), ((1, 1), (2, 1, 2)), ((1, 2), (2, 3, 2)), ((2,), (3, 1))]


@case("ops.shaping.broadcast_op")
def _broadcast(draw: Any) -> Any:
    shape, other = draw(broadcast_shapes(2) | st.sampled_from(_BROADCAST))
    return (draw(lattice(shape)),), {"shape": np.broadcast_shapes(shape, other)}


CASES["tinygrad_np.ops.shaping.astype_op"] = shapes.flatmap(lattice).map(
    lambda x: ((x,), {"dtype": np.dtype(np.float64)})
)


@case("ops.joining.concatenate_op")
def _concatenate(draw: Any) -> Any:
    shape = draw(nonempty)
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return tuple(draw(lattice((*shape[:axis], n, *shape[axis + 1 :]))) for n in sizes), {"axis": axis}


@case("ops.joining.stack_op")
def _stack(draw: Any) -> Any:
    shape = draw(shapes)
    return tuple(draw(lattice(shape)) for _ in range(draw(dims))), {"axis": draw(st.integers(0, len(shape)))}


@case("ops.joining.split_op")
def _split(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    axis = draw(st.integers(0, x.ndim - 1))
    points = draw(st.lists(st.integers(0, x.shape[axis]), max_size=2).map(sorted))
    return (x,), {"points": tuple(points), "axis": axis}


@case("ops.padding.pad_op")
def _pad(draw: Any) -> Any:
    x = draw(shapes.flatmap(lattice))
    widths = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(x.ndim))
    return (x,), {"widths": widths, "value": draw(st.sampled_from([0, 0.5]))}


@case("ops.arranging.flip_op")
def _flip(draw: Any) -> Any:
    x = draw(shapes.flatmap(lattice))
    return (x,), {"axes": tuple(i for i in range(x.ndim) if draw(st.booleans()))}


@case("ops.arranging.repeat_op")
def _repeat(draw: Any) -> Any:
    x = draw(shapes.filter(bool).flatmap(lattice))
    return (x,), {"repeats": draw(st.integers(1, 3)), "axis": draw(st.integers(0, x.ndim - 1))}


@case("ops.arranging.sum_repeats_op")
def _sum_repeats(draw: Any) -> Any:
    shape = draw(shapes.filter(bool))
    axis, repeats = draw(st.integers(0, len(shape) - 1)), draw(st.sampled_from([1, 2, 3, 17]))
    x = draw(lattice((*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :])))
    return (x,), {"repeats": repeats, "axis": axis}


@case("ops.arranging.roll_op")
def _roll(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    axes = tuple(i for i in range(x.ndim) if draw(st.booleans()))
    return (x,), {"shifts": tuple(draw(st.integers(-4, 4)) for _ in axes), "axes": axes}
