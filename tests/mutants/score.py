"""The run: every mutant is judged in a process of its own operation, so that a crash kills one mutant and no more."""

from __future__ import annotations

import dataclasses
import multiprocessing
import random
import resource
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from tests.ops.cases import package_primitives
from tinygrad_np.core.primitive import registry

from . import outside, source, suite
from .mutant import Mutant

MEMORY = 4 << 30  # bytes that a process may map: a mutant that wants more is killed
PER_KEY = 5  # mutants of an operation in a sample


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of a mutant: `noticed` by which check, None if it survived; `trouble` if a check fails without it."""

    key: str
    kind: str
    name: str
    noticed: str | None
    seconds: float
    trouble: str | None = None


def keys_like(pattern: str) -> list[str]:
    """Keys of the package's primitives that contain a word."""
    return [key for key in package_primitives() if pattern in key]


class Plan:
    """Which mutants there are, by the operation whose process judges them."""

    def __init__(self, keys: list[str], sample: int | None = None, seed: int = 0) -> None:
        self.of_source: dict[str, list[Mutant]] = {}
        for mutant in source.mutants(package_primitives()):
            self.of_source.setdefault(mutant.judges[0], []).append(mutant)
        self.sample, self.seed = sample, seed
        if sample is not None:
            keys = random.Random(seed).sample(keys, min(len(keys), max(1, sample // PER_KEY)))
        self.keys = keys

    def mutants_of(self, key: str) -> list[Mutant]:
        """The mutants that one process judges."""
        found = [*outside.mutants_of(registry[key], suite.seen(key)), *self.of_source.get(key, [])]
        if self.sample is None:
            return found
        return random.Random(f"{self.seed} {key}").sample(found, min(PER_KEY, len(found)))


def judged(mutants: list[Mutant], judge: suite.Judge | None = None) -> Iterator[Verdict]:
    """Judge mutants here and now."""
    judge = judge or suite.Judge()
    for mutant in mutants:
        start = time.perf_counter()
        try:
            noticed, trouble = judge.killed(mutant), None
        except suite.SuiteError as error:
            noticed, trouble = None, str(error)
        yield Verdict(mutant.key, mutant.kind, mutant.name, noticed, time.perf_counter() - start, trouble)


# -- in processes ----------------------------------------------------------------------------------------------------


def _work(plan: Plan, key: str, first: int, answers: Connection) -> None:
    """Judge the mutants of an operation from a number on; tell of each before and after."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    judge = suite.Judge()
    try:
        for mutant in plan.mutants_of(key)[first:]:
            answers.send((mutant.key, mutant.kind, mutant.name))
            answers.send(next(judged([mutant], judge)))
    except Exception as error:
        trouble = f"{key}: {type(error).__name__}: {error}"
        answers.send(Verdict(key, "source", f"{key} was not finished", None, 0.0, trouble))
    answers.send(None)


@dataclasses.dataclass
class _Worker:
    key: str
    process: Any
    answers: Connection
    first: int
    current: tuple[str, str, str] | None = None
    verdicts: list[Verdict] = dataclasses.field(default_factory=list)


def run(plan: Plan, jobs: int, told: Callable[[str, list[Verdict]], None]) -> list[Verdict]:
    """Judge all mutants of a plan in so many processes at a time; `told` hears of each operation that is done."""
    fork = multiprocessing.get_context("fork")
    waiting, working, verdicts = list(plan.keys), [], []

    def start(key: str, first: int, before: list[Verdict]) -> None:
        receiver, sender = fork.Pipe(duplex=False)
        process = fork.Process(target=_work, args=(plan, key, first, sender), daemon=True)
        process.start()
        sender.close()
        working.append(_Worker(key, process, receiver, first, None, before))

    while waiting or working:
        while waiting and len(working) < jobs:
            start(waiting.pop(0), 0, [])
        ready = wait([worker.answers for worker in working])
        for worker in [w for w in working if w.answers in ready]:
            if _heard(worker):
                continue
            working.remove(worker)
            worker.process.join()
            if worker.current is None:
                verdicts += worker.verdicts
                told(worker.key, worker.verdicts)
            else:  # it died of the mutant at work
                crash = Verdict(*worker.current, "the process died", 0.0)
                worker.verdicts.append(crash)
                start(worker.key, len(worker.verdicts), worker.verdicts)
    return verdicts


def _heard(worker: _Worker) -> bool:
    """Take what a worker says; whether it goes on."""
    try:
        answer = worker.answers.recv()
    except EOFError:
        return False
    if isinstance(answer, Verdict):
        worker.verdicts.append(answer)
        worker.current = None
    else:
        worker.current = answer
    return answer is not None
