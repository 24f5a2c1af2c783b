"""Where a value that is not finite was born: the search behind ``debug(f, non_finite=True)``.

A `Look` runs along and costs little. If it finds something, the function runs once more, below an observer that keeps
all values and says where it began, why, and how it leads to the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.observer import Keeper
from ..core.primitive import Primitive
from ..core.recorder import Place, Step
from ..core.stack import shown
from ..core.tape import Tape
from ..core.tensor import Array, Tensor, bottom, shape_of
from ..core.trace import QuietCollector
from .arguments import argument_name, own
from .findings import (
    Finding,
    blame,
    blame_tangent,
    calls_of,
    cause_of_derivative,
    elements_at,
    name_of_operand,
    operands_at,
    way_from,
)  # fmt: skip
from .finite import first, first_non_finite, is_finite, is_inexact, is_on, is_taped, tangents_of, what_at
from .look import Look, Tested

_REST = 10_000  # steps that a function may go on for after the first error, for the way to its result
_SHOWN = 12  # calls on a way
_NAME = __name__.split(".")[0] + "."


class NonFiniteError(ArithmeticError):
    """A value is infinite or not a number. The message says where it was born, from what, and what to do about it.

    Attributes
    ----------
    operation : str
        The name of the primitive that made it; "input" if it was given.
    direction : str
        "forward", "backward" or "tangent": whether a value, a cotangent or a tangent. `of` is the operation whose
        derivative that was, the same one or, where a rule calls others, the one that the rule belongs to.
    index : tuple of int
        Where in the array: the first such element.
    line : str or None
        The user's line, "/path/model.py:12": the first one outside of NumPy and of tinygrad_np but for its models.
    cause : str or None
        The class of cause, with a remedy.
    path : tuple of (str, str or None)
        The calls through which the value, or for a cotangent the operation whose derivative it is, leads to the loss or
        to the function's result, each with its line: the shortest way. Empty if it is not known.
    """

    def __init__(
        self, message: str, operation: str, direction: str = "forward", *, of: str | None = None,
        index: tuple[int, ...] = (), line: str | None = None, cause: str | None = None,
        path: Sequence[tuple[str, str | None]] = (),
    ) -> None:  # fmt: skip
        super().__init__(
            message + (f", at {shown(line, whole=True)}" if line else "") + (f": {cause}" if cause else "") + _way(path)
        )
        self.operation, self.direction, self.of = operation, direction, of or operation
        self.index, self.line, self.cause, self.path = index, line, cause, tuple(path)


def _way(path: Sequence[tuple[str, str | None]]) -> str:
    """Write a path, with file names alone, and without the middle of a long one."""
    if len(path) < 2:
        return ""
    steps = [call + (f" ({shown(line)})" if line else "") for call, line in path]
    if len(steps) > _SHOWN:
        steps[6:-5] = [f"... {len(steps) - 11} more ..."]
    return f"; the way from there to the result: {' -> '.join(steps)}"


def check_non_finite(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call f; raise `NonFiniteError` for the first value that is not finite, its arguments included."""
    look = Look(f, args, kwargs, blame_cotangent)
    try:
        with QuietCollector(), look:
            return look.run()
    except Exception:
        if not look.found:
            raise
    _refuse_inputs(look)
    return search(look)


def _refuse_inputs(look: Look) -> None:
    """Raise for the first input that is not finite, if there is one."""
    given: list[tuple[int | str, Any]] = [*enumerate(look.args), *look.kwargs.items()]
    for key, argument in given:
        name = f"input {argument_name(look.f, key)}"
        if found := first_non_finite(argument):
            raise NonFiniteError(f"{look.origin}: the {name}{found}", "input")
        if found := first_non_finite(argument, of_tangents=True):
            raise NonFiniteError(f"{look.origin}: the tangent of the {name}{found}", "input", "tangent")


class _GoneOnError(ArithmeticError):
    """The function goes on for too long."""


