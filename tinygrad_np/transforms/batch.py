"""Batching: vmap."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..core import tree
from ..core.batching import one_by_one
from ..core.primitive import Primitive
from ..core.tensor import Tensor, name_of, outputs_like, shape_of
from ..core.trace import QuietCollector, Trace
from .arguments import argument_name, belongs, describe, own

Axes = Any  # an int, None, or a tree of them


class Batch(Trace):
    """The batching trace: a Tensor's index is the axis of its value along which the examples lie."""

    __slots__ = ("size",)

    def __init__(self, origin: str, size: int) -> None:
        super().__init__(origin)
        self.size = size

    def shape_of(self, x: Tensor) -> tuple[int, ...]:
        """Shape of one example."""
        shape = shape_of(x._value)
        return shape[: x._index] + shape[x._index + 1 :]

    def conversion_advice(self, target: str) -> str:
        """Say that there is no one number."""
        return (
            f"In {self.origin} it is not one number but one for each of the {self.size} examples: use NumPy's "
            "functions, and tinygrad_np.at(array)[t].get() for array[t]."
        )

    def bool_of(self, x: Tensor) -> NoReturn:
        """Refuse: the answer differs from example to example."""
        raise TypeError(
            f"{self.origin}: if, while, and, or, not and bool() need one answer, but this value has one for each of "
            f"the {self.size} examples. Write np.where(condition, a, b), np.logical_and(a, b) and so on."
        )

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive's batching rule one level down."""
        values = self.lower(op, args)
        axes = tuple([a._index if type(a) is Tensor and a._trace is self else None for a in args])
        rule = op.batch or _loop(op, self)
        returned = rule(self.size, axes, *values, **options)
        if not (isinstance(returned, tuple) and len(returned) == 2 and _are_axes(returned[1])):
            raise TypeError(
                f"The batching rule of {op.name} returned {describe(returned)}; expected (result, axis), the axis an "
                "int, None, or a tuple of them for several outputs."
            )
        y, axis = returned
        if not isinstance(y, tuple):
            return self._wrap(op, y, axis)
        each = axis if isinstance(axis, tuple) else (axis,) * len(y)
        outputs = [self._wrap(op, yk, ak) for yk, ak in zip(y, each, strict=True)]
        return outputs_like(y, outputs)

    def _wrap(self, op: Primitive, y: Any, axis: int | None) -> Any:
        if axis is None:
            return y
        shape = shape_of(y)
        if not -len(shape) <= axis < len(shape) or shape[axis] != self.size:
            raise ValueError(
                f"The batching rule of {op.name} returned an array of shape {shape} with its batch axis at {axis}; "
                f"there is no axis of length {self.size} there."
            )
        return Tensor(y, self, axis % len(shape))


def _are_axes(axis: Any) -> bool:
    return axis is None or isinstance(axis, int | np.integer) or (isinstance(axis, tuple) and all(map(_are_axes, axis)))


_warned: set[str] = set()


def _loop(op: Primitive, trace: Batch) -> Callable[..., Any]:
    if op.key not in _warned:
        _warned.add(op.key)
        warnings.warn(
            f"{trace.origin}: {op.name} has no batching rule, so it runs in a loop over the {trace.size} examples. "
            f"Declare one with {op.name}.defbatch.",
            UserWarning,
            stacklevel=4,
        )
    return one_by_one(op)


