"""profile: counts, flops, bytes and memory by hand; times by operations that sleep; verdicts by machines made up."""

import json
import re
import time
import tracemalloc

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn
from tinygrad_np.core.primitive import registry
from tinygrad_np.inspect import profile
from tinygrad_np.inspect.machine import Machine, machine
from tinygrad_np.inspect.profiles import Profile, StepCost
from tinygrad_np.inspect.profiles.measuring import Measured, Memory

X, W = np.random.default_rng(0).normal(size=(2, 40, 40))


def loss(w, x):
    h = x @ w
    return np.sum(np.exp(h) * h)


def row_of(rows, name):
    (row,) = [row for row in rows if row.name == name]
    return row


def test_counts_flops_and_bytes_of_each_operation():
    found = profile(loss, repeats=1)(W, X)
    n = 40 * 40
    matmul, exp, times = (row_of(found.operations, name) for name in ("matmul", "exp", "multiply"))
    assert (matmul.count, matmul.flops, matmul.bytes) == (1, 2 * 40 * n, 3 * 8 * n)
    # of w alone: x.T, a view, and a product; and the sum of the two cotangents of h
    assert (matmul.count_backward, matmul.flops_backward, matmul.bytes_backward) == (2, 2 * 40 * n, 3 * 8 * n)
    assert (exp.flops, exp.bytes) == (n, 2 * 8 * n)
    assert (times.count, times.flops, times.bytes) == (1, n, 3 * 8 * n)
    assert sum(row.flops for row in found.primitives) == sum(
        step.flops for step in found.steps if step.direction == "forward"
    )
    assert found.value[0] == loss(W, X)
    np.testing.assert_array_equal(found.value[1], tg.grad(loss)(W, X))


def test_views_move_nothing_and_a_broadcast_axis_is_read_once():
    found = profile(lambda x: np.sum(np.broadcast_to(x.T.reshape(1, 40), (30, 40)) + x), repeats=1)(np.ones(40))
    assert {row.name: row.bytes for row in found.primitives if row.name in ("transpose", "reshape", "broadcast")} == {
        "transpose": 0, "reshape": 0, "broadcast": 0,
    }  # fmt: skip
    assert row_of(found.operations, "add").bytes == 8 * (40 + 40 + 30 * 40)


def test_a_gradient_is_profiled_as_it_is_and_so_is_what_is_no_loss():
    names = lambda found: sorted((row.name, row.count, row.count_backward) for row in found.operations)
    whole = names(profile(loss, repeats=1)(W, X))
    assert names(profile(tg.grad(loss), repeats=1)(W, X)) == whole
    assert names(profile(lambda w, x: (loss(w, x), {"w": w}), has_aux=True, repeats=1)(W, X)) == whole
    forward = profile(lambda w, x: x @ w, repeats=1)(W, X)
    assert names(forward) == [("matmul", 1, 0)]
    assert forward.memory.turn == 1 and forward.memory.kept == 0
    assert names(profile(loss, argnums=(0, 1), repeats=1)(W, X)) != whole


def test_calls_and_lines_are_the_users():
    def network(w, x):
        h = nn.dense(x, w, np.zeros(40))
        h = nn.dense(h, w, np.zeros(40))
        return np.mean(h)

    found = profile(network, repeats=1)(W, X)
    first = network.__code__.co_firstlineno
    calls = [(row.name, row.line.rpartition(":")[2]) for row in found.calls if row.name == "dense"]
    assert sorted(calls) == [("dense", str(first + 1)), ("dense", str(first + 2))]
    assert {row.name for row in found.lines} == {f"test_profile.py:{first + i}" for i in (1, 2, 3)}
    assert sum(row.flops + row.flops_backward for row in found.lines) == sum(step.flops for step in found.steps)


# -- memory


def test_the_curve_of_a_chain():
    """Each exp makes n bytes, which its rule keeps; backward one cotangent is alive beside them, two as it is made."""
    n = 8 * 1000
    found = profile(lambda x: np.sum(np.exp(np.exp(np.exp(x)))), repeats=1)(np.zeros(1000))
    assert found.memory.kept == 3 * n
    assert found.memory.curve[found.memory.turn - 1] == 3 * n
    assert found.memory.peak == 4 * n + 8  # the last value is let go before the second cotangent; a seed of one number
    assert found.memory.curve[:3] == [n, 2 * n, 3 * n]
    assert {step.kept for step in found.steps[:3]} == {n}


def test_what_no_rule_keeps_is_let_go():
    n = 8 * 1000
    found = profile(lambda x: np.sum(((x + 1) + 2) + 3), repeats=1)(np.zeros(1000))
    assert found.memory.kept == 0
    assert found.memory.curve[:3] == [n, 2 * n, 2 * n]  # the sum before the last is let go


