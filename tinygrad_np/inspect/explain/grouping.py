"""Which nodes are drawn together: the steps of one call of the library, and of one group of parameters."""

from __future__ import annotations

import re

from .layout import place
from .nodes import Group, Node

_MOST = 120  # groups of a picture; of a longer tape stretches are folded
_STRETCH = 50
_ENTRY = re.compile(r"\[[^]]*\]|\.\w+")  # of a path: ['conv1'], [0], .mean


def group(nodes: list[Node]) -> list[Group]:
    """Put nodes in groups, and give groups and nodes their places.

    Parameters
    ----------
    nodes : list of Node
        In the order of the tape. Their layer, group, row and column are set.

    Returns
    -------
    list of Group
        Each holds a stretch of the tape, so that what one group computes from another never depends on it in turn.
        A group of one node is drawn as that node.
    """
    _name_layers(nodes)
    operations = [node for node in nodes if node.kind == "operation"]
    runs = _runs(operations)
    long = len(runs) > _MOST or max(map(len, runs), default=0) > 2 * _STRETCH
    if long:
        runs = [operations[i : i + _STRETCH] for i in range(0, len(operations), _STRETCH)]
    groups = [Group(nodes[i].name, [i], i) for i in sorted(_stems(nodes, runs))]
    last_uses = _last_uses(nodes)
    for run in runs:
        numbers = [node.number for node in run]
        groups.append(Group(_stretch(run) if long else _title(run), numbers, _result(nodes, last_uses, numbers)))
    for number, each in enumerate(groups):
        for i in each.nodes:
            nodes[i].group = number
    _place_groups(nodes, groups)
    for each in groups:
        _place_nodes(nodes, each)
    return groups


def _stems(nodes: list[Node], runs: list[list[Node]]) -> set[int]:
    """Return the inputs that stand in the picture themselves: where it begins, and those that nothing uses.

    The others, parameters and labels, are drawn beside the operations that use them.
    """
    stems = {node.number for node in nodes if node.kind != "operation"} - _sources(nodes)
    for run in runs:
        inside = {node.number for node in run}
        sources = [nodes[i] for i in sorted(_sources(run) - inside)]
        if any(source.kind == "operation" for source in sources):
            continue
        data = [source for source in sources if source.kind == "input"]
        stems |= {s.number for s in data or sources if s.kind == "input" or not _ENTRY.search(s.name)}
    return stems


def _sources(nodes: list[Node]) -> set[int]:
    return {operand.node for node in nodes for operand in node.operands if operand.node is not None}


def _last_uses(nodes: list[Node]) -> dict[int, int]:
    """Return for each node that is used the last that uses it."""
    return {operand.node: node.number for node in nodes for operand in node.operands if operand.node is not None}


def _result(nodes: list[Node], last_uses: dict[int, int], numbers: list[int]) -> int:
    """Return the last node that others use; after it a batch normalisation computes its new state.

    If there are several, the last of those that a cotangent reached.
    """
    used = [i for i in numbers if last_uses.get(i, -1) > numbers[-1]]
    reached = [i for i in used if nodes[i].cotangent is not None]
    return max(reached or used, default=numbers[-1])


# -- what belongs together -------------------------------------------------------------------------------------------


def layer_of(path: str) -> str:
    """Return the group of a parameter: "conv1" of "params['conv1']['w']", "w" of "params['w']".

    Examples
    --------
    >>> layer_of("params['conv1']['w']"), layer_of("params[0].scale"), layer_of("w")
    ('conv1', '0', 'w')
    """
    entries = _ENTRY.findall(path)
    while len(entries) > 1 and entries[-1].startswith("."):
        entries.pop()  # a namedtuple in a group is part of it
    if len(entries) > 1 and len(entries) == len(_ENTRY.findall(path)):
        entries.pop()
    return ".".join(entry.strip("[].").strip("'\"") for entry in entries) or path


def _name_layers(nodes: list[Node]) -> None:
    """Give operations the groups of the parameters that enter them, or of what is made of parameters alone."""
    made: dict[int, set[str]] = {}  # of what is made of parameters alone: their groups
    for node in nodes:
        if node.kind == "parameter" and _ENTRY.search(node.name):
            made[node.number] = {layer_of(node.name)}
        if node.kind != "operation":
            continue
        sources = [operand.node for operand in node.operands if operand.node is not None]
        layers = set[str]().union(*[made.get(source, set()) for source in sources])
        node.layer = ", ".join(sorted(layers))
        if layers and all(source in made for source in sources):
            made[node.number] = layers


def _runs(operations: list[Node]) -> list[list[Node]]:
    """Part the operations into calls; calls of one layer that follow each other are one run."""
    runs: list[list[Node]] = []
    before: set[str] = set()
    for call in _calls(operations):
        layers = {node.layer for node in call} - {""}
        if layers and layers == before:
            runs[-1] += call
        else:
            runs.append(call)
        before = layers
    return runs


def _calls(operations: list[Node]) -> list[list[Node]]:
    calls: list[list[Node]] = []
    for node in operations:
        last = calls[-1][-1] if calls else None
        if last and (last.call_number, last.direction) == (node.call_number, node.direction):
            calls[-1].append(node)
        else:
            calls.append([node])
    return calls


def _title(run: list[Node]) -> str:
    """Return the name of a layer, or of a call if no parameters enter it."""
    layers = list(dict.fromkeys(node.layer for node in run if node.layer))
    calls = " ".join(dict.fromkeys(node.call or node.name for node in run))
    if layers:
        return ", ".join(layers)
    return calls if run[0].direction == "forward" else f"derivative of {calls}"


def _stretch(run: list[Node]) -> str:
    """Return what a stretch of a long tape is called."""
    return f"steps {run[0].number} to {run[-1].number}"


# -- where it stands -------------------------------------------------------------------------------------------------


def _place_groups(nodes: list[Node], groups: list[Group]) -> None:
    sources: list[set[int]] = [set() for _ in groups]
    for node in nodes:
        for operand in node.operands:
            source = -1 if operand.node is None else nodes[operand.node].group
            if source not in (-1, node.group):
                sources[node.group].add(source)
    for each, (row, column) in zip(groups, place([sorted(some) for some in sources]), strict=True):
        each.row, each.column = row, column


def _place_nodes(nodes: list[Node], each: Group) -> None:
    index = {number: i for i, number in enumerate(each.nodes)}
    sources = [[index[o.node] for o in nodes[number].operands if o.node in index] for number in each.nodes]
    for number, (row, column) in zip(each.nodes, place(sources), strict=True):
        nodes[number].row, nodes[number].column = row, column
