"""``tinygrad-np coverage``: what is differentiable of NumPy, and how far."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..inspect.columns import COLUMNS

if TYPE_CHECKING:
    from ..inspect.coverage import Row

_DESCRIPTION = """Measure, on small examples, what each function and ufunc of NumPy does with a Tensor, and print a
table: whether it is one primitive or composed of others; whether its reverse mode (vjp), forward mode (jvp), second
derivatives in every order, batching (vmap) and complex derivatives are right. Functions that are refused or cannot be
intercepted come with the reason and what to write instead. Functions of scipy.special are there if SciPy is."""

_SIGNS = {True: "yes", False: "NO", None: "-"}
_LEGEND = "yes: measured and right   NO: a gap   -: NumPy does not do it, or the shape of the result depends on values"


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "coverage", help="what is differentiable of NumPy", description=_DESCRIPTION
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects, one a function, and nothing else")
    return parser


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from ..inspect.coverage import CLASSES, rows  # not before it is asked for: it imports SciPy where that is installed

    if args.json:
        json.dump([row.as_dict() for row in rows()], sys.stdout, indent=1)
        print()
        return 0
    print("measuring, which takes some seconds ...", file=sys.stderr)
    table = list(rows())
    classes = {class_: [row for row in table if row.class_ == class_] for class_ in CLASSES}
    measured = next(iter(classes.values()))
    for class_, some in classes.items():
        print(f"{class_} ({len(some)})", *(_measured(some) if some is measured else _reasons(some)), "", sep="\n")
    print("counts", *[f"    {class_:<24}{len(some):>5}" for class_, some in classes.items()], sep="\n")
    print(*_figures(measured), sep="\n")
    return 0


def _measured(table: list[Row]) -> Iterable[str]:
    yield f"    {_LEGEND}"
    yield f"    {'':<42}{'kind':<11}{''.join(f'{column:<14}' for column in COLUMNS)}".rstrip()
    for row in table:
        marks = "".join(f"{_SIGNS[getattr(row, column)]:<14}" for column in COLUMNS)
        yield f"    {row.name:<42}{row.kind or '-':<11}{marks}".rstrip()


def _reasons(table: list[Row]) -> Iterable[str]:
    width = max((len(row.name) for row in table), default=0)
    for row in table:
        yield f"    {row.name:<{width}}  {row.reason or ''}".rstrip()


def _figures(table: list[Row]) -> Iterable[str]:
    for kind in ("primitive", "composed"):
        yield f"    {kind:<24}{sum(row.kind == kind for row in table):>5}"
    for column in COLUMNS:
        values = [getattr(row, column) for row in table]
        yield f"    {column:<24}{values.count(True):>5} yes, {values.count(False)} NO, {values.count(None)} -"
    gaps = [f"    {row.name}, {column}: {gap}" for row in table for column, gap in row.gaps.items()]
    yield f"gaps ({len(gaps)})"
    yield from gaps
