"""<g, J u> by differences against <pullback(g), u>: which directions and cotangents, and what the outcome means."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np

from .differences import (
    COMPLETE,
    FIRST_STEP,
    RESOLUTION,
    UNKNOWN,
    WIDE_STEP,
    Estimate,
    Mask,
    Matrix,
    complex_step,
    dyadic,
    length_scales,
    measure,
    refine,
)
from .hidden import hidden_kinks
from .vectors import EPS, Problem, Vector

SMALL_LEAF = 6  # in a larger input, every element of a leaf of this size is a direction still
COMPARABLE = 2.0**10  # beside the effect of moves that are longer by more, that of a move is not taken for zero
SHARP = 1e-9  # the relative error of differences that an imaginary step does not better by much
TRUSTED = 1e-4  # and that up to which agreement with them says something
GOOD = 1e-6  # the relative error with which the first step is content


@dataclasses.dataclass
class Comparison:
    """Outcome for d directions and k cotangents.

    Attributes
    ----------
    directions, cotangents, pulled : array
        u (d, n); g (k, m); pullback(g) (k, n).
    largest : vector
        Largest element of all pullback(g) in the leaf of each element, (n,).
    value, error, kinked : array
        J u with its error, and where it has a kink, (d, m).
    rate : array
        How fast the outputs change along u at all, |f(x + h u) - f(x)| / h with a wide step, (d, m).
    near : vector of bool
        Directions that are about as long as the longest, (d,).
    excluded : vector of bool
        Elements of the input that no direction moves, since there is a kink, (n,).
    joint : bool
        Whether the directions move all elements of a leaf by the same amount, for ties.
    """

    directions: Matrix
    cotangents: Matrix
    pulled: Matrix
    largest: Vector
    value: Matrix
    error: Matrix
    kinked: Mask
    rate: Matrix
    near: Mask
    excluded: Mask
    joint: bool = False

    @property
    def expected(self) -> Matrix:
        """<g, J u>, (d, k)."""
        return self.value @ self.cotangents.T

    @property
    def tolerance(self) -> Matrix:
        """What `expected` may be wrong by, with the rounding of the sum <pullback(g), u>.

        Where it is exactly zero, sums in the rule may leave the rounding of the leaf's largest element.
        """
        pulled = np.where(np.isfinite(self.pulled), np.abs(self.pulled), 0)
        u, rest = np.abs(self.directions), np.where(self.expected == 0, 64 * EPS, 0)
        return self.error @ np.abs(self.cotangents).T + 16 * EPS * (u @ pulled.T) + rest * (u @ self.largest)[:, None]

    @cached_property
    def got(self) -> Matrix:
        """<pullback(g), u>, (d, k); an infinite element counts only in directions that move it."""
        if np.isfinite(self.pulled).all():
            return self.directions @ self.pulled.T
        u = self.directions[:, None]
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(u == 0, 0, u * self.pulled).sum(-1))

    def moves_only(self, place: slice) -> Mask:
        """Which directions stay within one leaf, (d,)."""
        moved = self.directions != 0
        inside = moved[:, place].sum(1)
        return np.asarray((inside > 0) & (inside == moved.sum(1)))

    @property
    def void(self) -> Mask:
        """Comparisons that a kink makes meaningless, or a pole, at which a rule may be infinite, (d, k)."""
        used = self.cotangents != 0
        touched = self.kinked.astype(float) @ used.T.astype(float) > 0
        near_pole: Mask = np.any(self.kinked, axis=1, keepdims=True) | (not used.any(0).all())
        return np.asarray(touched | (near_pole & np.logical_not(np.isfinite(self.got))))

    @property
    def agreed(self) -> Mask:
        """Where the two are equal within the tolerance."""
        return np.asarray(np.abs(self.expected - self.got) <= self.tolerance)

    @property
    def failed(self) -> Mask:
        """Where the pullback is wrong."""
        return np.logical_not(self.agreed | self.void)

    @property
    def size(self) -> Matrix:
        """The larger of |expected| and |got|, (d, k)."""
        return np.maximum(np.abs(self.expected), np.abs(self.got))

    @property
    def concluded(self) -> Mask:
        """Where an error of 1.001 would have been seen, or a zero was told from rounding, (d, k).

        A zero is one beside the same output's other derivatives, or beside its change over a wide step, or where the
        direction changes nothing at all, to the last digit.
        """
        size, tolerance = self.size, self.tolerance
        peers = np.where(self.near[:, None], size.max(0, initial=0, where=np.logical_not(self.void)), 0)
        constant = (size == 0) & (self.rate.max(1, initial=0) == 0)[:, None]
        told = tolerance <= np.maximum(RESOLUTION * size, GOOD * np.maximum(peers, self.change))
        return np.asarray(np.logical_not(self.void) & (told | constant))

    @property
    def change(self) -> Matrix:
        """What <g, f> changes by along u over a wide step, for a step of 1, (d, k)."""
        return self.rate @ np.abs(self.cotangents).T


def compare(problem: Problem, rng: np.random.Generator, count: int) -> Comparison:
    """Compare the pullback with differences at the problem's point, `count` random directions for each leaf.

    In small inputs the directions are the coordinates, and a kink spoils only the outputs that have it. Random
    directions move everything at once: there the elements with a kink are found, and left out by all directions.

    At a tie, as in a window with two maxima, each element alone has a kink, but all moved by the same amount have none.
    Along that direction every convention has to give the derivative, so it is tried where there are kinks.
    """
    excluded = np.zeros(problem.x.size, bool)
    result = _compare(problem, rng, count, excluded)
    if problem.x.size > COMPLETE:
        for _ in range(3):
            spoiled = [u for u, kinked in zip(result.directions, result.kinked, strict=True) if kinked.any()]
            if not spoiled:
                break
            found = np.zeros(problem.x.size, bool)
            for u in spoiled:
                found[_kinks_along(problem, np.where(found, 0, u))] = True
            excluded = excluded | found
            result = _compare(problem, rng, count, excluded)
    if result.failed.any():
        result.kinked |= hidden_kinks(problem, result)
    if result.failed.any() or not (excluded.any() or result.kinked.any()):
        return result
    joint = _compare_along(problem, _joint_directions(problem), result.cotangents, result.pulled, excluded)
    return dataclasses.replace(joint, joint=True) if joint.failed.any() else result


def _joint_directions(problem: Problem) -> Matrix:
    """All elements of a leaf moved by the same amount; all elements of all leaves."""
    scale, rows = length_scales(problem.inputs, problem.x), np.zeros((len(problem.inputs.slices), problem.x.size))
    for row, place in zip(rows, problem.inputs.slices, strict=True):
        row[place] = scale[place].max(initial=0)
    return np.vstack([rows, np.full(problem.x.size, scale.max(initial=0))])


def _compare(problem: Problem, rng: np.random.Generator, count: int, excluded: Mask) -> Comparison:
    directions = _directions(problem, rng, count, length_scales(problem.inputs, problem.x), excluded)
    first = measure(problem, directions, FIRST_STEP)
    cotangents = _cotangents(first, rng) * np.isfinite(problem.y)
    pulled = np.array([problem.pull(g) for g in cotangents]).reshape(len(cotangents), problem.x.size)
    return _compare_along(problem, directions, cotangents, pulled, excluded, first)


def _compare_along(
    problem: Problem,
    directions: Matrix,
    cotangents: Matrix,
    pulled: Matrix,
    excluded: Mask,
    first: Estimate | None = None,
) -> Comparison:
    first = first or measure(problem, directions, FIRST_STEP)
    largest = np.zeros(problem.x.size)
    for place in problem.inputs.slices:
        largest[place] = np.max(np.abs(pulled[:, place]), initial=0, where=np.isfinite(pulled[:, place]))
    kinked = np.zeros(first.value.shape, bool)
    rate = first.move / FIRST_STEP
    still = ~rate.any(1)  # constant, or changed by less than its last digit?
    rate[still] = measure(problem, directions[still], WIDE_STEP).move / WIDE_STEP
    near = np.abs(directions).max(1, initial=0) * COMPARABLE >= np.abs(directions).max(initial=0)
    result = Comparison(directions, cotangents, pulled, largest, first.value, first.error, kinked, rate, near, excluded)
    suspect = first.suspect.any(1) | (still & rate.any(1))
    for d in np.flatnonzero(_unsettled(result).any(1) | suspect):
        value, error, kinked[d] = refine(problem, directions[d])
        result.value[d], result.error[d] = value, 4 * error
    kinked &= np.isfinite(problem.y)
    _sharpen(problem, result, first.rule)
    return result


def _sharpen(problem: Problem, result: Comparison, rule: Matrix) -> None:
    """Put the complex step in place of differences that it agrees with and that are less exact; for analytic f."""
    coarse = result.error > SHARP * np.abs(result.value)
    for d in np.flatnonzero((coarse & ~result.kinked & (result.error <= TRUSTED * np.abs(result.value))).any(1)):
        step = complex_step(problem, result.directions[d])
        if step is None or np.any(np.abs(step[0] - result.value[d]) > result.error[d]):
            return  # not analytic
        value, error = step[0], step[1] + rule[d]
        better = coarse[d] & (result.error[d] <= TRUSTED * np.abs(result.value[d])) & (error < result.error[d])
        result.value[d, better], result.error[d, better] = value[better], error[better]


def _unsettled(result: Comparison) -> Mask:
    """Comparisons that the first step leaves open: disagreement, too large an error."""
    size, tolerance, near = result.size, result.tolerance, result.near[:, None]
    zero = (tolerance <= 1e-9 * size.max(0, initial=0)) & near
    return np.asarray(np.logical_not(result.agreed & ((tolerance <= GOOD * size) | zero | ((size == 0) & near))))


def _directions(problem: Problem, rng: np.random.Generator, count: int, scale: Vector, excluded: Mask) -> Matrix:
    """All coordinates of a small input; else random directions for each leaf and for all, and some coordinates."""
    n = problem.x.size
    chosen = np.flatnonzero(~excluded)
    if n > COMPLETE:
        masks = np.zeros((len(problem.inputs.slices), n))
        picked: set[int] = set()
        for mask, place in zip(masks, problem.inputs.slices, strict=True):
            mask[place] = 1
            inside = chosen[(chosen >= place.start) & (chosen < place.stop)]
            picked.update(inside if inside.size <= SMALL_LEAF else [*inside[[0, -1]], *rng.choice(inside, 2)])
        several = np.repeat(masks, count, 0) if len(masks) == 1 else np.vstack([np.repeat(masks, count, 0), np.ones(n)])
        random = several * dyadic(rng, several.shape) * ~excluded
        coordinates = np.equal.outer(sorted(picked), np.arange(n))  # not rows of np.eye(n), which need not fit
        rows = np.vstack([random[random.any(1)], coordinates])
    else:
        rows = np.eye(n)[chosen]
    return np.asarray(rows * scale)


def _cotangents(first: Estimate, rng: np.random.Generator) -> Matrix:
    """Random cotangents, two of other magnitudes for the linearity; before them each unit vector if there are few.

    A random cotangent weighs every output by the inverse of its change, or of 10⁸ times its error if that is more:
    so small outputs are tested as sharply as large ones, and those that are known badly do not drown the others.
    """
    defined = first.floor < UNKNOWN
    change = np.where(defined, np.abs(first.value) + 1e8 * first.error, 0).max(0, initial=0)
    m = change.size
    weight = np.ones(m)
    np.divide(1, 2.0 ** np.frexp(change)[1], out=weight, where=change > 0)
    random = dyadic(rng, (3, m)) * weight * np.array([[1.0], [-3.0], [2.0**20]])
    return np.vstack([np.eye(m), random]) if m <= COMPLETE else random


def _kinks_along(problem: Problem, direction: Vector) -> list[int]:
    """Elements of the input that have a kink in some output, found by halving the direction's support."""
    found: list[int] = []
    groups = [np.flatnonzero(direction)]
    while groups:
        group = groups.pop()
        u = np.zeros_like(direction)
        u[group] = direction[group]
        if not group.size or not measure(problem, u[None], FIRST_STEP).doubtful.any():
            continue
        if group.size > 1:
            groups += np.array_split(group, 2)
        elif refine(problem, u)[2].any():
            found.append(int(group[0]))
    return found


def grain_of(problem: Problem, outcome: Comparison, covector: Vector) -> Vector:
    """Return the rounding to be expected in pullback(g): ε |g| |f| / |x|, the largest over the outputs that need x.

    The derivative of a sum of softmax is zero, yet its rule finds it by cancelling terms of that size.
    """
    scale = length_scales(problem.inputs, problem.x)
    m = problem.y.size
    y = problem.outputs.magnitude(np.where(np.isfinite(problem.y), problem.y, 0))
    term = np.abs(covector) * (EPS * y + problem.grain)
    grain = np.empty_like(scale)
    for place in problem.inputs.slices:
        needed = (outcome.rate[outcome.moves_only(place)] > 0).any(0)
        if m <= COMPLETE:
            needed |= (outcome.pulled[:m, place] != 0).any(1)
        seen = needed if np.any(needed) else True  # constant to the last digit: all that is seen of it is rounding
        grain[place] = np.max(term, initial=0, where=seen)
    return np.asarray(grain / scale)
