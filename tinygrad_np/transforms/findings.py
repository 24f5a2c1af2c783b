"""What is known of a value that is not finite: the operation, its operands there, and the way to the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.calls import Call
from ..core.primitive import Primitive
from ..core.recorder import Place, Step
from ..core.tensor import Array, Tensor, bottom, dtype_of, shape_of
from .batch import Batch
from .causes import SUMS, cause_of, masked_by, put_there
from .finite import first, first_non_finite, is_finite, is_inexact, tangents_of, what_at

_NAME = __name__.split(".")[0] + "."


@dataclasses.dataclass
class Finding:
    """What is known of a value that is not finite: the attributes of `NonFiniteError`, and where the way begins."""

    message: str
    operation: str
    direction: str
    of: str
    index: tuple[int, ...]
    line: str | None
    cause: str | None
    shape: tuple[int, ...]  # of the array that the index is of
    start: int | None  # the step that gave it, or whose derivative it is

    def whole_cause(self, way: Sequence[int], steps: Sequence[Step], values: Sequence[Any]) -> str | None:
        """Return the cause, and what np.where has to do with it, before and after."""
        parts = [self.cause]
        if way and np.shape(values[steps[way[0]].outputs[0]]) == self.shape:
            if steps[way[0]].op.weak:
                parts.append(put_there(steps[way[0]], steps, values, self.index))
            parts.append(masked_by([steps[i] for i in way], values, self.index))
        return "; ".join(part for part in parts if part) or None


def blame(step: Step, values: Sequence[Array], y: Any, number: int, *, users_rule: bool) -> Finding:
    """Say what is known of a value that an operation gave; whether in a derivative rule of the user's."""
    op, options, place = step.op, step.options, step.place
    assert place is not None
    index, value = first(y)
    at, values, of = elements_at(op, values, y, index), [bottom(x) for x in values], place.rule or op.name
    part = "" if place.direction == "forward" else f"the {place.direction} pass of {of}: "
    start = place.of if part else number
    for i, x in enumerate(values):
        if is_inexact(x) and not is_finite(x):
            message = f"{part}{op.name}: its operand {name_of_operand(op, i)}{first_non_finite(x)}, made from no input"
            advice = "a constant that is not finite; leave it out or bound it"
            return Finding(message, op.name, place.direction, of, index, place.line, advice, shape_of(y), start)
    message = f"{part}{op.name} gave {what_at(index, value)} from {operands_at(op, values, at, options, index)}"
    known = op.key.startswith(_NAME)  # what an operation of the user's does is not
    cause = cause_of(op.name, None if users_rule else place.rule or None, at, value) if known else None
    return Finding(message, op.name, place.direction, of, index, place.line, cause, shape_of(y), start)


def blame_tangent(op: Primitive, values: Sequence[Array], y: Any, number: int, place: Place) -> Finding:
    """Say what is known of a tangent that a forward trace outside carries."""
    y_dot = next(t for t in tangents_of(y) if not is_finite(t))
    index, value = first(y_dot)
    raw = [bottom(x) for x in values]
    at = elements_at(op, values, y_dot, index)
    if at[0] is None:  # under jvp of vmap the batch is that of y
        at = elements_at(op, values, y, index)
    dots = {i: next(tangents_of(x)) for i, x in enumerate(values) if any(True for _ in tangents_of(x))}
    moving = elements_at(op, [dots.get(i, np.zeros(shape_of(x))) for i, x in enumerate(values)], y_dot, index)
    moved = [f"{name_of_operand(op, i)}_dot = {moving[i]!s}" for i in dots if moving[i] is not None]
    message = f"the tangent pass of {op.name} gave {what_at(index, value)} from {operands_at(op, raw, at)}"
    message += f", along {', '.join(moved)}" if moved else ""
    cause = cause_of_derivative(op, list(dots), at, value)
    return Finding(message, op.name, "tangent", op.name, index, place.line, cause, shape_of(y), number)


def cause_of_derivative(op: Primitive, positions: Sequence[int], at: Sequence[Any], value: Any) -> str | None:
    """Return the cause for a cotangent or tangent of which only the operation is known: is its derivative infinite."""
    if isinstance(op, Call):
        return f"debug(grad(f), non_finite=True) looks into what {op.name} does there, and names the operation"
    if at[0] is None:
        return cause_of(op.name, None, at, value) if op.name in SUMS else cause_of("", op.name, at, value)
    finite = all(_slope_is_finite(op, i, at) for i in positions)
    return cause_of("", None if finite else op.name, at, value)


def _slope_is_finite(op: Primitive, i: int, at: Sequence[Any]) -> bool:
    """Whether the derivative of an elementwise operation is finite at a point."""
    y = op.forward(*at)
    return bool(np.isfinite(op.pullback(i, y, list(at), {})(np.ones_like(y))).all())


def name_of_operand(op: Primitive, i: int) -> str:
    """Name an operand."""
    return f"argument {op.argument(i)}" if isinstance(op, Call) else op.argument(i)