def deep(params, x):
    for w in params:
        x = np.tanh(x @ w) + np.sin(x)
    return np.sum(x * x)


@pytest.mark.parametrize("f", [tg.value_and_grad(deep), deep])
def test_the_peak_is_that_of_tracemalloc_within_a_tenth(f):
    rng = np.random.default_rng(0)
    params, x = [rng.normal(size=(100, 100)) for _ in range(8)], rng.normal(size=(2000, 100))
    run = tg.value_and_grad(deep)
    run(params, x)
    tracemalloc.start()
    try:
        run(params, x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert profile(f, repeats=1)(params, x).memory.peak == pytest.approx(peak, rel=0.1)


# -- time


@pytest.fixture
def slow():
    """An operation that takes 3 ms, and whose rule takes 6 ms by two operations of itself."""

    @tg.primitive
    def nap(x):
        time.sleep(0.003)
        return x * 2

    nap.defvjp("x")(lambda y, x: lambda g: nap(g) + nap(g))
    yield nap
    del registry[nap.key]


def test_time_is_the_operations_own(slow):
    found = profile(lambda x: np.sum(slow(slow(x))), repeats=3)(np.ones(3))
    row = row_of(found.operations, "nap")
    assert (row.count, row.count_backward) == (2, 6)  # two naps and a sum for each rule
    assert 0.006 <= row.seconds <= 0.012
    assert 0.012 <= row.seconds_backward <= 0.024
    assert found.seconds >= found.kernel_seconds * 0.8
    assert row.total_seconds > 0.8 * found.seconds
    assert found.operations[0] is row


def test_python_between_operations_is_not_the_operations(slow):
    def f(x):
        time.sleep(0.005)
        return np.sum(np.exp(x))

    found = profile(f, repeats=3)(np.ones(3))
    assert found.python_seconds >= 0.005
    assert found.kernel_seconds < 0.003
    assert found.bound == "overhead"
    assert re.match(r"the run: (9\d|100) % of the time is Python between the operations", found.verdicts[0])


def test_the_watchers_own_time_is_not_in_it():
    def f(x):
        for _ in range(300):
            x = x + 1.0
        return np.sum(x)

    found = profile(f, repeats=3)(np.ones(2))
    assert 0 < found.kernel_seconds < found.seconds
    assert found.kernel_seconds / len(found.steps) < 1e-5


def test_this_machine_is_measured_once():
    here = machine(np.float32)
    assert here is machine(np.float32)
    assert here.routine == "sgemm" and machine(np.float64).routine == machine(complex).routine == "dgemm"
    assert here.bandwidth == machine(np.float64).bandwidth > 1e8
    start = time.perf_counter()
    np.ones((512, 512), np.float32) @ np.ones((512, 512), np.float32)
    assert here.flops > 0.2 * 2 * 512**3 / (time.perf_counter() - start)


# -- what it says


def made_up(*steps, seconds, curve=(0,), name="f"):
    """A profile of steps (name, direction, seconds, flops, bytes) on a machine of 100 Gflop/s and 10 GB/s."""
    costs = [
        StepCost(op, op, way, "call", i, f"/home/me/a<b>.py:{i}", taken, flops, size, 0)
        for i, (op, way, taken, flops, size) in enumerate(steps)
    ]
    measured = Measured(costs, Memory(list(curve), 0, 1), seconds, 5, None)
    return Profile(name, measured, Machine("float32", 100e9, 10e9, 2))


def test_verdicts_are_those_of_the_roofline():
    found = made_up(
        ("conv", "forward", 0.30, 17e9, 1e8), ("conv", "backward", 0.30, 17.2e9, 1e8),
        ("add", "forward", 0.2, 1e6, 1.8e9), ("exp", "forward", 0.1, 1e6, 1e6), ("tiny", "forward", 1e-6, 10, 80),
        seconds=1.0,
    )  # fmt: skip
    assert found.verdicts == [
        "the run: 10 % of the time is Python between the operations, less than 1 % short calls: most of the rest, "
        "operations bound by the processor's arithmetic",
        "conv: 60 % of the time, at 57 % of sgemm and 3 % of the bandwidth: compute bound",
        "add: 20 % of the time, at less than 1 % of sgemm and 90 % of the bandwidth: memory bound",
        "exp: 10 % of the time, at less than 1 % of sgemm and less than 1 % of the bandwidth: far from both: "
        "elementary functions, indexing, or arrays too small for their kernel",
    ]
    assert row_of(found.primitives, "tiny").bound(found.machine) == "overhead"
    assert [row.name for row in found.operations] == ["conv", "add", "exp", "tiny"]


@pytest.mark.parametrize(("steps", "seconds", "bound"), [
    ([("a", "forward", 0.3, 20e9, 0)], 1.0, "overhead"),
    ([("a", "forward", 0.8, 0, 4e9)], 1.0, "memory"),
    ([("a", "forward", 0.8, 0, 0)], 1.0, "neither"),
    ([("a", "forward", 1e-6, 0, 0)] * 9, 1e-5, "overhead"),
    ([], 1.0, "overhead"),
])  # fmt: skip
def test_what_bounds_the_run(steps, seconds, bound):
    found = made_up(*steps, seconds=seconds)
    assert found.bound == bound
    assert str(found)


def test_short_calls_far_from_the_machines_speed_are_overhead():
    found = made_up(*[("sum", "forward", 60e-6, 1e3, 1e3)] * 10, seconds=1e-3)
    assert row_of(found.primitives, "sum").bound(found.machine) == "overhead"
    assert found.parts == pytest.approx({"overhead": 1e-3, "compute": 0, "memory": 0, "neither": 0})
    assert found.verdicts[0].startswith(
        "the run: 40 % of the time is Python between the operations, 60 % short calls: ov"
    )


def test_text_and_curve():
    found = made_up(("a", "forward", 0.5, 1e9, 1e6), seconds=1.0, curve=(0, 50, 100, 100))
    text = str(found)
    assert "memory over the 4 operations, up to 100 B\n ▄██\n ^ the backward pass begins" in text
    assert re.search(r"^a +50\.0 %  neither +1 +500 ms +1e\+03 +2\.00 +2 % +1 +0\.00 +0 %$", text, re.M)
    many = made_up(*[(f"op{i}", "forward", 0.1, 0, 0) for i in range(40)], seconds=4.0)
    assert "(25 more; JSON has all)" in str(many)


def test_json_holds_everything_and_is_what_was_measured():
    found = profile(loss, repeats=1)(W, X)
    told = json.loads(found.json())
    assert told["seconds"] == found.seconds and told["machine"]["threads"] == tg.get_num_threads()
    assert [step["op"] for step in told["steps"]] == [step.op for step in found.steps]
    assert told["memory"]["peak"] == max(told["memory"]["curve"])
    assert {"name", "count", "gflops", "of_product", "of_bandwidth", "bound", "kept"} <= told["operations"][0].keys()


def test_the_page_needs_nothing_and_escapes_names(tmp_path):
    found = made_up(("a<b>", "forward", 0.5, 1e9, 1e6), seconds=1.0, curve=range(5000), name="<script>alert()</script>")
    found.save(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page and "a&lt;b&gt;" in page
    assert not re.search(r"https?:|<link|@import|url\(|src=", page)
    assert page.count("<table>") == page.count("<caption>") == 3 and 'scope="row"' in page
    assert "prefers-color-scheme: dark" in page and page.count("<svg") == 1 and 'aria-label="Memory over 5000' in page
    assert len(page) < 60_000  # of a curve of 5,000 steps a thousand points are drawn
    assert "<table>" in found._repr_html_()


def test_a_files_name_says_its_form(tmp_path):
    found = made_up(seconds=1.0)
    for name, start in (("a.json", "{"), ("a.txt", "profile of f"), ("a.html", "<!DOCTYPE html>")):
        found.save(tmp_path / name)
        assert (tmp_path / name).read_text().startswith(start)
    with pytest.raises(ValueError, match=r"a\.pdf ends on none of \.html, \.json, \.txt"):
        found.save(tmp_path / "a.pdf")


def test_what_cannot_be_profiled():
    with pytest.raises(TypeError, match="is a Tensor of grad"):
        tg.grad(lambda x: profile(np.sum)(x).value[0])(np.ones(3))
    with pytest.raises(ValueError, match="repeats=0"):
        profile(np.sum, repeats=0)
    calls = []

    def moody(x):
        calls.append(0)
        return np.sum(np.exp(x) if len(calls) < 4 else x)

    with pytest.raises(RuntimeError, match="took different ways"):
        profile(moody, repeats=3)(np.ones(3))


@pytest.mark.parametrize("args", [(), (np.arange(3),)])
def test_where_nothing_can_be_differentiated_the_function_is_profiled_as_it_is(args):
    found = profile(lambda *args: np.sum(np.ones(3) * np.sum(args[0] if args else 1.0) * 2.0), repeats=1)(*args)
    assert not any(step.direction == "backward" for step in found.steps)
    assert found.value == np.sum(np.ones(3) * (3.0 if args else 1.0) * 2.0)
