"""What `explain` sees of a call: every operation with its numbers, its time, and its part in the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from ...core.calls import Call
from ...core.families import unbroadcast
from ...core.observer import Observer
from ...core.primitive import Primitive
from ...core.recorder import Place, Step
from ...core.tensor import Array, bottom, shape_of
from ...ops.costs import flops
from ..memory import kept_bytes
from .numbers import Numbers, numbers_of

MANY = 600  # steps of which pictures and entries are told; of the others the figures


@dataclass(slots=True)
class Pulled:
    """The pullbacks of one step, as they ran: what arrived, and what they sent to the arguments at some positions.

    `kept` are the bytes of the arrays that they hold, by the arrays' identity.
    """

    arrived: list[Numbers | None]
    kept: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    sent: dict[int, Numbers | None] = field(default_factory=dict)
    rule: str = ""


class Watcher(Observer):
    """The observer of `explain`.

    Attributes
    ----------
    values : list of list of Numbers
        What each step of the function's own run gave.
    seconds, flops : list of float, list of int
        Of every step, those of the backward pass too.
    forward : int or None
        How many steps the function itself took, once it has returned.
    pulled : dict of int to Pulled
        By the step, in the order in which the pullbacks ran.
    shapes : list of tuple of int
        Of every value, by its place.
    """

    __slots__ = ("_described", "_last", "flops", "forward", "pulled", "seconds", "shapes", "values")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.values: list[list[Numbers]] = []
        self.seconds: list[float] = []
        self.flops: list[int] = []
        self.forward: int | None = None
        self.pulled: dict[int, Pulled] = {}
        self.shapes: list[tuple[int, ...]] = []
        self._described = self._last = 0.0

    def follow(self, value: Any) -> Any:
        """Give a value the next place, and remember its shape."""
        self.shapes.append(shape_of(value))
        return super().follow(value)

    def compute(self, op: Primitive, values: list[Array], options: dict[str, Any]) -> Any:
        """Run an operation and take the time."""
        start = perf_counter()
        y = super().compute(op, values, options)
        self._last = perf_counter() - start
        return y

    def observe(self, number: int, step: Step, values: list[Array], y: Any) -> None:
        """Note what an operation cost and, in the function's own run, what it gave."""
        start = perf_counter()
        self.seconds.append(self._last)
        self.flops.append(flops(step.op, values, step.options, y))
        if self.forward is None:
            outputs = y if isinstance(y, tuple) else (y,)
            self.values.append([numbers_of(yk, brief=number >= MANY) for yk in outputs])
        self._described += perf_counter() - start

    def pull(self, rule: Place, positions: tuple[int, ...], pullback: Callable[[Any], Any], g: Any) -> Any:
        """Run a pullback; note what it got, kept and gave, if it is one of the function's tape."""
        if self.forward is None or rule.of is None or rule.of >= self.forward:
            return pullback(g)  # of a derivative that the function takes itself, or computes again
        start, described = perf_counter(), self._described
        bars = pullback(g)
        seconds = perf_counter() - start - (self._described - described)
        self._note(rule, positions, pullback, g, [bars] if len(positions) == 1 else bars, seconds)
        return bars

    def _note(self, rule: Place, positions: tuple[int, ...], pullback: Any, g: Any, bars: Any, seconds: float) -> None:
        start, of = perf_counter(), rule.of
        assert of is not None
        brief = len(self.pulled) >= MANY
        pulled = self.pulled.get(of)
        if pulled is None:
            gs = g if isinstance(g, tuple) else (g,)
            pulled = self.pulled[of] = Pulled([numbers_of(each, brief=brief) for each in gs])
        pulled.kept.update(kept_bytes(pullback))
        pulled.seconds += seconds
        step = self.steps[of]
        if rule.rule != step.op.name or (isinstance(g, tuple) and _gives_one(step)):
            pulled.rule = rule.rule  # a function with rules of its own, of which this is the last step
        else:
            for i, bar in zip(positions, bars, strict=True):
                pulled.sent[i] = None if bar is None else numbers_of(self._summed(step, i, bar), brief=brief)
        self._described += perf_counter() - start

    def _summed(self, step: Step, position: int, bar: Any) -> Any:
        """Return a cotangent in the shape of its argument, as the tape takes it up."""
        bar, shape = bottom(bar), next(self.shapes[place] for i, place in step.places if i == position)
        return unbroadcast(bar, shape) if step.op.broadcasts and shape_of(bar) != shape else bar


def _gives_one(step: Step) -> bool:
    """Whether an operation gives one array, not a tuple, as a function of trees does."""
    return len(step.outputs) == 1 and not isinstance(step.op, Call)
