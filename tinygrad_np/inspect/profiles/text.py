"""A profile as text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ..quantities import amount, duration
from . import tables
from .tables import Row

if TYPE_CHECKING:
    from .result import Profile

_ROWS = 15  # of a table; JSON has them all
_WIDTH = 60  # of the curve
_BLOCKS = " ▁▂▃▄▅▆▇█"
HEAD = (
    "share", "bound", "calls", "forward", "backward", "Mflop", "GFLOP/s", "of product", "MB", "GB/s", "of memory",
    "kept",
)  # fmt: skip


def heading(profile: Profile) -> list[str]:
    """Return the lines above the tables: time, machine, verdicts, memory, notes."""
    whole = max(profile.seconds, profile.kernel_seconds) or 1.0
    python = 100 * profile.python_seconds / whole
    memory = profile.memory
    return [
        f"{duration(profile.seconds)} a run, the median of {profile.repeats}: {len(profile.steps)} operations take "
        f"{duration(profile.kernel_seconds)}, Python between them {duration(profile.python_seconds)} ({python:.0f} %)",
        f"this machine: {profile.machine}",
        *profile.verdicts,
        f"memory: {amount(memory.kept, 'B')} kept for the backward pass, "
        f"at most {amount(memory.peak, 'B')} alive at once",
        *profile.notes,
    ]


def cells(row: Row, profile: Profile) -> tuple[str, ...]:
    """Return what stands in a row of a table, after its name."""
    product, memory = row.of_machine(profile.machine)
    whole = max(profile.seconds, profile.kernel_seconds) or 1.0
    count = f"{row.count}+{row.count_backward}" if row.count_backward else f"{row.count}"
    return (
        f"{100 * row.total_seconds / whole:.1f} %", row.bound(profile.machine), count,
        duration(row.seconds) if row.count else "", duration(row.seconds_backward) if row.count_backward else "",
        f"{(row.flops + row.flops_backward) / 1e6:,.3g}", f"{row.flops_a_second / 1e9:.2f}", f"{100 * product:.0f} %",
        f"{(row.bytes + row.bytes_backward) / 1e6:,.3g}", f"{row.bytes_a_second / 1e9:.2f}", f"{100 * memory:.0f} %",
        amount(row.kept, "B") if row.kept else "",
    )  # fmt: skip


def named(row: Row) -> str:
    """Return the name of a row, with the line of a call."""
    return f"{row.name}, {tables.short(row.line)}" if row.line and row.name != tables.short(row.line) else row.name


def text_of(profile: Profile) -> str:
    """Return the whole text."""
    parts = [f"profile of {profile.name}", *heading(profile), "", *_curve(profile)]
    sums = {"operation": profile.operations, "call": profile.calls, "line": profile.lines}
    for title, some in sums.items():
        parts += ["", *_table(f"by {title}", some, profile)]
    return "\n".join(parts)


def _table(title: str, some: Sequence[Row], profile: Profile) -> list[str]:
    lines = [(title, *HEAD), *[(named(row), *cells(row, profile)) for row in some[:_ROWS]]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = ["<", ">", "<", *[">"] * (len(HEAD) - 2)]
    written = ["  ".join(f"{c:{s}{w}}" for c, s, w in zip(line, sides, widths, strict=True)).rstrip() for line in lines]
    rest = [f"({len(some) - _ROWS} more; JSON has all)"] if len(some) > _ROWS else []
    return [written[0], "-" * max(map(len, written)), *written[1:], *rest]


def _curve(profile: Profile) -> list[str]:
    """Draw the memory over the steps: of several steps in a column, the most."""
    curve, peak = profile.memory.curve, profile.memory.peak
    if not curve or not peak:
        return []
    count = min(_WIDTH, len(curve))
    edges = [i * len(curve) // count for i in range(count + 1)]
    most = [max(curve[a:b]) for a, b in pairwise(edges)]
    turn = sum(edge <= profile.memory.turn for edge in edges[1:])
    bars = "".join(_BLOCKS[-(-m * (len(_BLOCKS) - 1) // peak)] for m in most)
    mark = " " * turn + "^ the backward pass begins" if profile.memory.turn < len(curve) else ""
    return [f"memory over the {len(curve)} operations, up to {amount(peak, 'B')}", bars, *([mark] if mark else [])]
