"""Mistakes in an expression: another operator, one operand alone, operands swapped, another number, an option forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

_OTHER: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Lt: ast.LtE,
    ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
}  # fmt: skip
_LIKE = [
    "sin cos",
    "sinh cosh",
    "maximum minimum",
    "max min",
    "sum mean",
    "zeros_like ones_like",
    "greater greater_equal",
]
_LIKE += ["less less_equal", "argmax argmin", "cumsum cumprod", "exp expm1", "log log1p", "floor ceil", "real imag"]
_NAMES = {a: b for pair in map(str.split, _LIKE) for a, b in (pair, pair[::-1])}


def mistakes(node: ast.expr) -> Iterator[ast.expr]:
    """What one might have written in the place of an expression."""
    if isinstance(node, ast.BinOp):
        yield from _of_operators(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _OTHER:
        yield ast.Compare(node.left, [_OTHER[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, complex):
        yield ast.Constant(other_number(node.value))
    elif isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield ast.Attribute(node.value, _NAMES[node.attr], ast.Load())
    elif isinstance(node, ast.Call):
        yield from _of_calls(node)


def _of_operators(node: ast.BinOp) -> Iterator[ast.expr]:
    if type(node.op) in _OTHER:
        yield ast.BinOp(node.left, _OTHER[type(node.op)](), node.right)
    if isinstance(node.op, ast.Mult | ast.MatMult | ast.Add):
        yield node.left
        yield node.right
    elif isinstance(node.op, ast.Div | ast.Sub | ast.Pow):
        yield node.left
    if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow):
        yield ast.BinOp(node.right, node.op, node.left)


def _of_calls(node: ast.Call) -> Iterator[ast.expr]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name.strip("_").startswith("conj") and node.args:
        yield node.args[0]
    for i, keyword in enumerate(node.keywords):
        if keyword.arg and keyword.arg != "strict":  # zip's guard computes nothing
            yield ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])


def other_number(n: Any) -> Any:
    """Another number of the same type."""
    if type(n) is int:
        return 1 if n in (0, 2) else n + 1
    return 2 * n if n else 1.0
