"""Counting: two traces that watch one run of a network, forward and backward, for `nn.summary`.

The lower one, `Counter`, sees every primitive of both passes and counts; the upper one, `Backward`, is a tape whose
pullbacks tell whose backward pass is running.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.primitive import Primitive
from ..core.tape import Tape
from ..core.tensor import Array, Tensor, bottom, dtype_of, outputs_like, shape_of
from ..core.trace import Trace, compute
from ..ops.costs import flops
from ..transforms.checkpoint import _Checkpoint
from ..transforms.custom import _CustomCall

_PACKAGE = __name__.split(".")[0]
_NAMING = tuple(f"{_PACKAGE}.{room}" for room in ("nn.", "ops.", "special", "random"))
# Modules of these rooms whose functions stand around a call rather than being one; and where the run began.
_PASSED = ("nn.combinators", "nn.counting", "nn.layer_pair", "nn.stax", "ops.windows")
_AROUND = frozenset(f"{_PACKAGE}.{name}" for name in _PASSED)
_BEGIN = f"{_PACKAGE}.nn.summary_table"


class Origin(NamedTuple):
    """What a value is made of: leaves of the parameters alone, or data too (then the leaves are not told)."""

    leaves: frozenset[int]
    data: bool
    step: int


@dataclass(slots=True)
class Step:
    """A primitive of the forward pass, with what it and its backward pass cost."""

    call: int
    name: str
    op: Primitive
    leaves: frozenset[int]
    sources: frozenset[int]
    shape: tuple[int, ...]
    forward: list[int] = field(default_factory=lambda: [0, 0])  # flops, bytes
    backward: list[int] = field(default_factory=lambda: [0, 0])


class Counter(Trace):
    """A recording trace that keeps costs, not values. A Tensor's index is its origin."""

    __slots__ = ("calls", "frame", "owner", "steps")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.steps: list[Step] = []
        self.owner: Step | None = None  # whose backward pass is running
        self.calls = 0
        self.frame: FrameType | None = None

    def watch(self, value: Array, leaves: frozenset[int], *, data: bool) -> Tensor:
        """Make an input."""
        return Tensor(value, self, Origin(leaves, data, -1))

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down; count it for its owner, or as a step of the forward pass."""
        values = self.lower(op, args)
        if isinstance(op, _Checkpoint | _CustomCall):
            return self._inside(op, args)
        y = compute(op, values, options)
        origins = [a._index for a in args if type(a) is Tensor and a._trace is self]
        leaves = frozenset[int]().union(*[o.leaves for o in origins])
        if self.owner is None:
            step = self._step(op, leaves, frozenset(o.step for o in origins), y)
            self.steps.append(step)
            cost = step.forward
        else:
            cost = self.owner.backward
        cost[0] += flops(op, values, options, y)
        cost[1] += _made(y, values)
        data = any(o.data for o in origins)
        origin = Origin(frozenset() if data else leaves, data, len(self.steps) - 1)
        if not isinstance(y, tuple):
            return Tensor(y, self, origin)
        return outputs_like(y, [Tensor(yk, self, origin) for yk in y])

    def _inside(self, call: _Checkpoint | _CustomCall, args: tuple[Any, ...]) -> Any:
        """See the operations of a function that has a rule of its own; for the rule is with the tape above."""
        f = call.f if isinstance(call, _Checkpoint) else call.rules.f
        ys, call.out_structure = tree.flatten(f(*tree.unflatten(call.structure, args)))
        return tuple(ys)

    def _step(self, op: Primitive, leaves: frozenset[int], sources: frozenset[int], y: Any) -> Step:
        frame = _outermost_call()
        if frame is None or frame is not self.frame:
            self.calls += 1
        self.frame = frame
        name = frame.f_code.co_name if frame else op.name
        shape = shape_of(y[0] if isinstance(y, tuple) else y)
        return Step(self.calls, name.strip("_").removesuffix("_op"), op, leaves, sources, shape)


def _outermost_call() -> FrameType | None:
    """Return the frame of the library's function that the network called, if it is one."""
    found, frame = None, sys._getframe(2)
    while frame is not None and (module := frame.f_globals.get("__name__", "")) != _BEGIN:
        if module.startswith(_NAMING) and module not in _AROUND:
            found = frame
        frame = frame.f_back  # type: ignore[assignment]
    return found


def _made(y: Any, values: list[Array]) -> int:
    """Return the bytes of new arrays among the results."""
    if isinstance(y, tuple):
        return sum(_made(yk, values) for yk in y)
    raw = bottom(y)
    if isinstance(raw, np.ndarray):
        given = (bottom(v) for v in values)
        if any(isinstance(v, np.ndarray) and np.may_share_memory(raw, v) for v in given):
            return 0
    return math.prod(shape_of(y)) * dtype_of(y).itemsize


class Backward(Tape):
    """A tape over a counter: what a rule and its pullback do is counted for the step they belong to."""

    __slots__ = ("counter",)

    def __init__(self, origin: str, counter: Counter) -> None:
        super().__init__(origin)
        self.counter = counter

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any], y: Any = None) -> Any:
        """Apply the primitive, then have its rules make their pullbacks in its name."""
        if y is None:
            y = compute(op, self.lower(op, args), options)
        if self.counter.owner is not None or not self.counter.steps:
            return super().process(op, args, options, y)
        place = len(self.entries)
        owner = self.counter.owner = self.counter.steps[-1]
        try:
            result = super().process(op, args, options, y)
        finally:
            self.counter.owner = None
        if len(self.entries) > place:
            op, parents, pullback, *like = self.entries[place]
            each = tuple([self._owned(pull, owner) for pull in pullback]) if type(pullback) is tuple else None
            self.entries[place] = (op, parents, each or self._owned(pullback, owner), *like)
        return result

    def _owned(self, pull: Callable[[Any], Any], owner: Step) -> Callable[[Any], Any]:
        def owned(g: Any) -> Any:
            self.counter.owner = owner  # and it stays so: the tape adds what comes out to other cotangents
            return pull(g)

        return owned