class Search(Keeper):
    """The searching observer.

    An infinity that arises within a derivative rule may be meant: at a pole the rule masks it where no cotangent
    arrives. So it is an error when it leaves the rule: when another operation's rule, or other code, uses it.

    Attributes
    ----------
    found : Finding or None
        The first error. The function goes on then, to tell the way to the loss.
    """

    __slots__ = ("found", "look", "loss", "pending", "since")

    def __init__(self, look: Look) -> None:
        super().__init__(look.origin)
        self.look = look
        self.pending: dict[int, tuple[Finding, Place]] = {}  # values that a rule may still mask
        self.found: Finding | None = None
        self.loss: int | None = None  # the step where the first backward pass began
        self.since = 0

    def conversion_advice(self, target: str) -> str:
        """Say that the function is traced."""
        return self.look.conversion_advice(target)

    def compute(self, op: Primitive, values: list[Array], options: dict[str, Any]) -> Any:
        """Have the cotangents on tapes outside tested, as the look does."""
        if Tensor in map(type, values):
            self.look.count = len(self.steps)
            return self.look.applied(op, values, options)
        return super().compute(op, values, options)

    def pull(self, rule: Place, positions: tuple[int, ...], pullback: Callable[[Any], Any], g: Any) -> Any:
        """Remember where the backward pass began."""
        if self.loss is None:
            self.loss = rule.of
        return super().pull(rule, positions, pullback, g)

    def observe(self, number: int, step: Step, values: list[Array], y: Any) -> None:
        """Test what a step gave, and whether it uses what should have been masked."""
        if self.found is not None:
            self.since += 1
            if self.since > _REST:
                raise _GoneOnError
            return
        place = step.place
        assert place is not None
        inherited = None
        for source in step.inputs:
            if source in self.pending:
                inherited, rule = self.pending[source]
                if not _is_same(rule, place):
                    self.found = inherited
                    return
        for output, yk in zip(step.outputs, y if isinstance(y, tuple) else (y,), strict=True):
            if not is_inexact(yk):
                continue
            if not is_finite(yk):
                users = not self._is_of_library(place)
                finding = inherited or blame(step, values, yk, number, users_rule=users)
                if place.direction == "forward":
                    self.found = finding
                    return
                self.pending[output] = finding, place
            elif not all(map(is_finite, tangents_of(yk))):
                self.found = blame_tangent(step.op, values, yk, number, place)

    def _is_of_library(self, place: Place) -> bool:
        """Whether the rule that runs, if one does, is the library's."""
        of = None if place.of is None else self.steps[place.of].op
        return of is None or (of.name == place.rule and of.key.startswith(_NAME))

    def result(self, y: Any) -> Any:
        """Take the result out of this trace; what a rule left in it is an error."""
        for leaf in tree.leaves(y):
            if self.found is None and type(leaf) is Tensor and leaf._trace is self and leaf._index in self.pending:
                self.found = self.pending[leaf._index][0]
        return self.release(y)

    def goals(self, y: Any) -> list[int]:
        """Return the places where a way may end, the best first: the loss, or else the result."""
        if self.loss is not None:
            return list(self.steps[self.loss].outputs)
        return [leaf._index for leaf in tree.leaves(y) if type(leaf) is Tensor and leaf._trace is self]


def search(look: Look) -> Any:
    """Call the function that a look found something in; raise for it, or return the result if a rule masks it."""
    observer, y = Search(look), None
    try:
        with QuietCollector(), observer:
            args, kwargs = observer.enter((look.args, look.kwargs), numbers=True)
            y = look.f(*args, **kwargs)
            result = observer.result(y)
    except Exception:
        if observer.found is None:
            raise
    if observer.found is not None:
        raise _error(observer.found, observer, observer.goals(y)) from None
    if found := first_non_finite(result):  # which nobody has seen, for no Tensor took part
        raise NonFiniteError(f"{look.origin}: its result{found}, made of constants alone", "result")
    return tree.map(lambda x: look.finish(own(x)), result)


