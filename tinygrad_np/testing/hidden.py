"""Points without a derivative that no direction alone gives away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .differences import COMPLETE, FIRST_STEP, RESOLUTION, Mask, dyadic, length_scales, measure, refine
from .vectors import Problem

if TYPE_CHECKING:
    from .comparison import Comparison

BESIDE, FAR = 2.0**-20, 1e-2  # how near a point is close by, and by how much its derivatives may differ
FEW = 6  # failed directions that are looked at beside the point


def hidden_kinks(problem: Problem, result: Comparison) -> Mask:
    """Find outputs that have no derivative at the point though each direction alone shows none of it, (m,).

    The median of three equal numbers does not move with any one of them, and does with all: derivatives do not add up.
    A singular vector of a matrix of equal rows, or a correlation of 1, moves smoothly along each element, but otherwise
    beside the point: derivatives are not continuous.
    """
    return _without_sum(problem, result) | _without_limit(problem, result)


def _without_sum(problem: Problem, result: Comparison) -> Mask:
    """Find outputs whose derivative along some elements together is not the sum of those along each, (m,)."""
    hidden = np.zeros(problem.y.size, bool)
    if problem.x.size > COMPLETE or len(result.directions) < problem.x.size:
        return hidden
    largest = length_scales(problem.inputs, problem.x).max(initial=0)
    signs = np.array([np.ones(problem.x.size), *np.random.default_rng(0).choice((-1.0, 1.0), (2, problem.x.size))])
    unit = np.abs(result.directions).max(1, keepdims=True)
    along = signs * largest
    apart, rest = along @ (result.value / unit), np.abs(along) @ (result.error / unit)
    first = measure(problem, along, FIRST_STEP)
    for k in np.flatnonzero((np.abs(first.value - apart) > 4 * first.error + rest).any(1)):
        value, error, _ = refine(problem, along[k])
        hidden |= np.abs(value - apart[k]) > 4 * error + rest[k] + RESOLUTION * np.abs(value)
    return hidden


def _without_limit(problem: Problem, result: Comparison) -> Mask:
    """Find outputs whose derivatives, by differences, are not those of points close by, (m,)."""
    hidden = np.zeros(problem.y.size, bool)
    scale, failed = length_scales(problem.inputs, problem.x), np.flatnonzero(result.failed.any(1))[:FEW]
    other = problem.moved(problem.x + BESIDE * scale * dyadic(np.random.default_rng(0), scale.size))
    first = measure(other, result.directions[failed], FIRST_STEP)
    for d, value, error in zip(failed, first.value, first.error, strict=True):
        kinked = hidden
        if np.any(np.abs(value - result.value[d]) > 4 * error + result.error[d] + FAR * np.abs(result.value[d])):
            value, error, kinked = refine(other, result.directions[d])
        gap = np.abs(value - result.value[d]) - 4 * error - result.error[d]
        hidden = hidden | kinked | (gap > FAR * np.abs(result.value[d]) + RESOLUTION * np.abs(value).max(initial=0))
    return hidden
