"""Building a case's programs, checking them against each other, and timing them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from . import memory
from .cases import EAGER, Case, Program, Results
from .checking import check
from .measuring import fastest, measure
from .outcome import Outcome, Timing

YARDSTICK = "bare product"


def run_case(case: Case, names: Sequence[str], seconds: float, *, measure_memory: bool = True) -> Outcome:
    """Run a case for those of the competitors that it has.

    Each way of each competitor is checked against the first that could be built, tinygrad_np: loss and all gradients.
    """
    outcome = Outcome(case)
    programs: dict[str, Program] = {}
    reference: Results | None = None
    for name in names:
        if name not in case.builders:
            continue
        try:
            ways, found, slowest = _built(case.builders[name])
            reference = reference or found[0]
            for results in found:
                check(reference, results, case.tolerance)
            if name != EAGER and slowest > case.patience:
                raise TimeoutError(f"takes {slowest:.1f} s")
            programs[name] = fastest(ways)
        except Exception as error:  # a peer that fails on this machine is said to, and the rest goes on
            outcome.missing[name] = f"{type(error).__name__}: {error}".strip().splitlines()[0][:200]
    if programs:
        _time(outcome, programs, seconds)
    if case.memory and measure_memory:
        for name, program in programs.items():
            try:
                outcome.memory[name] = memory.of_program(case.name, name, program.note)
            except RuntimeError as error:
                outcome.missing[f"{name}, memory"] = str(error).strip().splitlines()[-1][:200]
    return outcome


def _built(build: Callable[[], list[Program]]) -> tuple[list[Program], list[Results], float]:
    """Return the ways of one competitor, what they compute, and the seconds of the slowest once it is compiled."""
    ways = build()
    found = [way.result() for way in ways]
    slowest = 0.0
    if len(ways) == 1:
        start = time.perf_counter()
        ways[0].run()
        slowest = time.perf_counter() - start
    return ways, found, slowest


def _time(outcome: Outcome, programs: dict[str, Program], seconds: float) -> None:
    runs = {name: program.run for name, program in programs.items()}
    bare = outcome.case.yardstick
    if bare is not None:
        runs[YARDSTICK] = bare
    times: dict[str, np.ndarray] = measure(runs, seconds, outcome.case.rounds, yardstick=YARDSTICK)
    if bare is not None:
        outcome.yardstick = Timing.of(times.pop(YARDSTICK))
    outcome.timings = {name: Timing.of(t, programs[name].note) for name, t in times.items()}
