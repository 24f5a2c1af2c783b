"""The profile of a function: what was measured, and what it says."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from ..machine import Machine
from . import tables
from .measuring import Measured, Memory, StepCost
from .tables import Row

FORMS = (".html", ".json", ".txt")  # of files, by the end of their names


class Profile:
    """Where the time and the memory of a run went. Print it, or save it as JSON or as a page.

    Attributes
    ----------
    name : str
        Of what was run.
    seconds : float
        What a run takes, unwatched; the median of `repeats`.
    repeats : int
        How many runs were measured.
    steps : list of StepCost
        The operations of a run, in order.
    memory : Memory
        Bytes alive after each step.
    machine : Machine
        What this machine can do.
    value
        What the function returned.
    notes : tuple of str
        What else is to be known of the measurement.
    """

    def __init__(self, name: str, measured: Measured, machine: Machine, notes: tuple[str, ...] = ()) -> None:
        self.name, self.machine, self.notes = name, machine, notes
        self.steps: list[StepCost] = measured.steps
        self.memory: Memory = measured.memory
        self.seconds, self.repeats, self.value = measured.seconds, measured.repeats, measured.value

    # -- sums ----------------------------------------------------------------------------------------------------------

    @property
    def kernel_seconds(self) -> float:
        """What the operations themselves take, each timed on its own."""
        return sum(step.seconds for step in self.steps)

    @property
    def python_seconds(self) -> float:
        """The rest of a run: Python between the operations, the tape, the function's own code."""
        return max(0.0, self.seconds - self.kernel_seconds)

    @cached_property
    def operations(self) -> list[Row]:
        """Sums by operation, with what its derivative rule calls; the longest first."""
        return tables.by_operation(self.steps)

    @cached_property
    def primitives(self) -> list[Row]:
        """Sums by what is computed, whoever asks for it."""
        return tables.by_primitive(self.steps)

    @cached_property
    def calls(self) -> list[Row]:
        """Sums by call of a library's function."""
        return tables.by_call(self.steps)

    @cached_property
    def lines(self) -> list[Row]:
        """Sums by the user's line."""
        return tables.by_line(self.steps)

    # -- what it says --------------------------------------------------------------------------------------------------

    @cached_property
    def parts(self) -> dict[str, float]:
        """Seconds of a run by what bounds them: "overhead" (Python and short calls), "compute", "memory", "neither"."""
        parts = {"overhead": self.python_seconds, "compute": 0.0, "memory": 0.0, "neither": 0.0}
        for row in self.primitives:
            parts[row.bound(self.machine)] += row.total_seconds
        return parts

    @property
    def bound(self) -> str:
        """What bounds a run: the largest of its `parts`."""
        return max(self.parts, key=lambda kind: self.parts[kind])

    @property
    def verdicts(self) -> list[str]:
        """What bounds a run, in words: for the whole, then for the operations that take 5 % of the time or more."""
        whole = max(self.seconds, self.kernel_seconds) or 1.0
        python, short = self.python_seconds / whole, (self.parts["overhead"] - self.python_seconds) / whole
        overhead = f"{_percent(python)} of the time is Python between the operations, {_percent(short)} short calls"
        said = [f"the run: {overhead}: {_WHOLE[self.bound]}"]
        for row in self.primitives:
            share = row.total_seconds / whole
            if share >= 0.05:
                product, memory = row.of_machine(self.machine)
                reached = f"at {_percent(product)} of {self.machine.routine} and {_percent(memory)} of the bandwidth"
                said.append(f"{row.name}: {_percent(share)} of the time, {reached}: {_ROW[row.bound(self.machine)]}")
        return said

    # -- forms ---------------------------------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """Return all that JSON shows."""
        sums = {"operations": self.operations, "primitives": self.primitives, "calls": self.calls, "lines": self.lines}
        return {
            "function": self.name, "seconds": self.seconds, "repeats": self.repeats,
            "kernel_seconds": self.kernel_seconds, "python_seconds": self.python_seconds,
            "bound": self.bound, "parts": self.parts, "verdicts": self.verdicts, "notes": list(self.notes),
            "machine": self.machine._asdict(),
            "memory": {"kept": self.memory.kept, "peak": self.memory.peak, "turn": self.memory.turn,
                       "curve": self.memory.curve},
            **{name: [row.as_dict(self.machine) for row in some] for name, some in sums.items()},
            "steps": [step._asdict() for step in self.steps],
        }  # fmt: skip

    def json(self) -> str:
        """Return it as JSON: seconds, flops and bytes."""
        return json.dumps(self.as_dict(), indent=1)

    def html(self) -> str:
        """Return it as a page that needs nothing else."""
        from .page import page_of

        return page_of(self)

    def save(self, path: str | Path) -> None:
        """Write it to a file; the name says the form: ``.json``, ``.html``, or ``.txt`` for what `print` shows.

        Raises
        ------
        ValueError
            For another name.
        """
        path = Path(path)
        if path.suffix not in FORMS:
            raise ValueError(f"profile: {path} ends on none of {', '.join(FORMS)}, which say the form.")
        path.write_text(self.in_form(path.suffix), encoding="utf-8")

    def in_form(self, suffix: str) -> str:
        """Return the text of a file whose name ends so, one of `FORMS`."""
        if suffix == ".html":
            return self.html()
        return (self.json() if suffix == ".json" else str(self)) + "\n"

    def __str__(self) -> str:
        from .text import text_of

        return text_of(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .page import notebook_of

        return notebook_of(self)


_WHOLE = {
    "overhead": "overhead bound. Larger batches, or tinygrad_np.compile, which runs a recording without most of it, "
    "make it faster",
    "compute": "most of the rest, operations bound by the processor's arithmetic",
    "memory": "most of the rest, operations bound by the memory's bandwidth",
    "neither": "most of the rest, operations far from what the machine's products and memory allow",
}
_ROW = {
    "compute": "compute bound",
    "memory": "memory bound",
    "overhead": "short calls, bound by the overhead of each",
    "neither": "far from both: elementary functions, indexing, or arrays too small for their kernel",
}


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %" if part >= 0.0095 or part == 0 else "less than 1 %"
