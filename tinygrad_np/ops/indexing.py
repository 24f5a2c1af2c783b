"""Indexing: x[index], its transpose, and the functional updates `at` and `put_along_axis`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.batching import batched, to_front
from ..core.families import unbroadcast, zero_like
from ..core.primitive import primitive
from ..core.tensor import Array, Tensor, dtype_of, implements, refuse, shape_of
from ..kernels.scatter import scatter_add
from .layouts import SLOT, Template, batch_index
from .shaping import ravel


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
            arrays.append(index_array(part))
            template.append(SLOT)
    return tuple(template), arrays


def index_array(part: Any) -> Any:
    """Return an array of indices or booleans; refuse numbers of other kinds."""
    if type(part) is not Tensor:
        part = np.asarray(part)
        if part.size == 0 and part.dtype == np.float64:
            part = part.astype(np.intp)  # an empty list
    if dtype_of(part).kind not in "biu":
        raise TypeError(f"x[index]: indices are integers, booleans or slices, got {part!r:.80} ({dtype_of(part)}).")
    return part


def filled(template: Template, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return an index: the template with the arrays in its slots."""
    if not arrays:
        return template
    rest = iter(arrays)
    return tuple(next(rest) if part is SLOT else part for part in template)


@primitive
def getitem_op(*xs: Array, template: Template) -> Any:
    """x[index], with xs = (x, *index arrays). VJP: scatter g into zeros, adding where the index repeats."""
    return xs[0][filled(template, xs[1:])]


@getitem_op.defvjp("xs")
def _getitem_vjp(i: int, y: Array, *xs: Array, template: Template) -> Any:
    shape, indices = shape_of(xs[0]), xs[1:]
    return lambda g: scatter_op(g, *indices, template=template, shape=shape)


getitem_op.fresh = getitem_op.views = True


@getitem_op.defjvp("xs")
def _getitem_jvp(y: Array, *xs: Array, template: Template) -> Any:
    return lambda x_dot, *_: getitem_op(x_dot, *xs[1:], template=template)


@getitem_op.defbatch
def _getitem_batch(size: int, axes: Any, *xs: Array, template: Template) -> tuple[Array, int]:
    x, ndim = to_front(xs[0], axes[0]), len(shape_of(xs[0])) - (axes[0] is not None)
    layout = batch_index(size, axes[1:], template, xs[1:], ndim, whole=axes[0] is not None)
    return layout.from_batch(getitem_op(x, *layout.arrays, template=layout.template)), 0


@implements(operator.getitem)
def getitem(x: Array, index: Any) -> Array:
    """Return x[index], for any index NumPy takes."""
    template, arrays = _parse(index)
    return getitem_op(x, *arrays, template=template)


@primitive
def scatter_op(*xs: Array, template: Template, shape: tuple[int, ...]) -> Any:
    """Add v into zeros of a shape at an index, with xs = (v, *index arrays). VJP: g[index]."""
    return scatter_add(np.asarray(xs[0]), filled(template, xs[1:]), shape)


@scatter_op.defvjp("xs")
def _scatter_vjp(i: int, y: Array, *xs: Array, template: Template, shape: tuple[int, ...]) -> Any:
    before, indices = shape_of(xs[0]), xs[1:]
    return lambda g: _unbroadcast(getitem_op(g, *indices, template=template), before)


@scatter_op.defjvp("xs")
def _scatter_jvp(y: Array, *xs: Array, template: Template, shape: tuple[int, ...]) -> Any:
    return lambda v_dot, *_: scatter_op(v_dot, *xs[1:], template=template, shape=shape)


@scatter_op.defbatch
def _scatter_batch(size: int, axes: Any, *xs: Array, template: Template, shape: tuple[int, ...]) -> tuple[Array, int]:
    layout = batch_index(size, axes[1:], template, xs[1:], len(shape), whole=True)
    v = layout.to_batch(size, xs[0], axes[0])
    return scatter_op(v, *layout.arrays, template=layout.template, shape=(size, *shape)), 0


