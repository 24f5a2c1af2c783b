"""What a function is made of: the operations that a tiny call of it records."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core.primitive import Primitive
from ...core.recorder import Recorder, Step
from ...core.tensor import Tensor, name_of, shape_of
from ...core.trace import QuietCollector
from ..surface import EXAMPLES
from .calls import CALLS, Call, first_that_works, guesses
from .names import PLACES
from .working import is_floating


class NotRecordedError(Exception):
    """A function cannot be called with Tensors, or nothing is known to call it with; the message says which."""


class Composition(NamedTuple):
    """A recorded call.

    Attributes
    ----------
    function : callable
        Of the arrays alone.
    args : dict of str to array
        These arrays, by name.
    steps : list of Step
        The operations in order; their values have places: first the arrays, then each step's outputs.
    """

    function: Callable[..., Any]
    args: dict[str, Any]
    steps: list[Step]

    @property
    def moving(self) -> list[int]:
        """The arguments to differentiate; none where no operation has a derivative."""
        numeric = [i for i, x in enumerate(self.args.values()) if is_floating(x)]
        return numeric if any(step.op.differentiable for step in self.steps) else []


def compose(name: str, function: Callable[..., Any]) -> Composition:
    """Record a tiny call of a function.

    Parameters
    ----------
    name : str
        As `find` gives it; for another function any.
    function : callable
        Of arrays, and perhaps of settings.

    Raises
    ------
    NotRecordedError
        If no arguments are known with which it could be called, or it refuses Tensors.
    """
    examples = EXAMPLES.get(_full(name))
    if name not in CALLS and examples:
        f, arrays = examples[0]
        return _recorded(f, [f"x{i}" for i in range(len(arrays))] if len(arrays) > 1 else ["x"], arrays)
    call = CALLS.get(name) or first_that_works(function, guesses(_required(function)))
    if call is None:
        raise NotRecordedError("It takes none of the arguments that were tried: vectors, matrices, numbers, images.")
    return _recorded(*_of_arrays(function, call))


def guessed(op: Primitive) -> tuple[Any, ...] | None:
    """Return tiny arguments that a primitive takes, None if none of those that are tried will do."""
    call = first_that_works(op, guesses(_required(op)))
    return None if call is None else call[0]


def _full(name: str) -> str:
    place, _, last = name.rpartition(".")
    return f"{PLACES.get(place, place)}.{last}"


def _required(function: Callable[..., Any]) -> int:
    """Count the positional parameters without default."""
    if isinstance(function, np.ufunc):
        return function.nin
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return max(1, sum(p.default is p.empty for p in positional))


def _of_arrays(function: Callable[..., Any], call: Call) -> tuple[Callable[..., Any], list[str], tuple[Any, ...]]:
    """Return the call as a function of its arrays, their names, and these."""
    args, options = call
    places = [i for i, x in enumerate(args) if isinstance(x, np.ndarray)]

    def of_arrays(*xs: Any) -> Any:
        full = list(args)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        return function(*full, **options)

    names = _names(function, len(args))
    return of_arrays, [names[i] for i in places], tuple(args[i] for i in places)


def _names(function: Callable[..., Any], count: int) -> list[str]:
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return [*names, *[f"x{i}" for i in range(len(names), count)]]


def _recorded(f: Callable[..., Any], names: list[str], arrays: tuple[Any, ...]) -> Composition:
    recorder = Recorder(f"derive({name_of(f)})")
    try:
        with QuietCollector():
            f(*[recorder.watch(x) for x in arrays])
    except Exception as error:
        raise NotRecordedError(f"It cannot be recorded: {type(error).__name__}: {error}") from error
    finally:
        recorder.closed = True
    return Composition(f, dict(zip(names, arrays, strict=True)), recorder.steps)


def step_lines(composition: Composition) -> list[str]:
    """Return a line for each step: "t1 = multiply(x, 0.5)"."""
    names = dict(enumerate(composition.args))
    lines: list[str] = []
    for step in composition.steps:
        for k, place in enumerate(step.outputs):
            names[place] = f"t{len(lines) + 1}" + (f"[{k}]" if len(step.outputs) > 1 else "")
        filled = [names[place] for _, place in step.places]
        given = iter(filled)
        moving = {i for i, _ in step.places}
        args = [next(given) if i in moving else _shown(x) for i, x in enumerate(step.constants)]
        options = [f"{key}={_shown(value)}" for key, value in step.options.items()]
        lines.append(f"t{len(lines) + 1} = {step.op.name}({', '.join([*args, *options])})")
    return lines


def _shown(x: Any) -> str:
    """Write a constant shortly."""
    if isinstance(x, Tensor | np.ndarray) and shape_of(x):
        return f"array{shape_of(x)}"
    if isinstance(x, float | np.floating):
        return f"{float(x):.4g}"
    text = repr(x.item() if isinstance(x, np.generic | np.ndarray) else x)
    return text if len(text) <= 40 else f"{text[:37]}..."
