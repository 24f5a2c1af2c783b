"""Runs of a function, watched: what each step costs, takes and keeps."""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.observer import Observer
from ...core.primitive import Primitive
from ...core.recorder import Place, Step
from ...core.tensor import Array
from ...ops.costs import flops
from ..memory import owner_of

_VALUES = (np.ndarray, np.generic)
_SECONDS, _MOST = 0.25, 50  # that fast functions are run for, and how often at most


class StepCost(NamedTuple):
    """What one operation of a run costs.

    Attributes
    ----------
    op : str
        The operation.
    rule : str
        The operation it works for: itself, or that whose derivative rule called it.
    direction : str
        "forward", "backward" or "tangent".
    call, number, line
        See `tinygrad_np.core.recorder.Place`.
    seconds : float
        What its forward function takes.
    flops : int
        Floating-point operations.
    bytes : int
        Bytes of the arguments read and the results written; none for a view.
    kept : int
        Bytes of memory that it makes and that are alive when the backward pass begins.
    """

    op: str
    rule: str
    direction: str
    call: str
    number: int
    line: str | None
    seconds: float
    flops: int
    bytes: int
    kept: int


class Memory(NamedTuple):
    """Bytes of the arrays that operations made and that are alive after each step.

    Attributes
    ----------
    curve : list of int
        After each step.
    kept : int
        When the backward pass begins.
    turn : int
        The step at which it begins; the number of steps if there is none.
    """

    curve: list[int]
    kept: int
    turn: int

    @property
    def peak(self) -> int:
        """The most bytes that are alive at once."""
        return max(self.curve, default=0)


class _Watcher(Observer):
    """An observer that keeps nothing alive which is let go in a run that is not watched."""

    def observe(self, number: int, step: Step, values: list[Array], y: Any) -> None:
        """Hold no arrays."""
        self.steps[number] = step._replace(constants=[], options={})
        self._discrete.clear()

    def pull(self, rule: Place, positions: tuple[int, ...], pullback: Callable[[Any], Any], g: Any) -> Any:
        """Run a pullback; watch also what it computes from the cotangent of the loss alone, which is a constant."""
        lifted = [self.follow(x) if isinstance(x, _VALUES) else x for x in (g if isinstance(g, tuple) else (g,))]
        return pullback(tuple(lifted) if isinstance(g, tuple) else lifted[0])


class _Timer(_Watcher):
    """Times what operations take."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.seconds: list[float] = []

    def compute(self, op: Primitive, values: list[Array], options: dict[str, Any]) -> Any:
        """Run an operation and time it."""
        start = time.perf_counter()
        y = super().compute(op, values, options)
        self.seconds.append(time.perf_counter() - start)
        return y


class _Accountant(_Watcher):
    """Counts flops and bytes, and sees when the memory of results comes and goes."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.flops: list[int] = []
        self.bytes: list[int] = []
        self.curve: list[int] = []
        self.kept: dict[int, int] = {}  # by step
        self.turn: int | None = None
        self._alive = 0
        self._makers: dict[int, tuple[int, int]] = {}  # step and bytes of memory that is alive, by identity
        self._refs: dict[int, weakref.ref[Any]] = {}
        self._foreign: dict[int, Any] = {}  # memory from outside, held so that its identity stays its own

    def observe(self, number: int, step: Step, values: list[Array], y: Any) -> None:
        """Count a step."""
        results = list(y) if isinstance(y, tuple) else [y]
        self.flops.append(flops(step.op, values, step.options, y))
        owners = [owner_of(x) for x in values if isinstance(x, np.ndarray)]
        for owner in owners:
            if id(owner) not in self._refs:
                self._foreign[id(owner)] = owner
        written = sum(self._take(x, number) for x in results if isinstance(x, np.ndarray))
        read = sum(_extent(x) for x in values if isinstance(x, np.ndarray))
        self.bytes.append(written + read if written else 0 if _is_view(results, owners) else read)
        self.curve.append(self._alive)
        super().observe(number, step, values, y)

    def _take(self, y: Any, number: int) -> int:
        """Take up the memory of a result; return how many bytes of it are new."""
        owner = owner_of(y)
        key, size = id(owner), int(owner.nbytes)
        if key in self._refs or key in self._foreign:
            return 0
        self._makers[key] = (number, size)
        self._refs[key] = weakref.ref(owner, lambda _: self._free(key))
        self._alive += size
        return size

    def _free(self, key: int) -> None:
        del self._refs[key]
        self._alive -= self._makers.pop(key)[1]

    def pull(self, rule: Place, positions: tuple[int, ...], pullback: Callable[[Any], Any], g: Any) -> Any:
        """Run a pullback; before the first one, see what is kept."""
        if self.turn is None:
            self.turn = len(self.steps)
            for step, size in self._makers.values():
                self.kept[step] = self.kept.get(step, 0) + size
        return super().pull(rule, positions, pullback, g)

    def memory(self) -> Memory:
        """Return what was seen of the memory."""
        return Memory(self.curve, sum(self.kept.values()), len(self.steps) if self.turn is None else self.turn)


