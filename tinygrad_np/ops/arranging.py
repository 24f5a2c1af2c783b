"""Elements in another order or place: flip, roll, repeat, tile, triangles, diagonals, sliding windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.batching import over_leading_axis, shifted, to_front
from ..core.families import zero_like
from ..core.primitive import primitive
from ..core.tensor import Array, Tensor, dtype_of, implements, shape_of
from .indexing import scatter
from .shaping import Axes, ravel, reshape_op


@primitive
def flip_op(x: Array, *, axes: tuple[int, ...]) -> Any:
    """Reverse axes. VJP: reverse g."""
    return np.flip(x, axes)


@flip_op.defvjp("x")
def _flip_vjp(y: Array, x: Array, *, axes: tuple[int, ...]) -> Any:
    return lambda g: np.flip(g, axes)


flip_op.deflinear("x")


@flip_op.defbatch
def _flip_batch(size: int, at: tuple[int], x: Array, *, axes: tuple[int, ...]) -> tuple[Array, int]:
    return flip_op(to_front(x, at[0]), axes=shifted(axes)), 0


@implements(np.flip)
def flip(m: Array, axis: Axes = None) -> Array:
    """As np.flip."""
    n = len(shape_of(m))
    return flip_op(m, axes=tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n))


@implements(np.flipud)
def flipud(m: Array) -> Array:
    """As np.flipud."""
    return flip(m, 0)


@implements(np.fliplr)
def fliplr(m: Array) -> Array:
    """As np.fliplr."""
    return flip(m, 1)


@implements(np.rot90)
def rot90(m: Array, k: int = 1, axes: Sequence[int] = (0, 1)) -> Array:
    """As np.rot90."""
    i, j = normalize_axis_tuple(axes, len(shape_of(m)), "axes")
    if k % 4 == 0:
        return m
    if k % 4 == 2:
        return flip(m, (i, j))
    return np.swapaxes(flip(m, j), i, j) if k % 4 == 1 else flip(np.swapaxes(m, i, j), j)


@primitive
def roll_op(x: Array, *, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Shift cyclically. VJP: shift g back."""
    return np.roll(x, shifts, axes)


