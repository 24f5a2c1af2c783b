"""Dividing rules: how an operation on a batch of examples is one on each of its micro-batches.

A rule is `(size, axes, *args, **options) -> Division or None`, with the number of examples and the axis along which
each argument is cut into micro-batches, None for one that is whole. None says that the operation needs whole arrays;
a rule may also return the result, made by other operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .tensor import Array, Tensor, shape_of


class Division(NamedTuple):
    """How an operation on a batch is one on each of its micro-batches.

    Attributes
    ----------
    axes : tuple
        The axis along which each argument is cut, None where it is used whole.
    axis : int, None or tuple of them
        The axis along which the results are parts of the whole result, None if that is their sum; one an output.
    options : callable, optional
        From the number of examples in a micro-batch to the options of the operation on it, if they are others.
    """

    axes: tuple[int | None, ...]
    axis: Any
    options: Callable[[int], dict[str, Any]] | None = None


def aligned(size: int, axes: tuple[int | None, ...], /, *args: Array, **options: Any) -> Division | None:
    """Divide an elementwise operation with broadcasting."""
    ndims = [len(shape_of(x)) for x in args]
    places = {n - axis for n, axis in zip(ndims, axes, strict=True) if axis is not None}
    if len(places) != 1:
        return None
    (place,) = places  # the axis, counted from the last
    cuts = tuple(
        n - place if axis is not None or (n >= place and shape_of(x)[n - place] == size > 1) else None
        for x, n, axis in zip(args, ndims, axes, strict=True)
    )
    return Division(cuts, max(ndims) - place)


def over_first_axis(op: Any, *names: str) -> None:
    """Let an operation divide whose arguments of these names, and results, have the examples on their first axis."""
    cut = tuple(name in names for name in op.arrays)

    def rule(size: int, axes: tuple[int | None, ...], /, *args: Array, **options: Any) -> Division | None:
        given = cut[: len(axes)]  # the last arguments may be optional
        if any(axis not in ((0, None) if first else (None,)) for axis, first in zip(axes, given, strict=True)):
            return None
        return Division(tuple(0 if first else None for first in given), 0)

    op.defdivide(rule)


def whole(x: Array) -> Array:
    """Return an array of the whole batch: what is computed from it does not wait for the micro-batches."""
    return x._trace.join(x) if type(x) is Tensor and hasattr(x._trace, "join") else x
