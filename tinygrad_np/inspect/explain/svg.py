"""An explanation as a drawing, for notebooks: modest in size, with no style or script that others could feel."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from ...core.stack import shown
from .data import facts
from .layout import place
from .nodes import Node
from .numbers import BINS, Numbers

if TYPE_CHECKING:
    from .explanation import Explanation

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _BESIDE = 232, 62, 40, 30, 124
_MOST = 60  # boxes that are single operations; of a longer tape the groups are drawn
_LAST = 150  # boxes at all
_FORWARD, _BACKWARD = "#2f7fd0", "#d0690f"  # to be seen on white and on black


class Box(NamedTuple):
    """A box of the drawing: a node, or a group by its result, and what is written on it."""

    number: int
    name: str
    shown: Node
    beside: str
    x: float
    y: float


def for_notebook(explanation: Explanation) -> str:
    """Return an element with the drawing and a line about the whole."""
    said = " · ".join(f"{name} {text}" for name, text in facts(explanation))
    note = f"<div>{escape(explanation.note)}</div>" if explanation.note else ""
    return (
        f'<div style="overflow-x:auto;max-height:640px;overflow-y:auto"><div><b>{escape(explanation.name)}</b> '
        f"{escape(said)}</div>{note}{drawing(explanation)}</div>"
    )


def drawing(explanation: Explanation) -> str:
    """Return the SVG element. Lines and letters have the colour of the text around it, on no ground of its own."""
    sources, boxes = _boxes(explanation)
    width = max((box.x for box in boxes), default=0) + _WIDTH + 60
    height = max((box.y for box in boxes), default=0) + _HEIGHT + 4
    edges = "".join(_edge(boxes[i], box) for box in boxes for i in sources[box.number])
    title = f"The tape of {escape(explanation.name)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{title}" font-family="system-ui,sans-serif" font-size="12" fill="currentColor">'
        f'<title>{title}</title><g fill="none" stroke="currentColor" stroke-opacity="0.5">{edges}</g>'
        f"{''.join(map(_draw, boxes))}</svg>"
    )


def _boxes(explanation: Explanation) -> tuple[list[list[int]], list[Box]]:
    """Return for each box those that it is computed from, and the boxes."""
    nodes, groups = explanation.nodes, explanation.groups
    single = sum(node.group >= 0 for node in nodes) <= _MOST
    members = [[i] for g in groups for i in g.nodes] if single else [g.nodes for g in groups]
    results = [i for g in groups for i in g.nodes] if single else [g.result for g in groups]
    members = members[:_LAST]
    box_of = {i: number for number, some in enumerate(members) for i in some}
    sources = [sorted(set(_sources(nodes, box_of, number, some))) for number, some in enumerate(members)]
    beside = [_beside(nodes, some) for some in members]
    left = _BESIDE if any(beside) else 2
    found = []
    for number, (some, (row, column)) in enumerate(zip(members, place(sources), strict=True)):
        node = nodes[results[number]]
        name = node.name if len(some) == 1 else groups[node.group].name
        x, y = left + column * (_WIDTH + _GAP_X), 2 + row * (_HEIGHT + _GAP_Y)
        found.append(Box(number, name, node, beside[number], x, y))
    return sources, found


def _sources(nodes: list[Node], box_of: dict[int, int], number: int, members: list[int]) -> Iterator[int]:
    for i in members:
        for operand in nodes[i].operands:
            source = box_of.get(-1 if operand.node is None else operand.node, number)
            if source != number:
                yield source


def _beside(nodes: list[Node], members: list[int]) -> str:
    """Return the names of the parameters and labels that enter a box from the side."""
    given = (nodes[operand.node] for i in members for operand in nodes[i].operands if operand.node is not None)
    names = dict.fromkeys(node.name for node in given if node.group < 0)
    short = [name.replace("']['", ".").rpartition("['")[2].rstrip("']") for name in names]
    return ", ".join(short[:3]) + (", ..." if len(short) > 3 else "")


def _edge(source: Box, target: Box) -> str:
    if target.y - source.y <= _HEIGHT + _GAP_Y:
        x1, y1, x2, y2 = source.x + _WIDTH / 2, source.y + _HEIGHT, target.x + _WIDTH / 2, target.y
        return f'<path d="M{x1} {y1}C{x1} {y1 + 15} {x2} {y2 - 15} {x2} {y2}"/>'
    x1, y1, x2, y2 = source.x + _WIDTH, source.y + _HEIGHT / 2, target.x + _WIDTH, target.y + _HEIGHT / 2
    x = max(x1, x2) + 34  # past what lies between
    return f'<path d="M{x1} {y1}C{x} {y1} {x} {y1} {x} {y1 + 34}V{y2 - 34}C{x} {y2} {x} {y2} {x2} {y2}"/>'


def _draw(box: Box) -> str:
    node, x, y = box.shown, box.x, box.y
    value, g = node.values[0], node.cotangent
    layer = node.layer or node.call if node.op else node.kind
    label = "" if not layer or layer in box.name else f" · {layer}"
    dashes = ' stroke-dasharray="4 3"' if node.op is None else ""
    parts = [
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="7" fill="none" stroke="currentColor"{dashes}/>',
        f'<text x="{x + 9}" y="{y + 17}" font-weight="600">{_short(box.name + label, 25)}</text>',
        f'<text x="{x + 9}" y="{y + 34}" fill-opacity="0.75">{_short(value.what, 24)}</text>',
        f'<text x="{x + 9}" y="{y + 52}" fill="{_FORWARD}">‖{value.norm:.3g}‖</text>',
        _thumb(value, x + _WIDTH - 62, y + 5, _FORWARD),
    ]
    if g is not None:
        parts += [f'<text x="{x + 82}" y="{y + 52}" fill="{_BACKWARD}">‖{g.norm:.3g}‖</text>']
        parts += [_thumb(g, x + _WIDTH - 62, y + 33, _BACKWARD)]
    if box.beside:
        parts += [
            f'<text x="{x - 8}" y="{y + 35}" text-anchor="end" fill-opacity="0.75">{_short(box.beside, 18)}</text>'
        ]
    where = f" at {shown(node.line)}" if node.line else ""
    return f"<g><title>{escape(box.name + label + where)}</title>{''.join(parts)}</g>"


def _thumb(numbers: Numbers, x: float, y: float, colour: str) -> str:
    """Draw an array's picture or histogram, 56 x 24."""
    if numbers.picture is not None:
        data = base64.b64encode(numbers.picture).decode()
        return (
            f'<image x="{x}" y="{y}" width="56" height="24" style="image-rendering:pixelated" '
            f'href="data:image/png;base64,{data}"/>'
        )
    step = 56 / BINS
    bars = [
        f"M{x + i * step:.1f} {y + 24}v{-24 * int(digit, 16) / 15:.1f}h{0.8 * step:.1f}V{y + 24}z"
        for i, digit in enumerate(numbers.histogram)
        if digit != "0"
    ]
    return f'<path d="{"".join(bars)}" fill="{colour}"/>' if bars else ""


def _short(text: str, most: int) -> str:
    return escape(text if len(text) <= most else text[: most - 1] + "…")
