"""The checks that judge a mutant: what every primitive promises, on a few drawn calls."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import signal
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from tests.ops import batch_promises as b
from tests.ops import promises as p
from tests.ops.cases import CASES
from tests.ops.cases.calls import differentiated
from tests.ops.cases.ties import TIES
from tinygrad_np.core.primitive import registry

from . import outside
from .mutant import Mutant

DRAWN, KEPT = 80, 20  # calls that are drawn, and those of them that judge
FEW = {"vjp_is_what_differences_say": 10, "vjp_of_vjp_is_what_differences_say": 6}  # of slow promises so many calls
TURNS = 5  # a quick promise is tried so often with other axes
SECONDS = 10.0  # a promise that takes longer is broken

# The quickest first.
DERIVATIVES: list[p.Promise] = [
    p.jvp_is_the_adjoint_of_vjp,
    p.single_stays_single_and_used_twice_sums,
    p.single_stays_single_forward,
    p.all_orders_of_two_derivatives_agree,
    p.vjp_is_what_differences_say,
    p.vjp_of_vjp_is_what_differences_say,
]
CONVENTIONS: list[p.Promise] = [p.conventions_hold]
MULTILINEAR: list[p.Promise] = [p.multilinear_is_adjoint_to_the_last_bit]
BATCHES: list[p.Promise] = [b.vmap_is_a_loop, b.none_and_one_are_batches]
BATCHED_DERIVATIVES: list[p.Promise] = [b.vmap_of_derivatives_is_a_loop, b.derivatives_of_vmap_are_a_loop]


def promises_of(key: str, kind: str) -> list[p.Promise]:
    """What may break if a rule of that kind is wrong."""
    op = registry[key]
    chosen: list[p.Promise] = []
    if kind != "batch" and op.differentiable:
        chosen += (CONVENTIONS if key in TIES else []) + DERIVATIVES + (MULTILINEAR if op.linear else [])
    if kind in ("batch", "source"):
        chosen += BATCHES if b.has_batches(key) else [b.a_shape_that_depends_on_values_is_refused]
    if kind != "both" and op.differentiable:
        chosen += BATCHED_DERIVATIVES
    return chosen


@functools.cache
def calls_of(key: str) -> list[tuple[Any, Any]]:
    """Some calls from the primitive's strategy, always the same ones: those with much in them first."""
    found: list[tuple[Any, Any]] = []

    @settings(
        max_examples=DRAWN,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(CASES[key])
    def collect(call: Any) -> None:
        found.append(call)

    collect()
    with quiet():
        return _diverse([(call, _features(key, call)) for call in found])


def _diverse(calls: list[tuple[Any, set[Any]]]) -> list[Any]:
    """Choose calls so that each has something that those before it have not; among these, the one with most in it."""
    rest, chosen, seen = sorted(calls, key=lambda call: _content(call[0]), reverse=True), [], set()
    while rest and len(chosen) < KEPT:
        best = max(rest, key=lambda call: len(call[1] - seen))
        chosen.append(best[0])
        rest = [call for call in rest if call is not best]
        seen |= best[1]
    return chosen


def _content(call: Any) -> int:
    """How much a call can tell: its different elements, of all arguments."""
    return sum(min(30, np.unique(np.asarray(x)).size + np.size(x)) for x in call[0])


def _features(key: str, call: Any) -> set[Any]:
    """What is special about a call: options, and of arguments and results shapes, kinds, strides, equal elements."""
    args, options = call
    y = registry[key](*args, **options)
    arrays = [np.asarray(x) for x in (*args, *(y if isinstance(y, tuple) else (y,)))]
    patterns = [tuple(min(n, 2) for n in x.shape) for x in arrays]
    found: set[Any] = {(name, repr(value)) for name, value in options.items()} | {("together", *patterns)}
    numbers = [repr(x) for x in args if type(x) in (int, float)]  # operations may treat each in a way of its own
    found |= {("options", repr(options)), *(("number", n, weight) for n in numbers for weight in range(8))}
    for i, (x, pattern) in enumerate(zip(arrays, patterns, strict=True)):
        found |= {(i, pattern), (i, sum(n > 1 for n in pattern), x.dtype.kind), (i, "empty", x.size == 0)}
        found |= {(i, "size", min(6, x.size)), (i, "equal", np.unique(x).size < x.size), (i, "strides", x.strides)}
        found |= {(i, "like", k, np.shape(x) == np.shape(z)) for k, z in enumerate(args)}
    return found


def seen(key: str) -> outside.Seen:
    """Which arguments of the drawn calls have derivatives, and what can be complex."""
    floats, complex_ = set(), set()
    for args, options in calls_of(key):
        floats |= set(differentiated(key, args))
        complex_ |= {outside.ANY if registry[key].variadic else i for i, x in enumerate(args) if np.iscomplexobj(x)}
        with quiet():
            y = registry[key](*args, **options)
        if any(map(np.iscomplexobj, y if isinstance(y, tuple) else (y,))):
            complex_.add(outside.OUTPUT)
    return outside.Seen(frozenset(floats), frozenset(complex_))


@dataclasses.dataclass(frozen=True)
class Check:
    """A promise of a primitive, for one of its calls."""

    promise: p.Promise
    key: str
    number: int
    turn: int = 0

    def broken(self) -> str | None:
        """What is wrong, None if the promise is kept."""
        args, options = calls_of(self.key)[self.number]
        rng = np.random.default_rng([zlib.crc32(self.key.encode()), self.number, self.turn])
        try:
            with quiet(), limited(SECONDS):
                self.promise(self.key, args, options, rng)
        except Exception as error:
            return f"{self.promise.__name__}: {type(error).__name__}: {error}"[:300]
        return None

    @functools.cache  # noqa: B019 (a handful of frozen objects)
    def broken_without(self) -> str | None:
        """What is wrong without any mutant: the suite itself would fail."""
        return self.broken()


@functools.cache
def checks_of(key: str, kind: str) -> list[Check]:
    """All checks that may notice, in an order in which most mistakes are noticed soon."""
    checks = [
        (n // 3, m, Check(promise, key, n, turn))
        for m, promise in enumerate(promises_of(key, kind))
        for n in range(min(len(calls_of(key)), FEW.get(promise.__name__, KEPT)))
        for turn in range(TURNS if promise in BATCHES else 1)
    ]
    return [check for _, _, check in sorted(checks, key=lambda c: c[:2])]


class SuiteError(AssertionError):
    """A promise is broken though no rule was changed: the suite fails, or the call is no fair one."""


class Judge:
    """Runs the checks on mutants; those that noticed the last mutants come first."""

    def __init__(self) -> None:
        self.recent: dict[tuple[tuple[str, ...], str], list[Check]] = {}

    def killed(self, mutant: Mutant) -> str | None:
        """What noticed the mutant, None if it survives."""
        recent = self.recent.setdefault((mutant.judges, mutant.kind), [])
        in_turn = itertools.zip_longest(*[checks_of(key, mutant.kind) for key in mutant.judges])
        others = [c for some in in_turn for c in some if c is not None and c not in recent]
        with mutant.in_place():
            check, found = next(((c, found) for c in [*recent, *others] if (found := c.broken())), (None, None))
        if check is None:
            return None
        if wrong := check.broken_without():
            raise SuiteError(f"{check.key}, call {check.number}: fails without a mutant: {wrong}")
        self.recent[mutant.judges, mutant.kind] = [check, *[c for c in recent if c != check]]
        return found


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings as in the suite: errors; floating-point ones are off."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        yield


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError if it takes longer."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds:g} s")

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