def _unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """As unbroadcast, also for values with further leading axes of length 1, which NumPy writes too."""
    extra = len(shape) - len(shape_of(g))
    return unbroadcast(g, shape) if extra <= 0 else np.reshape(unbroadcast(g, shape[extra:]), shape)


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
    y[filled(template, xs[2:])] = xs[1]
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
        return _unbroadcast(taken, before)

    return pullback


@set_op.defjvp("xs")
def _set_jvp(y: Array, *xs: Array, template: Template) -> Any:
    zero, x_shape = zero_like(y), shape_of(y)

    def push(x_dot: Array | None, v_dot: Array | None, *_: None) -> Array:
        x_dot = np.broadcast_to(zero, x_shape) if x_dot is None else x_dot
        return set_op(x_dot, zero if v_dot is None else v_dot, *xs[2:], template=template)

    return push


def _batched_update(op: Any) -> Any:
    """Return the batching rule of an operation (x, v, *index arrays) that writes v into x."""

    def rule(size: int, axes: Any, *xs: Array, template: Template) -> tuple[Array, int]:
        x = batched(size, xs[0], axes[0])
        layout = batch_index(size, axes[2:], template, xs[2:], len(shape_of(x)) - 1, whole=True)
        return op(x, layout.to_batch(size, xs[1], axes[1]), *layout.arrays, template=layout.template), 0

    return rule


set_op.defbatch(_batched_update(set_op))


@primitive(differentiable=False)
def last_written(*indices: Array, template: Template, shape: tuple[int, ...]) -> Any:
    """Tell for each element of x[index] whether it is the one that x[index] = v leaves there when the index repeats."""
    index = filled(template, indices)
    places = np.empty(shape, np.intp)
    order = np.arange(np.broadcast_to(0, shape)[index].size).reshape(np.broadcast_to(0, shape)[index].shape)
    places[index] = order
    return places[index] == order


@last_written.defbatch
def _last_written_batch(
    size: int, axes: Any, *indices: Array, template: Template, shape: tuple[int, ...]
) -> tuple[Array, int]:
    layout = batch_index(size, axes, template, indices, len(shape), whole=True)
    return layout.from_batch(last_written(*layout.arrays, template=layout.template, shape=(size, *shape))), 0


def _if_unique(v: Array, indices: tuple[Array, ...], template: Template, shape: tuple[int, ...]) -> Array:
    """Return v if the index names no element twice; refuse if it does, or say nan where examples of a vmap do."""
    if not indices:
        return v
    unique: Any = np.all(last_written(*indices, template=template, shape=shape))
    if type(unique) is Tensor:
        return np.where(unique, v, dtype_of(v).type(np.nan))
    if not unique:
        raise ValueError(
            "at(x)[index].multiply(v): the index names an element twice, where v has no derivative. "
            "Multiply the values first, or pass tinygrad_np.stop_gradient(v)."
        )
    return v


@primitive
def multiply_at_op(*xs: Array, template: Template) -> Any:
    """A copy of x with x[index] *= v, repeated where the index repeats; xs = (x, v, *index arrays).

    VJP: x_bar is the same of g; v_bar = (g x)[index], for an index that names no element twice (else an error, or nan
    under vmap, where only some of the examples may do so).
    """
    y = np.array(xs[0], copy=True)
    np.multiply.at(y, filled(template, xs[2:]), xs[1])
    return y


@multiply_at_op.defvjp("xs")
def _multiply_at_vjp(i: int, y: Array, *xs: Array, template: Template) -> Any:
    x, v, indices = xs[0], xs[1], xs[2:]
    if i == 0:
        return lambda g: multiply_at_op(g, v, *indices, template=template)
    x, before = _if_unique(x, indices, template, shape_of(x)), shape_of(v)
    return lambda g: _unbroadcast(getitem_op(g * x, *indices, template=template), before)


