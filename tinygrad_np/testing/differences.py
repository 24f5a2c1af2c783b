"""Directional derivatives by differences, with an estimate of their own error, and the recognition of kinks.

Notes
-----
Along u, the central differences δ(k) = (f(x + k h u) - f(x - k h u)) / (2 k h) have errors in even powers of the step.
Richardson's extrapolation of k = 1, 2, 4 removes the first two of them, in Romberg's scheme:

    D(h) = (4 δ(1) - δ(2)) / 3,    D(2h) = (4 δ(2) - δ(4)) / 3,    R = (16 D(h) - D(2h)) / 15.

D is the five-point difference, with the error -h⁴ f⁽⁵⁾ / 30; that of R is of the order h⁶ f⁽⁷⁾. R is the value, and its
distance to the farther of the two that it is made of, |R - D(2h)|, the estimate of its truncation error, as in Ridders'
method [2]_. To this come the rounding of f, 8 ε max|f| / h, and that of the rule, which can be no better than the
condition allows, 16 ε |f''|. Nothing in this is absolute. Where f is itself a gradient, in which large terms may have
cancelled, ε max|f| is increased by its grain (`tinygrad_np.testing.comparison.grain_of`).

One-sided differences differ by γ(k) = (f(x + k h u) - 2 f(x) + f(x - k h u)) / (k h) = c + k h f'' + O(h³), where c is
the jump of the slope, 0 unless there is a kink. Richardson's extrapolation removes the terms in h and h³:

    a(k) = 2 γ(k) - γ(2k),    c = (8 a(1) - a(2)) / 7.

Where f is analytic, the complex step [4]_ has no truncation error to speak of and subtracts nothing:

    Im f(x + i h u) / h = f' - h² f''' / 6 + ...,    h = 2⁻¹⁰⁰.

It is believed where f takes complex numbers without a warning, keeps its value, and the step agrees with R within R's
own estimate, which has to be below 10⁻⁴ of it. Its rounding is estimated from a second step of another length; to it
comes that of the rule, which then is the larger: ε (4096 |R| + 64 max|f| + 16 |f''|). Special functions are no better
than the first term; 1 - y² for the slope of tanh is no better than the second, u being as long as x is large.

References
----------
.. [1] W. H. Press et al., "Numerical Recipes", 3rd ed., 2007, section 5.7.
.. [2] C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Adv. Eng. Softw. 4, 1982.
.. [3] J. J. Moré, S. M. Wild, "Estimating derivatives of noisy simulations", ACM Trans. Math. Softw. 38, 2012.
.. [4] W. Squire, G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Rev. 40, 1998.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from .vectors import EPS, Packing, Problem, Vector

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Uneven steps of no simple ratios, lest a coarsely rounded f be rounded alike and look smooth; of few digits, so that
# x + k h u is exact.
LADDER = tuple(a * 2.0**-k for a, k in ((81001, 20), (76207, 25), (88397, 30), (72671, 35), (84653, 40)))
WIDE_STEP, FIRST_STEP = LADDER[:2]
RULE = 2.0**12  # ulps that a rule may be wrong by
COMPLETE = 24  # up to so many elements every coordinate is a direction, up to so many outputs each is a cotangent
RESOLUTION = 5e-4  # a comparison is conclusive if a factor of 1.001 would show
UNKNOWN = 1e300  # the error of an undefined difference: not inf, so that a weight of zero keeps it out of a sum


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Differences along d directions of m outputs with one step; every array is (d, m).

    Attributes
    ----------
    value, spread, floor : array
        R, |R - D(2h)| and the rounding, `UNKNOWN` where a value is not finite.
    rule : array
        The error that a rule may have, whatever the differences, ε (4096 |R| + 64 max|f| + 16 |f''|).
    kink, bend : array
        c, and the largest |f(x + k h u) - 2 f(x) + f(x - k h u)| for k = 1, 2.
    move, peak : array
        The largest change of f over one step, and the largest |f|, with what had cancelled in it.
    suspect : array of bool
        Where there may be a kink, to be confirmed with smaller steps.
    """

    value: Matrix
    spread: Matrix
    floor: Matrix
    rule: Matrix
    kink: Matrix
    bend: Matrix
    move: Matrix
    peak: Matrix
    suspect: Mask

    @property
    def error(self) -> Matrix:
        """The estimated error."""
        return self.spread + self.floor

    @property
    def doubtful(self) -> Mask:
        """Where there may be a kink or a jump."""
        return np.asarray(self.suspect | (self.spread > 1e-6 * np.abs(self.value) + 100 * self.floor))


def measure(problem: Problem, directions: Matrix, h: float) -> Estimate:
    """Take differences at the problem's point along each direction (a row) with the step h."""
    y = problem.y
    with np.errstate(all="ignore"):
        values = [[problem(problem.x + k * h * u) for u in directions] for k in (1, 2, 4, -1, -2, -4)]
        at = np.array(values).reshape(2, 3, len(directions), y.size)
        defined = np.isfinite(at).all((0, 1)) & np.isfinite(y)
        ahead, behind = np.where(defined, at, 0)
        width = h * np.array([1.0, 2.0, 4.0])[:, None, None]
        slope = (ahead - behind) / (2 * width)
        second = ahead - 2 * np.where(defined, y, 0) + behind
        gap = second / width
        fine, coarse = (4 * slope[0] - slope[1]) / 3, (4 * slope[1] - slope[2]) / 3
        value = (16 * fine - coarse) / 15
        peak = problem.outputs.magnitude(np.where(np.isfinite(at), at, 0)).max((0, 1)) + problem.grain / EPS
        condition = 16 * EPS * np.abs(gap[0]) / h
        floor = 8 * EPS * peak / h + condition
        a = 2 * gap[:2] - gap[1:]
        kink = np.where(defined, (8 * a[0] - a[1]) / 7, np.inf)
        bend = np.abs(second[:2]).max(0)
        return Estimate(
            value=value,
            spread=np.abs(value - coarse),
            floor=np.where(defined, floor, UNKNOWN),
            rule=EPS * (RULE * np.abs(value) + 64 * peak) + condition,
            kink=kink,
            bend=bend,
            move=np.where(defined, np.abs(at[:, 0] - y).max(0), 0),
            peak=peak,
            suspect=np.abs(kink) > (200 * EPS * peak + 1e-3 * bend) / h + 1e-6 * np.abs(value),
        )


