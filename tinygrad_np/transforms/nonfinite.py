"""Where a value that is not finite was born: the trace behind ``debug(f, non_finite=True)``."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.calls import Call
from ..core.primitive import Primitive
from ..core.tape import Tape
from ..core.tensor import Array, Tensor, bottom, dtype_of, name_of, outputs_like, shape_of
from ..core.trace import QuietCollector, Trace, compute
from .arguments import argument_name, belongs, leave
from .causes import cause_of
from .custom import grad_tap


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
    """

    def __init__(
        self, message: str, operation: str, direction: str = "forward", *, of: str | None = None,
        index: tuple[int, ...] = (), line: str | None = None, cause: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message + (f", at {line}" if line else "") + (f": {cause}" if cause else ""))
        self.operation, self.direction, self.of = operation, direction, of or operation
        self.index, self.line, self.cause = index, line, cause


class Rule(NamedTuple):
    """The use of a derivative rule: of which operation, and what tells it from other uses."""

    op: Primitive
    direction: str
    owner: Any
    number: int

    def is_same(self, other: Rule | None) -> bool:
        """Whether it is the same use."""
        return other is not None and self.owner is other.owner and self.number == other.number


class Place(NamedTuple):
    """Where in a program an operation runs."""

    line: str | None
    rule: Rule | None


class Origin(NamedTuple):
    """What is known of a value that is not finite, and the rule that may still mask it."""

    error: NonFiniteError
    rule: Rule


class Checker(Trace):
    """The checking trace: a Tensor's index is None, or the `Origin` of a value that is not finite.

    It lies below the traces inside of the function, so their rules run on its Tensors and it sees what they compute. An
    infinity that arises within a rule may be meant: at a pole the rule masks it where no cotangent arrives. So it is an
    error when it leaves the rule: when another operation's rule, or other code, uses it.
    """

    __slots__ = ("lines",)

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.lines: dict[tuple[int, int], str | None] = {}  # of the entries of the tapes above, by level and number

    def watch(self, x: Any) -> Any:
        """Make a Tensor of what can be non-finite."""
        return Tensor(x, self, None) if _is_inexact(x) else x

    def conversion_advice(self, target: str) -> str:
        """Say that the function is traced."""
        return f"{self.origin} traces the function as grad does; call debug on the part without {target}()."

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down and check what it gives."""
        values, place = self.lower(op, args), self._place(sys._getframe(1))
        inherited = None
        for a in args:
            if type(a) is Tensor and a._trace is self and a._index is not None:
                inherited = a._index
                if not inherited.rule.is_same(place.rule):
                    raise inherited.error
        if place.rule is None and Tensor in map(type, values):
            values = [_tapped(op, i, values, place.line) for i in range(len(values))]
        y = _hand_on(op, values) if isinstance(op, Call) else compute(op, values, options)
        if not isinstance(y, tuple):
            return self._checked(op, values, y, place, inherited)
        return outputs_like(y, [self._checked(op, values, yk, place, inherited) for yk in y])

    def _checked(self, op: Primitive, values: list[Array], y: Any, place: Place, inherited: Origin | None) -> Any:
        if not _is_inexact(y):
            return y
        if _is_finite(y):
            return Tensor(y, self, None)
        if place.rule is None:
            raise _blame(op, values, y, place)
        error = inherited.error if inherited else _blame(op, values, y, place)
        return Tensor(y, self, Origin(error, place.rule))

    def release(self, x: Any) -> Any:
        """Take a Tensor of this trace out of it."""
        if belongs(x, self) and x._index is not None:
            raise x._index.error
        return leave(x, self)

    def _place(self, frame: FrameType | None) -> Place:
        """Walk up the stack from an operation: find the user's line, and the derivative rule that called it if any.

        A rule runs long after the line that is to blame for it, so the lines of tape entries are remembered.
        """
        line: str | None = None
        rule: Rule | None = None
        entered: list[tuple[int, int]] = []
        below: CodeType | None = None
        while frame is not None and not (rule and line) and frame.f_code is not _CHECKED:
            code = frame.f_code
            if code is _PROCESS:
                tape = frame.f_locals["self"]
                entered.append((tape.level, len(tape.entries)))
                if below not in _CALLS:
                    rule = rule or Rule(frame.f_locals["op"], "backward", tape, len(tape.entries))
            elif code is _BACKWARD:
                tape, number = frame.f_locals["self"], len(frame.f_locals["entries"])
                rule = rule or Rule(frame.f_locals["op"], "backward", tape, number)
                line = line or self.lines.get((tape.level, number))
            elif code in _PUSHFORWARDS:
                rule = rule or Rule(frame.f_locals["self"], "tangent", frame.f_locals["y"], 0)
            if line is None and not _is_library(code.co_filename):
                line = f"{code.co_filename}:{frame.f_lineno}"
            below, frame = code, frame.f_back
        for entry in entered:
            self.lines[entry] = line
        return Place(line, rule)


def check_non_finite(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call f; raise `NonFiniteError` for the first value that is not finite, its arguments included."""
    checker = Checker(f"debug({name_of(f)})")
    given: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    for key, argument in given:
        if found := first_non_finite(argument):
            raise NonFiniteError(f"{checker.origin}: the input {argument_name(f, key)}{found}", "input")
    args, kwargs = tree.map(checker.watch, (args, kwargs))
    try:
        with QuietCollector():
            return tree.map(lambda x: _tap_result(checker.release(x), checker.origin), f(*args, **kwargs))
    finally:
        checker.closed = True


