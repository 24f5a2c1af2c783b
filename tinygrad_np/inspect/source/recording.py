"""A call of a function and of its derivative, recorded with everything that a printed program needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.observer import Keeper
from ...core.recorder import Place, Step
from ...core.tensor import Array, Tensor, name_of, parameter_names
from ...core.trace import QuietCollector
from ...transforms.arguments import Argnums, resolve
from ...transforms.reverse import value_and_grad

_ARRAYS = (np.ndarray, np.generic)


class Input(NamedTuple):
    """An array among the arguments: its place, the parameter it belongs to, and the path to it from there."""

    place: int
    parameter: str
    path: str


class SourceRecorder(Keeper):
    """The observer that keeps every value, integers too, so that nothing but constants is outside of the program."""

    all_kinds = True
    __slots__ = ("captives", "inputs", "statics", "tuples")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.captives: dict[int, Tensor] = {}
        self.tuples: set[int] = set()  # the steps that return one
        self.inputs: list[Input] = []
        self.statics: list[str] = []

    def take(self, name: str, argument: Any, *, numbers: bool) -> Any:
        """Make inputs of the arrays in an argument, and of Python's numbers where these are differentiated."""
        leaves, structure = tree.flatten(argument)
        watched = []
        for leaf, path in zip(leaves, structure.paths, strict=True):
            if isinstance(leaf, _ARRAYS) or (numbers and type(leaf) in (float, complex)):
                self.inputs.append(Input(self.size, name, path))
                leaf = self.follow(leaf)
            elif leaf is not None:
                self.statics.append(f"{name}{path} is {leaf!r:.60}".replace("\n", " "))
            watched.append(leaf)
        return tree.unflatten(structure, watched)

    def captured(self, x: Array) -> Array:
        """Make a Tensor of an array that the function captured, so that what rules compute from it is recorded."""
        if id(x) not in self.captives:
            self.captives[id(x)] = self.follow(x)
        return self.captives[id(x)]

    def pull(self, rule: Place, positions: tuple[int, ...], pullback: Callable[[Any], Any], g: Any) -> Any:
        """Run a pullback; of the loss's own cotangent, the 1 that the pass starts from, make a Tensor too."""
        return pullback(self.captured(g) if isinstance(g, _ARRAYS) else g)

    def observe(self, number: int, step: Step, values: list[Array], y: Any) -> None:
        """Note which steps return a tuple; it may be one of a single array. Refuse what no text can hold."""
        _refuse_foreign(values, f"{self.origin}: {step.op.name} takes")
        if isinstance(y, tuple):
            self.tuples.add(number)

    def conversion_advice(self, target: str) -> str:
        """Say that a program has no values."""
        return (
            f"{self.origin} records operations, not values: return the Tensor, or pass what decides as a Python number."
        )


class Recorded(NamedTuple):
    """A recorded call.

    Attributes
    ----------
    name : str
        The function's.
    parameters : list of str
        Names of the arguments.
    wanted : list of str
        Those of the arguments that are differentiated.
    one : bool
        Whether the gradient is that of one argument rather than a tuple.
    inputs : list of Input
        The arrays among all of them.
    statics : list of str
        What else is among them, and is part of the text.
    primals : tree
        The arguments that are differentiated, like the gradient.
    captives : dict
        Place to name of the arrays that the function captured.
    steps : list of Step
        What it did, forward and backward.
    tuples : set of int
        Which of them return a tuple.
    values : list
        What stood in each place.
    result : tuple
        ``(value, gradient)``, as `value_and_grad` returns it; recorded values are Tensors, whose index is a place.
    """

    name: str
    parameters: list[str]
    wanted: list[str]
    one: bool
    inputs: list[Input]
    statics: list[str]
    primals: Any
    captives: dict[int, str]
    steps: list[Step]
    tuples: set[int]
    values: list[Any]
    result: Any


def record(
    f: Callable[..., Any], argnums: Argnums, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Recorded:
    """Run ``value_and_grad(f)`` and write down all that it does."""
    origin = f"backward_source({name_of(f)})"
    names = [*_names(f, len(args)), *kwargs]
    keys, one = resolve(f, argnums, args, kwargs, origin)
    moving = [key if isinstance(key, int) else len(args) + list(kwargs).index(key) for key in keys]
    recorder = SourceRecorder(origin)
    arguments = (*args, *kwargs.values())
    _refuse_foreign(tree.leaves(arguments), f"{origin}: an argument is")
    given = [recorder.take(*pair, numbers=i in moving) for i, pair in enumerate(zip(names, arguments, strict=True))]
    positional, by_name = given[: len(args)], dict(zip(kwargs, given[len(args) :], strict=True))
    with recorder, QuietCollector():
        result = value_and_grad(f, argnums, has_aux)(*positional, **by_name)
    captives = {t._index: _captured_name(f, recorder.values[t._index]) for t in recorder.captives.values()}
    primals = tuple(arguments[i] for i in moving)
    return Recorded(
        name_of(f), names, [names[i] for i in moving], one, recorder.inputs, recorder.statics,
        primals[0] if one else primals, captives, recorder.steps, recorder.tuples, recorder.values, result,
    )  # fmt: skip


def _refuse_foreign(values: Iterable[Any], what: str) -> None:
    for x in values:
        if type(x) is Tensor:
            raise TypeError(f"{what} a Tensor of {x._trace.origin}; record the outermost function instead.")


def _names(f: Callable[..., Any], count: int) -> list[str]:
    names = parameter_names(f)[:count]
    return names + [f"x{i}" for i in range(len(names), count)]


def _captured_name(f: Callable[..., Any], x: Any) -> str:
    """Return the name by which a function knows an array that it captured."""
    f = inspect.unwrap(f)
    try:
        known = inspect.getclosurevars(f)
    except TypeError:
        return "captured"
    return next((name for name, value in {**known.globals, **known.nonlocals}.items() if value is x), "captured")
