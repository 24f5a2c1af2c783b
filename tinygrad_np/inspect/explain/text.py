"""An explanation as text: a table with a line for each input and each operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.stack import shown
from ..quantities import amount, duration
from .data import facts
from .nodes import Node
from .numbers import figure

if TYPE_CHECKING:
    from .explanation import Explanation

_HEAD = ("", "operation", "layer", "of", "value", "norm", "cotangent", "forward", "backward", "flops", "kept", "line")
_SIDES = "><<<<>>>>>><"
_MOST = 200  # lines; of a longer tape the middle is left out


def table(explanation: Explanation) -> str:
    """Return the table: what was computed of what, with norms, times and costs, and the line that asked for it."""
    rows = [_HEAD, *[_row(node) for node in explanation.nodes]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, _SIDES, widths, strict=True)).rstrip()
        for row in rows
    ]
    head, *body = lines
    if len(body) > _MOST:
        left_out = f"... {len(body) - _MOST:,} more; save(path) writes the page with all of them"
        body = [*body[: _MOST // 2], left_out, *body[-_MOST // 2 :]]
    said = ", ".join(f"{name} {text}" for name, text in facts(explanation))
    notes = [explanation.note] if explanation.note else []
    return "\n".join([f"{explanation.name}: {said}", *notes, head, "-" * max(map(len, lines)), *body])


def _row(node: Node) -> tuple[str, ...]:
    g = node.cotangent
    cells = [
        str(node.number),
        node.name,
        node.layer if node.op else node.kind,
        " ".join(str(operand.node) for operand in node.operands if operand.node is not None),
        node.values[0].what + (" ..." if len(node.values) > 1 else ""),
        figure(node.values[0].norm) + _bad(node),
        "" if g is None else figure(g.norm),
    ]
    if node.op is None:
        return (*cells, "", "", "", "", "")
    back = (duration(node.seconds_back), amount(node.kept, "B")) if g or node.rule else ("", "")
    return (*cells, duration(node.seconds), back[0], amount(node.flops), back[1], shown(node.line) if node.line else "")


def _bad(node: Node) -> str:
    return " !" if any(value.nans or value.infs for value in node.values) else ""
