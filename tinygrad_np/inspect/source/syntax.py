"""Source of functions, taken apart and put together anew: their names made those of a printed program."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import keyword
import re
import textwrap
import types
from typing import TYPE_CHECKING, Any

from ...core.primitive import Primitive

if TYPE_CHECKING:
    from .definitions import Definitions

Function = ast.FunctionDef | ast.Lambda
_PACKAGE = __name__.split(".")[0]
WIDTH = 120  # of a line


def identifier(text: str) -> str:
    """Return a name like a text: "['conv1']['w']" becomes conv1_w."""
    if text.isidentifier() and not keyword.iskeyword(text):
        return text
    name = re.sub(r"\W+", "_", text).strip("_") or "x"
    return f"x{name}" if name[0].isdigit() else f"{name}_" if keyword.iskeyword(name) else name


def words(text: str) -> list[str]:
    """Return the names in a text."""
    return re.findall(r"[^\W\d]\w*", text)


@functools.lru_cache(256)
def function_tree(f: types.FunctionType) -> Function | None:
    """Return the syntax tree of a function, None if its source cannot be found or has changed since it was imported."""
    try:
        if f.__name__ == "<lambda>":
            return _lambda_tree(f, inspect.getsource(inspect.getmodule(f) or f))
        found = ast.parse(textwrap.dedent(inspect.getsource(f))).body[0]
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    if not isinstance(found, ast.FunctionDef) or hasattr(f, "__wrapped__"):
        return None
    codes = [c for c in compile(ast.Module([found], []), "", "exec").co_consts if isinstance(c, types.CodeType)]
    return (
        found if any(c.co_name == f.__code__.co_name and _outline(c) == _outline(f.__code__) for c in codes) else None
    )


def _lambda_tree(f: types.FunctionType, text: str) -> Function | None:
    """Find the lambda on the same line of a module that uses the same names; None if there are several."""
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Lambda)
        and node.lineno == f.__code__.co_firstlineno
        and _outline(compile(ast.Expression(node), "", "eval").co_consts[0]) == _outline(f.__code__)
    ]
    return found[0] if len(found) == 1 else None


def _outline(code: types.CodeType) -> Any:
    """Return what does not depend on whether a name is global or of an enclosing function, or on indentation."""
    values = [repr(c) for c in code.co_consts if not isinstance(c, types.CodeType | str)]
    return code.co_varnames, {*code.co_names, *code.co_freevars}, values


class Resolver(ast.NodeTransformer):
    """Replaces the names that a function takes from outside by a program's, and drops annotations."""

    def __init__(self, definitions: Definitions, f: types.FunctionType, tree: Function) -> None:
        self.definitions, self.function = definitions, f
        self.bound = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self.bound.add(node.id)
            elif isinstance(node, ast.FunctionDef) and node is not tree:
                self.bound.add(node.name)
        cells = zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)
        self.outside = {**f.__globals__, **{name: cell.cell_contents for name, cell in cells}}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Write the name, or the value, of what is outside."""
        if node.id in self.bound or not isinstance(node.ctx, ast.Load):
            return node
        if node.id not in self.outside:
            return node  # of builtins
        return self._outside(self.definitions.named(self.outside[node.id], node.id))

    def _outside(self, text: str) -> ast.expr:
        """Return the expression for what is outside, by another name where the function uses that for its own."""
        for name in set(words(text)) & self.bound & self.definitions.names:
            text = re.sub(rf"(?<![.\w]){name}\b(?!=)", self.definitions.alias(name), text)
        return expression(text)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Take what a module or an object of this package has, for itself it is not there."""
        base = node.value
        if isinstance(base, ast.Name) and base.id not in self.bound and base.id in self.outside:
            x = self.outside[base.id]
            if isinstance(x, Primitive) and node.attr == "forward":
                return self._outside(self.definitions.reference(x, x.name))
            place = x.__name__ if isinstance(x, types.ModuleType) else type(x).__module__
            if f"{place}.".startswith(f"{_PACKAGE}.") and not place.startswith(f"{_PACKAGE}.kernels"):
                return self._outside(self.definitions.expression(getattr(x, node.attr), node.attr))
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Drop annotations and decorators, and all of the docstring but its first line."""
        node.decorator_list, node.returns = [], None
        text = ast.get_docstring(node)
        if text is not None:
            lines = textwrap.wrap(text.partition("\n")[0], WIDTH - 12)
            node.body[0] = ast.Expr(ast.Constant("\n    ".join([*lines, *[""] * (len(lines) > 1)])))
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Drop the annotation."""
        return ast.arg(node.arg)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        """Make it an assignment."""
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))  # type: ignore[return-value]


def expression(text: str) -> ast.expr:
    """Return the syntax tree of an expression."""
    return ast.parse(text, mode="eval").body


def definition(name: str, tree: Function, resolver: Resolver) -> str:
    """Return the text that defines a function under a name."""
    new = resolver.visit(copy.deepcopy(tree))
    if isinstance(new, ast.Lambda):
        new = ast.FunctionDef(name, new.args, [ast.Return(new.body)], [])
    new.name = name
    return ast.unparse(ast.fix_missing_locations(new))
