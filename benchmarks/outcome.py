"""What came of a case, and the ratios that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .cases import EAGER, OURS, Case


@dataclass(frozen=True)
class Timing:
    """Seconds of one call of the whole case."""

    least: float
    median: float
    calls: int
    note: str = ""

    @classmethod
    def of(cls, times: np.ndarray, note: str = "") -> Timing:
        """Summarise the seconds of all calls."""
        return cls(float(np.min(times)), float(np.median(times)), len(times), note)


@dataclass
class Outcome:
    """A case with the times of the competitors, their memory, and why one is missing."""

    case: Case
    timings: dict[str, Timing] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    yardstick: Timing | None = None

    def best_peer(self) -> str | None:
        """Return the peer with the smallest median, of those that the targets speak of."""
        peers = [n for n in self.timings if n not in OURS and n in (self.case.rivals or self.timings)]
        return min(peers, key=lambda n: self.timings[n].median, default=None)

    def ratio(self, name: str, to: str | None = None) -> float | None:
        """Return the ratio of medians, to the best peer if no other is named."""
        other = to or self.best_peer()
        if other not in self.timings or name not in self.timings:
            return None
        return self.timings[name].median / self.timings[other].median

    def share_of_yardstick(self, name: str) -> float | None:
        """Return how fast it is beside bare NumPy of the same flops, by minima: 1 is as fast."""
        if self.yardstick is None or name not in self.timings:
            return None
        return self.yardstick.least / self.timings[name].least

    def targets(self) -> list[tuple[str, bool]]:
        """Return every target in words, and whether it is reached."""
        said: list[tuple[str, bool]] = []
        for name, most in self.case.targets.items():
            ratio = self.ratio(name)
            if ratio is not None:
                said.append((f"{name}: {ratio:.2f} of {self.best_peer()}, at most {most:.2f}", ratio <= most))
        ours = self.timings.get(EAGER)
        if ours and self.case.most_seconds is not None:
            each = ours.median / self.case.per
            said.append(
                (f"{each * 1e6:.2f} us, at most {self.case.most_seconds * 1e6:.0f}", each <= self.case.most_seconds)
            )
        share = self.share_of_yardstick(EAGER)
        if share is not None and self.case.yardstick_target is not None:
            said.append(
                (
                    f"{share:.0%} of a bare product, at least {self.case.yardstick_target:.0%}",
                    share >= self.case.yardstick_target,
                )
            )
        for name, least in self.case.at_least.items():
            times = self.ratio(name, EAGER)
            if times is not None:
                said.append((f"{times:.1f} times as fast as {name}, at least {least:.0f}", times >= least))
        if self.case.lean and {EAGER, "PyTorch"} <= self.memory.keys():
            mine, theirs = self.memory[EAGER], self.memory["PyTorch"]
            said.append((f"{mine / 2**20:.0f} MiB, PyTorch {theirs / 2**20:.0f}", mine <= theirs))
        return said

    def better(self, other: Outcome | None) -> Outcome:
        """Return that of two runs in which all competitors together took less time: the quieter one."""
        if other is None or other.timings.keys() != self.timings.keys():
            return self
        total = lambda o: sum(np.log(t.median) for t in o.timings.values())
        return min(self, other, key=total)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it, times in seconds and memory in bytes."""
        return {
            "name": self.case.name,
            "title": self.case.title,
            "per": self.case.per,
            "times": {n: {"min": t.least, "median": t.median, "calls": t.calls, "note": t.note}
                      for n, t in self.timings.items()},
            "ratios": {n: self.ratio(n) for n in OURS if self.ratio(n) is not None},
            "best_peer": self.best_peer(),
            "yardstick": None if self.yardstick is None else {"min": self.yardstick.least, "flops": self.case.flops},
            "memory": self.memory,
            "missing": self.missing,
            "targets": [{"target": text, "reached": reached} for text, reached in self.targets()],
        }  # fmt: skip


def geometric_mean(outcomes: Mapping[str, Outcome], name: str) -> float | None:
    """Return that of the ratios of the training steps."""
    ratios = [r for o in outcomes.values() if o.case.group == "training" and (r := o.ratio(name)) is not None]
    return float(np.exp(np.mean(np.log(ratios)))) if ratios else None