def _is_same(rule: Place, place: Place) -> bool:
    """Whether both places are in one use of a rule."""
    return (rule.of, rule.rule, rule.direction) == (place.of, place.rule, place.direction)


def blame_cotangent(sent: Tested, i: int, x_bar: Any, g: Any) -> None:
    """Raise for a cotangent that the pullback of an operation sends on a tape outside, the i-th it gives.

    The function runs once more, on arrays, for the operation's line and the way from it to the result; or to find that
    it is part of a rule, which may mask what it sends.
    """
    look, op, number = sent.look, sent.op, sent.number
    if found := _first_in(g):
        if sent.place in look.results:
            message = f"{look.origin}: the cotangent that arrives at its result{found}"
            raise NonFiniteError(message, "input", "backward")
        message = f"{look.origin}: the sum of the cotangents that arrive at {op.name}{found}"
        raise NonFiniteError(message, "add", "backward", of=op.name)
    again, goals = _traced_again(look)
    place = None
    if 0 <= number < len(again.steps) and again.steps[number].op.key == op.key:
        place = again.steps[number].place
        if place is not None and place.direction != "forward":
            return
    (index, value), values, shape = first(x_bar), [bottom(x) for x in sent.values], np.shape(bottom(x_bar))
    at = elements_at(op, sent.values, x_bar, index)
    taped = [k for k, x in enumerate(sent.values) if is_on(x, sent.place[0])]
    to = f" for {name_of_operand(op, taped[i])}" if i < len(taped) else ""
    arrived = f", and g = {bottom(g)[index]!s}" if at[0] is not None and shape == np.shape(bottom(g)) else ""
    finding = Finding(
        f"the backward pass of {op.name} gave {what_at(index, value)}{to}, with {operands_at(op, values, at)}{arrived}",
        op.name, "backward", op.name, index, place.line if place else sent.line,
        cause_of_derivative(op, taped[i : i + 1], at, value), shape, number if place else None,
    )  # fmt: skip
    raise _error(finding, again, goals)


def _error(finding: Finding, observer: Search, goals: list[int]) -> NonFiniteError:
    """Make the error, with the way to the result as the observer has seen it."""
    steps, values = observer.steps, observer.values
    way = [] if finding.start is None else way_from(finding.start, steps, goals)
    return NonFiniteError(
        finding.message, finding.operation, finding.direction, of=finding.of, index=finding.index, line=finding.line,
        cause=finding.whole_cause(way, steps, values), path=calls_of(steps[i].place for i in way),
    )  # fmt: skip


def _first_in(g: Any) -> str:
    """Say where cotangents hold the first value that is not finite."""
    return first_non_finite(tree.map(bottom, g))


def _traced_again(look: Look) -> tuple[Search, list[int]]:
    """Run the function of a look once more on what its arguments were, with a tape below where there was one."""
    tape = Tape(look.origin)

    def bare(x: Any) -> Any:
        value = _without_traces(x)
        return tape.watch(value) if is_taped(x) else value

    again, goals = Search(Look(look.f, (), {}, look.blame)), list[int]()
    try:
        with QuietCollector(), again:
            args, kwargs = again.enter(tree.map(bare, (look.args, look.kwargs)), numbers=True)
            goals = again.goals(look.f(*args, **kwargs))
    except Exception:  # it uses what belongs to the traces outside, which are closed; some steps have been made
        pass
    finally:
        tape.closed = True
    return again, goals


def _without_traces(x: Any) -> Any:
    """Return the value of a Tensor; under vmap that of the first example."""
    if type(x) is not Tensor:
        return x
    value = _without_traces(x._value)
    if shape_of(x) != shape_of(value) and isinstance(x._index, int):
        return np.take(value, 0, axis=x._index)
    return value
