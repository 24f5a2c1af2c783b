"""Times of competitors in turn, and the peak memory of one in a process of its own."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .cases import Program

TURN = 0.03
SLOW = 0.1
Run = Callable[[], object]


def timed(run: Run) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(
    runs: Mapping[str, Run], seconds: float, rounds: int = 3, turn: float = TURN, *, yardstick: str = ""
) -> dict[str, np.ndarray]:
    """Time the competitors in turn until the seconds are over, and each has a few turns.

    A turn is as many calls as fit into 30 milliseconds, as a loop of training makes them, and one before them that is
    not timed: it fills the caches and wakes the threads, while those of the last competitor fall asleep. Calls of more
    than 100 milliseconds need none. Who takes ten times as long as the fastest, the yardstick not counted, has only the
    first few turns.
    """
    gc.collect()
    gc.freeze()  # what the others have loaded is no garbage for anyone to look through
    times: dict[str, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    slow: set[str] = set()
    done = 0
    while time.perf_counter() < end or done < rounds:
        for name, run in runs.items():
            if done >= rounds and min(times[name]) > 10 * min(min(t) for n, t in times.items() if n != yardstick):
                continue
            if name not in slow and timed(run) > SLOW:
                slow.add(name)
            stop = time.perf_counter() + turn
            while True:
                times[name].append(timed(run))
                if time.perf_counter() >= stop:
                    break
        done += 1
    gc.unfreeze()
    return {name: np.array(t) for name, t in times.items()}


def fastest(programs: Sequence[Program], seconds: float = 0.3) -> Program:
    """Return the fastest of several ways to do the same."""
    if len(programs) == 1:
        return programs[0]
    times = measure({str(i): program.run for i, program in enumerate(programs)}, seconds)
    best = min(times, key=lambda i: float(np.median(times[i])))
    return programs[int(best)]