def _extent(x: Any) -> int:
    """Return the bytes of memory behind an array: an axis that is broadcast is one element long."""
    size: int = x.itemsize
    for n, stride in zip(x.shape, x.strides, strict=True):
        size *= n if stride else min(n, 1)
    return size


def _is_view(results: list[Any], owners: list[Any]) -> bool:
    """Whether all results are views of arguments."""
    known = set(map(id, owners))
    return bool(results) and all(isinstance(y, np.ndarray) and id(owner_of(y)) in known for y in results)


class Measured(NamedTuple):
    """What `measure` finds: the costs of the steps, the memory, seconds of whole runs and how many, and the result."""

    steps: list[StepCost]
    memory: Memory
    seconds: float
    repeats: int
    value: Any


def measure(
    run: Callable[..., Any], origin: str, args: tuple[Any, ...], kwargs: dict[str, Any], repeats: int
) -> Measured:
    """Run a function: once to warm up, once to count, then plain and timed in turns; medians count."""
    value = run(*args, **kwargs)
    accountant = _watched(_Accountant(origin), run, args, kwargs)
    plain: list[float] = []
    timed: list[list[float]] = []
    end = time.perf_counter() + _SECONDS
    while len(plain) < repeats or (time.perf_counter() < end and len(plain) < _MOST):
        start = time.perf_counter()
        run(*args, **kwargs)
        plain.append(time.perf_counter() - start)
        timer = _watched(_Timer(origin), run, args, kwargs)
        _check_same(accountant, timer, origin)
        timed.append(timer.seconds)
    own = _own_seconds(origin)
    seconds = [max(0.0, statistics.median(each) - own) for each in zip(*timed, strict=True)]
    steps = [_cost(accountant, i, step, seconds[i]) for i, step in enumerate(accountant.steps)]
    return Measured(steps, accountant.memory(), statistics.median(plain), len(plain), value)


def _watched(observer: Any, run: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with observer:
        given, by_name = observer.enter((args, kwargs), numbers=True)
        run(*given, **by_name)
    return observer


def _check_same(one: Observer, other: Observer, origin: str) -> None:
    if [step.op.key for step in one.steps] != [step.op.key for step in other.steps]:
        raise RuntimeError(
            f"{origin}: two runs on the same arguments took different ways, {len(one.steps)} and {len(other.steps)} "
            "operations long. Profile a function of its arguments alone: take random numbers from keys."
        )


class _Nothing:
    """An operation that does nothing."""

    @staticmethod
    def forward() -> None:
        """Do nothing."""


def _own_seconds(origin: str) -> float:
    """Return what the timer measures of itself."""
    timer = _Timer(origin)
    for _ in range(200):
        timer.compute(_Nothing, [], {})  # type: ignore[arg-type]
    return statistics.median(timer.seconds)


def _cost(accountant: _Accountant, i: int, step: Step, seconds: float) -> StepCost:
    place = step.place
    assert place is not None
    rule = place.rule or step.op.name
    return StepCost(
        step.op.name, rule, place.direction, place.call, place.number, place.line, seconds,
        accountant.flops[i], accountant.bytes[i], accountant.kept.get(i, 0),
    )  # fmt: skip


def dtype_of_most(x: Any) -> np.dtype[Any]:
    """Return the dtype of most of the floating-point numbers in a tree; float64 without any."""
    sizes: dict[Any, int] = {}
    for leaf in tree.leaves(x):
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc":
            sizes[leaf.dtype] = sizes.get(leaf.dtype, 0) + leaf.size
    return max(sizes, key=lambda dtype: sizes[dtype], default=np.dtype(np.float64))
