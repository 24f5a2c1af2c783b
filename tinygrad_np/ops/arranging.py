"""Elements in another order or place: pad, flip, roll, repeat, tile, triangles, diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.families import zero_like
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of
from .indexing import scatter
from .shaping import Axes, ravel, reshape_op

Widths = tuple[tuple[int, int], ...]


@primitive
def pad_op(x: Array, *, widths: Widths, value: float) -> Any:
    """Surround by a constant. VJP: crop g."""
    shape = [low + n + high for (low, high), n in zip(widths, shape_of(x), strict=True)]
    y = np.full(shape, value, dtype=dtype_of(x))
    y[_inside(widths, shape_of(x))] = x
    return y


def _inside(widths: Widths, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(low, low + n) for (low, _), n in zip(widths, shape, strict=True))


@pad_op.defvjp("x")
def _pad_vjp(y: Array, x: Array, *, widths: Widths, value: float) -> Any:
    inside = _inside(widths, shape_of(x))
    return lambda g: g[inside]


def normalize_widths(pad_width: Any, ndim: int) -> Widths:
    """Return np.pad's forms of pad_width (int, pair, pair per axis, dict by axis) as one (low, high) pair an axis."""
    if isinstance(pad_width, dict):
        chosen = {normalize_axis_index(axis, ndim): width for axis, width in pad_width.items()}
        pad_width = [chosen.get(axis, 0) for axis in range(ndim)]
        pairs = [(w, w) if np.ndim(w) == 0 else tuple(w) for w in pad_width]
    else:
        pairs = [tuple(pair) for pair in np.broadcast_to(np.asarray(pad_width), (ndim, 2)).tolist()]
    if any(int(w) != w or w < 0 for pair in pairs for w in pair):
        raise ValueError(f"np.pad: pad_width={pad_width!r}; widths are integers >= 0.")
    return tuple((int(low), int(high)) for low, high in pairs)


_INDEX_MODES = ("edge", "reflect", "symmetric", "wrap")


@implements(np.pad)
def pad(array: Array, pad_width: Any, mode: Any = "constant", *, constant_values: float = 0) -> Array:
    """As np.pad in the modes constant (with one value), edge, reflect, symmetric and wrap."""
    shape = shape_of(array)
    widths = normalize_widths(pad_width, len(shape))
    if mode == "constant":
        if np.ndim(constant_values):
            raise ValueError("np.pad: constant_values= is one number for Tensors; pad again for other sides.")
        return pad_op(array, widths=widths, value=constant_values)
    if mode not in _INDEX_MODES:
        raise ValueError(
            f"np.pad: mode={mode!r} is not supported for Tensors; use constant, {', '.join(_INDEX_MODES)}."
        )
    for axis, (n, width) in enumerate(zip(shape, widths, strict=True)):
        if width != (0, 0):
            array = array[(slice(None),) * axis + (np.pad(np.arange(n), width, mode=mode),)]
    return array


@primitive
def flip_op(x: Array, *, axes: tuple[int, ...]) -> Any:
    """Reverse axes. VJP: reverse g."""
    return np.flip(x, axes)


@flip_op.defvjp("x")
def _flip_vjp(y: Array, x: Array, *, axes: tuple[int, ...]) -> Any:
    return lambda g: np.flip(g, axes)


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


@primitive
def roll_op(x: Array, *, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """Shift cyclically. VJP: shift g back."""
    return np.roll(x, shifts, axes)


@roll_op.defvjp("x")
def _roll_vjp(y: Array, x: Array, *, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    back = tuple(-s for s in shifts)
    return lambda g: np.roll(g, back, axes)


@implements(np.roll)
def roll(a: Array, shift: int | Sequence[int], axis: Axes = None) -> Array:
    """As np.roll."""
    if axis is None:
        return reshape_op(roll(ravel(a), shift, 0), shape=shape_of(a))
    axes = normalize_axis_tuple(axis, len(shape_of(a)), allow_duplicate=True)
    pairs = np.broadcast(shift, axes)
    shifts, axes = zip(*[(int(s), int(x)) for s, x in pairs], strict=True) if pairs.size else ((), ())
    return roll_op(a, shifts=shifts, axes=axes)


@implements(np.repeat)
def repeat(a: Array, repeats: Any, axis: int | None = None) -> Array:
    """As np.repeat."""
    if axis is None:
        a, axis = ravel(a), 0
    axis = normalize_axis_index(axis, len(shape_of(a)))
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


@implements(np.trace)
def trace(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """As np.trace."""
    return np.sum(diagonal(a, offset, axis1, axis2), -1)
