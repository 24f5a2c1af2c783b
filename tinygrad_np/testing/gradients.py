"""The gradient checker: VJPs against differences whose error is estimated, to any order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.tensor import name_of
from .comparison import Comparison, compare, grain_of
from .contract import check_contract, check_precision
from .diagnosis import diagnose
from .evidence import evidence_of
from .vectors import Broken, Problem, problem_of

SHOWN = 4  # elements named in a verdict


class Mismatch(Broken):
    """A pullback that differs from the differences, before anything is said of how.

    Attributes
    ----------
    problem : Problem
        The function at the point.
    outcome : Comparison
        All that was compared.
    """

    def __init__(self, problem: Problem, outcome: Comparison) -> None:
        ties = ": ties" if outcome.joint else ""
        super().__init__(problem.promise + ties, f"the {problem.promise} is wrong.")
        self.problem, self.outcome = problem, outcome

    def explained(self, seed: int, others: Sequence[Mismatch] = ()) -> Broken:
        """Return the error with a table and a guess at the cause, which take some more evaluations.

        The guess has to fit `others` too: calls at which the same went wrong.
        """
        rng = np.random.default_rng((seed, self.problem.order))
        with np.errstate(all="ignore"):
            more = [evidence_of(other.problem) for other in others]
            told, cause = diagnose(self.problem, self.outcome, rng, more)
        return self.problem.fail(f"\n  {told}", "ties" if self.outcome.joint else "", cause)


@dataclasses.dataclass(frozen=True)
class Report:
    """What a check found when it found nothing wrong.

    Attributes
    ----------
    verdict : str
        "pass", or "cannot tell: ..." with the reason: a kink, or rounding.
    worst : float
        The largest relative error among the conclusive comparisons.
    compared, concluded : int
        How many pairs of a direction and a cotangent were compared, and in how many an error of 1.001 would have shown.
    kinks : tuple of str
        Elements that were not tested, since a kink, jump or the end of the domain lies there.
    unresolved : tuple of str
        Arguments of which nothing can be said, since rounding hides them.
    """

    verdict: str
    worst: float
    compared: int
    concluded: int
    kinks: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was tested."""
        return self.verdict == "pass"

    def __str__(self) -> str:
        figures = f"{self.concluded} of {self.compared} comparisons conclusive, worst error {self.worst:.1g}"
        return f"{self.verdict} ({figures})"


def check_vjp(
    f: Callable[..., Any], args: tuple[Any, ...], *, directions: int = 2, seed: int = 0, strict: bool = False
) -> Report:
    """Check the VJP of a function at a point. As `check_grads` with ``order=1``."""
    return check_grads(f, args, order=1, directions=directions, seed=seed, strict=strict)


def check_grads(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    *,
    order: int = 2,
    directions: int = 2,
    seed: int = 0,
    strict: bool = False,
) -> Report:
    """Check the derivatives of a function at a point, up to an order.

    Parameters
    ----------
    f : callable
        A deterministic function of trees of arrays that returns a tree of arrays, of any shapes.
    args : tuple of trees
        The point. Floating-point and complex leaves are differentiated, all others held constant.
    order : int
        1 checks the VJP, 2 also the VJP of the VJP with all pairs of arguments, and so on.
    directions : int
        Random directions for each array of an input of more than 24 elements; smaller ones are tested completely.
    seed : int
        The same seed, the same directions and cotangents.
    strict : bool
        Whether "cannot tell" raises too.

    Returns
    -------
    Report
        Verdict and figures; the verdict is "pass" or "cannot tell: ...". What cannot be told at kinks and through
        rounding is no error of the rule, so it does not raise unless `strict`.

    Raises
    ------
    AssertionError
        If a derivative is wrong, with a diagnosis in words; also if a pullback raises, is not linear or not
        deterministic, returns another structure, shape or dtype than the argument's, changes or shares memory with
        arguments or cotangent; with `strict`, if something could not be told.
    TypeError
        If args is no tuple, or nothing is there to be differentiated.
    ValueError
        If f is not finite at the point or not deterministic, or the order is not positive.

    Notes
    -----
    Compared are <g, J u> by Richardson extrapolation in float64 (`tinygrad_np.testing.differences` has the formulas),
    and <pullback(g), u>, Re Σ x y for complex arrays as in JAX. They may differ by

        Σ |g| e + 16 ε Σ |pullback(g)| |u|,    e = |R - D(2h)| + 8 ε max|f| / h + 16 ε |f''|.

    The step h, near 2⁻⁹, is relative to each element. If they differ by more, or e is above 10⁻⁶ of the value, or there
    may be a kink, steps from 2⁻⁴ to 2⁻²⁴ are tried, and four times the error of the best is allowed, which is not
    less than its distance to the nearest other. A comparison is conclusive if that is below 5·10⁻⁴ of the value, so
    that a factor of 1.001 shows. If none is for some argument, the verdict is "cannot tell: rounding". An element with
    a kink (one-sided differences go on to differ as the step shrinks) is excluded, all others are tested.

    Lower precisions are cast up for the differences; then the VJP in the precision given is compared with that in
    float64, with a tolerance of its ε times the gradient and its sensitivity.

    References
    ----------
    .. [1] W. H. Press et al., "Numerical Recipes", 3rd ed., 2007, section 5.7.

    Examples
    --------
    >>> check_grads(lambda x: np.sum(x**2), (np.array([1.0, 2.0]),)).verdict
    'pass'
    """
    if not isinstance(args, tuple):
        raise TypeError(f"check_grads: args is a tuple of the function's arguments, got {type(args).__name__}.")
    if order < 1:
        raise ValueError(f"check_grads: order is at least 1, got {order}.")
    try:
        report = find_mismatch(f, args, order, directions, seed)
    except Mismatch as mismatch:
        raise mismatch.explained(seed) from None
    if strict and not report.passed:
        raise Broken("certainty", f"the VJP of {name_of(f)} is not known to be right: {report}")
    return report


