"""Shapes: reshape, transpose, broadcast, join, split, pad, flip, roll, repeat. All of them linear maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.families import unbroadcast
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of

Axes = int | Sequence[int] | None


# -- reshape and its relatives ---------------------------------------------------------------------------------------


@primitive
def reshape_op(x: Array, *, shape: tuple[int, ...]) -> Any:
    """Reshape in C order to a complete shape. VJP: reshape back."""
    return np.reshape(x, shape)


@reshape_op.defvjp("x")
def _reshape_vjp(y: Array, x: Array, *, shape: tuple[int, ...]) -> Any:
    before = shape_of(x)
    return lambda g: np.reshape(g, before)


@implements(np.reshape)
def reshape(a: Array, /, shape: Any = None, order: str = "C", *, newshape: Any = None) -> Array:
    """As np.reshape, in orders C and F."""
    shape = newshape if shape is None else shape
    shape = (int(shape),) if isinstance(shape, int | np.integer) else tuple(int(n) for n in shape)
    if order == "F":
        return np.transpose(reshape(np.transpose(a), shape[::-1]))
    if order != "C":
        raise ValueError(f"np.reshape: order={order!r} is not supported for Tensors; use 'C' or 'F'.")
    return reshape_op(a, shape=_complete(shape, shape_of(a)))


def _complete(shape: tuple[int, ...], before: tuple[int, ...]) -> tuple[int, ...]:
    size = math.prod(before)
    if shape.count(-1) == 1:
        known = -math.prod(shape)
        if known > 0 and size % known == 0:
            shape = tuple(size // known if n == -1 else n for n in shape)
    if math.prod(shape) != size or any(n < 0 for n in shape):
        raise ValueError(f"np.reshape: cannot reshape an array of shape {before} ({size} elements) to {shape}.")
    return shape


@implements(np.ravel)
def ravel(a: Array, order: str = "C") -> Array:
    """As np.ravel."""
    return reshape(a, (-1,) if math.prod(shape_of(a)) else (0,), order)


@implements(np.squeeze)
def squeeze(a: Array, axis: Axes = None) -> Array:
    """As np.squeeze."""
    shape = shape_of(a)
    axes = [i for i, n in enumerate(shape) if n == 1] if axis is None else normalize_axis_tuple(axis, len(shape))
    if any(shape[i] != 1 for i in axes):
        raise ValueError(f"np.squeeze: axis {axis} of shape {shape} is not of length 1.")
    return reshape_op(a, shape=tuple(n for i, n in enumerate(shape) if i not in axes))


@implements(np.expand_dims)
def expand_dims(a: Array, axis: int | Sequence[int]) -> Array:
    """As np.expand_dims."""
    shape = shape_of(a)
    count = len(axis) if isinstance(axis, Sequence) else 1
    axes = normalize_axis_tuple(axis, len(shape) + count)
    rest = iter(shape)
    return reshape_op(a, shape=tuple(1 if i in axes else next(rest) for i in range(len(shape) + count)))


def _at_least(n: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape that np.atleast_{n}d gives: (n,) becomes (1, n) and (1, n, 1); (m, n) becomes (m, n, 1)."""
    if n == 3 and len(shape) in (1, 2):
        return (1, *shape, 1)[-3:] if len(shape) == 2 else (1, *shape, 1)
    return (1,) * (n - len(shape)) + shape


def _declare_atleast(n: int, function: Any) -> None:
    def atleast(*arys: Array) -> Any:
        results = tuple(reshape_op(a, shape=_at_least(n, shape_of(a))) for a in arys)
        return results[0] if len(results) == 1 else results

    implements(function)(atleast)


for _n, _function in ((1, np.atleast_1d), (2, np.atleast_2d), (3, np.atleast_3d)):
    _declare_atleast(_n, _function)


# -- transpose and its relatives -------------------------------------------------------------------------------------


@primitive
def transpose_op(x: Array, *, axes: tuple[int, ...]) -> Any:
    """Permute the axes. VJP: the inverse permutation."""
    return np.transpose(x, axes)


@transpose_op.defvjp("x")
def _transpose_vjp(y: Array, x: Array, *, axes: tuple[int, ...]) -> Any:
    inverse = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return lambda g: np.transpose(g, inverse)


@implements(np.transpose, np.permute_dims)
def transpose(a: Array, axes: Sequence[int] | None = None) -> Array:
    """As np.transpose."""
    n = len(shape_of(a))
    axes = range(n)[::-1] if axes is None else normalize_axis_tuple(axes, n)
    if len(axes) != n:
        raise ValueError(f"np.transpose: axes {tuple(axes)} do not match shape {shape_of(a)}.")
    return transpose_op(a, axes=tuple(axes))


@implements(np.moveaxis)
def moveaxis(a: Array, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """As np.moveaxis."""
    n = len(shape_of(a))
    source = normalize_axis_tuple(source, n, "source")
    destination = normalize_axis_tuple(destination, n, "destination")
    if len(source) != len(destination):
        raise ValueError(f"np.moveaxis: source {source} and destination {destination} differ in length.")
    order = [i for i in range(n) if i not in source]
    for to, axis in sorted(zip(destination, source, strict=True)):
        order.insert(to, axis)
    return transpose_op(a, axes=tuple(order))


@implements(np.swapaxes)
def swapaxes(a: Array, axis1: int, axis2: int) -> Array:
    """As np.swapaxes."""
    order = list(range(len(shape_of(a))))
    i, j = normalize_axis_index(axis1, len(order)), normalize_axis_index(axis2, len(order))
    order[i], order[j] = order[j], order[i]
    return transpose_op(a, axes=tuple(order))


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Array, /) -> Array:
    """As np.matrix_transpose."""
    return swapaxes(x, -1, -2)