def elements_at(op: Primitive, values: Sequence[Array], y: Array, index: tuple[int, ...]) -> list[Any]:
    """Return the operands' elements that belong to one of the result, if the operation is elementwise; else None.

    Parameters
    ----------
    op : Primitive
        The operation.
    values : sequence of arrays
        Its operands.
    y : array
        Its result, or something of that shape.
    index : tuple of int
        Of the element, in the array under all traces.
    """
    traces, within = _batches(y), list(index)
    example = {trace: within.pop(axis) for trace, axis in reversed(traces)}
    if not op.weak or any(trace not in example for x in values for trace, _ in _batches(x)):
        return [None] * len(values)
    shape = np.shape(_of_example(y, example))
    operands = [_of_example(x, example) for x in values]
    fit = all(_fits(np.shape(x), shape) for x in operands)
    return [np.broadcast_to(x, shape)[tuple(within)] if fit else None for x in operands]


def _fits(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether one shape broadcasts to another."""
    last = shape[len(shape) - len(given) :]
    return len(given) <= len(shape) and all(a in (1, b) for a, b in zip(given, last, strict=True))


def _batches(x: Any) -> list[tuple[Batch, int]]:
    """Return the batching traces outside that see a value, the outermost last, each with its axis in the value."""
    found = []
    while type(x) is Tensor:
        if isinstance(x._trace, Batch):
            found.append((x._trace, x._index))
        x = x._value
    return found


def _of_example(x: Any, example: dict[Batch, int]) -> Any:
    """Return what one example has of a value."""
    value = bottom(x)
    for trace, axis in reversed(_batches(x)):
        value = np.take(value, example[trace], axis)
    return value


def operands_at(
    op: Primitive, values: Sequence[Any], at: Sequence[Any], options: dict[str, Any] | None = None,
    index: tuple[int, ...] = (),
) -> str:  # fmt: skip
    """Show the operands: dtype and shape, and what of them the element of the result is made from."""
    parts = [""] * len(values)
    if options is not None and not isinstance(op, Call) and at and at[0] is None:
        parts = _used(op, values, options, index)
    shown = [
        f"{name_of_operand(op, i)}{'' if a is None else f' = {a!s}'} ({dtype_of(x)} {shape_of(x)}){part}"
        for i, (x, a, part) in enumerate(zip(values, at, parts, strict=True))
    ]
    return ", ".join(shown)


def _used(op: Primitive, values: Sequence[Any], options: dict[str, Any], index: tuple[int, ...]) -> list[str]:
    """Show which part of each operand an element of the result is made from: a row of a product, a window of an image.

    That is where the VJP of the element is not zero at a general point.
    """
    rng = np.random.default_rng(0)
    try:
        point = [rng.uniform(1, 2, np.shape(x)).astype(dtype_of(x)) if is_inexact(x) else x for x in values]
        y = op.forward(*point, **options)
        g = np.zeros_like(y)
        g[index] = 1
        return [_part(x, _pulled(op, i, y, point, options, g)) for i, x in enumerate(values)]
    except Exception:  # an operation of the user's, or one that does not take any point
        return [""] * len(values)


def _pulled(op: Primitive, i: int, y: Any, point: list[Any], options: dict[str, Any], g: Any) -> Any:
    if not is_inexact(point[i]):
        return None
    positions, rule = op.joint or ((), None)
    if rule is not None and i in positions:
        return rule(y, *point, **options)(g)[positions.index(i)]
    return op.pullback(i, y, point, options)(g)


def _part(x: Any, x_bar: Any) -> str:
    """Show the part of an operand where a cotangent is not zero."""
    if x_bar is None or np.shape(x_bar) != np.shape(x) or not np.shape(x):
        return ""
    touched = np.nonzero(x_bar)
    if not touched[0].size:
        return ""
    spans = [(int(i.min()), int(i.max()) + 1) for i in touched]
    box = np.asarray(x)[tuple(slice(*span) for span in spans)]
    whole = [":" if (a, b) == (0, n) and n > 1 else str(a) if b == a + 1 else f"{a}:{b}"
             for (a, b), n in zip(spans, np.shape(x), strict=True)]  # fmt: skip
    used = np.asarray(x)[touched]
    if used.size <= 4:
        return f" of which [{', '.join(whole)}] = {' '.join(str(v) for v in used)}"
    span = "" if box.dtype.kind == "c" else f" from {used.min():.4g} to {used.max():.4g}"
    return f" of which [{', '.join(whole)}], {used.size} elements{span}"


def way_from(start: int, steps: Sequence[Step], goals: Sequence[int]) -> list[int]:
    """Return the numbers of the forward steps on the shortest way from a step to a goal, or to the last on its way."""
    before: dict[int, int | None] = {start: None}
    depth = {start: 0}
    maker = dict.fromkeys(steps[start].outputs, start)
    for number in range(start + 1, len(steps)):
        step = steps[number]
        if step.place is not None and step.place.direction == "forward":
            sources = [maker[p] for p in step.inputs if p in maker]
            if sources:
                nearest = min(sources, key=depth.__getitem__)
                before[number], depth[number] = nearest, depth[nearest] + 1
                maker.update(dict.fromkeys(step.outputs, number))
    ends = [maker[p] for p in goals if p in maker]
    at: int | None = ends[0] if ends else max(before)
    way = []
    while at is not None:
        way.append(at)
        at = before[at]
    return way[::-1]


def calls_of(places: Iterator[Place | None]) -> list[tuple[str, str | None]]:
    """Return the calls that steps belong to, each once."""
    calls, last = [], None
    for place in places:
        if place is not None and place.number != last:
            calls.append((place.call, place.line))
            last = place.number
    return calls
