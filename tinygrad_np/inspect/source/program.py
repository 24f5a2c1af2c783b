"""A recording as straight-line Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core import tree
from ...core.recorder import Place, Step
from ...core.stack import shown
from ...core.tensor import Tensor, dtype_of, shape_of
from ...transforms.arguments import as_kind_of
from . import syntax
from .definitions import Definitions
from .layout import assigned
from .recording import Recorded

_BACKWARD = "# -- backward: x_bar is the derivative of the loss with respect to x -------------------------------------"


class _Text(str):
    """An expression that stands in a tree of results."""

    __slots__ = ()


class Program:
    """The lines of a program for a recorded call.

    Attributes
    ----------
    name : str
        Of the function that the text defines.
    definitions : Definitions
        What stands before it; of these the `saved` are keyword-only parameters of the function.
    """

    def __init__(self, recorded: Recorded) -> None:
        self.recorded, self.name = recorded, "value_and_grad"
        self.places: dict[int, str] = {}  # to expressions
        self.arrays: set[str] = set()  # names of what is an ndarray
        self.needed = _needed(recorded)
        parameters = [f"{name}_" if name == "np" else name for name in recorded.parameters]
        self.definitions = Definitions({self.name, "loss", *parameters, *_numbered(recorded.values)})
        self.parameters = dict(zip(recorded.parameters, parameters, strict=True))
        self.unpacking = list(self._unpack())
        for place, name in recorded.captives.items():
            if place in self.needed:  # an array that f captured, or the 1 that the backward pass starts from
                self._let(place, self.definitions.expression(recorded.values[place], name))
        self._name_results()
        self.steps = list(self._write_steps())

    def text(self) -> str:
        """Return the whole text."""
        result = self._result()
        outside = self.definitions.needed_by_definitions()
        saved = "".join(f", {name}" for name in self.definitions.saved if name not in outside)
        head = f"def {self.name}({', '.join(self.parameters.values())}{', *' + saved if saved else ''}):"
        about = f'"""Return the value and the gradient of {self.recorded.name}, recorded."""'
        body = [about, *self.unpacking, *self.steps, *result]
        opening = ["# Recorded by tinygrad_np.inspect.backward_source: good for arrays of the shapes and dtypes noted."]
        if outside:
            opening.append(f"# Have no text, and are to be defined before: {', '.join(outside)}.")
        written = "\n".join(f"    {line}" if line else "" for line in body)
        return "\n".join([*opening, "", *self.definitions.lines(written), "", "", head, written, ""])

    def _let(self, place: int, name: str) -> None:
        self.places[place] = name
        if type(self.recorded.values[place]) is np.ndarray:
            self.arrays.add(name)

    def _unpack(self) -> Iterator[str]:
        """Give names to the arrays among the arguments."""
        for place, parameter, path in self.recorded.inputs:
            if place not in self.needed:
                continue
            own = self.parameters[parameter]
            value = self.recorded.values[place]
            note = f"  # {_like(value)}"
            if not path:
                self._let(place, own)
                yield f"# {own} is {_like(value)}"
            else:
                name = self.definitions.name(own + path)
                self._let(place, name)
                yield f"{name} = {own}{path}{note}"
        for static in self.recorded.statics:
            yield f"# {static}, as part of this text"

    def _name_results(self) -> None:
        """Give what is returned the names that it has in mathematics: loss, and x_bar for the cotangent of x."""
        value, gradient = self.recorded.result
        for leaf in tree.leaves(value)[:1]:
            self._name(leaf, "loss")
        for parameter, part in zip(self.recorded.wanted, (gradient,) if self.recorded.one else gradient, strict=True):
            for path, leaf in zip(tree.structure(part).paths, tree.leaves(part), strict=True):
                self._name(leaf, self.definitions.name(f"{syntax.identifier(parameter + path)}_bar"))

    def _name(self, leaf: Any, name: str) -> None:
        if type(leaf) is Tensor and leaf._index not in self.places:
            self._let(leaf._index, name)

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _write_steps(self) -> Iterator[str]:
        """Write a line for each step that is needed, and a comment where another operation's begin."""
        before: Any = None
        count = 0
        for number, step in enumerate(self.recorded.steps):
            if self.needed.isdisjoint(step.outputs):
                continue
            belongs = _belonging(step.place)
            if belongs != before:
                if belongs.startswith("backward") and not (before or "").startswith("backward"):
                    yield from ("", _BACKWARD)
                yield from ("", f"# {belongs}") if belongs else ("",)
                before = belongs
            expression = self._call(step)
            for place in step.outputs:
                if place not in self.places and place in self.needed:
                    count += 1
                    self._let(place, f"v{count}")
            names = [self.places.get(place, "_") for place in step.outputs]
            target = ", ".join(names) + "," * (len(names) == 1 and number in self.recorded.tuples)
            yield from assigned(target, expression, self._shapes(step))

    def _shapes(self, step: Step) -> str:
        values = [self.recorded.values[place] for place in step.outputs if place in self.needed]
        return ", ".join(dict.fromkeys(str(shape_of(value)) for value in values))

    def _call(self, step: Step) -> str:
        args = [self.definitions.expression(x, "constant") for x in step.constants]
        for i, place in step.places:
            args[i] = self.places[place]
        expression = self.definitions.call(step.op, args, step.options, self.arrays)
        weak = len(step.outputs) == 1 and type(self.recorded.values[step.outputs[0]]) is float
        return f"float({expression})" if weak else expression

    # -- the result ----------------------------------------------------------------------------------------------------

    def _result(self) -> list[str]:
        """Write what is returned; of a dictionary that is long, each entry on a line."""
        value, gradient = self.recorded.result
        value, gradient = self._tree(value), tree.map(self._derivative, gradient, self.recorded.primals)
        names = [self.parameters[name] for name in self.recorded.wanted]
        wanted = [gradient] if self.recorded.one else gradient
        each = [self._tree(x, name) for x, name in zip(wanted, names, strict=True)]
        line = f"return {value}, {each[0] if self.recorded.one else _tuple(each)}"
        if len(line) < 116 or type(gradient) is not dict:
            return ["", line]
        entries = [
            f"    {self.definitions.expression(key)}: {self._tree(part, f'{names[0]}[{key!r}]')},"
            for key, part in gradient.items()
        ]
        return ["", f"return {value}, {{", *entries, "}"]

    def _derivative(self, leaf: Any, x: Any) -> Any:
        """Write a derivative as the kind of what it belongs to: an array for an array, a number for a number."""
        if type(leaf) is not Tensor:
            return as_kind_of(x, leaf)
        name, kind = self.places[leaf._index], type(x)
        if type(self.recorded.values[leaf._index]) is kind:
            return _Text(name)
        return _Text(f"{'np.asarray' if kind is np.ndarray else self.definitions.expression(kind)}({name})")

    def _tree(self, x: Any, like: str | None = None) -> str:
        """Return the expression of a tree of results; `like` is that of the argument whose derivative it is."""
        if type(x) is _Text:
            return x
        if type(x) is Tensor:
            return self.places[x._index]
        parts = tree.children(x)
        if parts is None:
            return self.definitions.expression(x, "result")
        step = "[{!r}]" if type(x) in (dict, list, tuple) else ".{}"
        each = {key: self._tree(part, like and like + step.format(key)) for key, part in parts.items()}
        if type(x) is dict:
            return "{" + ", ".join(f"{self.definitions.expression(key)}: {part}" for key, part in each.items()) + "}"
        if type(x) is list:
            return f"[{', '.join(each.values())}]"
        if type(x) is tuple:
            return _tuple(list(each.values()))
        fields = ", ".join(f"{key}={part}" for key, part in each.items())
        if like is None:
            return f"{self.definitions.keep(type(x), type(x).__name__)}({fields})"
        if isinstance(x, tuple):
            return f"{like}._replace({fields})"
        return f"{self.definitions.reference(dataclasses.replace)}({like}, {fields})"


def _tuple(parts: list[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _needed(recorded: Recorded) -> set[int]:
    """Return the places of values that the result depends on."""
    needed = {leaf._index for leaf in tree.leaves(recorded.result) if type(leaf) is Tensor}
    for step in reversed(recorded.steps):
        if not needed.isdisjoint(step.outputs):
            needed.update(step.inputs)
    return needed


def _numbered(values: list[Any]) -> Iterator[str]:
    return (f"v{i}" for i in range(1, len(values) + 1))


def _belonging(place: Place | None) -> str:
    """Say whose operation it is and where the user wrote it."""
    if place is None:
        return ""
    part = {"forward": "", "backward": "backward of ", "tangent": "tangent of "}[place.direction]
    return f"{part}{place.call}" + (f", {shown(place.line)}" if place.line else "")


def _like(x: Any) -> str:
    return f"{shape_of(x)} {dtype_of(x)}" if isinstance(x, np.ndarray) else f"a {type(x).__name__}"
