"""What a function promises at one point: all of it, held in turn. `check_at` for one call, `hold` for a search.

The VJP is held against differences, everything else against the VJP: a JVP by the adjoint identity <g, J u> =
<pullback(g), u>, vmap by a loop. So a promise is tried only when those before it are kept.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tree
from ..core.tensor import dtype_of, name_of, shape_of
from ..transforms.forward import jvp
from .batches import hold_vmap
from .differences import COMPLETE, Mask, Matrix, dyadic, length_scales
from .gradients import Mismatch, Report, find_mismatch
from .vectors import EPS, Broken, Problem, problem_of

ROUNDING = 2.0**10 * EPS  # what two ways to the same number may differ by, relative to the terms that were summed
SHOWN = 6


@dataclasses.dataclass(frozen=True)
class Call:
    """A call of the function that is checked.

    Attributes
    ----------
    args : tuple of trees
        By position.
    options : dict
        By keyword; they are not differentiated.
    """

    args: tuple[Any, ...]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


def bound(f: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    """Return f with its options set, under its own name."""
    if not options:
        return f
    with_options = functools.partial(f, **options)
    with_options.__name__ = name_of(f)  # type: ignore[attr-defined]
    return with_options


def check_at(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    options: dict[str, Any] | None = None,
    *,
    order: int = 2,
    seed: int = 0,
) -> Report:
    """Hold a function at one point to everything it promises: `check` with the point given.

    Parameters
    ----------
    f : callable
        A function of trees of arrays, or a primitive.
    args : tuple of trees
        The point; leaves that are not floating-point or complex are held constant.
    options : dict
        Keyword arguments, held constant.
    order : int
        Up to which order derivatives are tested.
    seed : int
        The same seed, the same directions and cotangents.

    Returns
    -------
    Report
        As of `check_grads`.

    Raises
    ------
    AssertionError
        If a promise is broken: the VJP, the VJP of the VJP, the pullback's linearity, the JVP, vmap, the value under a
        transform, structure, shapes and dtypes, determinism, or that nothing is changed or shared.
    TypeError, ValueError
        As by `check_grads`, for a point that cannot be used.

    Examples
    --------
    >>> check_at(np.sum, (np.ones((2, 3)),), {"axis": 0}).verdict
    'pass'
    """
    try:
        return hold(f, Call(args, options or {}), order=order, seed=seed)[0]
    except Mismatch as mismatch:
        raise mismatch.explained(seed) from None


def hold(f: Callable[..., Any], call: Call, *, order: int, seed: int) -> tuple[Report, list[str]]:
    """Hold every promise at a point.

    Returns
    -------
    report : Report
        Of the derivatives by differences.
    notes : list of str
        What could not be tried, with the reason.

    Raises
    ------
    Broken
        The first promise that is broken.
    """
    g = bound(f, call.options)
    report = find_mismatch(g, call.args, order, 2, seed)
    notes: list[str] = []
    with np.errstate(all="ignore"):
        problem = problem_of(g, call.args)
        _hold_value(problem)
        covectors = _covectors(problem, np.random.default_rng(seed))
        pulled = np.array([problem.pull(c) for c in covectors]).reshape(len(covectors), problem.x.size)
        _hold_linearity(problem, covectors, pulled, np.random.default_rng(seed))
        notes += _hold_jvp(problem, covectors, pulled, np.random.default_rng(seed))
        notes += hold_vmap(f, g, call.args)
    return report, notes


def _hold_value(problem: Problem) -> None:
    """The function's value is the same under a transform as on plain arrays."""
    plain, traced = problem.f(*problem.args), problem.run_vjp(problem.args)[0]
    if tree.structure(plain) != tree.structure(traced):
        found = f"{tree.structure(traced)} under vjp, {tree.structure(plain)} on arrays"
        raise problem.fail(f"the function returns {found}.", "value")
    for path, a, b in zip(tree.structure(plain).paths, tree.leaves(plain), tree.leaves(traced), strict=True):
        if (shape_of(a), dtype_of(a)) != (shape_of(b), dtype_of(b)):
            found = f"{shape_of(b)} {dtype_of(b)} under vjp, {shape_of(a)} {dtype_of(a)} on arrays"
            raise problem.fail(f"the output{path} is {found}.", "value")
        precision = 64 * np.finfo(dtype_of(a)).eps
        if not np.allclose(b, a, rtol=precision, atol=precision * np.max(np.abs(a), initial=0), equal_nan=True):
            raise problem.fail(f"the output{path} has other values under vjp than on arrays.", "value")