# -- broadcasting ----------------------------------------------------------------------------------------------------


@primitive
def broadcast_op(x: Array, *, shape: tuple[int, ...]) -> Any:
    """Broadcast to a shape. VJP: sum over the broadcast axes."""
    return np.broadcast_to(x, shape)


@broadcast_op.defvjp("x")
def _broadcast_vjp(y: Array, x: Array, *, shape: tuple[int, ...]) -> Any:
    before = shape_of(x)
    return lambda g: unbroadcast(g, before)


@implements(np.broadcast_to)
def broadcast_to(array: Array, shape: int | Sequence[int]) -> Array:
    """As np.broadcast_to."""
    return broadcast_op(array, shape=(int(shape),) if isinstance(shape, int | np.integer) else tuple(map(int, shape)))


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Array) -> tuple[Array, ...]:
    """As np.broadcast_arrays."""
    shape = np.broadcast_shapes(*map(shape_of, args))
    return tuple(broadcast_op(a, shape=shape) for a in args)


@implements(np.full_like)
def full_like(a: Array, fill_value: Array, dtype: Any = None, *, shape: Any = None) -> Array:
    """As np.full_like; differentiable in the fill value."""
    filled = broadcast_to(fill_value, shape_of(a) if shape is None else shape)
    return astype(filled, dtype_of(a) if dtype is None else dtype)


@primitive
def astype_op(x: Array, *, dtype: np.dtype[Any]) -> Any:
    """Cast. VJP: g; the engine casts a cotangent to its argument's dtype."""
    return np.asarray(x).astype(dtype)


@astype_op.defvjp("x")
def _astype_vjp(y: Array, x: Array, *, dtype: np.dtype[Any]) -> Any:
    return lambda g: g


@implements(np.ndarray.astype, *([np.astype] if hasattr(np, "astype") else []))
def astype(x: Array, dtype: Any, /, *, copy: bool = True) -> Array:
    """As np.astype; a cast to integers or booleans ends the derivative."""
    return astype_op(x, dtype=np.dtype(dtype))


@implements(np.copy)
def copy(a: Array) -> Array:
    """Return the Tensor itself, for it never changes."""
    return a


# -- joining and splitting -------------------------------------------------------------------------------------------


@primitive
def concatenate_op(*xs: Array, axis: int) -> Any:
    """Join along an axis. VJP: each array's slice of g."""
    return np.concatenate(xs, axis)


@concatenate_op.defvjp("xs")
def _concatenate_vjp(i: int, y: Array, *xs: Array, axis: int) -> Any:
    start = sum(shape_of(x)[axis] for x in xs[:i])
    part = (slice(None),) * axis + (slice(start, start + shape_of(xs[i])[axis]),)
    return lambda g: g[part]


@implements(np.concatenate, *([np.concat] if hasattr(np, "concat") else []))
def concatenate(arrays: Sequence[Array], /, axis: int | None = 0, *, dtype: Any = None) -> Array:
    """As np.concatenate."""
    if axis is None:
        arrays, axis = [ravel(a) for a in arrays], 0
    joined = concatenate_op(*arrays, axis=normalize_axis_index(axis, len(shape_of(arrays[0]))))
    return joined if dtype is None else astype(joined, dtype)


@primitive
def stack_op(*xs: Array, axis: int) -> Any:
    """Join along a new axis. VJP: each array's entry of g."""
    return np.stack(xs, axis)


@stack_op.defvjp("xs")
def _stack_vjp(i: int, y: Array, *xs: Array, axis: int) -> Any:
    entry = (slice(None),) * axis + (i,)
    return lambda g: g[entry]


@implements(np.stack)
def stack(arrays: Sequence[Array], axis: int = 0, *, dtype: Any = None) -> Array:
    """As np.stack."""
    arrays = list(arrays)
    if len({shape_of(a) for a in arrays}) != 1:
        raise ValueError(f"np.stack: all arrays need one shape, got {[shape_of(a) for a in arrays]}.")
    joined = stack_op(*arrays, axis=normalize_axis_index(axis, len(shape_of(arrays[0])) + 1))
    return joined if dtype is None else astype(joined, dtype)


@implements(np.vstack)
def vstack(tup: Sequence[Array], *, dtype: Any = None) -> Array:
    """As np.vstack."""
    return concatenate([np.atleast_2d(a) for a in tup], 0, dtype=dtype)


@implements(np.hstack)
def hstack(tup: Sequence[Array], *, dtype: Any = None) -> Array:
    """As np.hstack."""
    arrays = [np.atleast_1d(a) for a in tup]
    return concatenate(arrays, 0 if len(shape_of(arrays[0])) == 1 else 1, dtype=dtype)


@implements(np.column_stack)
def column_stack(tup: Sequence[Array]) -> Array:
    """As np.column_stack."""
    return concatenate([expand_dims(np.atleast_1d(a), 1) if len(shape_of(a)) < 2 else a for a in tup], 1)


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
