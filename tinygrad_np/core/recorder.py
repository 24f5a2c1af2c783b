"""The recording trace: a call of a function as a straight-line program of primitives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .calls import Call
from .primitive import Primitive
from .tensor import Array, Tensor, outputs_like
from .trace import Trace, compute


class Place(NamedTuple):
    """Where in a program an operation runs, as an `Observer` sees it.

    Attributes
    ----------
    line : str or None
        The user's line, "/path/model.py:12"; for a derivative rule that of the operation it belongs to.
    call : str
        What that line called: a function of the library ("conv2d"), or the operation itself.
    number : int
        Tells calls apart: steps with the same number belong to one call.
    of : int or None
        The number of the step whose derivative rule asked for this one.
    rule : str
        The name of that operation; where it is a function with rules of its own, or `checkpoint`, that one's, and `of`
        is the last step of it.
    direction : str
        "forward", "backward" or "tangent": of which pass.
    """

    line: str | None
    call: str
    number: int
    of: int | None = None
    rule: str = ""
    direction: str = "forward"


class Step(NamedTuple):
    """One operation of a program.

    Attributes
    ----------
    op : Primitive
        What was applied.
    constants : list
        The arguments; None in the places of those that the program computes.
    places : list of (int, int)
        For each of those its position among the arguments, and its place among the program's values.
    options : dict
        The static options.
    outputs : range
        The places of what it computes.
    lane : int or None
        The micro-batch it belongs to, if it is one's alone.
    place : Place or None
        Where it runs, if an `Observer` has recorded it.
    """

    op: Primitive
    constants: list[Any]
    places: list[tuple[int, int]]
    options: dict[str, Any]
    outputs: range
    lane: int | None
    place: Place | None = None

    @property
    def inputs(self) -> tuple[int, ...]:
        """Places of the arguments that the program computes."""
        return tuple(place for _, place in self.places)

    @property
    def function(self) -> Callable[..., Any]:
        """What applies the operation again, to other arguments."""
        return self.op.again if isinstance(self.op, Call) else self.op


class Recorder(Trace):
    """The recording trace: every primitive that meets one of its Tensors.

    A Tensor's index is the place of its value among the program's values: the inputs, then each step's outputs.
    """

    __slots__ = ("lane", "size", "steps")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.size = 0
        self.lane: int | None = None
        self.steps: list[Step] = []

    def watch(self, value: Array) -> Tensor:
        """Make an input."""
        self.size += 1
        return Tensor(value, self, self.size - 1)

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down and write down how."""
        values, start = self.lower(op, args), self.size
        y = compute(op, values, options)
        places = [(i, a._index) for i, a in enumerate(args) if type(a) is Tensor and a._trace is self]
        constants = list(values)
        for i, _ in places:
            constants[i] = None
        result = outputs_like(y, [self.watch(yk) for yk in y]) if isinstance(y, tuple) else self.watch(y)
        self.steps.append(Step(op, constants, places, options, range(start, self.size), self.lane))
        return result

    def replay(self, inputs: Sequence[Any]) -> list[Any]:
        """Run the program on other inputs; return every value."""
        env = list(inputs)
        for step in self.steps:
            args = list(step.constants)
            for i, place in step.places:
                args[i] = env[place]
            y = step.function(*args, **step.options)
            env.extend(y if isinstance(y, tuple) else (y,))
        return env
