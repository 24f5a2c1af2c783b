"""Counting: an observer of one run of a network, forward and backward, for `nn.summary`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.observer import Observer
from ..core.primitive import Primitive
from ..core.recorder import Step
from ..core.tensor import Array, bottom, dtype_of, shape_of
from ..ops.costs import flops


@dataclass(slots=True)
class Counted:
    """A primitive of the forward pass, with what it and its backward pass cost.

    `leaves` are the parameters that its result is made of, if it is made of parameters alone or takes them; `sources`
    the operations that made its arguments.
    """

    call: int
    name: str
    op: Primitive
    leaves: frozenset[int]
    sources: frozenset[int]
    shape: tuple[int, ...]
    forward: list[int] = field(default_factory=lambda: [0, 0])  # flops, bytes
    backward: list[int] = field(default_factory=lambda: [0, 0])


class Counter(Observer):
    """An observer that keeps costs.

    Attributes
    ----------
    counted : list of Counted
        The forward pass.
    """

    all_kinds = True
    __slots__ = ("_forward", "_made_of", "counted")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.counted: list[Counted] = []
        self._forward: dict[int, int] = {}  # the place in `counted` of a step, its own or that of its rule's operation
        # What a value is made of: leaves of the parameters alone, or None if data too; and the operation that made it.
        self._made_of: list[tuple[frozenset[int] | None, int | None]] = []

    def enter_parameters(self, leaves: list[Any]) -> list[Any]:
        """Make inputs of the parameters."""
        self._made_of = [(frozenset([i]), None) for i in range(len(leaves))]
        return [self.watch(leaf) for leaf in leaves]

    def enter_data(self, x: Any) -> Any:
        """Make inputs of the arrays in a tree."""
        data = self.enter(x)
        self._made_of += [(None, None)] * (self.size - len(self._made_of))
        return data

    def observe(self, number: int, step: Step, values: list[Array], y: Any) -> None:
        """Count a step: for itself if it is of the forward pass, else for the operation whose rule it belongs to."""
        place = step.place
        assert place is not None
        origins = [self._made_of[i] for i in step.inputs]
        if place.direction == "forward":
            leaves = frozenset[int]().union(*[leaves or () for leaves, _ in origins])
            sources = frozenset(source for _, source in origins if source is not None)
            shape = shape_of(y[0] if isinstance(y, tuple) else y)
            owner = len(self.counted)
            self.counted.append(Counted(place.number, place.call, step.op, leaves, sources, shape))
            cost = self.counted[owner].forward
            made = None if any(leaves is None for leaves, _ in origins) else leaves
            self._made_of += [(made, owner)] * len(step.outputs)
        else:
            owner = self._forward[place.of] if place.of is not None else len(self.counted) - 1
            cost = self.counted[owner].backward
            self._made_of += [(None, None)] * len(step.outputs)
        self._forward[number] = owner
        cost[0] += flops(step.op, values, step.options, y)
        cost[1] += _made(y, values)


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
