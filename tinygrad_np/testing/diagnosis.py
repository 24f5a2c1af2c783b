"""What is wrong with a gradient, in words: a table of the worst elements and a guess at the cause.

The table is of the gradient of one scalar, <g, f>, element by element; `causes` makes the guess.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .causes import guess
from .comparison import Comparison
from .differences import COMPLETE, FIRST_STEP, UNKNOWN, Mask, dyadic, length_scales, measure, refine
from .evidence import Evidence, as_evidence, evidence_of
from .vectors import Problem, Vector

LIMIT = 2000  # elements that are looked at one by one; of a larger input, evenly spaced ones and the first wrong ones
ROWS = 6
STALE = "right in the first order only: a stored number where the rule depends on the input"


def diagnose(
    problem: Problem, outcome: Comparison, rng: np.random.Generator, more: Sequence[Sequence[Evidence]] = ()
) -> tuple[str, str]:
    """Describe a failed comparison.

    Parameters
    ----------
    problem, outcome : Problem, Comparison
        The point and what was compared there.
    rng : Generator
        For a cotangent.
    more : sequence
        Evidence of other calls that failed alike.

    Returns
    -------
    message, cause : str
        Lines with a table, and the guess among them.
    """
    d, k = (int(i) for i in np.unravel_index(np.argmax(_severity(outcome)), outcome.failed.shape))
    g = _focus(problem, outcome, k, rng)
    expected, got, wrong, seen = _elements(problem, g, outcome, d)
    cause = _cause(problem, outcome, d, (expected, got, wrong, seen), g, more)
    lines = [f"{cause}."] if cause else []
    if problem.order > 1:
        lines.append(
            f"order {problem.order - 1} is right, so the rule's value is right and its derivative is not: does the "
            "rule use a stored number or stop_gradient where it depends on the input?"
        )
        cause = f"{STALE}; {cause}" if cause else STALE
    if wrong.any():
        lines += _table(problem, expected, got, wrong)
    else:
        e, t, tol = (float(a[d, k]) for a in (outcome.expected, outcome.got, outcome.tolerance))
        where = _moved(problem, outcome, d)
        lines.append(f"along a direction in {where}: {e:.9g} by differences, {t:.9g} by the pullback (± {tol:.1g}).")
    return "\n  ".join(lines), cause


def _cause(
    problem: Problem,
    outcome: Comparison,
    d: int,
    elements: tuple[Vector, Vector, Mask, Mask],
    g: Vector,
    more: Sequence[Sequence[Evidence]],
) -> str:
    """Guess, from whole Jacobians where they are small enough, else from the gradient of <g, f>."""
    if not _is_linear(problem, g):
        return "the pullback is not linear in g"
    expected, got, wrong, seen = elements
    if not wrong.any():
        return ties(problem, outcome, d)
    here = evidence_of(problem)
    if not any(e.wrong.any() for e in here):
        here = as_evidence(problem, expected[None], got[None], seen[None])
    return guess([here, *more])


def ties(problem: Problem, outcome: Comparison, d: int) -> str:
    """Say what it means if no element alone is wrong, since each has a kink, but all moved by the same amount are."""
    if not outcome.joint:
        return ""
    moved = outcome.directions[d] != 0
    names = dict.fromkeys(problem.inputs.names[problem.inputs.leaf_of(int(i))] for i in np.flatnonzero(moved))
    failed = outcome.failed[d]
    ratios = outcome.got[d, failed] / outcome.expected[d, failed]
    more = "each of the equal elements is given the whole gradient, not a share of it, or one of them"
    what = more if np.all(ratios > 1) else "the shares of the equal elements do not add up to the gradient"
    return f"{', '.join(names)}: wrong at ties: {what}"


def _severity(outcome: Comparison) -> Vector:
    """How far beyond its tolerance each failed comparison is; an infinite or nan gradient comes first."""
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = np.abs(outcome.expected - outcome.got) / outcome.tolerance
    return np.asarray(np.where(outcome.failed, np.nan_to_num(excess, nan=np.inf, posinf=np.inf), -1))


def _focus(problem: Problem, outcome: Comparison, k: int, rng: np.random.Generator) -> Vector:
    """Return a random cotangent of the output leaf that failed: elsewhere it would hide what is small."""
    failed = outcome.cotangents[k]
    if np.count_nonzero(failed) > 1:
        return np.asarray(failed / np.abs(failed).max())
    unit: Vector = np.where(failed != 0, 1.0, 0.0)
    place = problem.outputs.slices[problem.outputs.leaf_of(int(np.argmax(unit)))]
    if place.stop - place.start > 1:
        smooth = np.logical_not(np.any(outcome.kinked[:, place], axis=0))
        unit[place] = np.where(smooth, dyadic(rng, place.stop - place.start), unit[place])
    return unit


def _elements(problem: Problem, g: Vector, outcome: Comparison, d: int) -> tuple[Vector, Vector, Mask, Mask]:
    """Compare the gradient of <g, f> element by element."""
    n = problem.x.size
    scale = length_scales(problem.inputs, problem.x)
    expected, error, seen = np.zeros(n), np.full(n, UNKNOWN), np.zeros(n, bool)
    got = problem.pull(g)
    chosen = np.arange(n)
    if n > LIMIT:
        chosen = np.union1d(np.linspace(0, n - 1, LIMIT).astype(int), _wrong_one(problem, g, outcome, d))
    for i in chosen[~outcome.excluded[chosen]]:
        u = np.zeros(n)
        u[i] = scale[i]
        value, e, kinked = _along(problem, u)
        seen[i] = not kinked[g != 0].any()
        expected[i], error[i] = value @ g / scale[i], e @ np.abs(g) / scale[i]
    tolerance = 10 * error + 1e-6 * np.maximum(np.abs(expected), np.abs(np.nan_to_num(got)))
    return expected, got, seen & np.logical_not(np.abs(got - expected) <= tolerance), seen


def _along(problem: Problem, u: Vector) -> tuple[Vector, Vector, Mask]:
    """As `refine`, in a hurry where there is much to do."""
    if problem.x.size <= COMPLETE:
        return refine(problem, u)
    e = measure(problem, u[None], FIRST_STEP)
    return e.value[0], e.error[0], e.suspect[0]


def _wrong_one(problem: Problem, g: Vector, outcome: Comparison, d: int) -> list[int]:
    """Find a wrong element of the failed direction by halving it."""
    group, got = np.flatnonzero(outcome.directions[d]), problem.pull(g)
    while group.size > 1:
        half = group[: group.size // 2]
        u = np.zeros_like(problem.x)
        u[half] = outcome.directions[d, half]
        value, error, _ = _along(problem, u)
        agree = abs(value @ g - u @ got) <= 4 * error @ np.abs(g)
        group = group[half.size :] if agree else half
    return [int(i) for i in group]


def _is_linear(problem: Problem, g: Vector) -> bool:
    once, much = problem.pull(g), problem.pull(2.0**20 * g)
    size = np.abs(once).max(initial=0)
    return bool(np.all(np.abs(much * 2.0**-20 - once) <= 1e-9 * size) or not np.isfinite(size))


def _moved(problem: Problem, outcome: Comparison, d: int) -> str:
    moved = np.flatnonzero(outcome.directions[d])
    if moved.size == 1:
        return problem.inputs.element(int(moved[0]))
    return ", ".join(dict.fromkeys(problem.inputs.names[problem.inputs.leaf_of(int(i))] for i in moved))


def _table(problem: Problem, expected: Vector, got: Vector, wrong: Mask) -> list[str]:
    """Tabulate the worst elements."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = got / expected
        badness = np.where(wrong, np.nan_to_num(np.abs(got - expected), nan=np.inf), -1)
    worst = np.argsort(-badness, kind="stable")[: min(ROWS, int(wrong.sum()))].tolist()
    names = [problem.inputs.element(i) for i in worst]
    width = max(len("argument"), *map(len, names))
    rows = [f"{'argument':{width}}  {'differences':>14}  {'pullback':>14}  {'ratio':>10}"]
    for name, i in zip(names, worst, strict=True):
        rows.append(f"{name:{width}}  {expected[i]:14.7g}  {got[i]:14.7g}  {ratio[i]:10.5g}")
    return rows
