"""Batching rules that many operations share: where the batch axis goes, and which options move with it.

A rule is `(size, axes, *args, **options) -> (result, axis)`: `size` examples, `axes[i]` the batch axis of the i-th
argument's value or None. It applies the same operation to whole batches. The rules made here bring batch axes to the
front, so options that count axes from the front move by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import tree
from .primitive import Primitive, Rule
from .tensor import Array, outputs_like, shape_of


def to_front(x: Array, axis: int | None) -> Array:
    """Move the batch axis of a value to the front; a value that is not batched stays as it is."""
    if axis is None or axis == 0:
        return x
    return np.transpose(x, (axis, *[i for i in range(len(shape_of(x))) if i != axis]))  # moveaxis asks much more


def batched(size: int, x: Array, axis: int | None) -> Array:
    """Return a value with its batch axis in front, repeated (as a view) if it is not batched."""
    return np.broadcast_to(x, (size, *shape_of(x))) if axis is None else to_front(x, axis)


def align(size: int, x: Array, axis: int | None, ndim: int) -> Array:
    """Return a value with its batch axis in front and then `ndim` axes, so that examples broadcast with each other."""
    if axis is None:
        return x
    x = to_front(x, axis)
    first, *rest = shape_of(x)
    return x if len(rest) == ndim else np.reshape(x, (first, *(1,) * (ndim - len(rest)), *rest))


def shifted(option: Any) -> Any:
    """Count an axis, or a tuple of axes, from the front of the batch."""
    return tuple(a + 1 for a in option) if isinstance(option, tuple) else option + 1


def over_leading_axis(op: Primitive, *axis_options: str, shape_options: tuple[str, ...] = ()) -> None:
    """Give an operation the rule: batch axes in front of every argument, one more axis before those options name.

    Parameters
    ----------
    op : Primitive
        An operation that treats a further leading axis of all its array arguments as it should.
    *axis_options : str
        Options that hold axes, an int or a tuple, not negative; they move by one.
    shape_options : tuple of str
        Options that hold a shape; the batch size comes before it.
    """

    def rule(size: int, axes: tuple[int | None, ...], /, *args: Array, **options: Any) -> tuple[Array, int]:
        xs = [batched(size, x, a) for x, a in zip(args, axes, strict=True)]
        moved = {name: shifted(options[name]) for name in axis_options if name in options}
        shapes = {name: (size, *options[name]) for name in shape_options}
        return op(*xs, **{**options, **moved, **shapes}), 0

    op.defbatch(rule)


def over_stack(op: Primitive, core: int) -> None:
    """Give the rule to an operation on stacks: `core` trailing axes of each argument, broadcast over the others."""

    def rule(size: int, axes: tuple[int | None, ...], /, *args: Array, **options: Any) -> tuple[Array, int]:
        ndim = max(len(shape_of(x)) - (a is not None) for x, a in zip(args, axes, strict=True))
        return op(*[align(size, x, a, max(ndim, core)) for x, a in zip(args, axes, strict=True)], **options), 0

    op.defbatch(rule)


def one_by_one(op: Callable[..., Any]) -> Rule:
    """Return the rule that loops over the examples and stacks the results, where nothing better is possible."""

    def rule(size: int, axes: tuple[int | None, ...], /, *args: Array, **options: Any) -> tuple[Any, int]:
        xs = [to_front(x, a) for x, a in zip(args, axes, strict=True)]
        if size == 0:  # one example of zeros tells the shape
            ones = [x if a is None else np.zeros((1, *shape_of(x)[1:]), x.dtype) for x, a in zip(xs, axes, strict=True)]
            y, _ = rule(1, tuple(None if a is None else 0 for a in axes), *ones, **options)
            return tree.map(lambda yk: yk[:0], y), 0
        each = [op(*[x if a is None else x[i] for x, a in zip(xs, axes, strict=True)], **options) for i in range(size)]
        if not isinstance(each[0], tuple):
            return np.stack(each), 0
        outputs = [np.stack(part) for part in zip(*each, strict=True)]
        return outputs_like(each[0], outputs), 0

    return rule