def vmap(f: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> Callable[..., Any]:
    """Vectorise: make a function of one example a function of a batch of them, in one pass and without a loop.

    Parameters
    ----------
    f : callable
        A function of trees of arrays that returns a tree of arrays, written for one example.
    in_axes : int, None, or a tuple or list with an entry for each positional argument
        Where the examples lie in each argument; None for an argument that all share. An entry may be a tree of axes
        that is a prefix of the argument's. Keyword arguments are batched along axis 0.
    out_axes : int, None, or a tree of them
        Where the examples are to lie in the outputs; None for what is the same for all.

    Returns
    -------
    callable
        Of f's arguments, each with one more axis; so its result has.

    Raises
    ------
    ValueError
        At the call: axes that do not exist or differ in length; a batched output for which out_axes says None.
    TypeError
        At the call: a branch on a value that differs between examples.

    Notes
    -----
    Inside f, an array has the shape of one example. Every primitive has a batching rule that works on all examples at
    once; your own primitives get one with `defbatch`, without it they run in a loop, with a warning.

    Examples
    --------
    >>> vmap(np.dot, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """

    @functools.wraps(f, updated=())
    def vmap_f(*args: Any, **kwargs: Any) -> Any:
        origin = f"vmap({name_of(f)})"
        keys: list[int | str] = [*range(len(args)), *kwargs]
        prefixes = [*_per_argument(in_axes, len(args), origin), *[0] * len(kwargs)]
        flat = [tree.flatten(x) for x in (*args, *kwargs.values())]

        def names() -> list[str]:
            """Name every leaf, for errors."""
            return [argument_name(f, key) + path for key, (_, s) in zip(keys, flat, strict=True) for path in s.paths]

        leaves = [leaf for some, _ in flat for leaf in some]
        axes: list[int | None] = []
        for key, prefix, x in zip(keys, prefixes, (*args, *kwargs.values()), strict=True):
            axes += spread(prefix, x, functools.partial(_in_axes_of, origin, f, key))
        axes = _normal(axes, leaves, lambda i: f"{origin}: {names()[i]}")
        trace = Batch(origin, _size(origin, names, leaves, axes))
        tensors = iter([x if a is None else Tensor(x, trace, a) for x, a in zip(leaves, axes, strict=True)])
        inputs = [tree.unflatten(s, [next(tensors) for _ in range(s.size)]) for _, s in flat]
        try:
            with QuietCollector():
                y = f(*inputs[: len(args)], **dict(zip(kwargs, inputs[len(args) :], strict=True)))
                return join(y, out_axes, trace)
        finally:
            trace.closed = True

    return vmap_f


def _per_argument(in_axes: Axes, count: int, origin: str) -> list[Axes]:
    if in_axes is None or isinstance(in_axes, int | np.integer):
        return [in_axes] * count
    if not isinstance(in_axes, tuple | list) or len(in_axes) != count:
        raise ValueError(
            f"{origin}: in_axes={in_axes!r} for {count} positional arguments; give an int, or one entry for each."
        )
    return list(in_axes)


def _in_axes_of(origin: str, f: Callable[..., Any], key: int | str) -> str:
    return f"{origin}: in_axes of {argument_name(f, key)}"


def spread(prefix: Axes, x: Any, where: Callable[[], str], path: str = "") -> list[int | None]:
    """Return an axis for each leaf of a tree, from a tree of axes that is a prefix of it; `where` is for errors."""
    if prefix is None or (isinstance(prefix, int | np.integer) and not isinstance(prefix, bool)):
        return [prefix if prefix is None else int(prefix)] * len(tree.leaves(x))
    children, given = tree.children(x), tree.children(prefix)
    if given is None or children is None or given.keys() != children.keys():
        raise ValueError(
            f"{where()}{path}: {prefix!r} is no axis (an int or None), and no tree of axes that matches "
            f"{_describe_node(x)}."
        )
    return [axis for name, child in children.items() for axis in spread(given[name], child, where, f"{path}[{name!r}]")]


def _describe_node(x: Any) -> str:
    """Say what a tree is, for messages: an array by its shape, a container by its structure."""
    return describe(x) if tree.children(x) is None else f"a tree {tree.structure(x)!r:.80}"


def _normal(axes: list[int | None], leaves: list[Any], name: Callable[[int], str]) -> list[int | None]:
    """Count axes from the front; refuse one that its leaf does not have."""
    found: list[int | None] = []
    for i, (axis, leaf) in enumerate(zip(axes, leaves, strict=True)):
        if axis is None:
            found.append(None)
            continue
        if not isinstance(leaf, np.ndarray | np.generic | Tensor | float | int | complex):
            raise TypeError(f"{name(i)} is {describe(leaf)}, which has no axis {axis}; give it None in in_axes.")
        ndim = len(shape_of(leaf))
        if not -ndim <= axis < ndim:
            raise ValueError(f"{name(i)} has shape {shape_of(leaf)} and no axis {axis} to batch over; None shares it.")
        found.append(axis % ndim)
    return found


def _size(origin: str, names: Callable[[], list[str]], leaves: list[Any], axes: list[int | None]) -> int:
    sizes = [shape_of(x)[a] for x, a in zip(leaves, axes, strict=True) if a is not None]
    if not sizes:
        raise ValueError(f"{origin}: no argument has a batch axis; give at least one an axis in in_axes.")
    if len(set(sizes)) > 1:
        batched = [name for name, a in zip(names(), axes, strict=True) if a is not None]
        each = ", ".join(f"{name} has {n}" for name, n in zip(batched, sizes, strict=True))
        raise ValueError(f"{origin}: the batch axes differ in length: {each}. in_axes=None shares an argument.")
    return sizes[0]


def on_examples(
    f: Callable[..., Any],
    name: str,
    size: int,
    axes: tuple[Axes, ...],
    args: tuple[Any, ...],
    finish: Callable[[Any, Batch], Any] | None = None,
) -> Any:
    """Run a function of one example on all of them; the outputs have their batch axis in front, or as `finish` does."""
    trace = Batch(f"vmap({name})", size)
    try:
        y = f(*_split(args, axes, trace))
        return join(y, 0, trace) if finish is None else finish(y, trace)
    finally:
        trace.closed = True


def _split(x: Any, in_axes: Axes, trace: Batch) -> Any:
    """Make Tensors of the batched leaves of a tree."""
    leaves, structure = tree.flatten(x)
    axes = spread(in_axes, x, lambda: trace.origin)
    return tree.unflatten(
        structure, [leaf if a is None else Tensor(leaf, trace, a) for leaf, a in zip(leaves, axes, strict=True)]
    )


def join(y: Any, out_axes: Axes, trace: Batch) -> Any:
    """Take a tree of outputs out of the trace, each with its batch axis where it is wanted."""
    leaves, structure = tree.flatten(y)
    axes = spread(out_axes, y, lambda: f"{trace.origin}: out_axes")
    return tree.unflatten(
        structure,
        [_place(leaf, a, trace, path) for leaf, a, path in zip(leaves, axes, structure.paths, strict=True)],
    )


def _place(leaf: Any, axis: int | None, trace: Batch, path: str) -> Any:
    if axis is None:
        if belongs(leaf, trace):
            raise ValueError(f"{trace.origin}: the output{path} differs between examples, but out_axes gives it None.")
        return own(leaf)
    if not isinstance(leaf, np.ndarray | np.generic | Tensor | bool | int | float | complex):
        raise TypeError(f"{trace.origin}: the output{path} is {describe(leaf)}; expected arrays or trees of them.")
    ndim = len(shape_of(leaf)) + 1
    if not -ndim <= axis < ndim:
        raise ValueError(f"{trace.origin}: the output{path} of an example has shape {shape_of(leaf)}; no axis {axis}.")
    if not belongs(leaf, trace):
        return own(np.moveaxis(np.broadcast_to(leaf, (trace.size, *shape_of(leaf))), 0, axis % ndim))
    value, at = leaf._value, axis % ndim
    return own(value if leaf._index == at else np.moveaxis(value, leaf._index, at))
