"""Elements by position, condition or order: take, select, choose, insert, delete, sort, partition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.tensor import Array, Tensor, dtype_of, implements, shape_of, zeros_of
from .indexing import along_axis, getitem, index_array
from .joining import concatenate
from .shaping import Axes, astype, ravel, reshape_op


def _flat_if_none(a: Array, axis: int | None) -> tuple[Array, int]:
    return (ravel(a), 0) if axis is None else (a, normalize_axis_index(axis, len(shape_of(a))))


def _plain(x: Any, what: str) -> Any:
    """Refuse a Tensor where the shape of the result depends on it."""
    if type(x) is Tensor:
        raise TypeError(
            f"{what} sets the shape of the result, so it is a plain index or array: pass "
            "tinygrad_np.stop_gradient(x). Under vmap all examples share it."
        )
    return x


# -- by position -----------------------------------------------------------------------------------------------------


@implements(np.take)
def take(a: Array, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Array:
    """As np.take."""
    a, axis = _flat_if_none(a, axis)
    return getitem(a, (slice(None),) * axis + (_in_range("np.take", indices, shape_of(a)[axis], mode),))


def _in_range(function: str, indices: Any, n: int, mode: str) -> Array:
    """Apply the modes of NumPy for indices beyond n."""
    if mode not in ("raise", "clip", "wrap"):
        raise ValueError(f"{function}: mode={mode!r}; use raise, clip or wrap.")
    if mode != "raise":
        indices = np.clip(indices, 0, n - 1) if mode == "clip" else np.remainder(indices, n)
    return index_array(indices)


@implements(np.take_along_axis)
def take_along_axis(arr: Array, indices: Any, axis: int | None = -1) -> Array:
    """As np.take_along_axis."""
    arr, axis = _flat_if_none(arr, axis)
    return getitem(arr, along_axis("take_along_axis", shape_of(arr), indices, axis))


@implements(np.ix_)
def ix_(*args: Array) -> tuple[Array, ...]:
    """As np.ix_."""
    positions = [np.nonzero(x)[0] if dtype_of(x).kind == "b" else x for x in args]
    if any(len(shape_of(x)) != 1 for x in positions):
        raise ValueError(f"np.ix_: expected vectors, got the shapes {[shape_of(x) for x in positions]}.")
    n = len(positions)
    return tuple(np.reshape(x, (*(1,) * i, -1, *(1,) * (n - 1 - i))) for i, x in enumerate(positions))


@implements(np.delete)
def delete(arr: Array, obj: Any, axis: int | None = None) -> Array:
    """As np.delete."""
    arr, axis = _flat_if_none(arr, axis)
    return take(arr, np.delete(np.arange(shape_of(arr)[axis]), _plain(obj, "np.delete: obj")), axis)


@implements(np.insert)
def insert(arr: Array, obj: Any, values: Array, axis: int | None = None) -> Array:
    """As np.insert."""
    arr, axis = _flat_if_none(arr, axis)
    shape = shape_of(arr)
    n, ndim = shape[axis], len(shape)
    where = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(_plain(obj, "np.insert: obj"))
    where = np.flatnonzero(where) if where.dtype == bool else where.astype(np.intp) if where.size == 0 else where
    if len(shape_of(values)) < ndim:
        values = np.reshape(values, (1,) * (ndim - len(shape_of(values))) + shape_of(values))
    if where.ndim == 0:
        values = np.moveaxis(values, 0, axis)  # NumPy's rule: x[:, 0] = values, not x[:, [0]] = values
    count = shape_of(values)[axis] if where.size == 1 else where.size
    values = astype(np.broadcast_to(values, (*shape[:axis], count, *shape[axis + 1 :])), dtype_of(arr))
    # what NumPy does to the positions of arr (0, 1, ...) and of the values (-1, -2, ...) tells where each one goes
    order = np.insert(np.arange(n), where, -1 - np.arange(count))
    return take(concatenate([arr, values], axis), np.where(order < 0, n - 1 - order, order), axis)


@implements(np.choose)
def choose(a: Array, choices: Any, *, mode: str = "raise") -> Array:
    """As np.choose."""
    options = np.broadcast_arrays(*choices, a)[:-1]
    n = len(options)
    index = _in_range("np.choose", np.broadcast_to(a, shape_of(options[0])), n, mode)
    if mode == "raise":
        index = np.where(np.less(index, 0), n, index)  # out of range too, not counted from the end
    return getitem(np.stack(options), (index, *np.ogrid[tuple(slice(k) for k in shape_of(index))]))


# -- by condition ----------------------------------------------------------------------------------------------------


@implements(np.compress)
def compress(condition: Any, a: Array, axis: int | None = None) -> Array:
    """As np.compress."""
    if len(shape_of(condition)) != 1:
        raise ValueError(f"np.compress: the condition is a vector, got shape {shape_of(condition)}.")
    return take(a, np.flatnonzero(condition), axis)


@implements(np.extract)
def extract(condition: Any, arr: Array) -> Array:
    """As np.extract."""
    return take(ravel(arr), np.flatnonzero(condition))


@implements(np.select)
def select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Array = 0) -> Array:
    """As np.select."""
    if len(condlist) != len(choicelist) or len(condlist) == 0:
        raise ValueError(f"np.select: {len(condlist)} conditions for {len(choicelist)} choices; give one for each.")
    result = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        if dtype_of(condition).kind != "b":
            raise TypeError(f"np.select: conditions are booleans, got {dtype_of(condition)}.")
        result = np.where(condition, choice, result)
    return result


class _Piecewise:
    """A callable whose keyword arguments the dispatcher cannot know, for they are the given functions' own."""

    def __call__(self, x: Array, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Array:
        """As np.piecewise; every function is evaluated on the whole of x, and np.where chooses."""
        bare = not isinstance(condlist, list | tuple) and len(shape_of(condlist)) == 0
        one = bare or (len(shape_of(x)) > 0 and len(shape_of(condlist[0])) == 0)
        conditions = [condlist] if one else list(condlist)
        n = len(conditions)
        if len(funclist) not in (n, n + 1):
            raise ValueError(f"np.piecewise: {len(funclist)} functions for {n} conditions; give {n} or {n + 1}.")
        y: Array = zeros_of(x)
        if len(funclist) == n + 1:
            y = _value(funclist[n], x, args, kw)
        for condition, function in zip(conditions, funclist, strict=False):
            y = np.where(condition, _value(function, x, args, kw), y)
        y = np.broadcast_to(y, shape_of(x))
        return y if dtype_of(y) == dtype_of(x) else astype(y, dtype_of(x))


def _value(function: Any, x: Array, args: tuple[Any, ...], kw: dict[str, Any]) -> Array:
    return function(x, *args, **kw) if callable(function) else function


implements(np.piecewise)(_Piecewise())


@implements(np.trim_zeros)
def trim_zeros(filt: Array, trim: str = "fb", axis: Axes = None) -> Array:
    """As np.trim_zeros."""
    shape, trim = shape_of(filt), trim.lower()
    if trim not in ("f", "b", "fb", "bf"):
        raise ValueError(f"np.trim_zeros: trim={trim!r}; use 'f', 'b' or 'fb'.")
    axes = range(len(shape)) if axis is None else normalize_axis_tuple(axis, len(shape))
    index: list[slice] = [slice(None)] * len(shape)
    for k, places in enumerate(np.nonzero(filt)):
        if k in axes and len(places) == 0:
            index[k] = slice(0, 0)
        elif k in axes:
            index[k] = slice(places.min() if "f" in trim else None, places.max() + 1 if "b" in trim else None)
    return getitem(filt, tuple(index))


# -- by order --------------------------------------------------------------------------------------------------------


@implements(np.sort)
def sort(a: Array, axis: int | None = -1, kind: Any = None, *, stable: bool | None = None) -> Array:
    """As np.sort, of every kind in the stable order, which settles who gets the cotangent among equals."""
    a, axis = _flat_if_none(a, axis)
    return take_along_axis(a, np.argsort(a, axis=axis, kind="stable"), axis)


@implements(np.sort_complex)
def sort_complex(a: Array) -> Array:
    """As np.sort_complex."""
    y = sort(a)
    return y if dtype_of(y).kind == "c" else astype(y, np.complex128)


@implements(np.partition)
def partition(a: Array, kth: int | Sequence[int], axis: int | None = -1, kind: Any = "introselect") -> Array:
    """As np.partition, in the order of np.argpartition."""
    a, axis = _flat_if_none(a, axis)
    return take_along_axis(a, np.argpartition(a, kth, axis=axis, kind=kind), axis)


# -- by a function of slices -----------------------------------------------------------------------------------------


def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Array, *args: Any, **kwargs: Any) -> Array:
    """As np.apply_along_axis, a loop; the function may be any of Tensors."""
    shape = shape_of(arr)
    axis = normalize_axis_index(axis, len(shape))
    others = shape[:axis] + shape[axis + 1 :]
    if 0 in others:
        raise ValueError(f"np.apply_along_axis: no vectors along axis {axis} of shape {shape}.")
    count = int(np.prod(others, dtype=np.int64))
    rows = np.split(reshape_op(np.moveaxis(arr, axis, -1), shape=(count, shape[axis])), count)
    results = np.stack([func1d(reshape_op(row, shape=(shape[axis],)), *args, **kwargs) for row in rows])
    made = shape_of(results)[1:]
    results = np.reshape(results, others + made)
    return np.moveaxis(results, range(len(others), len(others) + len(made)), range(axis, axis + len(made)))


# a partial object shows no parameters, so the dispatcher lets the keywords of func1d pass
implements(np.apply_along_axis)(partial(_apply_along_axis))


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Array, axes: int | Sequence[int]) -> Array:
    """As np.apply_over_axes."""
    n = len(shape_of(a))
    for axis in normalize_axis_tuple(axes, n, allow_duplicate=True):
        result = func(a, axis)
        a = np.expand_dims(result, axis) if len(shape_of(result)) == n - 1 else result
        if len(shape_of(a)) != n:
            raise ValueError(f"np.apply_over_axes: the function made shape {shape_of(result)} of {n} axes.")
    return a
