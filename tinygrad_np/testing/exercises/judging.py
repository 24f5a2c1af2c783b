"""Judging an answer: the property checks at drawn points, the smallest point where they fail, and what went wrong."""

from __future__ import annotations

import dataclasses
import inspect
import io
import math
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from ...transforms.custom import custom_vjp
from .. import check_at, check_grads
from .exercise import Exercise, Mistake, Point, Rule
from .loading import place_of, told

EXAMPLES = 30


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What is to be said of an answer.

    Attributes
    ----------
    state : str
        "passes", "fails" or "not begun".
    kind : str
        How it fails: "raised", "form" (number, types and shapes of the cotangents), "writes" (into its arguments),
        "values", "ties" (the convention where there is no derivative), "later" (derivatives of the answer) or "moody"
        (it does not always give the same).
    what : str
        What is wrong, in a sentence; lines that the checker adds.
    point : Point or None
        The smallest point found at which it is wrong.
    g : array or None
        The cotangent there.
    rows : tuple of (str, float, float)
        An entry of a cotangent, what it should be, what the answer says: those that differ.
    mistakes : tuple of Mistake
        What the learner is likely to have done.
    printed : str
        What the answer prints at the point.
    """

    state: str
    kind: str = ""
    what: str = ""
    point: Point | None = None
    g: Any = None
    rows: tuple[tuple[str, float, float], ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    printed: str = ""


class _Wrong(Exception):  # noqa: N818  (it is a finding, for Hypothesis to shrink)
    """An answer is wrong at a point."""

    def __init__(self, kind: str, what: str, point: Point) -> None:
        super().__init__(what)
        self.kind, self.what, self.point = kind, what, point


class _NotBegun(Exception):  # noqa: N818
    """The answer raises NotImplementedError."""


def judge(exercise: Exercise, vjp: Rule, *, examples: int = EXAMPLES) -> Verdict:
    """Judge an answer at points that Hypothesis draws, and shrinks when it fails.

    Parameters
    ----------
    exercise : Exercise
        What was asked.
    vjp : callable
        The answer, ``vjp(g, *args, **options)``.
    examples : int
        How many points are drawn, the same ones each time; with 0, the exercise's probes are all.

    Returns
    -------
    Verdict
        With the mistake that explains the answer, where one of the exercise's does.

    Examples
    --------
    >>> from tinygrad_np.testing.exercises import EXERCISES
    >>> judge(EXERCISES["multiply"], lambda g, x, y: (g * y, g * x)).mistakes[0].name
    'the broadcast axes are not summed'
    """
    with np.errstate(all="ignore"), redirect_stdout(io.StringIO()):  # what it prints a thousand times helps nobody
        try:
            for order in range(1, exercise.order + 1):
                _search(exercise, vjp, order, examples)
                for point in exercise.probes:
                    _examine(exercise, vjp, order, point)
        except _NotBegun:
            return Verdict("not begun")
        except _Wrong as found:
            return _explain(exercise, vjp, found)
        return Verdict("passes")


def _search(exercise: Exercise, vjp: Rule, order: int, examples: int) -> None:
    """Draw points, and raise what is wrong at the smallest one."""
    if not examples:
        return
    try:
        from hypothesis import HealthCheck, Phase, Verbosity, errors, given, settings
    except ModuleNotFoundError:
        advice = "The exercises draw inputs with Hypothesis, which is not installed: pip install hypothesis"
        raise ModuleNotFoundError(advice, name="hypothesis") from None

    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck), print_blob=False,
        verbosity=Verbosity.quiet,
    )  # fmt: skip
    @given(exercise.points())
    def examine(point: Point) -> None:
        _examine(exercise, vjp, order, point)

    try:
        examine()
    except _Wrong as error:
        error.__notes__ = []  # what Hypothesis adds is for the readers of tests
        raise
    except errors.Flaky as error:
        raise _Wrong(
            "moody", "Called twice with the same arguments, it gave two answers.", exercise.probes[0]
        ) from error


def _examine(exercise: Exercise, vjp: Rule, order: int, point: Point) -> None:
    """Raise what is wrong at a point: first all about the values, then, with order 2, about their derivatives.

    That the sheet's answer gives other numbers is seen at once, so it is tried before the property checks: a search for
    a smaller point tries hundreds.
    """
    g = _cotangent(exercise, point)
    if not all(map(_equal, _bars(exercise, vjp, g, point), _bars(exercise, exercise.solution, g, point))):
        raise _Wrong("values", "", point)
    op = _operation(exercise, vjp, point.options)
    try:
        if order > 1:
            check_at(op, point.args, order=order)
        else:
            check_grads(op, point.args, order=1)
    except AssertionError as error:
        cause = error.__cause__
        told_by = f"{_place(exercise, vjp, cause)} raised {told(cause)}" if cause is not None else str(error)
        raise _Wrong("later" if order > 1 else "values", told_by, point) from error


def _explained(exercise: Exercise, vjp: Rule, found: _Wrong) -> _Wrong:
    """Have the checker say what it sees where the numbers differ; if it sees nothing, there is no derivative."""
    if found.kind != "values" or found.what:
        return found
    try:
        check_grads(_operation(exercise, vjp, found.point.options), found.point.args, order=1)
    except AssertionError as error:
        return _Wrong("values", str(error), found.point)
    return _Wrong(
        "ties", "There is no derivative here, so a convention is needed; the task states another.", found.point
    )


def _operation(exercise: Exercise, vjp: Rule, options: dict[str, Any]) -> Rule:
    """Make the forward function one whose derivative is the answer."""

    def forward(*args: Any) -> Any:
        return exercise.forward(*args, **options)

    def backward(args: tuple[Any, ...], g: Any) -> tuple[Any, ...]:
        bars = _as_tuple(vjp(g, *args, **options))
        return (*bars, *(None,) * (len(args) - len(bars)))

    parameters = inspect.signature(exercise.forward).parameters.values()
    signature = inspect.Signature([p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD])
    forward.__signature__ = signature  # type: ignore[attr-defined]
    forward.__name__ = exercise.name
    op = custom_vjp(forward)
    op.defvjp(lambda *args: (forward(*args), args), backward)
    return op


def _cotangent(exercise: Exercise, point: Point) -> Any:
    """Return 2, 3, 4, ... in the shape of the result: simple, and an answer that forgets it is found."""
    shape = np.shape(exercise.forward(*point.args, **point.options))
    return np.arange(2.0, 2.0 + math.prod(shape)).reshape(shape)


def _bars(exercise: Exercise, vjp: Rule, g: Any, point: Point) -> tuple[Any, ...]:
    """Run the answer on arrays, and check the form of what it returns."""
    given = [np.array(x) for x in (g, *point.args)]
    try:
        result = vjp(*given, **point.options)
    except NotImplementedError as error:
        raise _NotBegun from error
    except (Exception, SystemExit) as error:
        raise _Wrong("raised", f"{_place(exercise, vjp, error)} raised {told(error)}", point) from error
    if any(not np.array_equal(a, b) for a, b in zip(given, (g, *point.args), strict=True)):
        raise _Wrong("writes", "It writes into its arguments.", point)
    bars = _as_tuple(result)
    names = [name for name, x in zip(exercise.arrays, point.args, strict=True) if np.asarray(x).dtype.kind == "f"]
    _check_form(bars, result, names, dict(zip(exercise.arrays, point.args, strict=True)), point)
    return bars


def _place(exercise: Exercise, vjp: Rule, error: BaseException) -> str:
    """Say in which line of the answer an exception arose."""
    code = getattr(vjp, "__code__", None)
    return place_of(error, code.co_filename) if code else exercise.vjp_name


def _check_form(bars: tuple[Any, ...], result: Any, names: list[str], args: dict[str, Any], point: Point) -> None:
    wanted = ", ".join(f"{name}_bar" for name in names)
    if result is None or len(bars) != len(names):
        found = "None" if result is None else f"{len(bars)} arrays" if len(bars) > 1 else "one array"
        raise _Wrong("form", f"It returns {found}; expected {wanted}.", point)
    for name, bar in zip(names, bars, strict=True):
        if not isinstance(bar, np.ndarray | np.generic | float | int) or np.asarray(bar).dtype.kind not in "fiu":
            raise _Wrong("form", f"{name}_bar is of type {type(bar).__name__}; expected an array of numbers.", point)
        if np.shape(bar) != np.shape(args[name]):
            raise _Wrong("form", f"{name}_bar has shape {np.shape(bar)}, {name} has {np.shape(args[name])}.", point)


def _as_tuple(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def _equal(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True)


# -- what went wrong -------------------------------------------------------------------------------------------------


def _explain(exercise: Exercise, vjp: Rule, found: _Wrong) -> Verdict:
    found, g = _explained(exercise, vjp, found), _cotangent(exercise, found.point)
    mistakes = tuple(_mistakes(exercise, vjp))
    rows = tuple(_rows(exercise, vjp, g, found.point)) if found.kind in ("values", "ties") else ()
    printed = io.StringIO()
    with redirect_stdout(printed):
        _outcome(vjp, g, found.point)
    return Verdict("fails", found.kind, found.what, found.point, g, rows, mistakes, printed.getvalue())


def _rows(exercise: Exercise, vjp: Rule, g: Any, point: Point) -> list[tuple[str, float, float]]:
    """List the entries that differ from those of the sheet's answer."""
    rows = []
    answers = _bars(exercise, vjp, g, point), _bars(exercise, exercise.solution, g, point)
    for name, got, expected in zip(exercise.arrays, *answers, strict=False):  # labels have no cotangent
        for index in np.ndindex(np.shape(expected)):
            a, b = float(np.asarray(expected)[index]), float(np.asarray(got)[index])
            if not _equal(a, b):
                rows.append((f"{name}_bar[{', '.join(map(str, index))}]" if index else f"{name}_bar", a, b))
    return rows


