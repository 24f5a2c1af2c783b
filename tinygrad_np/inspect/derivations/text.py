"""Derivations as text: a page for an operation, for what is made of several, and the list of all."""

from __future__ import annotations

import inspect
import math
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...core import families
from ...core.primitive import Primitive, registry
from ...core.tensor import constants, name_of
from ...ops.costs import is_declared
from .composition import NotRecordedError, compose, guessed, step_lines
from .derivation import Derivation, derivation_of, entries, symbols
from .names import enter_scipy
from .reading import notes_of
from .stating import evaluate
from .working import Worked, deviation, flops_of, pairing, work, work_function

WIDTH = 100
_INDENT = 4


def page_of_primitive(op: Primitive, title: str = "") -> Iterator[str]:
    """Yield the lines of an operation's page; the example is worked and the conventions are evaluated meanwhile."""
    found = derivation_of(op)
    yield from _heading(title or op.name, op.key)
    if found is None:
        yield from _section("derivation", [f"Nothing is written about {op.name}: its docstring has no formula."])
        found = Derivation(op.name, op.key, "", "")
    yield from _mathematics(found)
    at = found.at if found.at is not None else guessed(op)
    yield from _section("cost", _cost(op, found, at))
    yield from _section("kept", [found.kept.rstrip(".")] if found.kept else [])
    yield from _section("conventions", _conventions(found))
    if at is not None:
        yield from _section("example, worked now", _example(work(op, at, found.options), found.formula))
    yield from _section("remarks", _wrapped(found.remarks) if found.remarks else [])
    yield from _section("rules", _rules(op))
    yield from _section("source", [found.source] if found.source else [])


def page_of_composition(title: str, function: Callable[..., Any]) -> Iterator[str]:
    """Yield the lines of the page of a function that is no primitive: what it is made of, and their derivations."""
    try:
        made = compose(title, function)
    except NotRecordedError as error:
        yield from _heading(title, function.__module__ or "")
        yield from _said(function)
        yield from _section("made of", [str(error)])
        return
    with_rules = [step.op for step in made.steps if step.op.differentiable]
    single = with_rules or [step.op for step in made.steps]
    if len(single) == 1 and derivation_of(single[0]):
        yield from page_of_primitive(single[0], title)
        return
    yield from _heading(title, function.__module__ or "")
    yield from _said(function)
    shapes = ", ".join(f"{name} {np.shape(x)}" for name, x in made.args.items())
    count = {0: "no operation", 1: "one operation"}.get(len(made.steps), f"{len(made.steps)} operations")
    yield from _section(f"made of {count}, recorded with {shapes}", step_lines(made))
    moving = [] if function in constants else made.moving
    yield from _section("example, worked now", _example(work_function(made.function, made.args, moving)))
    for op in dict.fromkeys(step.op for step in made.steps):
        found = derivation_of(op)
        if found is not None:
            yield from _heading(found.name, found.key)
            yield from _mathematics(found)


def _said(function: Callable[..., Any]) -> Iterator[str]:
    """Yield what a function's docstring says about it; nothing of NumPy's and SciPy's own."""
    if name_of(function).startswith("np.") or (function.__module__ or "").startswith(("numpy", "scipy")):
        return
    notes, summary = notes_of(function.__doc__), inspect.cleandoc(function.__doc__ or "").partition("\n")[0]
    yield from _section("", [summary] if summary and summary not in notes.derivation else [])
    yield from _section("", [notes.formula] if notes.formula else [])
    yield from _section("derivation", _wrapped(notes.derivation) if notes.derivation else [])


def listing() -> Iterator[str]:
    """Yield the lines of the list of all primitives that have a derivation, by family."""
    enter_scipy()
    by_family: dict[str, list[str]] = {}
    for key in entries():
        family, _, _ = key.removeprefix("tinygrad_np.").removeprefix("ops.").rpartition(".")
        if key in registry:
            by_family.setdefault(family, []).append(registry[key].name)
    yield f"{sum(map(len, by_family.values()))} primitives; everything else is made of them"
    for family, names in sorted(by_family.items()):
        yield ""
        yield family
        yield from textwrap.wrap(", ".join(names), WIDTH, initial_indent=" " * _INDENT, subsequent_indent=" " * _INDENT)


# -- parts of a page -------------------------------------------------------------------------------------------------


def _heading(title: str, where: str) -> Iterator[str]:
    yield ""
    room = WIDTH - len(title) - 2
    yield f"{title}  {where:>{room}}" if len(where) <= room else title
    yield "─" * WIDTH


def _mathematics(found: Derivation) -> Iterator[str]:
    if found.formula:
        yield from _section("", _wrapped(found.formula))
    yield from _section("derivation", _wrapped(found.derivation) if found.derivation else [])


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield an empty line, the title if there is one, and the lines; nothing if there are none."""
    lines = list(lines)
    if lines:
        yield ""
    if lines and title:
        yield title
    for line in lines:
        yield from _fitting(line)


def _fitting(line: str) -> list[str]:
    """Indent a line, and break it if it is too long; what continues it is indented further."""
    inner = len(line) - len(line.lstrip())
    return textwrap.wrap(
        line,
        WIDTH,
        initial_indent=" " * _INDENT,
        subsequent_indent=" " * (_INDENT + inner + 4),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def _wrapped(text: str) -> list[str]:
    """Return paragraphs as lines, an empty one between them."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        lines += ["", *textwrap.wrap(paragraph, WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False)]
    return lines[1:]


def _cost(op: Primitive, found: Derivation, at: tuple[Any, ...] | None) -> Iterator[str]:
    if found.cost:
        yield found.cost.rstrip(".")
    if at is not None and (is_declared(op) or found.at is not None):
        count = flops_of(op, at, found.options)
        yield f"{count:,} floating-point operation{'' if count == 1 else 's'} forward in the example below"