def refine(problem: Problem, u: Vector) -> tuple[Vector, Vector, Mask]:
    """Differentiate along one direction with care: all steps, the best for each output.

    Parameters
    ----------
    problem : Problem
        The map and the point.
    u : vector
        The direction.

    Returns
    -------
    value, error : vector
        The difference with the least error, to which c is added here: it tells a step across a pole. Since a single
        pair may agree by chance, h |R - D(2h)| is taken as no less than at smaller steps, and the error as no less
        than the distance to the nearest other difference.
    kinked : vector of bool
        Where one-sided differences go on to differ as the step shrinks, f jumps, or f ends.
    """
    ladder = [measure(problem, u[None], h) for h in LADDER]
    values = np.array([e.value[0] for e in ladder])
    errors = np.array([e.floor[0] + np.minimum(np.abs(e.kink[0]), UNKNOWN) for e in ladder])
    errors += _noise(ladder) / np.array(LADDER)[:, None]
    best = errors.argmin(0)[None]
    value, error = np.take_along_axis(values, best, 0)[0], np.take_along_axis(errors, best, 0)[0]
    distance = np.where(errors < UNKNOWN, np.abs(values - value), UNKNOWN)
    np.put_along_axis(distance, best, UNKNOWN, 0)
    return value, np.maximum(error, distance.min(0)), _kinked(ladder)


def complex_step(problem: Problem, u: Vector) -> tuple[Vector, Vector] | None:
    """Differentiate along one direction by an imaginary step.

    Returns
    -------
    value, error : vector
        Im f(x + i h u) / h, and its rounding; None if f does not take complex numbers, or not as what it is on real
        ones. That it is analytic there is for the caller to see.
    """
    steps = [problem.imaginary(u, h) for h in (2.0**-100, 1.375 * 2.0**-100)]
    if any(value is None for value in steps):
        return None
    first, second = (np.asarray(value) for value in steps)
    return first, 4 * np.abs(first - second) + 16 * EPS * np.abs(first)


def _noise(ladder: list[Estimate]) -> Matrix:
    """Return what f deviates by from a straight line at a step or a smaller one, (steps, m)."""
    deviation = np.array([h * e.spread[0] for h, e in zip(LADDER, ladder, strict=True)])
    return np.maximum.accumulate(deviation[::-1])[::-1]


def _kinked(ladder: list[Estimate]) -> Mask:
    """Tell kinks from curvature, which vanishes as the step shrinks, and from rounding, which does not shrink with it.

    A kink shows as c that stays while the step shrinks, and c h above the rounding: what is left of the differences at
    smaller steps where a slope and a kink are taken away. Jumps and roots show as changes that shrink too slowly.
    """
    finer, finest = ladder[-2:]
    steps = np.array(LADDER)[:, None]
    kink = np.array([e.kink[0] for e in ladder])
    size = np.abs(kink)
    with np.errstate(invalid="ignore"):
        bend = np.abs(finest.bend - 2 * size[-1] * steps[-1])
        noise = 10 * np.maximum(np.maximum(8 * EPS * finest.peak, bend), _noise(ladder))
        stays = (size[1:] >= 0.5 * size[:-1]) & (size[1:] <= 3 * size[:-1]) & (kink[1:] * kink[:-1] > 0)
        seen = stays & ((size * steps)[1:] > noise[1:])
        hidden = 0.5 * size[:-1] * steps[1:] <= noise[1:]
        onwards = np.logical_and.accumulate(np.append(stays | hidden, np.ones_like(seen[:1]), 0)[::-1])[::-1]
        lasting = (seen & onwards[1:]).any(0)
        widest = np.max([e.move[0] for e in ladder], axis=0)
        torn = (16 * finest.move > finer.move) & (finest.move > np.maximum(1e-4 * widest, 1e-8 * finest.peak))
    return np.asarray((lasting | torn | (finest.floor >= UNKNOWN))[0])


def length_scales(packing: Packing, x: Vector) -> Vector:
    """Return each element's length scale, a power of two, so that x + k h u is exact.

    An element's scale is its magnitude; that of a zero is its leaf's, of a leaf of zeros the largest, of all zeros 1.
    """
    magnitude = packing.magnitude(x)
    largest = float(_power_of_two(magnitude.max(initial=0.0)) or 1.0)
    scale = np.empty_like(x)
    for place in packing.slices:
        own = _power_of_two(magnitude[place])
        scale[place] = np.where(own > 0, own, own.max(initial=0.0) or largest)
    return scale


def _power_of_two(x: Vector) -> Vector:
    return np.where(x > 0, np.ldexp(1.0, np.frexp(x)[1] - 1), 0.0)


def dyadic(rng: np.random.Generator, shape: int | tuple[int, ...]) -> Vector:
    """Random signs times k/16, 8 <= k <= 16: bounded away from zero, and exact in short sums."""
    return np.asarray(rng.choice((-1.0, 1.0), shape) * rng.integers(8, 17, shape) / 16)
