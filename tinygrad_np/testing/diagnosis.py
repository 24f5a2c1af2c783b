"""What is wrong with a gradient, in words: a table of the worst elements and a guess of the cause.

A guess is made only where the pattern is clear; it looks at the gradient of one scalar, <g, f>, element by element.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from .comparison import COMPLETE, Comparison
from .differences import FIRST_STEP, UNKNOWN, Mask, dyadic, length_scales, measure, refine
from .vectors import Problem, Vector

LIMIT = 2000  # elements that are looked at one by one; of a larger input, evenly spaced ones and the first wrong ones
ROWS = 6


@dataclasses.dataclass(frozen=True)
class Leaf:
    """The gradient of <g, f> in a leaf: by differences, by the pullback, where they differ, where one could look."""

    name: str
    expected: Vector
    got: Vector
    wrong: Mask
    seen: Mask


def diagnose(problem: Problem, outcome: Comparison, rng: np.random.Generator) -> str:
    """Describe a failed comparison."""
    d, k = (int(i) for i in np.unravel_index(np.argmax(_severity(outcome)), outcome.failed.shape))
    g = _focus(problem, outcome, k, rng)
    expected, got, wrong, seen = _elements(problem, g, outcome, d)
    lines: list[str] = []
    if not _is_linear(problem, g):
        lines.append("the pullback is not linear in g.")
    elif wrong.any():
        lines += _guesses(problem, expected, got, wrong, seen)
    if problem.order > 1:
        lines.append(
            f"order {problem.order - 1} is right, so the rule's value is right and its derivative is not: does the "
            "rule use a stored number or stop_gradient where it depends on the input?"
        )
    if wrong.any():
        lines += _table(problem, expected, got, wrong)
    else:
        e, t, tol = (float(a[d, k]) for a in (outcome.expected, outcome.got, outcome.tolerance))
        where = _moved(problem, outcome, d)
        lines.append(f"along a direction in {where}: {e:.9g} by differences, {t:.9g} by the pullback (± {tol:.1g}).")
    return "\n  ".join(lines)


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


def _leaves(problem: Problem, expected: Vector, got: Vector, wrong: Mask, seen: Mask) -> list[Leaf]:
    packing = problem.inputs
    shapes = [(*shape, 2) if z else shape for shape, z in zip(packing.shapes, packing.complex, strict=True)]
    return [
        Leaf(name, *(a[place].reshape(shape) for a in (expected, got, wrong, seen)))
        for name, place, shape in zip(packing.names, packing.slices, shapes, strict=True)
    ]


def _guesses(problem: Problem, expected: Vector, got: Vector, wrong: Mask, seen: Mask) -> list[str]:
    leaves = _leaves(problem, expected, got, wrong, seen)
    return [f"{leaf.name}: {cause}." for leaf in leaves if leaf.wrong.any() for cause in [next(_causes(leaf, leaves))]]


def _causes(leaf: Leaf, leaves: list[Leaf]) -> Iterator[str]:
    """Yield what fits the pattern, the most telling first."""
    expected, got, wrong = leaf.expected, leaf.got, leaf.wrong
    if not np.isfinite(got[wrong]).all():
        yield "not finite"
    where = _where(leaf)
    if not got[wrong].any():
        yield f"zero{where}"
    if wrong.sum() > 1:
        yield from _moved_elsewhere(leaf, leaves)
    ratio = got[wrong] / np.where(expected[wrong] == 0, np.nan, expected[wrong])
    k = float(ratio.flat[0])
    if np.all(np.abs(ratio - k) <= 1e-4 * abs(k - 1)):
        yield _factor(k) + where
    yield f"wrong{where}"


def _factor(k: float) -> str:
    if abs(k + 1) < 1e-6:
        return "the wrong sign"
    sign = ", of the wrong sign" if k < 0 else ""
    return (f"{abs(k):.6g} times too large" if abs(k) > 1 else f"{abs(k):.6g} of what it should be") + sign


def _moved_elsewhere(leaf: Leaf, leaves: list[Leaf]) -> Iterator[str]:
    expected, got, ndim = leaf.expected, leaf.got, leaf.expected.ndim

    def same(a: Vector) -> bool:
        return a.shape == got.shape and bool(np.allclose(a[leaf.seen], got[leaf.seen], rtol=1e-5, atol=0))

    if ndim > 1 and same(np.swapaxes(expected, -1, -2)):
        yield "transposed"
    for axis in range(ndim):
        if same(np.flip(expected, axis)):
            yield f"reversed along axis {axis}"
    for other in leaves:
        if other is not leaf and same(other.expected):
            yield f"it is the gradient of {other.name}: arguments swapped"
    for axis in range(ndim):
        if got.shape[axis] > 1 and same(np.broadcast_to(got.take([0], axis), got.shape)):
            yield f"the same all along axis {axis}, where it should vary: summed over the wrong axis"


def _where(leaf: Leaf) -> str:
    """Say which part of the leaf is wrong, if it is not all."""
    count, total = int(leaf.wrong.sum()), int(leaf.seen.sum())
    if leaf.wrong[leaf.seen & (leaf.expected != 0)].all():
        return ""
    border = np.ones(leaf.wrong.shape, bool)
    if leaf.wrong.ndim and min(leaf.wrong.shape) > 2:
        border[(slice(1, -1),) * leaf.wrong.ndim] = False
    elsewhere = ", at the border only" if not border.all() and not leaf.wrong[~border].any() else ""
    return f" in {count} of {total} elements{elsewhere}"


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
