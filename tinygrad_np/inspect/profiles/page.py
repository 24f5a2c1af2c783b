"""A profile as a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..quantities import amount
from ..report import Drawing, Section, Table, page
from .tables import Row
from .text import HEAD, cells, heading, named

if TYPE_CHECKING:
    from .result import Profile

_ROWS = 200  # of a table; JSON has them all
_POINTS = 1000  # of the curve
_WORDS = (
    "Forward and backward are the times of NumPy's and the kernels' own work, each operation timed apart, the median "
    "of the runs; an operation's backward part is what its derivative rule calls. Share is the part of a whole run, "
    "unwatched. Flops follow from formulas of the shapes. MB is what is read and written, nothing for a view; from a "
    "cache that can be faster than the memory."
)
_MEMORY = (
    "Bytes of the arrays that operations made and that are still alive, after each of the {} operations of a run; the "
    "dashed line is where the backward pass begins. At most {} are alive at once, {} of them when the backward pass "
    "begins: that is what the tape keeps. Arguments and what a kernel uses for itself are not in it."
)


def page_of(profile: Profile) -> str:
    """Return the page."""
    first, *rest = heading(profile)
    memory = profile.memory
    words = _MEMORY.format(len(memory.curve), amount(memory.peak, "B"), amount(memory.kept, "B"))
    sections = [
        Section("What bounds it", [first, *rest]),
        Section("By operation", [_WORDS, _table("operation", profile.operations, profile)]),
        Section("By call", [_table("call", profile.calls, profile)]),
        Section("By line", [_table("line", profile.lines, profile)]),
        Section("Memory", [Drawing(curve(profile), words)]),
    ]
    return page(f"Profile of {profile.name}", sections)


def notebook_of(profile: Profile) -> str:
    """Return what a notebook shows: the words and the table of operations."""
    head = "".join(f"<p>{escape(line)}</p>" for line in heading(profile))
    names = "".join(f"<th>{escape(name)}</th>" for name in ("operation", *HEAD))
    rows = (
        "".join(f"<td>{escape(cell)}</td>" for cell in (named(row), *cells(row, profile)))
        for row in profile.operations[:_ROWS]
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<h4>profile of {escape(profile.name)}</h4>{head}<table><thead><tr>{names}</tr></thead>{body}</table>"


def _table(title: str, some: list[Row], profile: Profile) -> Table:
    more = f"the {_ROWS} that take longest, of {len(some)}" if len(some) > _ROWS else "the longest first"
    return Table((title, *HEAD), [(named(row), *cells(row, profile)) for row in some[:_ROWS]], more)


def curve(profile: Profile) -> str:
    """Return the memory over the steps as SVG; its colours are those of the text around it."""
    steps, peak = profile.memory.curve or [0], profile.memory.peak or 1
    stride = max(1, len(steps) // _POINTS)
    most = [max(steps[i : i + stride]) for i in range(0, len(steps), stride)]
    width = 1000 / len(most)
    heights = [200 - 190 * m / peak for m in most]
    path = "".join(f"V{y:.1f}H{(i + 1) * width:.1f}" for i, y in enumerate(heights))
    turn = 1000 * profile.memory.turn / len(steps)
    about = f"Memory over {len(steps)} operations: it rises to {amount(profile.memory.peak, 'B')}."
    thin = 'fill="none" stroke="currentColor" vector-effect="non-scaling-stroke"'
    return (
        f'<svg viewBox="0 0 1000 200" preserveAspectRatio="none" role="img" aria-label="{escape(about)}" '
        'style="width:100%;height:14rem;border-left:1px solid;border-bottom:1px solid">'
        f'<path d="M0 200{path}V200Z" fill="currentColor" fill-opacity="0.15"/><path d="M0 200{path}" {thin}/>'
        f'<path d="M{turn:.1f} 0V200" stroke-dasharray="4 4" {thin}/></svg>'
    )
