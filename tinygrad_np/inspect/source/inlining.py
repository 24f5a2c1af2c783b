"""A call of a function of one expression, written as this expression with the arguments in their places."""

from __future__ import annotations

import ast
import copy
from typing import Any

from ...ops.indexing import filled
from .layout import Slices, text_of
from .syntax import Function, Resolver, expression


def inlined(
    tree: Function, resolver: Resolver, args: list[str], options: dict[str, str], arrays: set[str]
) -> str | None:
    """Return the expression that a function returns, with its arguments in their places; None if it does more.

    `arrays` names the arguments that are ndarrays: of these np.asarray(x) is x.
    """
    body = _only_expression(tree)
    if body is None:
        return None
    values = _arguments(tree, args, options, resolver)
    if values is None:
        return None
    body = _Substitution(values).visit(resolver.visit(copy.deepcopy(body)))
    return text_of(Slices().visit(_Simplification(arrays, resolver).visit(body)))


def _only_expression(tree: Function) -> ast.expr | None:
    if isinstance(tree, ast.Lambda):
        body = tree.body
    else:
        statements = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
        if len(statements) != 1 or not isinstance(statements[0], ast.Return) or statements[0].value is None:
            return None
        body = statements[0].value
    inner = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.NamedExpr)
    return None if any(isinstance(node, inner) for node in ast.walk(body)) else body


def _arguments(
    tree: Function, args: list[str], options: dict[str, str], resolver: Resolver
) -> dict[str, ast.expr] | None:
    """Bind arguments to a function's parameters, as a call does."""
    given = tree.args
    names = [a.arg for a in (*given.posonlyargs, *given.args)]
    values = {name: expression(text) for name, text in zip(names, args, strict=False)}
    if given.vararg is not None:
        values[given.vararg.arg] = ast.Tuple([expression(text) for text in args[len(names) :]], ast.Load())
    elif len(args) > len(names):
        return None
    values |= {key: expression(text) for key, text in options.items()}
    defaults = dict(zip(names[::-1], given.defaults[::-1], strict=False))
    defaults |= {a.arg: d for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None}
    for name in (*names, *[a.arg for a in given.kwonlyargs]):
        if name not in values:
            if name not in defaults:
                return None
            values[name] = resolver.visit(copy.deepcopy(defaults[name]))
    return values if given.kwarg is None else None


class _Substitution(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.values.get(node.id, node))


class _Simplification(ast.NodeTransformer):
    """Works out what is plain to see: parts of tuples, comparisons of constants, conversions of what is an array."""

    def __init__(self, arrays: set[str], resolver: Resolver) -> None:
        self.arrays = arrays
        self.filling = resolver.definitions.name_of(filled)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.value, ast.Tuple):
            try:
                found = node.value.elts[_index(node.slice)]
            except (ValueError, IndexError):
                return node
            return ast.Tuple(found, ast.Load()) if isinstance(found, list) else found
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        if len(sides) == 2 and isinstance(node.ops[0], ast.Eq) and all(isinstance(x, ast.Constant) for x in sides):
            return ast.Constant(ast.literal_eval(sides[0]) == ast.literal_eval(sides[1]))
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        text = ast.unparse(node.func)
        node.args = [part for a in node.args for part in self._spread(a)]
        if text == "np.asarray" and len(node.args) == 1 and self._is_array(node.args[0]) and not node.keywords:
            return node.args[0]
        if self.filling and text == self.filling and all(isinstance(a, ast.Tuple) for a in node.args):
            template, arrays = [a.elts for a in node.args]  # type: ignore[attr-defined]
            rest = iter(arrays)
            marks = [isinstance(e, ast.Name) for e in template]
            return ast.Tuple([next(rest) if m else e for m, e in zip(marks, template, strict=True)], ast.Load())
        return node

    def _is_array(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self.arrays

    def _spread(self, node: ast.expr) -> list[ast.expr]:
        """Write the arguments of *map(np.asarray, (x, y)) one by one."""
        call = node.value if isinstance(node, ast.Starred) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "map" and isinstance(call.args[-1], ast.Tuple):
            each = [ast.Call(call.args[0], [e], []) for e in call.args[-1].elts]
            return [self.visit_Call(e) for e in each]
        return [node]


def _index(node: ast.expr) -> Any:
    """Return an index that is written out, ValueError if it is none."""
    if isinstance(node, ast.Slice):
        return slice(*[None if p is None else ast.literal_eval(p) for p in (node.lower, node.upper, node.step)])
    return ast.literal_eval(node)
