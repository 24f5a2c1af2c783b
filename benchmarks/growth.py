"""How time and memory grow: an image of LeNet-5's step over the batch, an operation over the length of the tape."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from . import networks, peers, tape
from .cases import COMPILED, EAGER, OURS, Case, Program
from .cases_tape import tape_case
from .outcome import Outcome
from .trained import RATE

BATCHES = (1, 8, 32, 128, 512, 2048, 4096)
LENGTHS = (10**2, 10**3, 10**4, 10**5, 10**6)
MOST = 1.3  # between the fastest and the slowest, from a batch of 32 on, and over all lengths
FIRST_BATCH = 32
REMEMBERED = (32, 512, 4096, 10**3, 10**6)  # where memory is measured as well


def _training(name: str, batch: int) -> list[Program]:
    options = {"compiled": True} if name == COMPILED else {}
    return peers.module(name).training(networks.LENET5, batch, RATE, **options)


CASES = [
    Case(
        f"growth/batch/{batch}", f"LeNet-5, an image of {batch:,}",
        {name: partial(_training, name, batch) for name in (EAGER, COMPILED, "PyTorch")},
        per=batch, memory=batch in REMEMBERED,
    )
    for batch in BATCHES
] + [
    tape_case(
        f"growth/tape/{n}", f"`x * y`, an operation of {n:,}", tape.chain, ("PyTorch",), n,
        per=n, memory=n in REMEMBERED, patience=20, rounds=1 if n == LENGTHS[-1] else 3,
    )
    for n in LENGTHS
]  # fmt: skip


def summary(outcomes: Mapping[str, Outcome]) -> list[str]:
    """How much slower the slowest is than the fastest, over the batch and over the length of the tape."""
    lines = []
    for what, sizes in (("batch", [b for b in BATCHES if b >= FIRST_BATCH]), ("tape", LENGTHS)):
        found = {n: o for n in sizes if (o := outcomes.get(f"growth/{what}/{n}"))}
        for name in (EAGER, COMPILED, "PyTorch"):
            each = {n: o.timings[name].least / o.case.per for n, o in found.items() if name in o.timings}
            if len(each) < 2:
                continue
            ratio = max(each.values()) / min(each.values())
            judged = "" if name not in OURS else f": {'reached' if ratio <= MOST else 'missed'} (at most {MOST})"
            lines.append(f"- {what} {min(each):,} to {max(each):,}, {name}: slowest / fastest {ratio:.2f}{judged}")
    return lines