@roll_op.defvjp("x")
def _roll_vjp(y: Array, x: Array, *, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    back = tuple(-s for s in shifts)
    return lambda g: np.roll(g, back, axes)


roll_op.deflinear("x")


@roll_op.defbatch
def _roll_batch(
    size: int, at: tuple[int], x: Array, *, shifts: tuple[int, ...], axes: tuple[int, ...]
) -> tuple[Array, int]:
    return roll_op(to_front(x, at[0]), shifts=shifts, axes=shifted(axes)), 0


@implements(np.roll)
def roll(a: Array, shift: int | Sequence[int], axis: Axes = None) -> Array:
    """As np.roll."""
    if axis is None:
        return reshape_op(roll(ravel(a), shift, 0), shape=shape_of(a))
    axes = normalize_axis_tuple(axis, len(shape_of(a)), allow_duplicate=True)
    pairs = np.broadcast(shift, axes)
    shifts, axes = zip(*[(int(s), int(x)) for s, x in pairs], strict=True) if pairs.size else ((), ())
    return roll_op(a, shifts=shifts, axes=axes)


@primitive
def repeat_op(x: Array, *, repeats: int, axis: int) -> Any:
    """Take each element along an axis `repeats` times. VJP: g summed over the places where it stands."""
    return np.repeat(x, repeats, axis)


@repeat_op.defvjp("x")
def _repeat_vjp(y: Array, x: Array, *, repeats: int, axis: int) -> Any:
    return lambda g: sum_repeats_op(g, repeats=repeats, axis=axis)


repeat_op.deflinear("x")
repeat_op.fresh = True
over_leading_axis(repeat_op, "axis")


@primitive
def sum_repeats_op(x: Array, *, repeats: int, axis: int) -> Any:
    """Add each `repeats` neighbours along an axis (float16 in float32): the transpose of repeat_op, its VJP too.

    Of a few, NumPy adds slices several times faster than it sums over an axis.
    """
    x = np.asarray(x)
    parts = x.reshape(*x.shape[:axis], x.shape[axis] // repeats, repeats, *x.shape[axis + 1 :])
    wide = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    if repeats > 16:
        return parts.sum(axis + 1, wide).astype(x.dtype, copy=False)
    parts = np.moveaxis(parts, axis + 1, 0)
    total = parts[0].astype(wide)
    for part in parts[1:]:
        total += part
    return total.astype(x.dtype, copy=False)


@sum_repeats_op.defvjp("x")
def _sum_repeats_vjp(y: Array, x: Array, *, repeats: int, axis: int) -> Any:
    return lambda g: repeat_op(g, repeats=repeats, axis=axis)


sum_repeats_op.deflinear("x")
over_leading_axis(sum_repeats_op, "axis")


@implements(np.repeat)
def repeat(a: Array, repeats: Any, axis: int | None = None) -> Array:
    """As np.repeat."""
    if axis is None:
        a, axis = ravel(a), 0
    if type(repeats) is Tensor:
        raise TypeError(
            "np.repeat: repeats= sets the shape of the result, so it is a plain integer or array: pass "
            "tinygrad_np.stop_gradient(repeats)."
        )
    axis = normalize_axis_index(axis, len(shape_of(a)))
    if isinstance(repeats, int | np.integer) and repeats > 0:
        return repeat_op(a, repeats=int(repeats), axis=axis)
    return a[(slice(None),) * axis + (np.repeat(np.arange(shape_of(a)[axis]), repeats),)]


@implements(np.tile)
def tile(A: Array, reps: int | Sequence[int]) -> Array:
    """As np.tile."""
    reps = (int(reps),) if isinstance(reps, int | np.integer) else tuple(int(r) for r in reps)
    shape = shape_of(A)
    n = max(len(reps), len(shape))
    reps, shape = (1,) * (n - len(reps)) + reps, (1,) * (n - len(shape)) + shape
    apart = [m for size in shape for m in (1, size)]
    repeated = [m for pair in zip(reps, shape, strict=True) for m in pair]
    whole = tuple(r * size for r, size in zip(reps, shape, strict=True))
    return np.reshape(np.broadcast_to(np.reshape(A, apart), repeated), whole)


@implements(np.resize)
def resize(a: Array, new_shape: int | Sequence[int]) -> Array:
    """As np.resize: the elements over and over, as many as there is room for."""
    shape = (int(new_shape),) if isinstance(new_shape, int | np.integer) else tuple(int(n) for n in new_shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"np.resize: new_shape={new_shape!r}; all lengths are >= 0.")
    a, size = ravel(a), math.prod(shape)
    n = shape_of(a)[0]
    if n == 0 or size == 0:
        return np.zeros(shape, dtype_of(a))
    return reshape_op(a[np.arange(size) % n], shape=shape)


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Array, window_shape: int | Sequence[int], axis: Axes = None) -> Array:
    """As np.lib.stride_tricks.sliding_window_view, by indexing: the windows are copies."""
    n = len(shape_of(x))
    lengths = (window_shape,) if isinstance(window_shape, int | np.integer) else tuple(window_shape)
    axes = tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n, allow_duplicate=True)
    if len(lengths) != len(axes):
        raise ValueError(f"np...sliding_window_view: window_shape={window_shape} for the axes {axes} of {shape_of(x)}.")
    for length, k in zip(lengths, axes, strict=True):
        starts = shape_of(x)[k] - length + 1
        if length < 0 or starts < 1:
            raise ValueError(f"np...sliding_window_view: window_shape={window_shape} does not fit in {shape_of(x)}.")
        place = np.arange(starts)[:, None] + np.arange(length)
        x = np.moveaxis(x[(slice(None),) * k + (place,)], k + 1, -1)
    return x


def _below(m: Array, k: int) -> Any:
    """Mask of the k-th diagonal and what is below it; a vector counts as every row of a square matrix, as in NumPy."""
    shape = shape_of(m)
    return np.tri(shape[-2] if len(shape) > 1 else shape[0], shape[-1], k=k, dtype=bool)


@implements(np.tril)
def tril(m: Array, k: int = 0) -> Array:
    """As np.tril."""
    return np.where(_below(m, k), m, zero_like(m))


@implements(np.triu)
def triu(m: Array, k: int = 0) -> Array:
    """As np.triu."""
    return np.where(_below(m, k - 1), zero_like(m), m)


@implements(np.diagonal)
def diagonal(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """As np.diagonal."""
    a = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = shape_of(a)[-2:]
    i = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    return a[..., i - min(offset, 0), i + max(offset, 0)]


@implements(np.diag)
def diag(v: Array, k: int = 0) -> Array:
    """As np.diag: the diagonal of a matrix, or a matrix from its diagonal."""
    shape = shape_of(v)
    if len(shape) == 2:
        return diagonal(v, k)
    if len(shape) != 1:
        raise ValueError(f"np.diag: expected 1 or 2 axes, got shape {shape}.")
    i, n = np.arange(shape[0]), shape[0] + abs(k)
    return scatter(v, (i - min(k, 0), i + max(k, 0)), (n, n))


@implements(np.diagflat)
def diagflat(v: Array, k: int = 0) -> Array:
    """As np.diagflat."""
    return diag(ravel(v), k)


@implements(np.trace)
def trace(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Array:
    """As np.trace."""
    return np.sum(diagonal(a, offset, axis1, axis2), -1, dtype=dtype)