def _covectors(problem: Problem, rng: np.random.Generator) -> Matrix:
    """Each unit covector of a small output, three random ones of a larger."""
    m = problem.y.size
    return np.eye(m) if m <= COMPLETE else dyadic(rng, (3, m))


def _hold_linearity(problem: Problem, covectors: Matrix, pulled: Matrix, rng: np.random.Generator) -> None:
    """pullback(Σ a g) = Σ a pullback(g), for some a, and for a = 0."""
    if not len(covectors) or not np.isfinite(pulled).all():
        return
    for a in (dyadic(rng, len(covectors)), -3 * dyadic(rng, len(covectors)), np.zeros(len(covectors))):
        together, apart = problem.pull(a @ covectors), a @ pulled
        terms = np.abs(a) @ np.abs(pulled)
        tolerance = ROUNDING * (terms + terms.max(initial=0)) + 64 * EPS * float(np.sum(np.abs(a) @ np.abs(covectors)))
        wrong = np.flatnonzero(~(np.abs(together - apart) <= tolerance))
        if wrong.size:
            i = int(wrong[0])
            raise problem.fail(
                f"the pullback is not linear in g: at {problem.inputs.element(i)} that of a sum is {together[i]:.6g}, "
                f"the sum of those of its terms {apart[i]:.6g}.",
                "linearity",
            )


def _hold_jvp(problem: Problem, covectors: Matrix, pulled: Matrix, rng: np.random.Generator) -> list[str]:
    """<g, J u> = <pullback(g), u>, for every element u of a small input, else for three random ones."""
    n = problem.x.size
    directions = np.eye(n) if n <= COMPLETE else dyadic(rng, (3, n))
    pushed = np.zeros((len(directions), problem.y.size))
    at = problem.at(problem.x)
    for row, u in zip(pushed, directions, strict=True):
        try:
            y, y_dot = jvp(problem.f, at, tree.unflatten(tree.structure(at), problem.inputs.unpack(u)))
        except TypeError as error:
            if "JVP" in str(error):  # not declared, or derived from what is not differentiable
                return [f"JVP not tried: {str(error).split('. ')[0]}"]
            raise _jvp_broken(problem, f"jvp raised TypeError: {error}", f"raises {type(error).__name__}") from error
        except Exception as error:
            what = type(error).__name__
            raise _jvp_broken(problem, f"jvp raised {what}: {error}", f"raises {what}") from error
        _hold_likeness(problem, y, y_dot)
        row[:] = problem.outputs.pack(tree.leaves(y_dot))
    expected, got = directions @ pulled.T, pushed @ covectors.T
    wrong = _unpaired(problem, directions, covectors, pulled, pushed)
    if wrong.any():
        raise _jvp_broken(
            problem, "\n  " + "\n  ".join(_jvp_table(problem, directions, covectors, expected, got, wrong))
        )
    _hold_jvp_in_own_dtype(problem, directions[:3], pushed[:3])
    return []


