"""Joining and splitting along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.batching import over_leading_axis
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of, zeros_of
from .shaping import astype, expand_dims, ravel, reshape_op


def _or_zeros(dots: tuple[Array | None, ...], xs: tuple[Array, ...]) -> list[Array]:
    """Tangents with zeros in place of None: a join is linear in all its arguments together, not in each of them."""
    return [zeros_of(x) if dot is None else dot for dot, x in zip(dots, xs, strict=True)]


@primitive
def concatenate_op(*xs: Array, axis: int) -> Any:
    """Join along an axis. VJP: each array's slice of g."""
    return np.concatenate(xs, axis)


@concatenate_op.defvjp("xs")
def _concatenate_vjp(i: int, y: Array, *xs: Array, axis: int) -> Any:
    start = sum(shape_of(x)[axis] for x in xs[:i])
    part = (slice(None),) * axis + (slice(start, start + shape_of(xs[i])[axis]),)
    return lambda g: g[part]


@concatenate_op.defjvp("xs")
def _concatenate_jvp(y: Array, *xs: Array, axis: int) -> Any:
    return lambda *dots: concatenate_op(*_or_zeros(dots, xs), axis=axis)


over_leading_axis(concatenate_op, "axis")


def _cast(function: str, joined: Array, dtype: Any) -> Array:
    if not np.can_cast(dtype_of(joined), dtype, "same_kind"):
        raise TypeError(
            f"{function}: dtype={np.dtype(dtype)} would lose what {dtype_of(joined)} holds; cast with .astype."
        )
    return astype(joined, dtype)


@implements(np.concatenate, *([np.concat] if hasattr(np, "concat") else []))
def concatenate(arrays: Sequence[Array], /, axis: int | None = 0, *, dtype: Any = None) -> Array:
    """As np.concatenate."""
    if axis is None:
        arrays, axis = [ravel(a) for a in arrays], 0
    joined = concatenate_op(*arrays, axis=normalize_axis_index(axis, len(shape_of(arrays[0]))))
    return joined if dtype is None else _cast("np.concatenate", joined, dtype)


@primitive
def stack_op(*xs: Array, axis: int) -> Any:
    """Join along a new axis. VJP: each array's entry of g."""
    return np.stack(xs, axis)


@stack_op.defvjp("xs")
def _stack_vjp(i: int, y: Array, *xs: Array, axis: int) -> Any:
    entry = (slice(None),) * axis + (i,)
    return lambda g: g[entry]


@stack_op.defjvp("xs")
def _stack_jvp(y: Array, *xs: Array, axis: int) -> Any:
    return lambda *dots: stack_op(*_or_zeros(dots, xs), axis=axis)


over_leading_axis(stack_op, "axis")


@implements(np.stack)
def stack(arrays: Sequence[Array], axis: int = 0, *, dtype: Any = None) -> Array:
    """As np.stack."""
    arrays = list(arrays)
    if len({shape_of(a) for a in arrays}) != 1:
        raise ValueError(f"np.stack: all arrays need one shape, got {[shape_of(a) for a in arrays]}.")
    joined = stack_op(*arrays, axis=normalize_axis_index(axis, len(shape_of(arrays[0])) + 1))
    return joined if dtype is None else _cast("np.stack", joined, dtype)


@implements(np.vstack)
def vstack(tup: Sequence[Array], *, dtype: Any = None) -> Array:
    """As np.vstack."""
    return concatenate([np.atleast_2d(a) for a in tup], 0, dtype=dtype)


@implements(np.hstack)
def hstack(tup: Sequence[Array], *, dtype: Any = None) -> Array:
    """As np.hstack."""
    arrays = [np.atleast_1d(a) for a in tup]
    return concatenate(arrays, 0 if len(shape_of(arrays[0])) == 1 else 1, dtype=dtype)


