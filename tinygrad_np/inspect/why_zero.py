"""Why a parameter gets no gradient: a small change of it is followed through the program, to where it dies.

A gradient that is exactly zero says that no change of the parameter changes the loss. So random changes of all elements
whose gradient is zero are pushed forward, operation by operation, and each operation is noted that takes a change and
gives none: there is the reason, with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core import tree
from ..core.recorder import Step
from ..core.stack import shown
from ..core.tensor import dtype_of, name_of, shape_of
from ..core.trace import QuietCollector
from ..transforms.arguments import argument_name, belongs, call, leaves_of
from ..transforms.forward import jvp
from ..transforms.reverse import grad, vjp
from .program import Program, refuse_tensors, the_argument
from .zero_reasons import Stop, called, say


@dataclass(frozen=True)
class Reason:
    """Where and why the influence of a parameter ends.

    Attributes
    ----------
    kind : str
        "stopped", "not differentiable", "dead", "saturated", "masked", "times zero", "not selected", "cancelled",
        "zero rule", "unused" or "underflow".
    operation : str or None
        The primitive; None if there is none.
    line : str or None
        Its line, "/path/model.py:12".
    text : str
        A sentence.
    path : tuple of (str, str or None)
        The calls from the parameter to there, each with its line.
    """

    kind: str
    operation: str | None
    line: str | None
    text: str
    path: tuple[tuple[str, str | None], ...] = ()

    def __str__(self) -> str:
        way = " -> ".join(call + (f" ({shown(line)})" if line else "") for call, line in self.path)
        return f"{self.kind}: {self.text}" + (f"\n        by way of {way}" if len(self.path) > 1 else "")


@dataclass(frozen=True)
class Zero:
    """A parameter, or a part of one, whose gradient is exactly zero.

    Attributes
    ----------
    name : str
        "params['w']".
    shape : tuple of int
        Of the parameter.
    part : str
        "" if it is zero everywhere, else where: "[:, (3, 7)]", units 3 and 7 of the last axis.
    reasons : tuple of Reason
        In the order of the program; what stops the changes of some units only comes last.
    """

    name: str
    shape: tuple[int, ...]
    part: str
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        where = f"{self.part}: zero there" if self.part else ": zero everywhere"
        return "\n    ".join([f"{self.name} {self.shape}{where}", *map(str, self.reasons)])


@dataclass(frozen=True)
class WhyZero:
    """What `why_zero` found; it prints as text.

    Attributes
    ----------
    origin : str
        "why_zero(loss)".
    leaves : int
        How many parameters were looked at.
    zeros : tuple of Zero
        Those that get no gradient, and rows, filters and units of others that get none.
    """

    origin: str
    leaves: int
    zeros: tuple[Zero, ...]

    def __repr__(self) -> str:
        whole = sum(not zero.part for zero in self.zeros)
        parts = len({zero.name for zero in self.zeros if zero.part})
        also = f", {parts} in part" if parts else ""
        head = f"{self.origin}: {whole} of {self.leaves} parameters get no gradient{also}"
        return "\n\n".join([head, *map(str, self.zeros)])


def why_zero(f: Callable[..., Any], argnum: int | str = 0, has_aux: bool = False) -> Callable[..., WhyZero]:
    """Return a function that says why parameters of f get no gradient, or one that is exactly zero.

    Parameters
    ----------
    f : callable
        Returns a real scalar, as for `grad`; with `has_aux` a pair (scalar, auxiliary data).
    argnum : int or str
        The argument with the parameters, a tree of floating-point arrays.
    has_aux : bool
        See f.

    Returns
    -------
    callable
        Of f's arguments; it returns a `WhyZero`.

    Raises
    ------
    TypeError
        For Tensors among the arguments; for parameters that are no floating-point arrays.

    Notes
    -----
    A parameter is told if its whole gradient is zero, and so are its slices along the first and the last two axes:
    rows, filters, units. The gradient is computed once, f runs once more, and then the operations behind each such
    parameter once in forward mode.

    Examples
    --------
    >>> from tinygrad_np import stop_gradient
    >>> why_zero(lambda w: np.sum(stop_gradient(w) ** 2))(np.ones(2)).zeros[0].reasons[0].kind
    'stopped'
    """
    origin = f"why_zero({name_of(f)})"

    def ask(*args: Any, **kwargs: Any) -> WhyZero:
        refuse_tensors((args, kwargs), origin)
        key = the_argument(f, argnum, args, kwargs, origin)
        leaves, structures = leaves_of(f, [key], [kwargs[key] if isinstance(key, str) else args[key]], origin)
        gradient = grad(f, argnum, has_aux)(*args, **kwargs)
        bars = tree.leaves(gradient[0] if has_aux else gradient)
        program = Program(origin)
        with QuietCollector(), program:
            tensors = program.enter(leaves, numbers=True)
            y, _ = call(f, program, tensors, structures, [key], args, kwargs, has_aux)
            program.result = y._index if belongs(y, program) else -1
        names = [argument_name(f, key) + path for path in structures[0].paths]
        zeros = []
        with QuietCollector():
            for place, (name, leaf, bar) in enumerate(zip(names, leaves, bars, strict=True)):
                for part, mask in _zero_parts(np.asarray(bar)):
                    zeros.append(Zero(name, shape_of(leaf), part, tuple(_reasons(program, place, leaf, mask))))
        return WhyZero(origin, len(leaves), tuple(zeros))

    return ask


def _zero_parts(bar: Any) -> Iterator[tuple[str, Any]]:
    """Give the parts of a gradient that are zero, as text and as a mask: the whole, or slices along some axes."""
    if not bar.size:
        return
    zero = bar == 0
    if zero.all():
        yield "", zero
        return
    for axis in sorted({0, bar.ndim - 2, bar.ndim - 1} & set(range(bar.ndim))):
        found = zero.all(tuple(i for i in range(bar.ndim) if i != axis))
        if found.any():
            where = np.flatnonzero(found)
            shape = [1] * bar.ndim
            shape[axis] = -1
            index = [":"] * axis + [_listed(where, found.size)] + [":"] * (bar.ndim - axis - 1)
            yield f"[{', '.join(index)}]", np.broadcast_to(found.reshape(shape), bar.shape)


def _listed(where: Any, size: int) -> str:
    """Write indices as they stand in an index."""
    if where.size == 1:
        return str(where[0])
    return f"({', '.join(map(str, where[:8]))}" + (f", ... {where.size} of {size})" if where.size > 8 else ")")


def _reasons(program: Program, place: int, leaf: Any, mask: Any) -> list[Reason]:
    """Follow a change of a leaf's elements to where it ends."""
    rng = np.random.default_rng(0)
    change = np.where(mask, rng.uniform(1, 2, shape_of(leaf)) * rng.choice([-1, 1], shape_of(leaf)), 0)
    dots: dict[int, Any] = {place: change.astype(dtype_of(leaf))}
    came: dict[int, int] = {}  # the step that made a value of `dots`
    stops: list[tuple[int, Stop]] = []
    used: set[int] = set()
    for number, step in enumerate(program.steps):
        moving = [(i, p) for i, p in step.places if p in dots]
        if not moving:
            continue
        used.update(p for _, p in moving)
        moved = push(program, step, {i: dots[p] for i, p in moving})
        alive = {p: d for p, d in zip(step.outputs, moved, strict=True) if d is not None and np.any(d)}
        dots.update(alive)
        came.update(dict.fromkeys(alive, number))
        stop = Stop(step, program.operands(step), {i: dots[p] for i, p in moving}, moved)
        if not alive or stop.dead_units() is not None:
            stops.append((number, stop))
    if program.result in dots:
        return [_survived(dots[program.result], leaf)]
    if any(stop.whole and not stop.is_test for _, stop in stops):
        stops = [(n, stop) for n, stop in stops if not stop.is_test]  # x > 0 has none, but neither is it the reason
    stops.sort(key=lambda numbered: not numbered[1].whole)
    found = list(dict.fromkeys(_reason(program, number, stop, came) for number, stop in stops))
    return found or [_unused(program, place, [p for p in dots if p not in used], came)]