_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
_LIBRARY = (os.path.join(os.path.dirname(np.__file__), ""), _PACKAGE)
_MODELS = os.path.join(_PACKAGE, "models", "")  # which are written as a user would write them
_CHECKED, _CALLS = check_non_finite.__code__, (Primitive.__call__.__code__, Call.__call__.__code__)
_PROCESS, _BACKWARD = Tape.process.__code__, Tape.backward.__code__
_PUSHFORWARDS = (Primitive.pushforwards.__code__, Call.pushforwards.__code__)


def _is_library(path: str) -> bool:
    return path.startswith(_LIBRARY) and not path.startswith(_MODELS)


def first_non_finite(x: Any) -> str:
    """Say where a tree holds its first value that is not finite: "['w'] holds nan at [0, 2]"; "" if it holds none."""
    leaves, structure = tree.flatten(x)
    for path, leaf in zip(structure.paths, leaves, strict=True):
        if _is_inexact(leaf) and not _is_finite(leaf):
            index, value = _first(bottom(leaf))
            return f"{path} holds {value}" + (f" at {list(index)}" if index else "")
    return ""


def _is_inexact(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic | Tensor | float | complex) and dtype_of(x).kind in "fc"


def _is_finite(x: Array) -> bool:
    return bool(np.isfinite(bottom(x)).all())


def _first(x: Any) -> tuple[tuple[int, ...], Any]:
    """Index and value of the first element that is not finite."""
    place = np.unravel_index(int(np.argmin(np.isfinite(x))), np.shape(x)) if np.shape(x) else ()
    index = tuple([int(i) for i in place])
    return index, np.asarray(x)[index]


def _hand_on(call: Call, values: Sequence[Array]) -> tuple[Any, ...]:
    """Have older traces process the call itself: they shall use its rules, not see the code behind them."""
    if Tensor not in map(type, values):
        return call.forward(*values)
    again = copy.copy(call)
    again.leaves, again.args = list(values), tree.unflatten(call.structure, values)
    y = again.apply()
    call.out_structure = again.out_structure
    return tuple(tree.leaves(y))


def _elements(op: Primitive, values: Sequence[Array], index: tuple[int, ...], shape: tuple[int, ...]) -> list[Any]:
    """Return the operands' elements that belong to one of the result, if the operation is elementwise; else None."""
    fit = op.weak and all(shape == np.broadcast_shapes(shape, shape_of(x)) for x in values)
    return [np.broadcast_to(bottom(x), shape)[index] if fit else None for x in values]


def _blame(op: Primitive, values: Sequence[Array], y: Array, place: Place) -> NonFiniteError:
    """Make the error for what an operation gave."""
    index, value = _first(bottom(y))
    rule = place.rule
    part = f"the {rule.direction} pass of {rule.op.name}: " if rule else ""
    for i, x in enumerate(values):
        if _is_inexact(x) and not _is_finite(x):
            message = f"{part}{op.name}: its operand {_name(op, i)}{first_non_finite(x)}, made from no input"
            advice = "a constant that is not finite; leave it out or bound it"
            return _error(message, op, rule, index, place.line, advice)
    at = _elements(op, values, index, shape_of(y))
    return _error(
        f"{part}{op.name} gave {_what(value, index)} from {_operands(op, values, at)}",
        op, rule, index, place.line, cause_of(op.name, rule and rule.op.name, at, value),
    )  # fmt: skip


def _error(
    message: str, op: Primitive, rule: Rule | None, index: tuple[int, ...], line: str | None, cause: str | None
) -> NonFiniteError:
    direction, of = (rule.direction, rule.op.name) if rule else ("forward", None)
    return NonFiniteError(message, op.name, direction, of=of, index=index, line=line, cause=cause)


def _what(value: Any, index: tuple[int, ...]) -> str:
    return f"{value}" + (f" at {list(index)}" if index else "")


def _name(op: Primitive, i: int) -> str:
    if isinstance(op, Call):
        return f"argument {op.structure.paths[i]}"
    return f"{op.arrays[0]}[{i}]" if op.variadic else op.arrays[i]


def _operands(op: Primitive, values: Sequence[Array], at: Sequence[Any]) -> str:
    """Show the operands: the element, if one belongs to the result, dtype and shape."""
    shown = [(_name(op, i), "" if a is None else f" = {a}", x) for i, (x, a) in enumerate(zip(values, at, strict=True))]
    return ", ".join(f"{name}{element} ({dtype_of(x)} {shape_of(x)})" for name, element, x in shown)


def _tapped(op: Primitive, i: int, values: Sequence[Array], line: str | None) -> Array:
    """Have the cotangent that an operation sends to an operand checked, if a tape outside watches that."""
    x = values[i]
    if not _is_taped(x):
        return x
    below = [bottom(v) for v in values]

    def check(g: Any) -> None:
        if not _is_finite(g):
            index, value = _first(bottom(g))
            at = _elements(op, below, index, np.shape(bottom(g)))
            message = f"the backward pass of {op.name} gave {_what(value, index)} for {_name(op, i)}, with "
            cause = cause_of("", op.name, at, value)
            raise NonFiniteError(
                message + _operands(op, below, at), op.name, "backward", index=index, line=line, cause=cause
            )

    return grad_tap(x, check)


def _tap_result(y: Any, origin: str) -> Any:
    """Have the cotangent that arrives from outside checked, so that no operation inside is blamed for it."""

    def check(g: Any) -> None:
        if found := first_non_finite(bottom(g)):
            raise NonFiniteError(f"{origin}: the cotangent that arrives at its result{found}", "input", "backward")

    return grad_tap(y, check) if _is_taped(y) else y


def _is_taped(x: Any) -> bool:
    """Whether a tape watches a value."""
    while type(x) is Tensor:
        if isinstance(x._trace, Tape):
            return dtype_of(x).kind in "fc"
        x = x._value
    return False
