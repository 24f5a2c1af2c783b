"""Mistakes in the source of the rules, as people make them: a sign, a factor, a constant, operands the wrong way round.

A rule is a function; with it belong the functions that it holds in its closure, helpers of the operations'
modules that it names, and the families' and batching helpers of the core. Such a function is made wrong by giving it
another code object, compiled from the changed syntax tree of its file; what it holds stays. A function may serve many
primitives (a family's rule does): the change is made in all, and some of them judge.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.ops.cases.ties import TIES
from tinygrad_np.core.primitive import Primitive, registry
from tinygrad_np.core.tensor import implementations

from .expressions import mistakes, other_number
from .mutant import Mutant, Undo, together

JUDGES = 8  # of a function that serves many primitives, so many judge
SHARED = ("tinygrad_np.core.families", "tinygrad_np.core.batching")  # modules of helpers that are rules altogether


@dataclasses.dataclass
class Site:
    """A piece of source that rules run: the functions that have its code, and the primitives they serve."""

    code: types.CodeType
    functions: dict[int, types.FunctionType] = dataclasses.field(default_factory=dict)
    keys: dict[str, None] = dataclasses.field(default_factory=dict)


def mutants(keys: list[str]) -> Iterator[Mutant]:
    """All mistakes in the source of the rules of these primitives."""
    seen: dict[tuple[str, str, str], int] = {}
    for site in sites(keys).values():
        module = next(iter(site.functions.values())).__module__
        judges = _judges(list(site.keys))
        owner = judges[0] if len(site.keys) == 1 else module
        path, name = Path(site.code.co_filename), site.code.co_qualname.replace("<locals>.", "")
        where = f"source of {path.stem}.{name}"
        for change, apply in (*_changed(path, site), *_held_numbers(site)):
            count = seen[owner, where, change] = seen.get((owner, where, change), 0) + 1
            yield Mutant(owner, where, change + f" ({count})" * (count > 1), "source", judges, apply)


def _judges(keys: list[str]) -> tuple[str, ...]:
    """Some of the primitives, from the first to the last, and some with conventions at ties and poles."""
    return tuple(dict.fromkeys([*_some(keys), *_some([key for key in keys if key in TIES])]))


def _some(keys: list[str]) -> list[str]:
    return [keys[i * len(keys) // JUDGES] for i in range(JUDGES)] if len(keys) > JUDGES else keys


# -- which functions are rules ---------------------------------------------------------------------------------------


def sites(keys: list[str]) -> dict[Any, Site]:
    """The source of the rules of some primitives, by place."""
    found: dict[Any, Site] = {}
    for key in keys:
        for rule in rules_of(registry[key]):
            for function in _reached(rule):
                place = _place(function.__code__)
                site = found.setdefault(place, Site(function.__code__))
                site.functions[id(function)] = function
                site.keys[key] = None
    return found


def rules_of(op: Primitive) -> list[Any]:
    """All VJP, JVP and batching rules of a primitive."""
    joint = [pair[1] for pair in (op.joint, op.joint_jvp) if pair]
    return [*op.vjps.values(), *op.jvps.values(), *joint, *([op.batch] if op.batch else [])]


def _reached(rule: Any) -> list[types.FunctionType]:
    rest, found = [rule], {}
    while rest:
        f = rest.pop()
        f = f.func if isinstance(f, functools.partial) else f
        if not isinstance(f, types.FunctionType) or id(f) in found or not f.__module__.startswith("tinygrad_np."):
            continue
        found[id(f)] = f
        rest += [cell.cell_contents for cell in f.__closure__ or ()]
        rest += [f.__globals__[name] for name in _names(f.__code__) if _is_helper(f.__globals__.get(name))]
    return list(found.values())


def _is_helper(f: Any) -> bool:
    if not isinstance(f, types.FunctionType):
        return False
    facing = f in _facing() or "Parameters\n" in (f.__doc__ or "")  # an operation, with rules of its own
    return f.__module__ in SHARED or (f.__module__.startswith("tinygrad_np.ops.") and not facing)


@functools.cache
def _facing() -> set[Any]:
    return {f for f in implementations.values() if isinstance(f, types.FunctionType)}


def _names(code: types.CodeType) -> set[str]:
    inner = (_names(c) for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*inner)


def _place(code: types.CodeType) -> Any:
    return code.co_filename, code.co_qualname, code.co_firstlineno, tuple(code.co_positions())


# -- changed source --------------------------------------------------------------------------------------------------


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@functools.cache
def _compiled(path: Path) -> dict[Any, tuple[int, ...]]:
    """Where the code objects of a file lie in that of the module."""
    found: dict[Any, tuple[int, ...]] = {}

    def visit(code: types.CodeType, path: tuple[int, ...]) -> None:
        found[_place(code)] = path
        for i, inner in enumerate(_inner(code)):
            visit(inner, (*path, i))

    visit(compile(_tree(path), str(path), "exec"), ())
    return found


def _inner(code: types.CodeType) -> list[types.CodeType]:
    return [c for c in code.co_consts if isinstance(c, types.CodeType)]


def _changed(path: Path, site: Site) -> Iterator[tuple[str, Callable[[], Undo]]]:
    """What can be changed in a function, in words, and how it is done."""
    place = _compiled(path)[_place(site.code)]
    function = _node_of(path, site.code)
    body = function.body if isinstance(function.body, list) else [function.body]
    for node in _expressions(body):
        for new in mistakes(node):
            words = f"`{_short(node)}` -> `{_short(new)}`"
            yield words, functools.partial(_recode, site, functools.partial(_compile_with, path, place, node, new))


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) < 90 else f"{text[:60]} … {text[-25:]}"


def _node_of(path: Path, code: types.CodeType) -> Any:
    positions = set(code.co_positions())
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            if min([node.lineno, *[d.lineno for d in node.decorator_list]]) == code.co_firstlineno:
                return node
        elif isinstance(node, ast.Lambda) and code.co_name == "<lambda>":
            b = node.body
            if (b.lineno, b.end_lineno, b.col_offset, b.end_col_offset) in positions:
                return node
    raise LookupError(f"{path}: no function {code.co_name} at line {code.co_firstlineno}")


def _expressions(nodes: list[Any]) -> Iterator[ast.expr]:
    """Expressions that compute something: not those of messages, annotations and refusals."""
    for node in nodes:
        if isinstance(node, ast.Raise | ast.JoinedStr | ast.arguments):
            continue
        if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            yield node
        skipped = ("decorator_list", "returns", "annotation")
        for field, value in ast.iter_fields(node):
            if field not in skipped:
                inner = value if isinstance(value, list) else [value]
                yield from _expressions([n for n in inner if isinstance(n, ast.AST)])


def _compile_with(path: Path, place: tuple[int, ...], old: ast.expr, new: ast.expr) -> types.CodeType:
    """The code of a function with one expression changed. The old one stays as a branch never taken, so that the
    function goes on holding the same variables.
    """
    put = _setters(path)[old]
    put(ast.fix_missing_locations(ast.copy_location(ast.IfExp(ast.Constant(True), new, old), old)))
    try:
        code = compile(_tree(path), str(path), "exec")
    finally:
        put(old)
    for i in place:
        code = _inner(code)[i]
    return code


@functools.cache
def _setters(path: Path) -> dict[ast.AST, Callable[[ast.AST], None]]:
    """For each node of a file what puts another in its place."""
    found: dict[ast.AST, Callable[[ast.AST], None]] = {}
    for parent in ast.walk(_tree(path)):
        for field, value in ast.iter_fields(parent):
            if isinstance(value, list):
                found |= {v: functools.partial(value.__setitem__, i) for i, v in enumerate(value) if _is_node(v)}
            elif _is_node(value):
                found[value] = functools.partial(setattr, parent, field)
    return found


def _is_node(value: Any) -> bool:
    return isinstance(value, ast.expr)


def _recode(site: Site, compiled: Callable[[], types.CodeType]) -> Undo:
    code, old = compiled(), site.code
    undos = []
    for function in site.functions.values():
        function.__code__ = code
        undos.append(functools.partial(setattr, function, "__code__", old))
    return together(*undos)


def _held_numbers(site: Site) -> Iterator[tuple[str, Callable[[], Undo]]]:
    """Numbers that a function of a table holds in its closure: other ones."""
    for function in list(site.functions.values()) if len(site.functions) == 1 else []:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            value = cell.cell_contents
            if type(value) in (int, float, complex):
                for other in dict.fromkeys((-value, other_number(value))):
                    if other != value:
                        yield f"{name} = {value} -> {other}", functools.partial(_refill, cell, other)


def _refill(cell: types.CellType, value: Any) -> Undo:
    old = cell.cell_contents
    cell.cell_contents = value
    return lambda: setattr(cell, "cell_contents", old)
