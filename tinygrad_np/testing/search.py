"""`check`: any function of arrays, at inputs that Hypothesis draws, shrunk where it fails."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import tree
from ..core.tensor import name_of
from .candidates import Shapes
from .evidence import MOST_INPUTS
from .gradients import Mismatch, Report, find_mismatch
from .pasting import as_test
from .promises import Call, bound, hold
from .result import Failure, Result
from .survey import Survey, refusal, survey
from .vectors import Broken, is_float

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

PATIENCE, TRIALS = 20.0, 100  # seconds and calls of shrinking; then the smallest call so far has to do
EVIDENCE = 8  # other failing calls that a cause has to fit


def check(
    f: Callable[..., Any],
    strategy: SearchStrategy[Any] | None = None,
    *,
    shapes: Shapes | Sequence[Shapes] | None = None,
    dtypes: Sequence[Any] | None = None,
    options: dict[str, Any] | None = None,
    examples: int = 50,
    seed: int = 0,
    order: int = 2,
    origin: str | None = None,
) -> Result:
    """Check a function's derivatives, and all else it promises, at inputs drawn by Hypothesis.

    Parameters
    ----------
    f : callable
        A function of arrays that returns arrays, or a primitive; with a strategy, of any trees of arrays.
    strategy : SearchStrategy, optional
        Draws the arguments: a tuple of them, one array, or a `Call` with options. Without it inputs are found by trying
        what the function takes: shapes (0-d, size 0 and 1, broadcasting), float64 and float32, complex where f is
        analytic, memory layouts with negative strides and gaps.
    shapes : tuple of shapes, or sequence of such tuples
        A shape for each argument, in place of those tried: ``((3, 4), (4,))``.
    dtypes : sequence of dtypes, optional
        Those to draw, in place of float64, float32 and, where f is analytic, complex128.
    options : dict, optional
        Keyword arguments to call f with. Others are guessed from their defaults and names.
    examples : int
        How many calls to check.
    seed : int
        The same seed, the same calls.
    order : int
        Up to which order derivatives are tested.
    origin : str, optional
        Where the function is found, for the test to paste: "module:function" or "file.py:function".

    Returns
    -------
    Result
        Its `verdict` is "pass", "fail" or "cannot tell: ...", its text says all. Of a failure there is the smallest
        call found, a table of entries, a guess at the cause, and a test to paste.

    Raises
    ------
    ModuleNotFoundError
        Without Hypothesis.
    ValueError
        If examples or order is not positive.

    Notes
    -----
    `check_at` says what is promised, `check_grads` how derivatives are compared. The verdict is "pass" if an example
    was conclusive in everything; kinks at others are noted. Nothing is raised for a wrong derivative: see `Result`.

    Examples
    --------
    >>> from tinygrad_np import testing
    >>> testing.check(np.tanh, examples=5).verdict
    'pass'
    """
    if examples < 1 or order < 1:
        raise ValueError(f"check: examples and order are at least 1, got {examples} and {order}.")
    _need_hypothesis()
    from .drawing import calls_like, forms_as_strategy

    found = Survey()
    if strategy is None:
        found = survey(f, shapes=_alternatives(shapes), options=options, seed=seed)
        if not found.forms:
            return _nothing_accepted(f, found)
        strategy = forms_as_strategy(found, dtypes)
    search = _Search(f, order)
    calls = calls_like(strategy, options or {})
    search.run(calls, examples, seed)
    return search.result(calls, origin)


def _need_hypothesis() -> None:
    try:
        import hypothesis  # noqa: F401
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "tinygrad_np.testing.check draws inputs with Hypothesis, which is not installed: pip install hypothesis. "
            "check_grads and check_at, at a point of your own, do without.",
            name="hypothesis",
        ) from None


def _alternatives(shapes: Any) -> list[Shapes] | None:
    """Return a list of tuples of shapes."""
    if shapes is None:
        return None
    some = list(shapes)
    if all(isinstance(n, int) for n in some):  # one shape, of one argument
        return [(tuple(some),)]
    if all(isinstance(n, int) for s in some for n in s):
        return [tuple(tuple(s) for s in some)]
    return [tuple(tuple(s) for s in each) for each in some]


def _nothing_accepted(f: Callable[..., Any], found: Survey) -> Result:
    verdict = (
        f"cannot tell: {name_of(f)} took none of {found.tried} calls that were tried ({found.refusal()}). Say what it "
        'takes: shapes ("(3,4),(4,)"), options, or a strategy of your own that draws its arguments'
    )
    return Result(verdict, 0, found.tried, (), None, name_of(f))


def _drawn(
    calls: SearchStrategy[Call], hold: Callable[[Call], None], examples: int, seed: int, *, shrink: bool
) -> None:
    """Have Hypothesis draw calls and hand them on; quietly, and alike each time."""
    import hypothesis

    phases = [hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if shrink else [])]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples, database=None, deadline=None, report_multiple_bugs=False, print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck), phases=phases, verbosity=hypothesis.Verbosity.quiet,
    )  # fmt: skip
    @hypothesis.given(calls)
    def every_call_keeps_its_promises(call: Call) -> None:
        hold(call)

    every_call_keeps_its_promises()


@dataclasses.dataclass
class _Found:
    """A call at which a promise is broken."""

    call: Call
    broken: Broken

    @property
    def size(self) -> int:
        return sum(np.size(leaf) for leaf in tree.leaves(self.call.args))


def _telling(found: _Found) -> tuple[bool, bool, int]:
    """Sort calls by what they can tell: real numbers first, of many values, many but not too many of them."""
    leaves = tree.leaves(found.call.args)
    values = np.concatenate([np.ravel(leaf) for leaf in leaves if is_float(leaf)])
    few = np.unique(values).size <= values.size // 2 or values.size > MOST_INPUTS
    return np.iscomplexobj(values), few, -found.size


class _Search:
    """One run of Hypothesis, and what came of it."""

    def __init__(self, f: Callable[..., Any], order: int) -> None:
        self.f, self.order = f, order
        self.reports: list[Report] = []
        self.notes: Counter[str] = Counter()
        self.refusals = Survey()
        self.found: list[_Found] = []
        self.ties = False  # whether those are looked for
        self.any_ties = False
        self.trials, self.until = 0, 0.0

    def run(self, calls: SearchStrategy[Call], examples: int, seed: int) -> None:
        """Draw calls until one fails, and shrink that."""
        import hypothesis.errors

        try:
            _drawn(calls, self.hold, examples, seed, shrink=True)
            if self.any_ties:  # and nothing else
                self.ties = True
                _drawn(calls, self.hold, examples, seed, shrink=True)
        except (Broken, hypothesis.errors.Flaky, BaseExceptionGroup):
            if not self.found:
                raise
        except hypothesis.errors.Unsatisfiable:
            pass  # no call was taken

    def hold(self, call: Call) -> None:
        """Hold the function at a call to its promises; once one is found broken, to that one only."""
        import hypothesis

        if self.found:
            self.trials += 1
            if self.trials > TRIALS or time.monotonic() > self.until:
                return
        if error := refusal(self.f, call.args, call.options):
            self.refusals.refused(error, tuple(np.shape(leaf) for leaf in tree.leaves(call.args)))
            hypothesis.reject()
        if not any(is_float(leaf) for leaf in tree.leaves(call.args)):
            self.refusals.refused("no argument is floating-point", ())
            hypothesis.reject()
        try:
            report, notes = self.kept(call)
        except Broken as broken:
            if isinstance(broken.__cause__, np.linalg.LinAlgError):  # a singular matrix, where there is no derivative
                self.refusals.refused(str(broken), tuple(np.shape(leaf) for leaf in tree.leaves(call.args)))
                hypothesis.reject()
            tied = broken.promise.endswith("ties")
            self.any_ties |= tied
            if tied > self.ties:
                return
            if not self.found or self.found[0].broken.promise == broken.promise:
                if not self.found:
                    self.until = time.monotonic() + PATIENCE
                self.found.append(_Found(call, broken))
                raise
            return
        except ValueError as error:  # what the differences cannot use
            self.refusals.refused(str(error), tuple(np.shape(leaf) for leaf in tree.leaves(call.args)))
            hypothesis.reject()
        if not self.found:
            self.reports.append(report)
            self.notes.update(notes)

    def kept(self, call: Call) -> tuple[Report, list[str]]:
        """Hold all promises; once a derivative was found wrong, only those."""
        known = self.found[0].broken if self.found else None
        if isinstance(known, Mismatch):
            return find_mismatch(bound(self.f, call.options), call.args, known.problem.order, 2, 0), []
        return hold(self.f, call, order=self.order, seed=0)

    def result(self, calls: SearchStrategy[Call], origin: str | None) -> Result:
        """Sum up."""
        refused = sum(count for count, _ in self.refusals.refusals.values())
        notes = list(self.notes)
        if self.found:
            failure = self.failure(calls, origin)
            if any(np.iscomplexobj(leaf) for leaf in tree.leaves(failure.args)):
                notes.append("complex arguments are at fault; if the function is for real ones, say so with dtypes")
            return Result("fail", len(self.reports) + 1, refused, tuple(notes), failure, name_of(self.f))
        kinks = [kink for report in self.reports for kink in report.kinks]
        if kinks:
            count = sum(bool(report.kinks) for report in self.reports)
            notes.append(f"kinks were left out in {count} of {len(self.reports)} examples, such as at {kinks[0]}")
        return Result(self.verdict(refused), len(self.reports), refused, tuple(notes), None, name_of(self.f))

    def verdict(self, refused: int) -> str:
        """Return "pass" or why it cannot be told."""
        if not self.reports:
            return (
                f"cannot tell: all {refused} calls drawn were refused ({self.refusals.refusal()}). Draw what the "
                "function takes, with shapes, options or a strategy"
            )
        if any(report.passed and report.concluded for report in self.reports):
            return "pass"
        return next((r.verdict for r in self.reports if not r.passed), "cannot tell: no example has an element")

    def failure(self, calls: SearchStrategy[Call], origin: str | None) -> Failure:
        """Explain the smallest call that fails: what Hypothesis tried last, unless it could not repeat it."""
        found = min(reversed(self.found), key=lambda each: each.size)
        broken = found.broken
        if isinstance(broken, Mismatch):
            others = [each.broken for each in self.more(calls) if isinstance(each.broken, Mismatch)]
            broken = broken.explained(0, others)
        call, name = found.call, name_of(self.f)
        heading = f"{broken.promise} of {name}" + (f"; {broken.cause}" if broken.cause else "")
        test = as_test(self.f, call, order=self.order, origin=origin, heading=heading)
        return Failure(broken.promise, call.args, call.options, broken.cause, str(broken), test)

    def more(self, calls: SearchStrategy[Call]) -> list[_Found]:
        """Find other calls that fail alike, of many sizes: the cause has to fit them all."""
        found = self.found
        self.found, self.trials, self.until = found[:1], 0, time.monotonic() + PATIENCE
        with contextlib.suppress(Exception):
            _drawn(calls, self.quietly, 4 * EVIDENCE, 1, shrink=False)
        fresh, self.found = self.found[1:], found
        return sorted(fresh, key=_telling)[:EVIDENCE]

    def quietly(self, call: Call) -> None:
        """As `hold`, but go on after a failure."""
        with contextlib.suppress(Broken):
            self.hold(call)
