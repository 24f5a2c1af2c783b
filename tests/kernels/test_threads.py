import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from tinygrad_np.kernels import threads
from tinygrad_np.kernels.threads import get_num_threads, parallel, portions, set_num_threads

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def number():
    before = get_num_threads()
    yield
    threads._team.size = before


@pytest.fixture
def three():
    """Three threads, where they can be had."""
    pytest.importorskip("threadpoolctl")
    set_num_threads(3)


def blas_threads():
    from threadpoolctl import ThreadpoolController

    return [lib.num_threads for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if "NUM_THREADS" not in k} | environment,
        timeout=60,
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3, 20])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_each_task_is_called_once(count, size):
    pytest.importorskip("threadpoolctl")
    set_num_threads(size)
    calls = []
    parallel(calls.append, count)
    assert sorted(calls) == list(range(count))


def meet(n):
    """A task that returns only when n threads are in it at once."""
    barrier = threading.Barrier(n)
    return lambda i: barrier.wait(10)


def test_tasks_run_at_the_same_time(three):
    for _ in range(20):
        parallel(meet(3), 3)


def test_one_thread_is_the_callers_own():
    set_num_threads(1)
    idents = []
    parallel(lambda i: idents.append(threading.get_ident()), 4)
    assert idents == [threading.get_ident()] * 4


class Failure(BaseException):
    pass


@pytest.mark.parametrize("kind", [ValueError, Failure, KeyboardInterrupt])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_exception_of_a_task_is_raised_here_when_all_have_stopped(three, kind, number):
    barrier, stopped = threading.Barrier(3), []

    def task(i):
        barrier.wait(10)
        if i == number:
            raise kind(i)
        time.sleep(0.01)
        stopped.append(i)

    with pytest.raises(kind) as info:
        parallel(task, 3)
    assert info.value.args == (number,)
    assert len(stopped) == 2
    parallel(meet(3), 3)  # all is well again


def test_after_a_failure_no_further_task_begins(three):
    begun = []

    def task(i):
        begun.append(i)
        if i < 3:
            time.sleep(0.005)
            raise ValueError(i)
        time.sleep(0.05)

    with pytest.raises(ValueError):
        parallel(task, 1000)
    assert len(begun) < 10


def test_a_failure_gives_blas_its_threads_back(three):
    before = blas_threads()

    def task(i):
        raise ValueError

    with pytest.raises(ValueError):
        parallel(task, 3)
    assert blas_threads() == before


def test_inside_of_a_task_tasks_run_one_after_the_other(three):
    inner = [[] for _ in range(4)]

    def outer(i):
        me = threading.get_ident()
        parallel(lambda j: inner[i].append((j, threading.get_ident() == me)), 5)

    parallel(outer, 4)
    assert inner == [[(j, True) for j in range(5)]] * 4


def test_blas_is_held_at_one_thread_and_given_back(three):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(2, user_api="blas"):
        before, seen = blas_threads(), []
        parallel(lambda i: seen.append(blas_threads()), 3)
        assert blas_threads() == before == [2] * len(before)
        assert seen == [[1] * len(before)] * 3
        parallel(lambda i: parallel(lambda j: None, 2), 3)
        assert blas_threads() == before


