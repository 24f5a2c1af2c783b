"""checkpoint_chain: what of a chain of functions to keep, so that its derivative fits into a number of bytes."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.tensor import Tensor, bottom, dtype_of, shape_of, zeros_of
from .arguments import describe
from .checkpoint import checkpoint, hoisted
from .reverse import vjp

Function = Callable[[Any], Any]
LEVELS = 200  # the budget is divided into so many units


@dataclasses.dataclass(frozen=True)
class Stage:
    """What one function of the chain was measured to need.

    Attributes
    ----------
    seconds : float
        Time of one evaluation.
    input, output, kept, work : int
        Bytes of the input and the output, of what reverse mode keeps (the output included), and of what evaluation and
        pullback need beside that for a moment.
    """

    seconds: float
    input: int
    output: int
    kept: int
    work: int


Plan = tuple[Any, ...]  # of stages' numbers, kept, and of plans, recomputed


def checkpoint_chain(functions: Sequence[Function], budget_bytes: int) -> Function:
    """Compose functions so that reverse mode needs at most a number of bytes, recomputing as little as possible.

    Parameters
    ----------
    functions : sequence of callables
        The first is applied first; each takes one tree of arrays and returns one. They may capture parameters.
    budget_bytes : int
        For what the chain keeps for its backward pass and needs for a moment in it; not for its input and parameters.

    Returns
    -------
    callable
        ``x -> functions[-1](... functions[0](x))``, with the same derivatives as without a budget.

    Raises
    ------
    ValueError
        At the call under a derivative, if no choice fits; it says how many bytes the least one needs.

    Notes
    -----
    At the first call for inputs of some shapes each function and its pullback are run once on zeros, and their time and
    memory measured with `tracemalloc`. A dynamic program over (first stage, last stage, free bytes) then decides which
    functions keep what their derivatives need, and which stretches keep their input only and are run again, in the
    backward pass, under a plan of their own.

    References
    ----------
    O. Beaumont et al., Optimal checkpointing for heterogeneous chains, 2019, arXiv:1911.13214.

    Examples
    --------
    >>> from tinygrad_np import grad
    >>> chain = checkpoint_chain([np.sin] * 8, budget_bytes=100_000)
    >>> bool(grad(lambda x: np.sum(chain(x)))(np.ones(1000))[0] > 0)
    True
    """
    if not isinstance(functions, Sequence) or not all(map(callable, functions)):
        raise TypeError(f"checkpoint_chain: functions is a sequence of callables, got {describe(functions)}.")
    if not isinstance(budget_bytes, int | float | np.integer | np.floating):
        raise TypeError(f"checkpoint_chain: budget_bytes={budget_bytes!r} is no number of bytes.")
    if budget_bytes < 0:
        raise ValueError(f"checkpoint_chain: budget_bytes={budget_bytes} is negative.")
    functions, budget_bytes = list(functions), int(budget_bytes)
    plans: dict[Any, Plan] = {}

    def chain(x: Any) -> Any:
        leaves = tree.leaves((x, [hoisted(f)[1] for f in functions]))
        if not any(type(leaf) is Tensor for leaf in leaves):
            return _follow(tuple(range(len(functions))), functions)(x)
        key = tuple((shape_of(leaf), str(dtype_of(leaf))) for leaf in leaves)
        if key not in plans:
            plans[key] = plan(measure(functions, x), budget_bytes)
        return _follow(plans[key], functions)(x)

    return chain


def _follow(steps: Plan, functions: list[Function]) -> Function:
    """Return the composition a plan describes."""
    parts = [functions[s] if isinstance(s, int) else checkpoint(_follow(s, functions)) for s in steps]
    return lambda x: functools.reduce(lambda value, f: f(value), parts, x)


def measure(functions: Sequence[Function], x: Any) -> list[Stage]:
    """Run each function and its pullback on zeros of the shapes that arrive there; return what they need."""
    stages = []
    x = tree.map(zeros_of, x)
    for f in functions:
        g, captured = hoisted(f)
        stage, x = _measure(g, tree.map(zeros_of, captured), x)
        stages.append(stage)
    return stages


def _measure(g: Callable[..., Any], captured: list[Any], x: Any) -> tuple[Stage, Any]:
    def run(captured: list[Any], x: Any) -> Any:
        return g(captured, (x,), {})

    held: list[Any] = []  # the output itself: vjp returns a copy, which the chain does not make

    def noted(captured: list[Any], x: Any) -> Any:
        y = run(captured, x)
        held.extend(bottom(leaf) for leaf in tree.leaves(y))
        return y

    seconds = math.inf
    for _ in range(2):
        start = time.perf_counter()
        y = run(captured, x)
        seconds = min(seconds, time.perf_counter() - start)
    ours = not tracemalloc.is_tracing()
    if ours:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        pullback = vjp(noted, captured, x)[1]
        kept = tracemalloc.get_traced_memory()[0] - before
        pullback(tree.map(zeros_of, y))
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        if ours:
            tracemalloc.stop()
    return Stage(seconds, _bytes(x), _bytes(y), kept, max(0, peak - kept)), y


def _bytes(x: Any) -> int:
    return sum(math.prod(shape_of(leaf)) * dtype_of(leaf).itemsize for leaf in tree.leaves(x))


def plan(stages: Sequence[Stage], budget: int) -> Plan:
    """Choose what to keep.

    Parameters
    ----------
    stages : sequence of Stage
        The chain.
    budget : int
        Bytes.

    Returns
    -------
    tuple
        In order: an int for a stage that keeps what it needs, a tuple for a stretch that keeps its input only and is
        run again under the plan that the tuple is.

    Notes
    -----
    With cost(s, t, m) the least time to recompute for stages s to t - 1 in m free bytes,

        cost(s, t, m) = min( cost(s + 1, t, m - kept_s)                                   if kept_s + work_s <= m,
                             min_k [ Σ_{s <= i < k} seconds_i + cost(k, t, m - input_k)
                                    + cost(s, k, m - input_k) ] ).

    Kept while the rest runs: what stage s needs, or the input of stage k alone. The sum is one more evaluation of the
    stretch, and the last term what its own plan recomputes while the cotangent of its output, of the size of input_k,
    is held.
    """
    table = _solve(stages, budget)
    if not table.fits:
        raise ValueError(
            f"checkpoint_chain: no choice fits into budget_bytes={budget}; the {len(stages)} functions need at least "
            f"about {_least(stages)} bytes. Raise the budget, or divide the chain into smaller functions."
        )
    return table.read(0, len(stages), table.free)


class _Table:
    """The least cost of every stretch for every number of free units, and the choice that has it."""

    def __init__(self, stages: Sequence[Stage], budget: int) -> None:
        self.stages = stages
        self.unit = max(1, math.ceil(budget / LEVELS))
        self.free = budget // self.unit
        self.cost: dict[tuple[int, int], Any] = {(s, s): np.zeros(self.free + 1) for s in range(len(stages) + 1)}
        self.choice: dict[tuple[int, int], Any] = {}

    @property
    def fits(self) -> bool:
        """Whether there is a plan."""
        return bool(np.isfinite(self.cost[0, len(self.stages)][self.free]))

    def units(self, size: int) -> int:
        """Units that so many bytes take."""
        return math.ceil(size / self.unit)

    def fill(self, s: int, t: int) -> None:
        """Find the least cost of stages s to t - 1; the choice is s to keep stage s, k to recompute up to stage k."""
        best, chosen = np.full(self.free + 1, np.inf), np.full(self.free + 1, -1)
        stage = self.stages[s]
        keep = _less(self.cost[s + 1, t], self.units(stage.kept))
        keep[: self.units(stage.kept + stage.work)] = np.inf
        options = [(s, keep)]
        for k in range(s + 1, t):
            taken = self.units(self.stages[k].input)
            again = sum(stage.seconds for stage in self.stages[s:k]) + _less(self.cost[s, k], taken)
            options.append((k, again + _less(self.cost[k, t], taken)))
        for mark, value in options:
            better = value < best
            best[better], chosen[better] = value[better], mark
        self.cost[s, t], self.choice[s, t] = best, chosen

    def read(self, s: int, t: int, free: int) -> Plan:
        """Return the plan of stages s to t - 1."""
        if s == t:
            return ()
        k = int(self.choice[s, t][free])
        if k == s:
            return (s, *self.read(s + 1, t, free - self.units(self.stages[s].kept)))
        rest = free - self.units(self.stages[k].input)
        return (self.read(s, k, rest), *self.read(k, t, rest))


def _solve(stages: Sequence[Stage], budget: int) -> _Table:
    table = _Table(stages, budget)
    for length in range(1, len(stages) + 1):
        for s in range(len(stages) - length + 1):
            table.fill(s, s + length)
    return table


def _less(row: Any, taken: int) -> Any:
    """Return a row of costs as a function of the free units before so many are taken."""
    return np.concatenate([np.full(min(taken, row.size), np.inf), row[: max(0, row.size - taken)]])


def _least(stages: Sequence[Stage]) -> int:
    """Return about the smallest budget for which there is a plan, found by halving."""
    low, high = 0, 2 * sum(stage.kept + stage.work for stage in stages) + LEVELS
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if _solve(stages, middle).fits else (middle, high)
    return high
