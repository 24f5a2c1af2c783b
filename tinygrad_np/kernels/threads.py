"""Work shared over the cores: the shards of one kernel, run by a few threads while BLAS is held at one.

NumPy lets other threads run while it copies, computes elementwise functions and products. A kernel cuts its work into
shards by shape alone, never by the number of threads, so a result has the same bits for every number of threads. To
fork and join costs some 50 microseconds: a kernel with less than about 200 to do has one shard.
"""

import _thread
import contextvars
import ctypes
import itertools
import os
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any, TypeVar, cast

Task = Callable[[int], object]
Block = TypeVar("Block")

# Multiplications that are worth a task: 100 to 200 microseconds, where a fork and join takes 50.
TASK = 10_000_000


def _initial() -> int:
    for variable in ("TINYGRAD_NP_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(variable, "")
        if value.isdecimal() and int(value) > 0:
            return int(value)
        if value and variable.startswith("TINYGRAD_NP"):
            raise ValueError(f"{variable}={value!r}: it is a positive integer.")
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Blas:
    """NumPy's BLAS, whose threads threadpoolctl can set; without threadpoolctl it stays as it is."""

    def __init__(self) -> None:
        self.lock = _thread.allocate_lock()
        self.holders = 0
        self.libraries: list[Any] | None = None
        self.found: list[int] = []

    def controlled(self) -> bool:
        """Whether the number of its threads can be set."""
        if self.libraries is None:
            try:
                from threadpoolctl import ThreadpoolController
            except ModuleNotFoundError:
                self.libraries = []
            else:
                self.libraries = [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
        return bool(self.libraries)

    # As a context manager it is held at one thread; the last of nested and concurrent holders gives it back as the
    # first found it.

    def __enter__(self) -> None:
        self.controlled()
        with self.lock:
            if self.holders == 0:
                self.found = [lib.get_num_threads() for lib in self.libraries or []]
                self._set([1] * len(self.found))
            self.holders += 1

    def __exit__(self, *exception: object) -> None:
        with self.lock:
            self.holders -= 1
            if self.holders == 0:
                self._set(self.found)

    def _set(self, numbers: list[int]) -> None:
        for lib, n, found in zip(self.libraries or [], numbers, self.found, strict=True):
            if found != 1:
                lib.set_num_threads(n)


class _Worker:
    """A thread that waits on a lock for the next function to call."""

    def __init__(self) -> None:
        self.go = _thread.allocate_lock()
        self.go.acquire()
        self.told = False  # to work, and not awake yet
        self.work: Callable[[], object] = int
        self.native = 0  # its number in the system, once it runs
        self.beside = -1  # the core that it keeps away from
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        self.native = _thread.get_native_id()
        while True:
            self.go.acquire()
            self.told = False
            work, self.work = self.work, int
            work()
            del work  # hold nothing while waiting

    def start(self, work: Callable[[], object]) -> None:
        """Let it work, on this in place of what it was told before and did not begin."""
        self.work = work
        if not self.told:
            self.told = True
            self.go.release()

    def keep_away_from(self, core: int) -> None:
        """Run on other cores than this one, if there are any."""
        if core == self.beside or not self.native:
            return
        self.beside = core
        if others := os.sched_getaffinity(0) - {core}:
            with suppress(OSError):  # some systems forbid it
                os.sched_setaffinity(self.native, others)


def _core_finder() -> Callable[[], int] | None:
    """Return what tells the core that a thread runs on, where threads can be told to keep away from it."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    try:
        return cast(Callable[[], int], ctypes.CDLL(None).sched_getcpu)
    except (OSError, AttributeError):
        return None


# A thread that is woken often lands on the core of the one that woke it, though another is idle, and then they take
# turns of 4 milliseconds.
_this_core = _core_finder()


class _Team:
    """The threads, and who has them: one kernel at a time, others meanwhile work alone."""

    def __init__(self) -> None:
        self.size = _initial()
        self.reset()

    def reset(self) -> None:
        """Forget the workers: a forked child has none of its parent's threads."""
        self.taken = _thread.allocate_lock()
        self.workers: list[_Worker] = []
        self.blas = _Blas()

    def run(self, task: Task, count: int) -> None:
        """See `parallel`."""
        helpers = min(self.size, count) - 1
        if helpers < 1 or not self.blas.controlled() or not self.taken.acquire(blocking=False):
            for i in range(count):
                task(i)
            return
        try:
            self._share(task, count, self._hire(helpers))
        finally:
            self.taken.release()

    def _hire(self, helpers: int) -> list[_Worker]:
        """Return so many workers, or as many as the system gives."""
        try:
            while len(self.workers) < helpers:
                self.workers.append(_Worker())
        except RuntimeError:  # "can't start new thread": at a limit of the system, or while Python shuts down
            pass
        return self.workers[:helpers]

    def _share(self, task: Task, count: int, workers: list[_Worker]) -> None:
        """Work together with the workers; not to wait for those that come too late, as others may have their core."""
        shards = itertools.count()
        failures: list[BaseException] = []
        active: list[None] = []  # as many as there are workers in it
        doors = [_thread.allocate_lock() for _ in workers]  # each closed while its worker is inside, and in the end

        def work() -> None:
            try:
                while (i := next(shards)) < count and not failures:
                    task(i)
            except BaseException as error:
                failures.append(error)

        def help_out(door: _thread.LockType) -> None:
            if door.acquire(blocking=False):
                active.append(None)
                work()
                active.pop()
                door.release()

        core = _this_core() if _this_core else -1
        try:
            for worker, door in zip(workers, doors, strict=True):
                if _this_core:
                    worker.keep_away_from(core)
                worker.start(partial(contextvars.copy_context().run, help_out, door))
            work()
            for door in doors:
                door.acquire()
        except BaseException as error:  # Ctrl-C outside of a task: it is open who was told to work and waited for
            failures.append(error)
            self.workers = []
            while active:  # what tasks write to must not be used again before they have stopped
                time.sleep(1e-4)
            raise
        if failures:
            raise failures[0]


_team = _Team()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_team.reset)


def set_num_threads(n: int) -> None:
    """Set how many threads share the work of a kernel; results have the same bits for every number.

    By default it is TINYGRAD_NP_NUM_THREADS or OMP_NUM_THREADS of the environment, else the number of cores. NumPy's
    BLAS is held at one thread while kernels with shards run, for which the package threadpoolctl is needed; without
    it they run in this thread alone, beside BLAS's own threads, and the last bits may depend on the number of those.

    Parameters
    ----------
    n : int
        At least 1.

    Raises
    ------
    ValueError
        If n is no positive integer.

    Warns
    -----
    RuntimeWarning
        If n is more than 1 and threadpoolctl is not installed.
    """
    if isinstance(n, bool) or not hasattr(n, "__index__") or n.__index__() < 1:
        raise ValueError(f"set_num_threads: n={n!r}; it is a positive integer.")
    if n > 1 and not _team.blas.controlled():
        warnings.warn(
            f"set_num_threads({n}): without the package threadpoolctl, NumPy's BLAS cannot be held at one thread, so "
            "kernels run in one thread beside BLAS's own. Install it: pip install threadpoolctl",
            RuntimeWarning,
            stacklevel=2,
        )
    _team.size = n.__index__()


def get_num_threads() -> int:
    """Return how many threads share the work of a kernel, see `set_num_threads`."""
    return _team.size


def hold_blas() -> AbstractContextManager[None]:
    """Hold NumPy's BLAS at one thread inside a ``with`` block, if threadpoolctl is installed.

    The products of a small network are too short to share: waking a second thread costs more than it saves, several
    times more where another process wants that processor. With one thread the order of summation, and so every bit of
    the result, is also independent of how many there are.
    """
    return _team.blas


def parallel(task: Task, count: int) -> None:
    """Call task(0), ..., task(count - 1), in any order and in several threads, with BLAS held at one thread.

    The count must not depend on the number of threads. Tasks write to disjoint memory. Inside of a task, and while
    another thread's kernel has the workers, the tasks of a further call run one after the other. A single task is just
    called, beside BLAS's own threads. The first exception is raised here, when all have stopped.
    """
    if count == 1:
        task(0)
        return
    with _team.blas:
        _team.run(task, count)


def portions(blocks: Sequence[Block], multiplications: int, most: int = 32) -> list[Sequence[Block]]:
    """Cut the blocks of a kernel into tasks: at most so many runs of about equal length, none with too little to do."""
    count = max(1, min(len(blocks), most, multiplications // TASK))
    bounds = [len(blocks) * i // count for i in range(count + 1)]
    return [blocks[start:stop] for start, stop in itertools.pairwise(bounds)]