def find_mismatch(f: Callable[..., Any], args: tuple[Any, ...], order: int, directions: int, seed: int) -> Report:
    """Do the work of `check_grads`, but raise the bare `Mismatch` where numbers differ."""
    reports = []
    with np.errstate(all="ignore"):  # steps may leave the domain
        problem = problem_of(f, args)
        for level in range(1, order + 1):
            rng = np.random.default_rng((seed, level))
            g = check_contract(problem, rng)
            outcome = compare(problem, rng, directions)
            if outcome.failed.any():
                raise Mismatch(problem, outcome)
            check_precision(problem, g, rng)
            reports.append(_report(problem, outcome))
            if level < order:
                covector = problem.outputs.pack(tree.leaves(g), dual=True)
                problem = problem.derivative(g, grain_of(problem, outcome, covector))
    return _join(reports)


def _report(problem: Problem, outcome: Comparison) -> Report:
    concluded, size = outcome.concluded, outcome.size
    error = np.abs(outcome.expected - outcome.got)
    relative = np.divide(error, size, out=np.zeros_like(error), where=concluded & (outcome.tolerance < size))
    kinked = outcome.excluded | (outcome.directions[outcome.kinked.any(1)] != 0).any(0)
    kinks = tuple(problem.inputs.element(int(i)) for i in np.flatnonzero(kinked))
    unresolved = tuple(_unresolved(problem, outcome))
    return Report("", float(relative.max(initial=0)), error.size, int(concluded.sum()), kinks, unresolved)


def _unresolved(problem: Problem, outcome: Comparison) -> list[str]:
    """Arguments with comparisons that a kink does not excuse, of which none is conclusive though f changes."""
    names = []
    changes = (outcome.change > 0) | (outcome.size > 0)
    for name, place in zip(problem.inputs.names, problem.inputs.slices, strict=True):
        relevant = outcome.moves_only(place)[:, None] & changes & ~outcome.void
        if relevant.any() and not (relevant & outcome.concluded).any():
            names.append(name)
    return names


def _join(reports: list[Report]) -> Report:
    kinks = tuple(dict.fromkeys(kink for r in reports for kink in r.kinks))
    unresolved = tuple(dict.fromkeys(name for r in reports for name in r.unresolved))
    compared, concluded = sum(r.compared for r in reports), sum(r.concluded for r in reports)
    reasons = [f"rounding hides the derivative with respect to {', '.join(unresolved)}"] if unresolved else []
    if kinks:
        more = f" and {len(kinks) - SHOWN} more" if len(kinks) > SHOWN else ""
        rest = "; all others agree" if concluded and not unresolved else ""
        reasons.insert(0, f"kink at {', '.join(kinks[:SHOWN])}{more}{rest}")
    verdict = "cannot tell: " + "; ".join(reasons) if reasons else "pass"
    return Report(verdict, max(r.worst for r in reports), compared, concluded, kinks, unresolved)
