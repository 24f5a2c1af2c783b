"""Shapes: reshape, transpose, broadcast, cast. All of them linear maps, so each is its own pushforward."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.batching import align, over_leading_axis, shifted, to_front
from ..core.dividing import Division, aligned
from ..core.families import unbroadcast
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of

Axes = int | Sequence[int] | None
_INTEGER = (int, np.integer)


# -- reshape and its relatives ---------------------------------------------------------------------------------------


@primitive
def reshape_op(x: Array, *, shape: tuple[int, ...]) -> Any:
    """Reshape in C order to a complete shape. VJP: reshape back."""
    return np.asarray(x).reshape(shape)


@reshape_op.defvjp("x")
def _reshape_vjp(y: Array, x: Array, *, shape: tuple[int, ...]) -> Any:
    before = shape_of(x)
    return lambda g: np.reshape(g, before)


reshape_op.deflinear("x")
over_leading_axis(reshape_op, shape_options=("shape",))


@reshape_op.defdivide
def _reshape_divide(size: int, axes: tuple[int], x: Array, *, shape: tuple[int, ...]) -> Division | None:
    before = math.prod(shape_of(x)[: axes[0]])
    fitting = [i for i, n in enumerate(shape) if n == size and math.prod(shape[:i]) == before]
    return Division(axes, fitting[0], lambda part: {"shape": _with(shape, fitting[0], part)}) if fitting else None


def _with(shape: tuple[int, ...], axis: int, n: int) -> tuple[int, ...]:
    return (*shape[:axis], n, *shape[axis + 1 :])


@implements(np.reshape)
def reshape(a: Array, /, shape: Any = None, order: str = "C", *, newshape: Any = None) -> Array:
    """As np.reshape, in orders C and F."""
    shape = newshape if shape is None else shape
    shape = (int(shape),) if isinstance(shape, _INTEGER) else tuple(map(int, shape))
    if order == "F":
        return np.transpose(reshape(np.transpose(a), shape[::-1]))
    if order != "C":
        raise ValueError(
            f"np.reshape and np.ravel: order={order!r} asks how the array lies in memory, which a Tensor does not "
            "tell; use 'C' or 'F'."
        )
    return reshape_op(a, shape=_complete(shape, shape_of(a)))


@functools.lru_cache(1024)
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
    return np.asarray(x).transpose(axes)


@transpose_op.defvjp("x")
def _transpose_vjp(y: Array, x: Array, *, axes: tuple[int, ...]) -> Any:
    inverse = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return lambda g: np.transpose(g, inverse)


transpose_op.deflinear("x")


@transpose_op.defbatch
def _transpose_batch(size: int, at: tuple[int], x: Array, *, axes: tuple[int, ...]) -> tuple[Array, int]:
    return transpose_op(to_front(x, at[0]), axes=(0, *shifted(axes))), 0


@transpose_op.defdivide
def _transpose_divide(size: int, at: tuple[int], x: Array, *, axes: tuple[int, ...]) -> Division:
    return Division(at, axes.index(at[0]))


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


@implements(np.rollaxis)
def rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    """As np.rollaxis."""
    n = len(shape_of(a))
    axis, start = normalize_axis_index(axis, n), start + n if start < 0 else start
    if not 0 <= start <= n:
        raise ValueError(f"np.rollaxis: start={start} for shape {shape_of(a)}; it lies between {-n} and {n}.")
    return moveaxis(a, axis, start - (axis < start))


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


broadcast_op.deflinear("x")


@broadcast_op.defbatch
def _broadcast_batch(size: int, axes: tuple[int], x: Array, *, shape: tuple[int, ...]) -> tuple[Array, int]:
    return broadcast_op(align(size, x, axes[0], len(shape)), shape=(size, *shape)), 0


@broadcast_op.defdivide
def _broadcast_divide(size: int, axes: tuple[int], x: Array, *, shape: tuple[int, ...]) -> Division:
    axis = axes[0] + len(shape) - len(shape_of(x))
    return Division(axes, axis, lambda part: {"shape": _with(shape, axis, part)})


@implements(np.broadcast_to)
def broadcast_to(array: Array, shape: int | Sequence[int]) -> Array:
    """As np.broadcast_to."""
    return broadcast_op(array, shape=(int(shape),) if isinstance(shape, int | np.integer) else tuple(map(int, shape)))


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Array) -> tuple[Array, ...]:
    """As np.broadcast_arrays."""
    shape = np.broadcast_shapes(*map(shape_of, args))
    return tuple(broadcast_op(a, shape=shape) for a in args)


@implements(np.meshgrid)
def meshgrid(*xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:
    """As np.meshgrid."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"np.meshgrid: indexing={indexing!r}; use 'xy' or 'ij'.")
    n = len(xi)
    axes = [1 - i if indexing == "xy" and n > 1 and i < 2 else i for i in range(n)]
    grid = [np.reshape(x, tuple(-1 if k == a else 1 for k in range(n))) for x, a in zip(xi, axes, strict=True)]
    return tuple(grid) if sparse else broadcast_arrays(*grid)


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


astype_op.deflinear("x")
astype_op.defbatch(lambda size, axes, x, dtype: (astype_op(x, dtype=dtype), axes[0]))

astype_op.defdivide(aligned)


@implements(np.ndarray.astype, *([np.astype] if hasattr(np, "astype") else []))
def astype(x: Array, dtype: Any, /, *, copy: bool = True) -> Array:
    """As np.astype; a cast to integers or booleans ends the derivative."""
    return astype_op(x, dtype=np.dtype(dtype))


@implements(np.copy)
def copy(a: Array) -> Array:
    """Return the Tensor itself, for it never changes."""
    return a
