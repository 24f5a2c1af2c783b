"""Sums of the steps' costs, and what bounds them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ...core.stack import shown
from ..machine import Machine
from .measuring import StepCost

# A call is overhead if it is as short as the first and reaches less of what the machine can do than the second.
_SHORT = ((10e-6, 0.5), (100e-6, 0.02))
_NEAR = 0.1  # of what the machine can do, below which neither its products nor its memory bound an operation


@dataclass
class Row:
    """The sum of some steps.

    Attributes
    ----------
    name : str
        What they have in common.
    line : str or None
        The user's line, of a call.
    count, count_backward : int
        How many operations, forward (tangents too) and backward.
    seconds, seconds_backward : float
        What they take.
    flops, flops_backward : int
        Their floating-point operations.
    bytes, bytes_backward : int
        What they read and write.
    kept : int
        Bytes of what they make that are alive when the backward pass begins.
    """

    name: str
    line: str | None = None
    count: int = 0
    count_backward: int = 0
    seconds: float = 0.0
    seconds_backward: float = 0.0
    flops: int = 0
    flops_backward: int = 0
    bytes: int = 0
    bytes_backward: int = 0
    kept: int = 0

    def add(self, step: StepCost) -> None:
        """Add a step."""
        if step.direction == "backward":
            self.count_backward += 1
            self.seconds_backward += step.seconds
            self.flops_backward += step.flops
            self.bytes_backward += step.bytes
        else:
            self.count += 1
            self.seconds += step.seconds
            self.flops += step.flops
            self.bytes += step.bytes
        self.kept += step.kept

    @property
    def total_seconds(self) -> float:
        """Forward and backward."""
        return self.seconds + self.seconds_backward

    @property
    def flops_a_second(self) -> float:
        """Forward and backward."""
        return (self.flops + self.flops_backward) / self.total_seconds if self.total_seconds else 0.0

    @property
    def bytes_a_second(self) -> float:
        """Forward and backward."""
        return (self.bytes + self.bytes_backward) / self.total_seconds if self.total_seconds else 0.0

    def of_machine(self, machine: Machine) -> tuple[float, float]:
        """Return the parts of the machine's product and of its memory's bandwidth that are reached."""
        return self.flops_a_second / machine.flops, self.bytes_a_second / machine.bandwidth

    def bound(self, machine: Machine) -> str:
        """Say what bounds them: "compute", "memory", "overhead" of short calls, or "neither"."""
        product, memory = self.of_machine(machine)
        each = self.total_seconds / (self.count + self.count_backward)
        if any(each < seconds and max(product, memory) < part for seconds, part in _SHORT):
            return "overhead"
        if max(product, memory) < _NEAR:
            return "neither"
        return "compute" if product >= memory else "memory"

    def as_dict(self, machine: Machine) -> dict[str, Any]:
        """Return what JSON shows."""
        product, memory = self.of_machine(machine)
        more = {"gflops": self.flops_a_second / 1e9, "gigabytes_a_second": self.bytes_a_second / 1e9}
        more |= {"of_product": product, "of_bandwidth": memory}
        return {**asdict(self), **more, "bound": self.bound(machine)}


def rows(steps: Iterable[StepCost], key: Callable[[StepCost], Hashable], name: Callable[[StepCost], str]) -> list[Row]:
    """Sum the steps that have a key in common; the rows that take longest come first."""
    found: dict[Hashable, Row] = {}
    for step in steps:
        row = found.setdefault(key(step), Row(name(step), step.line))
        row.add(step)
    return sorted(found.values(), key=lambda row: -row.total_seconds)


def by_operation(steps: Iterable[StepCost]) -> list[Row]:
    """Sum by operation; what its derivative rule calls is its backward part."""
    return [_without_line(row) for row in rows(steps, lambda s: s.rule, lambda s: s.rule)]


def by_primitive(steps: Iterable[StepCost]) -> list[Row]:
    """Sum by what is computed, whoever asks for it."""
    return [_without_line(row) for row in rows(steps, lambda s: s.op, lambda s: s.op)]


def by_call(steps: Iterable[StepCost]) -> list[Row]:
    """Sum by call of a library's function."""
    return rows(steps, lambda s: (s.call, s.number, s.line), lambda s: s.call)


def by_line(steps: Iterable[StepCost]) -> list[Row]:
    """Sum by the user's line."""
    return rows(steps, lambda s: s.line, lambda s: short(s.line))


def short(line: str | None) -> str:
    """Return "model.py:12" of "/path/model.py:12"."""
    return shown(line) if line else "(no line)"


def _without_line(row: Row) -> Row:
    row.line = None
    return row
