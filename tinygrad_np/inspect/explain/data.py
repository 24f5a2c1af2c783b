"""An explanation as JSON, for the page. What is shown is text already, so that nan and infinity are no special case."""

from __future__ import annotations

import base64
import inspect
import json
import linecache
from typing import TYPE_CHECKING, Any

from ...core import tree
from ...core.primitive import Primitive, registry
from ...core.stack import shown
from ...transforms.arguments import NUMERIC, describe
from ..derivations import derivation_of
from ..quantities import amount, duration
from .nodes import Node, Operand
from .numbers import Numbers, figure, numbers_of

if TYPE_CHECKING:
    from .explanation import Explanation

_LONGEST = 40  # lines of a rule that are shown


def as_json(explanation: Explanation) -> str:
    """Return the data of the page as JSON that may stand in a script element: no text in it can end that element."""
    text = json.dumps(as_data(explanation), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028")


def as_data(explanation: Explanation) -> dict[str, Any]:
    """Return the data of the page; its keys are those that the scripts read."""
    nodes, ops, lines = explanation.nodes, dict[str, Primitive](), dict[str, int]()
    for node in nodes:
        if node.op is not None:
            ops.setdefault(node.op.key, node.op)
        if node.line:
            lines.setdefault(node.line, len(lines))
    return {
        "title": explanation.name,
        "facts": facts(explanation),
        "note": explanation.note,
        "nodes": [_node(node, nodes, lines) for node in nodes],
        "groups": [
            {"name": g.name, "nodes": g.nodes, "result": g.result, "row": g.row, "column": g.column}
            for g in explanation.groups
        ],
        "order": explanation.order,
        "lines": [_line(line) for line in lines],
        "ops": {key: _op(op) for key, op in ops.items()},
    }


def facts(explanation: Explanation) -> list[list[str]]:
    """Return what there is to say of the whole call: pairs of a name and a text."""
    operations = [node for node in explanation.nodes if node.kind == "operation"]
    parameters = [node for node in explanation.nodes if node.kind == "parameter"]
    found = [
        ["value", _value(tree.leaves(explanation.value))],
        ["operations", f"{len(operations):,}"],
        ["parameters", f"{sum(node.values[0].size for node in parameters):,}"],
        ["forward", duration(sum(node.seconds for node in operations))],
        ["flops", amount(sum(node.flops for node in operations))],
    ]
    if explanation.order:
        found[4:4] = [["backward", duration(sum(node.seconds_back for node in operations))]]
        found += [
            ["flops backward", amount(sum(node.flops_back for node in operations))],
            ["kept for backward", amount(explanation.kept, "B")],
        ]
    return found


def _value(leaves: list[Any]) -> str:
    if len(leaves) != 1:
        return f"{len(leaves)} arrays"
    if not isinstance(leaves[0], NUMERIC):
        return describe(leaves[0])
    numbers = numbers_of(leaves[0])
    return numbers.what if numbers.shape else numbers.entries[0][0]


def _node(node: Node, nodes: list[Node], lines: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": node.kind, "name": node.name, "group": node.group}
    found["values"] = [_numbers(value) for value in node.values]
    if any(node.cotangents):
        found["cotangents"] = [g and _numbers(g) for g in node.cotangents]
    if node.op is None:
        return found
    found.update(row=node.row, column=node.column, op=node.op.key, call=node.call, time=duration(node.seconds))
    found["operands"] = [_operand(operand, nodes) for operand in node.operands]
    found["flops"] = amount(node.flops, "flop")
    if any(node.cotangents) or node.rule:
        found.update(
            back=duration(node.seconds_back), flopsBack=amount(node.flops_back, "flop"), kept=amount(node.kept, "B")
        )
    optional = {"layer": node.layer, "options": node.options, "rule": node.rule, "line": lines.get(node.line or "")}
    found.update({name: value for name, value in optional.items() if value not in ("", None)})
    if node.direction != "forward":
        found["direction"] = node.direction
    return found


def _operand(operand: Operand, nodes: list[Node]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": operand.name}
    if operand.node is not None:
        found["node"] = operand.node
        if operand.output:
            found["output"] = operand.output
        if operand.sent is not None:
            all_of_it = operand.sent == nodes[operand.node].cotangents[operand.output]
            found["sent"] = True if all_of_it else _numbers(operand.sent)  # True: it is the node's own cotangent
    elif operand.numbers is not None:
        found["numbers"] = _numbers(operand.numbers)
    return found


def _numbers(numbers: Numbers) -> dict[str, Any]:
    found: dict[str, Any] = {"what": numbers.what, "norm": figure(numbers.norm)}
    if numbers.size != 1:
        found.update(low=figure(numbers.low), mean=figure(numbers.mean), high=figure(numbers.high))
    else:
        found["one"] = numbers.entries[0][0] if numbers.entries else figure(numbers.mean)
    if numbers.zeros:
        found["zeros"] = f"{100 * numbers.zeros:.3g} %"
    bad = [f"{count:,} {what}" for count, what in ((numbers.nans, "nan"), (numbers.infs, "infinite")) if count]
    if bad:
        found["bad"] = ", ".join(bad)
    if numbers.histogram:
        found["bars"] = numbers.histogram
    if numbers.entries and numbers.size > 1:
        found["entries"] = numbers.entries
    if numbers.picture is not None:
        found["png"] = base64.b64encode(numbers.picture).decode()
    return found


def _line(line: str) -> dict[str, str]:
    return {"path": shown(line, whole=True), "where": shown(line), "text": source_of(line)}


def source_of(line: str) -> str:
    """Return the text of a line given as "/path/model.py:12"; empty if the file cannot be read."""
    path, _, number = line.rpartition(":")
    return linecache.getline(path, int(number)).strip()


def _op(op: Primitive) -> dict[str, Any]:
    """Return what is known of an operation's mathematics, its docstring if that is all."""
    op = registry.get(op.key, op)  # of a call with trees the primitive
    known = derivation_of(op)
    found: dict[str, Any] = {"name": op.name, "key": op.key, "differentiable": op.differentiable}
    if known is None:
        found["text"] = inspect.cleandoc(op.__doc__ or "")
    else:
        found.update(formula=known.formula, text=known.derivation, kept=known.kept, cost=known.cost)
        found["conventions"] = [convention.text for convention in known.conventions]
    found["rules"] = _rules(op)
    return found


def _rules(op: Primitive) -> list[str]:
    """Return the source of the VJP rules that stand with the operation; those of a family say nothing of it alone."""
    rules = [*op.vjps.values(), *([op.joint[1]] if op.joint else [])]
    found = []
    for rule in rules:
        if getattr(rule, "__module__", None) != op.__module__:
            continue
        try:
            lines, _ = inspect.getsourcelines(rule)
        except (OSError, TypeError):
            continue
        if len(lines) <= _LONGEST:
            found.append(inspect.cleandoc("\n" + "".join(lines)))
    return list(dict.fromkeys(found))