def test_callers_in_several_threads(three):
    """Whoever comes while the workers are taken works alone; nothing is lost, and BLAS gets its threads back."""
    before, wrong = blas_threads(), []

    def caller(seed):
        for count in range(2, 40):
            done = np.zeros(count, int)

            def task(i, done=done):
                done[i] += 1

            parallel(task, count)
            if not np.all(done == 1):
                wrong.append((seed, count))

    callers = [threading.Thread(target=caller, args=(i,)) for i in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(30)
    assert not any(thread.is_alive() for thread in callers) and wrong == []
    assert blas_threads() == before


def test_floating_point_errors_are_handled_as_the_caller_says(three):
    barrier = threading.Barrier(3)

    def task(i):
        barrier.wait(10)
        np.float32(1) / np.zeros(1, np.float32)

    with np.errstate(divide="ignore"):
        parallel(task, 3)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        parallel(task, 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_workers_of_its_own():
    pytest.importorskip("threadpoolctl")
    code = """
import os, signal, threading, warnings
warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads
from tinygrad_np.kernels.threads import parallel, set_num_threads
set_num_threads(2)
def together():
    barrier = threading.Barrier(2)
    parallel(lambda i: barrier.wait(10), 2)
together()
child = os.fork()
if child == 0:
    signal.alarm(20)
    together()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
together()
"""
    result = run(code)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals")
def test_an_interrupt_while_waiting_leaves_a_team_that_works(three):
    main, entered, stopped = threading.main_thread().ident, threading.Barrier(2), []

    def task(i):
        entered.wait(10)
        if threading.get_ident() != main:
            time.sleep(0.05)
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.1)
            stopped.append("worker")

    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            parallel(task, 2)
    finally:
        signal.signal(signal.SIGINT, old)
    assert stopped == ["worker"]  # so what it writes to may be used again
    parallel(meet(3), 3)


@pytest.mark.parametrize("had", [0, 1])
def test_where_no_thread_can_be_started_those_there_are_do_the_work(three, monkeypatch, had):
    def refused(*args):
        raise RuntimeError("can't start new thread")

    workers = [threads._Worker() for _ in range(had)]
    monkeypatch.setattr(threads._team, "workers", workers)
    monkeypatch.setattr(threads._thread, "start_new_thread", refused)
    calls = []
    parallel(calls.append, 20)
    assert sorted(calls) == list(range(20)) and len(workers) == had
    parallel(meet(1 + had), 1 + had)


def test_an_interrupt_before_all_have_begun_leaves_a_team_that_works(three, monkeypatch):
    """A worker that began, and was not waited for, must not be taken for one that has finished the next work."""
    start = threads._Worker.start

    def interrupted(worker, work):
        start(worker, work)
        time.sleep(0.02)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(threads._Worker, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            parallel(lambda i: None, 2)
    for _ in range(3):
        done = []
        barrier = threading.Barrier(2)

        def task(i, done=done, barrier=barrier):
            barrier.wait(10)
            if threading.current_thread() is not threading.main_thread():
                time.sleep(0.02)
            done.append(i)

        parallel(task, 2)
        assert sorted(done) == [0, 1]


def test_a_worker_that_wakes_late_is_not_waited_for_and_does_the_next_work(three, monkeypatch):
    """As where other processes have its core: what it was told to do is then done here."""
    late, blocked = threading.Event(), []
    workers = [threads._Worker() for _ in range(2)]
    monkeypatch.setattr(threads._team, "workers", workers)
    for worker in workers:
        worker.start(lambda: (blocked.append(1), late.wait(10)))
    while len(blocked) < 2:
        time.sleep(1e-3)
    done = []
    parallel(done.append, 4)  # while both are held up
    assert sorted(done) == [0, 1, 2, 3]
    late.set()
    parallel(meet(3), 3)


@pytest.mark.parametrize("n", [0, -1, 1.0, True, None, "2", [2]])
def test_a_number_of_threads_is_a_positive_integer(n):
    before = get_num_threads()
    with pytest.raises(ValueError, match="positive integer"):
        set_num_threads(n)
    assert get_num_threads() == before


@pytest.mark.parametrize("n", [1, np.int64(1)])
def test_the_number_of_threads_can_be_set(n):
    set_num_threads(n)
    assert get_num_threads() == 1 and type(get_num_threads()) is int


SHOW = "from tinygrad_np.kernels.threads import get_num_threads; print(get_num_threads())"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TINYGRAD_NP_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": "4"}, 4),
        ({"TINYGRAD_NP_NUM_THREADS": "5", "OMP_NUM_THREADS": "4"}, 5),
        ({"OMP_NUM_THREADS": "4,2"}, None),
        ({}, None),
    ],
)
def test_the_environment_sets_the_number_of_threads(environment, expected):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert run(SHOW, **environment).stdout.strip() == str(expected or cores)


@pytest.mark.parametrize("value", ["0", "two", "-1", "1.5"])
def test_a_wrong_number_in_the_environment_is_an_error(value):
    result = run(SHOW, TINYGRAD_NP_NUM_THREADS=value)
    assert result.returncode == 1
    assert f"TINYGRAD_NP_NUM_THREADS='{value}': it is a positive integer." in result.stderr


def test_without_threadpoolctl_kernels_run_in_one_thread_and_say_so():
    code = """
import sys, threading, warnings
sys.modules["threadpoolctl"] = None
from tinygrad_np.kernels.threads import parallel, set_num_threads
set_num_threads(1)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    set_num_threads(3)
(warning,) = caught
assert warning.category is RuntimeWarning and "pip install threadpoolctl" in str(warning.message), warning
assert warning.filename == "<string>"
idents = []
parallel(lambda i: idents.append((i, threading.get_ident())), 5)
assert idents == [(i, threading.get_ident()) for i in range(5)]
"""
    result = run(code)
    assert result.returncode == 0, result.stderr


def test_with_threadpoolctl_there_is_no_warning():
    pytest.importorskip("threadpoolctl")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        set_num_threads(3)


@pytest.mark.parametrize(("blocks", "tasks", "most", "expected"), [
    (10, 3, 32, [3, 3, 4]),
    (2, 9, 32, [1, 1]),
    (10, 0, 32, [10]),
    (100, 50, 4, [25] * 4),
    (0, 5, 4, [0]),
])  # fmt: skip
def test_portions_are_nearly_equal_and_in_order(blocks, tasks, most, expected):
    parts = portions(range(blocks), tasks * threads.TASK, most)
    assert [len(part) for part in parts] == expected
    assert [block for part in parts for block in part] == list(range(blocks))


def test_portions_do_not_depend_on_the_number_of_threads():
    set_num_threads(1)
    assert len(portions(range(100), 7 * threads.TASK)) == 7
