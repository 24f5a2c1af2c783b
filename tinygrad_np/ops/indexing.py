"""Indexing: x[index] and its transpose, functional updates `at`, take, sort."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.families import unbroadcast, zero_like
from ..core.primitive import primitive
from ..core.tensor import Array, Tensor, dtype_of, implements, refuse, shape_of
from ..kernels.scatter import scatter_add
from .shaping import ravel

Template = tuple[Any, ...]


class _Slot:
    """Stands in a template where an index array comes."""

    def __repr__(self) -> str:
        return "<array>"


SLOT = _Slot()


def _parse(index: Any) -> tuple[Template, list[Any]]:
    """Split an index into its static part (slices, ints, None, ...) and its arrays, which are array arguments."""
    arrays: list[Any] = []
    template: list[Any] = []
    for part in index if type(index) is tuple else (index,):
        if type(part) is int or part is None or part is Ellipsis or isinstance(part, slice):
            template.append(part)
        elif isinstance(part, np.integer):
            template.append(int(part))
        else:
            arrays.append(_index_array(part))
            template.append(SLOT)
    return tuple(template), arrays


def _index_array(part: Any) -> Any:
    if type(part) is not Tensor:
        part = np.asarray(part)
        if part.size == 0 and part.dtype == np.float64:
            part = part.astype(np.intp)  # an empty list
    if dtype_of(part).kind not in "biu":
        raise TypeError(f"x[index]: indices are integers, booleans or slices, got {part!r:.80} ({dtype_of(part)}).")
    return part


def _fill(template: Template, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    rest = iter(arrays)
    return tuple(next(rest) if part is SLOT else part for part in template)


@primitive
def getitem_op(*xs: Array, template: Template) -> Any:
    """x[index], with xs = (x, *index arrays). VJP: scatter g into zeros, adding where the index repeats."""
    return xs[0][_fill(template, xs[1:])]


@getitem_op.defvjp("xs")
def _getitem_vjp(i: int, y: Array, *xs: Array, template: Template) -> Any:
    shape, indices = shape_of(xs[0]), xs[1:]
    return lambda g: scatter_op(g, *indices, template=template, shape=shape)


@implements(operator.getitem)
def getitem(x: Array, index: Any) -> Array:
    """Return x[index], for any index NumPy takes."""
    template, arrays = _parse(index)
    return getitem_op(x, *arrays, template=template)


@primitive
def scatter_op(*xs: Array, template: Template, shape: tuple[int, ...]) -> Any:
    """Add v into zeros of a shape at an index, with xs = (v, *index arrays). VJP: g[index]."""
    return scatter_add(np.asarray(xs[0]), _fill(template, xs[1:]), shape)


@scatter_op.defvjp("xs")
def _scatter_vjp(i: int, y: Array, *xs: Array, template: Template, shape: tuple[int, ...]) -> Any:
    before, indices = shape_of(xs[0]), xs[1:]
    return lambda g: unbroadcast(getitem_op(g, *indices, template=template), before)


def scatter(v: Array, index: Any, shape: tuple[int, ...]) -> Array:
    """Return zeros of a shape with v added at the index: the transpose of getitem."""
    template, arrays = _parse(index)
    return scatter_op(v, *arrays, template=template, shape=shape)


# -- functional updates ----------------------------------------------------------------------------------------------


def _may_cast(operation: str, v: Array, x: Array) -> None:
    if type(v) in (bool, int, float) and dtype_of(x).kind in "fc":
        return
    if not np.can_cast(dtype_of(v), dtype_of(x), "same_kind"):
        raise TypeError(
            f"{operation}: cannot put {dtype_of(v)} values into an array of {dtype_of(x)} without loss; "
            "cast one of them with .astype."
        )


@primitive
def set_op(*xs: Array, template: Template) -> Any:
    """A copy of x with x[index] = v, xs = (x, v, *index arrays). VJP: x_bar is g elsewhere, v_bar g at the index."""
    y = np.array(xs[0], copy=True)
    y[_fill(template, xs[2:])] = xs[1]
    return y


@set_op.defvjp("xs")
def _set_vjp(i: int, y: Array, *xs: Array, template: Template) -> Any:
    indices = xs[2:]
    if i == 0:
        zero = zero_like(y)
        return lambda g: set_op(g, zero, *indices, template=template)
    before, shape = shape_of(xs[1]), shape_of(y)

    def pullback(g: Array) -> Array:
        taken = getitem_op(g, *indices, template=template)
        if indices:
            taken = np.where(last_written(*indices, template=template, shape=shape), taken, zero_like(g))
        return unbroadcast(taken, before)

    return pullback


@primitive(differentiable=False)
def last_written(*indices: Array, template: Template, shape: tuple[int, ...]) -> Any:
    """Tell for each element of x[index] whether it is the one that x[index] = v leaves there when the index repeats."""
    index = _fill(template, indices)
    places = np.empty(shape, np.intp)
    order = np.arange(np.broadcast_to(0, shape)[index].size).reshape(np.broadcast_to(0, shape)[index].shape)
    places[index] = order
    return places[index] == order


@primitive
def multiply_at_op(*xs: Array, template: Template) -> Any:
    """A copy of x with x[index] *= v, repeated where the index repeats; xs = (x, v, *index arrays).

    VJP: x_bar is the same of g; v_bar = (g x)[index], for an index that names no element twice.
    """
    y = np.array(xs[0], copy=True)
    np.multiply.at(y, _fill(template, xs[2:]), xs[1])
    return y


@multiply_at_op.defvjp("xs")
def _multiply_at_vjp(i: int, y: Array, *xs: Array, template: Template) -> Any:
    x, v, indices = xs[0], xs[1], xs[2:]
    if i == 0:
        return lambda g: multiply_at_op(g, v, *indices, template=template)
    if indices and not np.all(last_written(*indices, template=template, shape=shape_of(x))):
        raise ValueError(
            "at(x)[index].multiply(v): the index names an element twice, where v has no VJP rule. "
            "Multiply the values first, or pass tinygrad_np.stop_gradient(v)."
        )
    before = shape_of(v)
    return lambda g: unbroadcast(getitem_op(g * x, *indices, template=template), before)


class _Place:
    """One place x[index] of an array, to be updated functionally."""

    def __init__(self, x: Array, index: Any) -> None:
        self._x = x
        self._template, self._arrays = _parse(index)

    def set(self, v: Array) -> Array:
        """Return a copy of x with x[index] = v; where the index repeats, the last value stays."""
        _may_cast("at(x)[index].set(v)", v, self._x)
        return set_op(self._x, v, *self._arrays, template=self._template)

    def add(self, v: Array) -> Array:
        """Return a copy of x with x[index] += v; where the index repeats, all are added."""
        _may_cast("at(x)[index].add(v)", v, self._x)
        part = shape_of(getitem_op(np.broadcast_to(0, shape_of(self._x)), *self._arrays, template=self._template))
        v = np.broadcast_to(v, part)
        added = scatter_op(v, *self._arrays, template=self._template, shape=shape_of(self._x))
        return self._x + (added if dtype_of(added) == dtype_of(self._x) else added.astype(dtype_of(self._x)))

    def multiply(self, v: Array) -> Array:
        """Return a copy of x with x[index] *= v; where the index repeats, all are multiplied."""
        _may_cast("at(x)[index].multiply(v)", v, self._x)
        return multiply_at_op(self._x, v, *self._arrays, template=self._template)


class _At:
    def __init__(self, x: Array) -> None:
        self._x = x if isinstance(x, Tensor) else np.asarray(x)

    def __getitem__(self, index: Any) -> _Place:
        return _Place(self._x, index)


def at(x: Array) -> _At:
    """Update an array functionally: ``at(x)[index].set(v)``, ``.add(v)``, ``.multiply(v)`` return a new array.

    Works on arrays and Tensors alike and is differentiable in x and v; x itself never changes.

    Parameters
    ----------
    x : array
        Any shape.

    Returns
    -------
    object
        To be indexed by whatever NumPy indexes with; v broadcasts to the shape of x[index].

    Examples
    --------
    >>> at(np.zeros(3))[[0, 0, 2]].add(1.0)
    array([2., 0., 1.])
    """
    return _At(x)


refuse(
    "It writes into its argument; Tensors never change. Use tinygrad_np.at(x)[index].set(v), .add(v) or .multiply(v).",
    np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis,
)  # fmt: skip


# -- taking and sorting ----------------------------------------------------------------------------------------------


@implements(np.take)
def take(a: Array, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Array:
    """As np.take."""
    if axis is None:
        a, axis = ravel(a), 0
    axis = normalize_axis_index(axis, len(shape_of(a)))
    n = shape_of(a)[axis]
    if mode not in ("raise", "clip", "wrap"):
        raise ValueError(f"np.take: mode={mode!r}; use raise, clip or wrap.")
    if mode != "raise":
        indices = np.clip(indices, 0, n - 1) if mode == "clip" else np.remainder(indices, n)
    return getitem(a, (slice(None),) * axis + (_index_array(indices),))


@implements(np.take_along_axis)
def take_along_axis(arr: Array, indices: Any, axis: int | None = -1) -> Array:
    """As np.take_along_axis."""
    if axis is None:
        arr, axis = ravel(arr), 0
    indices = _index_array(indices)
    shape = shape_of(arr)
    axis = normalize_axis_index(axis, len(shape))
    if len(shape_of(indices)) != len(shape):
        raise ValueError(f"np.take_along_axis: indices of shape {shape_of(indices)} for an array of shape {shape}.")
    mesh: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape)])
    mesh[axis] = indices
    return getitem(arr, tuple(mesh))


@implements(np.sort)
def sort(a: Array, axis: int | None = -1, *, stable: bool | None = None) -> Array:
    """As np.sort, in the order of NumPy's stable sort, which settles who gets the cotangent among equals."""
    if axis is None:
        a, axis = ravel(a), 0
    return take_along_axis(a, np.argsort(a, axis=axis, kind="stable"), axis)
