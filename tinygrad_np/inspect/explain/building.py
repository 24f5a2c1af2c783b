"""From what was seen of a call to the nodes of the picture."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.recorder import Step
from .nodes import Node, Operand
from .numbers import Numbers, numbers_of
from .recording import MANY, Watcher
from .running import Input


def build(watcher: Watcher, inputs: Sequence[Input], results: Sequence[int]) -> tuple[list[Node], list[int]]:
    """Return the nodes, inputs first, and the numbers of those whose pullbacks ran, in that order.

    Parameters
    ----------
    watcher : Watcher
        What it saw.
    inputs : sequence of Input
        The leaves of the arguments that it watched.
    results : sequence of int
        The places of the function's results.

    Returns
    -------
    nodes : list of Node
        Steps that only a derivative rule asked for are part of the node whose rule it is.
    order : list of int
        The backward pass.
    """
    steps = watcher.steps[: watcher.forward]
    chosen = _chosen(watcher, steps, results)
    nodes = [_input(number, given) for number, given in enumerate(inputs)]
    sources = {given.place: (number, 0) for number, given in enumerate(inputs)}
    numbers: dict[int, int] = {}
    for i in chosen:
        numbers[i] = len(nodes)
        nodes.append(_operation(len(nodes), i, steps[i], watcher, sources))
        sources.update({place: (numbers[i], k) for k, place in enumerate(steps[i].outputs)})
    _count_rules(watcher, nodes, numbers)
    _draw_kernels(nodes, inputs)
    return nodes, [numbers[i] for i in watcher.pulled]


def _chosen(watcher: Watcher, steps: Sequence[Step], results: Sequence[int]) -> list[int]:
    """Return the steps that are nodes: the function's own, those with a pullback, and what these and the results need.

    A function may itself take derivatives; then steps of rules matter as much as others.
    """
    maker = {place: i for i, step in enumerate(steps) for place in step.outputs}
    wanted = {i for i, step in enumerate(steps) if step.place is None or step.place.direction == "forward"}
    pending = [*wanted, *watcher.pulled, *[maker[place] for place in results if place in maker]]
    wanted |= set(pending)
    while pending:
        sources = {maker[place] for place in steps[pending.pop()].inputs if place in maker} - wanted
        wanted |= sources
        pending += sources
    return sorted(wanted)


def _input(number: int, given: Input) -> Node:
    gradient = None if given.gradient is None else numbers_of(given.gradient, brief=number >= MANY)
    return Node(
        number,
        "parameter" if given.differentiated else "input",
        given.path,
        values=[numbers_of(given.value, brief=number >= MANY)],
        cotangents=[gradient],
    )


def _operation(number: int, i: int, step: Step, watcher: Watcher, sources: dict[int, tuple[int, int]]) -> Node:
    pulled, place = watcher.pulled.get(i), step.place
    node = Node(number, "operation", step.op.name.strip("_"), step.op, values=watcher.values[i])
    node.cotangents = [None] * len(node.values)
    node.seconds, node.flops = watcher.seconds[i], watcher.flops[i]
    node.options = ", ".join(f"{name}={value!r:.60}" for name, value in step.options.items())
    if place is not None:
        node.call, node.call_number, node.line, node.direction = place.call, place.number, place.line, place.direction
    if pulled is not None:
        if [g and g.shape for g in pulled.arrived] == [value.shape for value in node.values]:
            node.cotangents = list(pulled.arrived)
        node.seconds_back, node.kept, node.rule = pulled.seconds, sum(pulled.kept.values()), pulled.rule
    sent = pulled.sent if pulled else {}
    node.operands = [_operand(step, at, sources, sent) for at in range(len(step.constants))]
    return node


def _operand(step: Step, at: int, sources: dict[int, tuple[int, int]], sent: dict[int, Numbers | None]) -> Operand:
    name, places = step.op.argument(at), dict(step.places)
    if at in places:
        node, output = sources[places[at]]
        return Operand(name, node, output, sent=sent.get(at))
    constant = step.constants[at]
    return Operand(name, None, numbers=None if constant is None else numbers_of(constant))


def _count_rules(watcher: Watcher, nodes: list[Node], numbers: dict[int, int]) -> None:
    """Add what the steps of derivative rules cost to the nodes that they belong to."""
    for i in range(len(watcher.steps)):
        owner: int | None = i
        while owner is not None and owner not in numbers:
            place = watcher.steps[owner].place
            owner = place.of if place else None
        if owner is None or owner == i:
            continue
        node = nodes[numbers[owner]]
        node.flops_back += watcher.flops[i]
        if watcher.forward is not None and i < watcher.forward:
            node.seconds_back += watcher.seconds[i]  # the rule made its pullback then


def _draw_kernels(nodes: list[Node], inputs: Sequence[Input]) -> None:
    """Draw the four axes of what a convolution takes for its kernel as a kernel's."""
    for node in nodes:
        if node.op is None or "conv" not in node.name:
            continue
        for operand in node.operands:
            if operand.name == "w" and operand.node is not None and operand.node < min(len(inputs), MANY):
                given, source = inputs[operand.node], nodes[operand.node]
                source.values = [numbers_of(given.value, "kernel")]
                if given.gradient is not None:
                    source.cotangents = [numbers_of(given.gradient, "kernel")]
