"""How expressions are laid out: slices as in an index, long ones on several lines."""

from __future__ import annotations

import ast

from .syntax import WIDTH, expression


def text_of(node: ast.AST) -> str:
    """Return the text of a syntax tree that was put together."""
    return ast.unparse(ast.fix_missing_locations(node))


class Slices(ast.NodeTransformer):
    """Writes slice(a, b, None) as a:b, in an index and in np.s_[...] elsewhere."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """Write the slices of an index."""
        node.value = self.visit(node.value)
        if isinstance(node.slice, ast.Tuple) and node.slice.elts:
            node.slice = ast.Tuple([_slice(self.visit(e)) for e in node.slice.elts], ast.Load())
            if len(node.slice.elts) == 1 and ast.unparse(node.value) != "np.s_":
                node.slice = node.slice.elts[0]
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        """Write a tuple with slices as np.s_[...]."""
        if not any(_slice(e) is not e for e in node.elts):
            return self.generic_visit(node)  # type: ignore[return-value]
        index = ast.Subscript(ast.Attribute(ast.Name("np", ast.Load()), "s_", ast.Load()), node, ast.Load())
        return self.visit_Subscript(index)


def _slice(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "slice" and len(node.args) == 3:
        parts = [None if isinstance(a, ast.Constant) and a.value is None else a for a in node.args]
        return ast.Slice(*parts)
    return node


def assigned(target: str, text: str, note: str) -> list[str]:
    """Return the lines of an assignment, with a note behind; what is long has its parts on lines of their own."""
    node = Slices().visit(expression(text))
    line = f"{target} = {text_of(node)}"
    noted = f"  # {note}" if note else ""
    if isinstance(node, ast.Call):
        parts = [ast.unparse(a) for a in node.args] + [f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords]
        opening, closing = f"{ast.unparse(node.func)}(", ")"
    elif isinstance(node, ast.Dict):
        parts = [f"{ast.unparse(k)}: {ast.unparse(v)}" for k, v in zip(node.keys, node.values, strict=True) if k]
        opening, closing = "{}"
    elif isinstance(node, ast.Tuple | ast.List):
        parts, (opening, closing) = [ast.unparse(e) for e in node.elts], "()" if isinstance(node, ast.Tuple) else "[]"
    else:
        parts, opening, closing = [], "", ""
    if len(line) <= WIDTH - 4 or not parts:
        return [line + noted if len(line) + len(noted) <= WIDTH - 4 else line]
    return [f"{target} = {opening}", *spread(parts), f"{closing}{noted}"]


def spread(parts: list[str]) -> list[str]:
    """Return lines with all parts, as many on each as fit."""
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + len(part) > WIDTH - 10:
            lines.append("")
        lines[-1] += f"{part}, "
    return [f"    {line.rstrip()}" for line in lines if line]