def _unpaired(problem: Problem, u: Matrix, g: Matrix, pulled: Matrix, pushed: Matrix) -> Mask:
    """Where the two sides of the adjoint identity differ by more than the rounding of their terms."""
    scale = length_scales(problem.inputs, problem.x)
    terms = np.abs(u) @ np.abs(pulled).T + np.abs(pushed) @ np.abs(g).T
    terms = np.where(np.isfinite(terms), terms, 0)
    hidden = (np.abs(u) @ (1 / scale))[:, None] * (np.abs(g) @ np.abs(problem.y))[None]  # what may have cancelled
    difference = np.abs(u @ pulled.T - pushed @ g.T)
    with np.errstate(invalid="ignore"):
        defined = np.isfinite(u @ pulled.T) | ~np.isfinite(pushed @ g.T)  # at a pole the modes may differ
        tolerance = ROUNDING * (terms + hidden) + 64 * EPS * terms.max(1, initial=0, keepdims=True)
        return np.asarray(defined & ~(difference <= tolerance) & np.isfinite(difference))


def _hold_likeness(problem: Problem, y: Any, y_dot: Any) -> None:
    for path, a, b in zip(tree.structure(y).paths, tree.leaves(y), tree.leaves(y_dot), strict=True):
        if (shape_of(a), dtype_of(a)) != (shape_of(b), dtype_of(b)):
            found = f"{shape_of(b)} {dtype_of(b)}, the output {shape_of(a)} {dtype_of(a)}"
            raise _jvp_broken(problem, f"the tangent of output{path} is {found}.", "shape and dtype")


def _hold_jvp_in_own_dtype(problem: Problem, directions: Matrix, pushed: Matrix) -> None:
    """In the precision given the tangents keep the dtypes, and the values to that precision."""
    if all(dtype_of(leaf) in (np.float64, np.complex128) for leaf in problem.leaves):
        return
    structure = tree.structure(problem.args)
    for u, expected in zip(directions, pushed, strict=True):
        dots = [_like(x, d) for x, d in zip(problem.leaves, problem.inputs.unpack(u), strict=True)]
        y, y_dot = jvp(problem.f, problem.args, tree.unflatten(structure, dots))
        _hold_likeness(problem, y, y_dot)
        eps = max(float(np.finfo(dtype_of(leaf)).eps) for leaf in [*problem.leaves, *tree.leaves(y)])
        got = problem.outputs.pack(tree.leaves(y_dot))
        size = np.max(np.abs(expected), initial=0, where=np.isfinite(expected))
        scale = size + np.max(np.abs(problem.y), initial=0) * float(np.max(np.abs(u), initial=0))
        if np.any(np.abs(got - expected) > 2**10 * eps * scale * np.sqrt(max(1, u.size))):
            raise _jvp_broken(problem, f"in {', '.join(sorted({str(d.dtype) for d in dots}))} only.", "precision")


def _like(x: Any, d: Any) -> Any:
    return np.asarray(d).astype(dtype_of(x)) if isinstance(x, np.ndarray) else dtype_of(x).type(d)


def _jvp_broken(problem: Problem, message: str, what: str = "") -> Broken:
    gap = "" if message.startswith("\n") else " "
    return Broken(f"JVP: {what}" if what else "JVP", f"the JVP of {name_of(problem.f)} is wrong:{gap}{message}")


def _jvp_table(
    problem: Problem, directions: Matrix, covectors: Matrix, expected: Matrix, got: Matrix, wrong: Mask
) -> list[str]:
    """Tabulate the worst pairs of an element that moves and an output."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = got / expected
    worst = np.argsort(-np.where(wrong, np.abs(got - expected), -1), axis=None, kind="stable")
    rows = [f"{'tangent of':14}  {'along':14}  {'by the VJP':>14}  {'by the JVP':>14}  {'ratio':>10}"]
    for at in worst[: min(SHOWN, int(wrong.sum()))]:
        d, k = (int(i) for i in np.unravel_index(at, wrong.shape))
        along = problem.inputs.element(d) if len(directions) == problem.x.size else "a random one"
        of = problem.outputs.element(k) if len(covectors) == problem.y.size else "all"
        rows.append(f"{of:14}  {along:14}  {expected[d, k]:14.7g}  {got[d, k]:14.7g}  {ratio[d, k]:10.5g}")
    return rows