def _reason(program: Program, number: int, stop: Stop, came: dict[int, int]) -> Reason:
    where = program.steps[number].place
    kind, text = say(stop)
    source = next(p for i, p in stop.step.places if i in stop.dots)
    return Reason(kind, stop.step.op.name, where and where.line, text, _path(program, source, came, number))


def _survived(y_dot: Any, leaf: Any) -> Reason:
    """Say why a change reaches the result where the gradient is zero: only by rounding."""
    size, dtype = f"{np.asarray(y_dot).item():.3g}", dtype_of(leaf)
    if abs(y_dot) > np.finfo(dtype).tiny / np.finfo(dtype).eps ** 2:
        return Reason("cancelled", None, None, f"the changes cancel in the result, but for rounding ({size})")
    text = f"a change reaches the result as {size}, and the gradient rounds to 0 in {dtype}; scale the loss"
    return Reason("underflow", None, None, text)


def _unused(program: Program, place: int, ends: Sequence[int], came: dict[int, int]) -> Reason:
    """Say that nothing uses a parameter, or what is made of it."""
    if ends == [place] or not ends:
        return Reason("unused", None, None, "no operation uses it")
    path = _path(program, ends[-1], came)
    made, line = path[-1]
    text = f"nothing that leads to the result uses what {made} makes of it{f' at {shown(line)}' if line else ''}"
    return Reason("unused", program.steps[came[ends[-1]]].op.name, line, text, path)


def _path(program: Program, place: int, came: dict[int, int], *last: int) -> tuple[tuple[str, str | None], ...]:
    """Return the calls from the parameter to a value, and to the step that takes it last."""
    numbers = [*last]
    while place in came:
        numbers.append(came[place])
        place = next((p for p in program.steps[came[place]].inputs if p in came), -1)
    places = [program.steps[n].place for n in reversed(numbers)]
    calls = {p.number: (called(program.steps[n]), p.line) for n, p in zip(reversed(numbers), places, strict=True) if p}
    return tuple(calls.values())


def push(program: Program, step: Step, dots: dict[int, Any]) -> list[Any]:
    """Return the tangents of a step's outputs, for those of some of its arguments; None for what has none."""
    if not step.op.differentiable:
        return [None] * len(step.outputs)
    operands = program.operands(step)

    def run(*moving: Any) -> Any:
        args = list(operands)
        for i, x in zip(dots, moving, strict=True):
            args[i] = x
        y = step.function(*args, **step.options)
        return tuple(y) if isinstance(y, tuple) else (y,)

    primals, tangents = [operands[i] for i in dots], list(dots.values())
    try:
        y, moved = jvp(run, primals, tangents)
    except TypeError:  # a user's primitive without a JVP rule: transpose its pullback
        y, pullback = vjp(run, *primals)
        moved = vjp(pullback, tree.map(np.zeros_like, y))[1](tuple(tangents))[0]
    return [d if dtype_of(yk).kind in "fc" else None for yk, d in zip(y, moved, strict=True)]
