"""Mistakes in batching rules: the wrong axis, the wrong examples, the wrong size, an argument's axis forgotten."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_np.core.primitive import Primitive, Rule

from .mutant import Undo, attribute, uses

Axes = tuple[int | None, ...]
Answer = Callable[[Any, int], tuple[Any, int | None]]

REFUSING = ("nonzero", "flatnonzero", "argwhere", "unique_op", "intersect_op")  # the result's shape is not known


def mistakes(op: Primitive) -> Iterator[tuple[str, str, str, Callable[[], Undo]]]:
    """Ways in which the batching rule of a primitive is wrong."""
    rule = op.batch
    if rule is None:
        return
    put = functools.partial(attribute, op, "batch")
    if op.key.rsplit(".", 1)[1] in REFUSING:
        yield "batch", "batch", "a loop instead of a refusal", functools.partial(put, None)
        return
    for name, answer in ANSWERS.items():
        yield "batch", "batch", name, functools.partial(put, _answering(rule, answer))
    if uses(rule, 0) and not _always_batched(op, rule):
        yield "batch", "batch", "size one too large", functools.partial(put, _asked(rule, _one_more))
    for name, asked in QUESTIONS.items():
        yield "batch", "batch", name, functools.partial(put, _asked(rule, asked))
    places = [0, 1] if op.variadic else range(len(op.arrays))
    for i in places:
        name = f"xs[{i}]" if op.variadic else op.arrays[i]
        for what, asked in ARGUMENT.items():
            if len(op.arrays) == 1 and not op.variadic and asked is _thought_shared:
                continue  # somebody has to tell that there is a batch
            yield "batch", "batch", what.format(name), functools.partial(put, _asked(rule, asked, i))


def _always_batched(op: Primitive, rule: Rule) -> bool:
    """Whether nothing asks for the size: what is not batched broadcasts, or would be repeated and there is no such."""
    repeats = "over_leading_axis" in rule.__qualname__ and len(op.arrays) == 1 and not op.variadic
    return repeats or "over_stack" in rule.__qualname__


# -- answers changed -------------------------------------------------------------------------------------------------


def _answering(rule: Rule, answer: Answer) -> Rule:
    def wrong(*args: Any, **options: Any) -> Any:
        y, axis = rule(*args, **options)
        if not isinstance(y, tuple):
            return answer(y, axis) if axis is not None else (y, axis)
        axes = axis if isinstance(axis, tuple) else (axis,) * len(y)
        pairs = [answer(yk, ak) if ak is not None else (yk, ak) for yk, ak in zip(y, axes, strict=True)]
        outputs = [yk for yk, _ in pairs]
        return type(y)(*outputs) if hasattr(y, "_fields") else tuple(outputs), tuple(ak for _, ak in pairs)

    return wrong


def _take(y: Any, axis: int, examples: list[int]) -> Any:
    index = [k % y.shape[axis] for k in examples] if y.shape[axis] else []
    return np.take(y, np.array(index, int), axis=axis)


def _as_if_shared(y: Any, axis: int) -> tuple[Any, int | None]:
    return (np.take(y, 0, axis=axis), None) if y.shape[axis] else (y, axis)


def _other_dtype(y: Any, axis: int) -> tuple[Any, int]:
    other = {"f": np.float32 if y.dtype == np.float64 else np.float64, "c": np.complex64}
    return y.astype(other.get(y.dtype.kind, np.float64)), axis


def _one_element(y: Any, axis: int) -> tuple[Any, int]:
    """The last element of the last example: 1.001 times what it is, or the opposite, or one more."""
    chosen = np.zeros(y.shape, bool)
    if chosen.size:
        chosen.flat[-1] = True
    changed = np.logical_not(y) if y.dtype == bool else y * 1.001 if y.dtype.kind in "fc" else y + y.dtype.type(1)
    return np.where(chosen, changed, y).astype(y.dtype), axis


def _transposed(y: Any, axis: int) -> tuple[Any, int]:
    shape = np.moveaxis(y, axis, 0).shape
    if len(shape) < 3:
        return y, axis
    return np.moveaxis(np.reshape(np.swapaxes(np.moveaxis(y, axis, 0), -1, -2), shape), 0, axis), axis


def _reversed_inside(y: Any, axis: int) -> tuple[Any, int]:
    """Each example reversed along its last axis."""
    if len(y.shape) < 2:
        return y, axis
    return np.flip(y, -1 if axis % len(y.shape) != len(y.shape) - 1 else -2), axis


ANSWERS: dict[str, Answer] = {
    "examples reversed": lambda y, axis: (_take(y, axis, [*range(1, y.shape[axis]), 0]), axis),
    "the first example for all": lambda y, axis: (_take(y, axis, [0] * y.shape[axis]), axis),
    "the first example as if shared": _as_if_shared,
    "axis off by one": lambda y, axis: (y, (axis + 1) % len(y.shape) if len(y.shape) > 1 else axis),
    "axis moved without saying so": lambda y, axis: (np.moveaxis(y, axis, -1 if axis == 0 else 0), axis),
    "another dtype": _other_dtype,
    "one element": _one_element,
    "examples transposed": _transposed,
    "examples reversed inside": _reversed_inside,
}


# -- questions changed -----------------------------------------------------------------------------------------------


def _asked(rule: Rule, change: Callable[..., Any], *more: Any) -> Rule:
    def wrong(size: int, axes: Axes, *args: Any, **options: Any) -> Any:
        size, axes, args = change(size, axes, args, *more)
        return rule(size, axes, *args, **options)

    return wrong


def _one_more(size: int, axes: Axes, args: Any) -> Any:
    return size + 1, axes, args


def _axis_zero(size: int, axes: Axes, args: Any) -> Any:
    return size, tuple(a if a is None else 0 for a in axes), args


def _axis_last(size: int, axes: Axes, args: Any) -> Any:
    return size, tuple(a if a is None else x.ndim - 1 for a, x in zip(axes, args, strict=True)), args


def _axis_zero_of(size: int, axes: Axes, args: Any, i: int) -> Any:
    return size, tuple(0 if a is not None and k == i else a for k, a in enumerate(axes)), args


def _thought_shared(size: int, axes: Axes, args: Any, i: int) -> Any:
    return (
        size,
        tuple(
            None if k == i and any(a is not None for a in axes[:i] + axes[i + 1 :]) else a for k, a in enumerate(axes)
        ),
        args,
    )


def _first_of(size: int, axes: Axes, args: Any, i: int) -> Any:
    """The first example of an argument stands for all."""
    if i >= len(args) or axes[i] is None:
        return size, axes, args
    x = _take(args[i], axes[i], [0] * args[i].shape[axes[i]])
    return size, axes, (*args[:i], x, *args[i + 1 :])


QUESTIONS: dict[str, Callable[..., Any]] = {
    "axes taken for the first": _axis_zero,
    "axes taken for the last": _axis_last,
}
ARGUMENT: dict[str, Callable[..., Any]] = {
    "axis of {} taken for the first": _axis_zero_of,
    "{} thought shared": _thought_shared,
    "the first {} for all": _first_of,
}