def _mistakes(exercise: Exercise, vjp: Rule) -> list[Mistake]:
    """Find, for each argument whose cotangent is wrong, the mistake that gives the same at all probes."""
    gs = [_cotangent(exercise, point) for point in exercise.probes]

    def outcomes(rule: Rule) -> list[tuple[Any, ...] | None]:
        return [_outcome(rule, g, point) for g, point in zip(gs, exercise.probes, strict=True)]

    answer, right = outcomes(vjp), outcomes(exercise.solution)
    known = [(mistake, outcomes(mistake.rule)) for mistake in exercise.mistakes]
    found: list[Mistake] = []
    for i in range(len(right[0] or ())):
        fitting = [mistake for mistake, outcome in known if _same(answer, outcome, i)]
        if not _same(answer, right, i) and not any(mistake in found for mistake in fitting):
            found += fitting[:1]
    return found


def _same(answer: list[tuple[Any, ...] | None], other: list[tuple[Any, ...] | None], i: int) -> bool:
    """Whether another rule gives the answer's i-th cotangent at all probes at which the answer does not raise."""
    return all(
        s is None or (t is not None and len(s) == len(t) and _equal(s[i], t[i]))
        for s, t in zip(answer, other, strict=True)
    )


def _outcome(rule: Rule, g: Any, point: Point) -> tuple[Any, ...] | None:
    """Return the cotangents that a rule gives, None if it raises or gives something else."""
    try:
        bars = _as_tuple(rule(np.array(g), *map(np.array, point.args), **point.options))
        return bars if all(np.asarray(bar).dtype.kind in "fiu" for bar in bars) else None
    except (Exception, SystemExit):
        return None
