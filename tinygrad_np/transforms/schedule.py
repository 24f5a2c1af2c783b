"""In which order a program's steps run, and how long each value is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from ..core.recorder import Step
from ..kernels.threads import get_num_threads

# Sums over a batch are added up in so many parts, of every so manieth micro-batch each: so they have the same bits for
# every number of threads, of which no more than these have something to do.
SUMS = 8


class Region(NamedTuple):
    """Consecutive steps: of no micro-batch, or of several, which run at once.

    Attributes
    ----------
    steps : range
        Their numbers.
    divided : bool
        Whether they are of micro-batches.
    ending : set of int
        The places of values that are needed until all of these steps have run, and no longer.
    """

    steps: range
    divided: bool
    ending: set[int]


class Schedule:
    """The order of the steps that the outputs need, and the lives of their values.

    A step of a micro-batch runs in the first region that it can, after what its arguments come from; so the regions
    are few, and each holds the steps of one micro-batch after those of the other.

    Attributes
    ----------
    steps : list of Step
        In the order in which they run.
    regions : list of Region
        What runs one after the other.
    groups : int
        Of micro-batches. Those of one run one after the other and share buffers, those of several run at once.
    source : dict
        For the place of each value that of the value in whose memory it lies.
    ending : list of set
        For each step the places of values that are needed until it has run, and no longer.
    used : set of int
        The places of values that something needs.
    """

    def __init__(self, steps: Sequence[Step], outputs: Sequence[int], seen: Sequence[Any]) -> None:
        self.steps, phases = _ordered(_needed(steps, outputs))
        self.regions = []
        lanes = {step.lane for step in self.steps} - {None}
        self.groups = max(1, min(len(lanes), SUMS, get_num_threads()))
        start = 0
        for (_, divided), group in groupby(phases):
            stop = start + len(list(group))
            self.regions.append(Region(range(start, stop), divided, set()))
            start = stop
        self.source = self._sources(seen)
        self.ending: list[set[int]] = [set() for _ in self.steps]
        self.used: set[int] = set()
        self._find_ends(outputs)

    def group(self, lane: int | None) -> int | None:
        """Return the group of a micro-batch, the same for all that are added up together."""
        return None if lane is None else lane % SUMS % self.groups

    def _sources(self, seen: Sequence[Any]) -> dict[int, int]:
        source = {place: place for place in range(len(seen))}
        for step in self.steps:
            for out in step.outputs:
                viewed = [place for place in step.inputs if _share_memory(seen[out], seen[place])]
                if viewed:
                    source[out] = source[viewed[0]]
        return source

    def _find_ends(self, outputs: Sequence[int]) -> None:
        """Walk backwards: who uses a value first is the last to use it.

        What a micro-batch uses that is not of its group, others may use at the same time: it ends with their region.
        """
        home = {
            out: (region, self.group(self.steps[i].lane)) for region in self.regions for i in region.steps
            for out in self.steps[i].outputs
        }  # fmt: skip
        seen = {self.source[place] for place in outputs}
        for region in reversed(self.regions):
            for i in reversed(region.steps):
                step = self.steps[i]
                for place in (*step.outputs, *step.inputs):
                    root = self.source[place]
                    self.used.add(place)
                    if root in seen:
                        continue
                    seen.add(root)
                    at_home = root in home and home[root] == (region, self.group(step.lane))
                    (self.ending[i] if at_home or not region.divided else region.ending).add(root)
        self.used.update(outputs)


def _share_memory(a: Any, b: Any) -> bool:
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)


def _needed(steps: Sequence[Step], outputs: Sequence[int]) -> list[Step]:
    """Return the steps that the outputs depend on."""
    wanted, needed = set(outputs), []
    for step in reversed(steps):
        if not wanted.isdisjoint(step.outputs):
            needed.append(step)
            wanted.update(step.inputs)
    return needed[::-1]


def _ordered(steps: Sequence[Step]) -> tuple[list[Step], list[tuple[int, bool]]]:
    """Return the steps in the order in which they run, and for each its phase and whether it is of a micro-batch.

    In a phase, what belongs to no micro-batch comes first. So such a step is a phase later than a step of a micro-batch
    that it needs.
    """
    phase: dict[int, int] = defaultdict(int)
    lane: dict[int, int | None] = defaultdict(lambda: None)
    keys = []
    for number, step in enumerate(steps):
        later = [phase[place] + (step.lane is None and lane[place] is not None) for place in step.inputs]
        now = max(later, default=0)
        for out in step.outputs:
            phase[out], lane[out] = now, step.lane
        keys.append((now, step.lane is not None, -1 if step.lane is None else step.lane, number))
    order = sorted(keys)
    return [steps[number] for *_, number in order], [(now, divided) for now, divided, *_ in order]
