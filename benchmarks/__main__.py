"""Speed against the peers that are installed (extra `bench`): `python -m benchmarks`.

Competitors run in turn, on the same data, in one process, with two threads; the loss is checked to be the same first.
Figures are milliseconds or microseconds, minimum and median of many; trust the ratios of one run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks import cases

Step = Callable[[], float]


def measure(steps: dict[str, Step], seconds: float) -> dict[str, np.ndarray]:
    """Time the competitors in turn, a call each, until the time is up."""
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 5:
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    return {name: np.array(t) for name, t in times.items()}


def check_losses(steps: dict[str, Step]) -> None:
    """Refuse to compare programs that compute different losses."""
    losses = {name: step() for name, step in steps.items()}
    reference = losses["tinygrad_np"]
    for name, loss in losses.items():
        if not np.isclose(loss, reference, rtol=1e-4):
            raise SystemExit(f"{name} computes a loss of {loss}, tinygrad_np {reference}: no comparison.")


def report(title: str, times: dict[str, np.ndarray], unit: float, name_of_unit: str) -> None:
    """Print minima, medians and the ratio of medians to ours."""
    ours = np.median(times["tinygrad_np"])
    print(f"\n{title}")
    print(f"{'':14}{'min ' + name_of_unit:>12}{'median':>12}{'ratio to ours':>16}")
    for name, t in times.items():
        print(f"{name:14}{t.min() * unit:12.2f}{np.median(t) * unit:12.2f}{np.median(t) / ours:16.2f}")


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="time for each case")
    seconds = parser.parse_args().seconds
    for batch in (1, 32, 64, 128):
        steps = cases.lenet5(batch)
        check_losses(steps)
        report(f"LeNet-5 loss and gradients, batch {batch}, float32", measure(steps, seconds), 1e3, "ms")
    steps = cases.chain(cases.CHAIN)
    check_losses(steps)
    times = {name: t / cases.CHAIN for name, t in measure(steps, seconds).items()}
    report("x * y on 16 elements in a chain, forward and backward, an operation", times, 1e6, "us")


if __name__ == "__main__":
    main()
