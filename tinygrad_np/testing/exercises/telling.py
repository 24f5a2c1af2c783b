"""A verdict in words: the point to paste, the entries that differ, and as much help as was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .exercise import Exercise
from .judging import Verdict

_ROWS, _PRINTED = 8, 20
_KINDS = {
    "raised": "Print the shapes of g and of the arguments at this point, then walk through your function with them.",
    "form": "Return a cotangent for each argument of floating-point numbers, in their order, and of their shapes: each "
    "entry says what one entry of the argument does to the loss.",
    "writes": "The caller still needs what it passed: copy it, or compute something new.",
    "values": "None of the usual mistakes gives these numbers. Take the point above, and work one entry out by hand.",
    "ties": "Read again what the task says of elements that are equal.",
    "moody": "Random numbers, or something kept from call to call? A cotangent depends on g and the arguments alone.",
    "later": "The values are right, their derivatives are not. A second derivative runs your function on Tensors, "
    "which record what is done to them: what leaves NumPy (float(), math, np.array of it), or is written into an "
    "array, is lost to them. Compute the answer from g and the arguments, with np functions.",
}


def tell(exercise: Exercise, verdict: Verdict, *, more: bool = False) -> str:
    """Say a verdict in lines for a terminal.

    Parameters
    ----------
    exercise : Exercise
        What was asked.
    verdict : Verdict
        What was found.
    more : bool
        Whether to say what to do, and not only what to think about.
    """
    return "\n".join(_lines(exercise, verdict, more))


def _lines(exercise: Exercise, verdict: Verdict, more: bool) -> Iterator[str]:
    if verdict.state == "passes":
        orders = "first and second derivatives" if exercise.order > 1 else "first derivatives"
        yield f"{exercise.name}: passes. {orders.capitalize()}, linearity, shapes and the rules for ties are right."
        return
    if verdict.state == "not begun":
        yield f"{exercise.name}: not begun, {exercise.vjp_name} raises NotImplementedError."
        yield f"\nThink: {exercise.steps}" if more else ""
        return
    yield f"{exercise.name}: fails. The smallest point found:\n"
    yield from _point(exercise, verdict)
    yield ""
    yield from _printed(verdict)
    yield from _findings(verdict)
    yield from _help(exercise, verdict, more)


def _point(exercise: Exercise, verdict: Verdict) -> Iterator[str]:
    """Yield the call, ready to be pasted."""
    assert verdict.point is not None
    names = ("g", *exercise.arrays)
    for name, x in zip(names, (verdict.g, *verdict.point.args), strict=True):
        yield f"    {name} = {_literal(x)}"
    options = [f"{name}={value}" for name, value in verdict.point.options.items()]
    yield f"    {exercise.vjp_name}({', '.join([*names, *options])})"


def _printed(verdict: Verdict) -> Iterator[str]:
    """Yield what the answer printed."""
    lines = verdict.printed.splitlines()
    if lines:
        yield "Your function printed there:\n"
        yield from (f"    {line}" for line in lines[:_PRINTED])
        yield f"    and {len(lines) - _PRINTED} more lines\n" if len(lines) > _PRINTED else ""


def _literal(x: Any) -> str:
    return f"np.array({np.asarray(x).tolist()})"


def _findings(verdict: Verdict) -> Iterator[str]:
    """Yield what was found, and the table of the entries that differ."""
    if verdict.kind != "values":
        yield f"{verdict.what}\n"
    if not verdict.rows:
        return
    width = max(len("entry"), *(len(row[0]) for row in verdict.rows[:_ROWS]))
    yield f"    {'entry':{width}}  {'expected':>14}  {'answered':>14}  {'ratio':>9}"
    for name, expected, got in verdict.rows[:_ROWS]:
        ratio = f"{got / expected:9.4g}" if expected else f"{'-':>9}"
        yield f"    {name:{width}}  {expected:14.7g}  {got:14.7g}  {ratio}"
    if len(verdict.rows) > _ROWS:
        yield f"    and {len(verdict.rows) - _ROWS} more"
    yield ""


def _help(exercise: Exercise, verdict: Verdict, more: bool) -> Iterator[str]:
    for mistake in verdict.mistakes:
        yield f"Think: {mistake.nudge}"
        if more:
            yield f"Hint: {mistake.name}. {mistake.hint}"
    if not verdict.mistakes:
        yield from _pattern(verdict)
        yield f"Think: {_KINDS[verdict.kind]}"
        if more:
            yield f"Hint: {exercise.steps}"


def _pattern(verdict: Verdict) -> Iterator[str]:
    """Yield the checker's guesses, which stand between its first line and its table."""
    if verdict.kind == "values":
        for line in verdict.what.split("\n")[1:]:
            if line.strip().startswith("argument "):
                return
            yield f"Pattern: {line.strip()}"