@implements(np.dstack)
def dstack(tup: Sequence[Array]) -> Array:
    """As np.dstack."""
    return concatenate([np.atleast_3d(a) for a in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Sequence[Array]) -> Array:
    """As np.column_stack."""
    return concatenate([expand_dims(np.atleast_1d(a), 1) if len(shape_of(a)) < 2 else a for a in tup], 1)


@implements(np.block)
def block(arrays: Any) -> Array:
    """As np.block."""
    leaves: list[tuple[int, int]] = []  # depth and number of axes of every array

    def visit(node: Any, depth: int) -> None:
        if type(node) is not list:
            leaves.append((depth, len(shape_of(node))))
            return
        if not node:
            raise ValueError("np.block: a list is empty; every list needs at least one array.")
        for child in node:
            visit(child, depth + 1)

    def join(node: Any, depth: int) -> Array:
        if type(node) is not list:
            return reshape_op(node, shape=(1,) * (ndim - len(shape_of(node))) + shape_of(node))
        return concatenate([join(child, depth + 1) for child in node], depth - deepest)

    visit(arrays, 0)
    deepest = max(depth for depth, _ in leaves)
    if any(depth != deepest for depth, _ in leaves):
        raise ValueError(f"np.block: arrays at the depths {sorted({d for d, _ in leaves})}; all need the same depth.")
    ndim = max(deepest, *(n for _, n in leaves))
    return join(arrays, 0)


@implements(np.append)
def append(arr: Array, values: Array, axis: int | None = None) -> Array:
    """As np.append."""
    return concatenate([arr, values], axis)


@primitive
def split_op(x: Array, *, points: tuple[int, ...], axis: int) -> Any:
    """Cut along an axis; several outputs. VJP: concatenate the cotangents."""
    return tuple(np.split(x, points, axis))


@split_op.defvjp("x")
def _split_vjp(y: Array, x: Array, *, points: tuple[int, ...], axis: int) -> Any:
    return lambda gs: np.concatenate(gs, axis)


@split_op.defjvp("x")
def _split_jvp(y: Array, x: Array, *, points: tuple[int, ...], axis: int) -> Any:
    return lambda x_dot: split_op(x_dot, points=points, axis=axis)


over_leading_axis(split_op, "axis")


@implements(np.array_split)
def array_split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """As np.array_split."""
    shape = shape_of(ary)
    axis = normalize_axis_index(axis, len(shape))
    # NumPy's own splitting of the positions along the axis settles every form of the argument
    parts = np.array_split(np.arange(shape[axis]), indices_or_sections)
    ends = np.cumsum([len(part) for part in parts])
    contiguous = ends[-1] == shape[axis] and all(
        len(p) == 0 or p[-1] == e - 1 for p, e in zip(parts, ends, strict=True)
    )
    if not contiguous:
        raise ValueError(f"np.split: the points {indices_or_sections} overlap; use slices of Tensors for that.")
    return list(split_op(ary, points=tuple(int(e) for e in ends[:-1]), axis=axis))


@implements(np.split)
def split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """As np.split."""
    length = shape_of(ary)[axis]
    if isinstance(indices_or_sections, int | np.integer) and length % indices_or_sections:
        raise ValueError(
            f"np.split: an axis of length {length} has no {indices_or_sections} equal parts; see np.array_split."
        )
    return array_split(ary, indices_or_sections, axis)


@implements(np.vsplit)
def vsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    """As np.vsplit."""
    return split(ary, indices_or_sections, 0)


@implements(np.hsplit)
def hsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    """As np.hsplit."""
    return split(ary, indices_or_sections, 0 if len(shape_of(ary)) == 1 else 1)


@implements(np.dsplit)
def dsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    """As np.dsplit."""
    return split(ary, indices_or_sections, 2)


@implements(*([np.unstack] if hasattr(np, "unstack") else []))
def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    """As np.unstack."""
    shape = shape_of(x)
    axis = normalize_axis_index(axis, len(shape))
    entry = shape[:axis] + shape[axis + 1 :]
    if shape[axis] == 0:
        return ()
    return tuple(reshape_op(part, shape=entry) for part in split_op(x, points=(*range(1, shape[axis]),), axis=axis))