def _conventions(found: Derivation) -> Iterator[str]:
    for each in found.conventions:
        yield each.text
        try:
            value = evaluate(each)
        except ModuleNotFoundError as error:
            value = f"needs {error.name}"
        shown = f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else _value(_rounded(value))
        together = f"    {each.call}  →  {shown}"
        yield from [together] if len(together) + _INDENT <= WIDTH else [f"    {each.call}", f"        →  {shown}"]


def _rules(op: Primitive) -> Iterator[str]:
    """Yield where the rules stand."""
    rules = {**{("VJP", i): rule for i, rule in op.vjps.items()}, **{("JVP", i): rule for i, rule in op.jvps.items()}}
    for kind, pair in (("VJP", op.joint), ("JVP", op.joint_jvp)):
        if pair is not None:
            rules[kind, min(pair[0])] = pair[1]
    places: dict[str, list[str]] = {}
    for (kind, i), rule in rules.items():
        if not hasattr(inspect.unwrap(rule), "__code__"):
            continue  # a rule that is NumPy's own function
        joint = op.joint if kind == "VJP" else op.joint_jvp
        several = joint[0] if joint is not None and joint[1] is rule else (i,)
        names = ", ".join(op.arrays[0 if op.variadic else k] for k in several)
        places.setdefault(_place(rule), []).append(f"{kind} of {names}")
    for place, what in places.items():
        yield f"{place}  {'; '.join(what)}"


def _place(rule: Any) -> str:
    code = _declared(inspect.unwrap(rule)).__code__
    path = Path(code.co_filename)
    package = Path(__file__).parents[2].parent
    shown = os.fspath(path.relative_to(package) if path.is_relative_to(package) else path)
    return f"{shown}:{code.co_firstlineno}"


def _declared(rule: Any) -> Any:
    """Return of a rule that a family made the derivative it was made from."""
    cells = [cell.cell_contents for cell in rule.__closure__ or ()] if rule.__module__ == families.__name__ else []
    made_from = [f for f in cells if inspect.isfunction(f) and f.__module__ != families.__name__]
    return made_from[0] if made_from else rule


# -- numbers ---------------------------------------------------------------------------------------------------------


def _example(worked: Worked, formula: str = "") -> Iterator[str]:
    y, g = symbols(list(worked.args), formula)
    width = max(len(name) for name in (*worked.args, *(f"{m}_bar" for m in worked.moving), "differences"))

    def line(name: str, values: Any) -> Iterator[str]:
        several = isinstance(values, tuple) and len(values) > 1
        for k, value in enumerate(values if isinstance(values, tuple) else (values,)):
            yield from _labelled(f"{name}[{k}]" if several else name, value, width)

    for name, x in worked.args.items():
        yield from line(name, x)
    yield from line(y, worked.y)
    if worked.moving:
        yield ""
        off = deviation([worked.bars[m] for m in worked.moving], [worked.bar_differences[m] for m in worked.moving])
        yield f"VJP of the cotangent {g}; finite differences deviate by {off:.0e}"
        yield from line(g, worked.g)
        for name in worked.moving:
            yield from line(f"{name}_bar", worked.bars[name])
            yield from line("differences", worked.bar_differences[name])
    if worked.y_dot:
        yield ""
        off = deviation(worked.y_dot, worked.y_dot_differences)
        yield f"JVP of the tangents; finite differences deviate by {off:.0e}"
        for name in worked.moving:
            yield from line(f"{name}_dot", worked.dots[name])
        yield from line(f"{y}_dot", worked.y_dot)
        yield from line("differences", worked.y_dot_differences)
        yield ""
        terms = " + ".join(f"<{name}_bar, {name}_dot>" for name in worked.moving)
        yield f"<{g}, {y}_dot> = {sum(map(pairing, worked.g, worked.y_dot)):.10g}"
        yield f"{terms} = {sum(pairing(worked.bars[m], worked.dots[m]) for m in worked.moving):.10g}"


def _labelled(name: str, x: Any, width: int) -> Iterator[str]:
    """Yield "name = value", a matrix over several lines, an image without its axes of length 1 but with its shape."""
    first, *rest = _value(x, WIDTH - _INDENT - width - 3).split("\n")
    shape = x.shape if isinstance(x, np.ndarray) else ()
    yield f"{name:<{width}} = {first}" + (f"   shape {shape}" if len(shape) > 2 else "")
    for each in rest:
        yield " " * (width + 3) + each


def _rounded(x: Any) -> Any:
    """Round to what conventions are compared with; a negative zero is 0."""
    if isinstance(x, tuple):
        return tuple(map(_rounded, x))
    array = np.asarray(x)
    return np.round(array, 12) + 0.0 if array.dtype.kind in "fc" else x


def _value(x: Any, width: int = 60) -> str:
    if isinstance(x, tuple):
        return "(" + ", ".join(_value(each, width) for each in x) + ("," if len(x) == 1 else "") + ")"
    if x is None or isinstance(x, bool | str):
        return str(x)
    array = np.asarray(x)
    if array.dtype.kind not in "fciub":
        return str(x)
    if array.ndim > 2:
        array = np.squeeze(array)
    if array.ndim == 0:
        return f"{array[()]:.10g}" if array.dtype.kind in "fc" else str(array[()])
    largest = float(np.max(np.abs(array[np.isfinite(array)]), initial=0.0)) if array.dtype.kind in "fc" else 0.0
    digits = 6 if largest == 0 else max(4, min(10, 4 - math.floor(math.log10(largest))))
    return np.array2string(array, max_line_width=width, precision=digits, suppress_small=True, threshold=64)