@multiply_at_op.defjvp("xs")
def _multiply_at_jvp(y: Array, *xs: Array, template: Template) -> Any:
    x, v, indices = xs[0], xs[1], xs[2:]

    def push(x_dot: Array | None, v_dot: Array | None, *_: None) -> Array:
        parts = [] if x_dot is None else [multiply_at_op(x_dot, v, *indices, template=template)]
        if v_dot is not None:
            unique = _if_unique(x, indices, template, shape_of(x))
            product = getitem_op(unique, *indices, template=template) * v_dot
            parts.append(scatter_op(product, *indices, template=template, shape=shape_of(x)))
        return sum(parts[1:], parts[0])

    return push


multiply_at_op.defbatch(_batched_update(multiply_at_op))


class _Place:
    """One place x[index] of an array, to be updated functionally."""

    def __init__(self, x: Array, index: Any) -> None:
        self._x = x
        self._template, self._arrays = _parse(index)

    def get(self) -> Array:
        """Return x[index]: for an array x and an index that is a Tensor, where NumPy asks the index for integers."""
        return getitem_op(self._x, *self._arrays, template=self._template)

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

    ``.get()`` returns x[index] itself, also where x is an array and the index a Tensor (under vmap). Works on arrays
    and Tensors alike and is differentiable in x and v; x itself never changes.

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


def put_along_axis(arr: Array, indices: Array, values: Array, axis: int | None) -> Array:
    """Write values at an index along an axis, as np.put_along_axis does in place: a new array is returned.

    Parameters
    ----------
    arr : array
        Any shape; it does not change.
    indices : array of integers
        As many axes as arr, broadcast against it outside the axis. For axis None one axis, which counts arr's elements.
    values : array
        Broadcast to the shape of the indices. Where an index repeats, the last value stays.
    axis : int or None
        Where the indices count.

    Returns
    -------
    array
        Of arr's shape and dtype, differentiable in arr and values.

    Examples
    --------
    >>> put_along_axis(np.zeros((2, 3)), np.array([[0], [2]]), 1.0, axis=1)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    arr = arr if type(arr) is Tensor else np.asarray(arr)
    shape = shape_of(arr)
    if axis is None:
        return np.reshape(put_along_axis(ravel(arr), indices, values, 0), shape)
    return at(arr)[along_axis("put_along_axis", shape, indices, axis)].set(values)


def along_axis(operation: str, shape: tuple[int, ...], indices: Any, axis: int) -> tuple[Any, ...]:
    """Return the full index of which np.take_along_axis and np.put_along_axis are given one part."""
    axis, indices = normalize_axis_index(axis, len(shape)), index_array(indices)
    if len(shape_of(indices)) != len(shape):
        raise ValueError(f"np.{operation}: indices of shape {shape_of(indices)} for an array of shape {shape}.")
    mesh: list[Any] = list(np.ogrid[tuple(slice(n) for n in shape)])
    mesh[axis] = indices
    return tuple(mesh)


refuse(
    "It writes into its argument; Tensors never change. Use tinygrad_np.at(x)[index].set(v), .add(v) or .multiply(v).",
    np.put, np.place, np.putmask,
)  # fmt: skip
refuse(
    "It writes into its argument; Tensors never change. Use tinygrad_np.at(x)[index].set(v), and np.broadcast_to(t, "
    "shape) for np.full or np.full_like with a Tensor for its value.",
    np.copyto,
)
refuse(
    "It writes into its argument; Tensors never change. Use tinygrad_np.at(x)[np.diag_indices(n)].set(v).",
    np.fill_diagonal,
)
refuse(
    "It writes into its argument; Tensors never change. tinygrad_np.put_along_axis(arr, indices, values, axis) returns "
    "a new array.",
    np.put_along_axis,
)
