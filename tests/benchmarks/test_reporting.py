"""The check refuses what is wrong, times are taken in turn, and ratios, targets and tables follow from them."""

import json
import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import measuring, report
from benchmarks.cases import COMPILED, EAGER, Case, Program
from benchmarks.checking import DifferentResultsError, check
from benchmarks.growth import summary
from benchmarks.measuring import fastest, measure
from benchmarks.outcome import Outcome, Timing, geometric_mean
from benchmarks.running import run_case
from benchmarks.suite import selected

REFERENCE = {"loss": np.array(2.0), "w": np.linspace(-1, 1, 100)}


def program(seconds=0.0, note="", **changes):
    run = (lambda: time.sleep(seconds)) if seconds else (lambda: None)
    return Program(run, lambda: REFERENCE | changes, note)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"w": REFERENCE["w"] * 1.01}, "w differs"),
        ({"w": -REFERENCE["w"]}, "w differs"),
        ({"w": REFERENCE["w"][::-1]}, "w differs"),
        ({"w": np.zeros(100)}, "w differs"),
        ({"w": np.full(100, np.nan)}, "w differs"),
        ({"loss": np.array(2.1)}, "loss differs"),
        ({"w": REFERENCE["w"][:, None]}, "shape"),
        ({"v": np.ones(1)}, "the reference has"),
    ],
)
def test_the_check_refuses(change, said):
    with pytest.raises(DifferentResultsError, match=said):
        check(REFERENCE, REFERENCE | change, 2e-3)


def test_the_check_lets_rounding_pass():
    check(REFERENCE, {"loss": np.float32(2), "w": REFERENCE["w"].astype(np.float32)}, 1e-6)


def test_a_competitor_with_a_wrong_gradient_is_not_compared():
    case = Case(
        "training/a/1",
        "a",
        {EAGER: lambda: [program()], "right": lambda: [program()], "wrong": lambda: [program(w=REFERENCE["w"] * 2)]},
    )
    outcome = run_case(case, [EAGER, "right", "wrong", "not of this case"], 0.01)
    assert outcome.timings.keys() == {EAGER, "right"}
    assert outcome.missing.keys() == {"wrong"}
    assert "w differs by" in outcome.missing["wrong"]


def test_one_wrong_way_of_several_is_enough():
    ways = [program(), program(note="other", loss=np.array(3.0))]
    outcome = run_case(Case("a/b", "a", {EAGER: lambda: [program()], "peer": lambda: ways}), [EAGER, "peer"], 0.01)
    assert "loss differs" in outcome.missing["peer"]


def test_a_competitor_that_fails_or_is_too_slow_is_said_to():
    def fails():
        raise RuntimeError("no compiler\nand more")

    case = Case(
        "a/b", "a", {EAGER: lambda: [program()], "broken": fails, "slow": lambda: [program(0.02)]}, patience=0.01
    )
    outcome = run_case(case, [EAGER, "broken", "slow"], 0.01)
    assert outcome.missing["broken"] == "RuntimeError: no compiler"
    assert outcome.missing["slow"].startswith("TimeoutError: takes")
    assert outcome.timings.keys() == {EAGER}


@pytest.fixture
def clock(monkeypatch):
    """A clock that a run sets forward: what is tested must not depend on how busy the machine is."""
    now = [0.0]
    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    return now


def runs_of(clock, order, **seconds):
    def run(name):
        order.append(name)
        clock[0] += seconds[name]

    return {name: partial(run, name) for name in seconds}


def test_competitors_have_turns(clock):
    order = []
    times = measure(runs_of(clock, order, a=0.002, b=0.002, c=0.002), 0.0, rounds=2, turn=0.005)
    assert "".join(order) == "aaaabbbbcccc" * 2
    for t in times.values():
        np.testing.assert_allclose(t, [0.002] * 6)  # the first call of a turn is not timed


def test_who_is_slow_has_few_turns_but_a_yardstick_makes_nobody_slow(clock):
    order = []
    runs = runs_of(clock, order, ours=0.02, peer=0.01, slow=0.19, bare=0.0001)
    times = measure(runs, 10.0, rounds=2, yardstick="bare")
    assert len(times["slow"]) == 2
    assert len(times["ours"]) > 100 and len(times["peer"]) > 100


def test_the_fastest_way_counts():
    ways = [program(0.004, "slow"), program(0.0005, "fast"), program(0.003, "slower")]
    assert fastest(ways, 0.02).note == "fast"
    assert fastest(ways[:1]).note == "slow"


def made(name, times, **options):
    outcome = Outcome(Case(name, f"title of {name}", {}, **options))
    outcome.timings = {n: Timing(t * 0.9, t, 10, "a way" if n == "PyTorch" else "") for n, t in times.items()}
    return outcome


TARGETS = {EAGER: 0.8, COMPILED: 0.6}


def some():
    first = made("training/a/1", {EAGER: 1e-3, COMPILED: 0.5e-3, "PyTorch": 2e-3, "JAX jit": 4e-3}, targets=TARGETS)
    second = made("training/b/1", {EAGER: 8e-3, COMPILED: 2e-3, "PyTorch": 9e-3, "JAX jit": 4e-3}, targets=TARGETS)
    second.memory = {EAGER: 3 * 2**20, "PyTorch": 2 * 2**20}
    second.missing = {"autograd": "TimeoutError: takes 3.0 s"}
    return {o.case.name: o for o in (first, second)}


def test_ratios_are_to_the_best_peer():
    first, second = some().values()
    assert (first.best_peer(), second.best_peer()) == ("PyTorch", "JAX jit")
    assert first.ratio(EAGER) == 0.5 and second.ratio(EAGER) == 2.0
    assert [reached for _, reached in first.targets() + second.targets()] == [True, True, False, True]
    np.testing.assert_allclose(geometric_mean(some(), EAGER), 1.0)
    np.testing.assert_allclose(geometric_mean(some(), COMPILED), (0.25 * 0.5) ** 0.5)
    assert made("a/b", {EAGER: 1.0}).ratio(EAGER) is None


def test_targets_other_than_the_ratio():
    times = {EAGER: 4e-3, "PyTorch": 5e-3, "JAX jit": 1e-3, "MyGrad": 12e-3}
    outcome = made(
        "operations/a", times, targets={EAGER: 1.0}, rivals=("PyTorch",), most_seconds=3e-6, per=1000,
        at_least={"MyGrad": 5, "autograd": 50}, yardstick_target=0.85, lean=True,
    )  # fmt: skip
    outcome.yardstick = Timing(3.3e-3, 3.4e-3, 9)
    outcome.memory = {EAGER: 1, "PyTorch": 2}
    said = outcome.targets()
    assert [reached for _, reached in said] == [True, False, True, False, True]
    assert "4.00 us, at most 3" in said[1][0]
    assert "92% of a bare product" in said[2][0]
    assert "3.0 times as fast as MyGrad" in said[3][0]


def test_the_quieter_of_two_runs_counts():
    loud, quiet = made("a/b", {EAGER: 2.0, "PyTorch": 3.0}), made("a/b", {EAGER: 2.5, "PyTorch": 2.0})
    assert loud.better(quiet) is quiet and quiet.better(loud) is quiet and loud.better(None) is loud


def test_json_holds_every_figure():
    read = json.loads(report.as_json(some()))
    case = read["cases"][0]
    assert case["times"]["PyTorch"] == {"min": 2e-3 * 0.9, "median": 2e-3, "calls": 10, "note": "a way"}
    assert case["ratios"] == {EAGER: 0.5, COMPILED: 0.25}
    assert read["cases"][1]["memory"]["PyTorch"] == 2 * 2**20
    assert read["cases"][1]["missing"]["autograd"].startswith("TimeoutError")
    assert read["environment"]["threads"] == "2"


def test_markdown_holds_medians_minima_ratios_and_what_is_missed():
    page = report.markdown(some())
    rows = [line for line in page.splitlines() if line.startswith("| title of training/b/1")]
    assert "8 ms (7.2 ms)" in rows[0] and "| 2.00 | 0.50 |" in rows[0]
    assert f"missed: {EAGER}: 2.00 of JAX jit, at most 0.80" in rows[0]
    assert rows[1].endswith("| 3 | 2 |")
    assert "training/b/1, autograd: TimeoutError" in page
    assert f"{EAGER} 1.00, {COMPILED} 0.35" in page
    widths = {line.count("|") for line in page.splitlines() if line.startswith("|") and "MiB" not in line}
    assert len(widths) <= 2  # a table's rows have the same number of cells


def test_text_says_what_is_reached():
    page = "\n".join(map(report.text, some().values()))
    assert f"NOT REACHED: {EAGER}: 2.00 of JAX jit" in page
    assert f"reached: {EAGER}: 0.50 of PyTorch" in page
    assert "3.0 MiB" in page and "(a way)" in page
    assert "3 of 4 targets reached" in report.conclusion(some())


@pytest.mark.parametrize(
    ("seconds", "written"), [(1.5, "1.5 s"), (0.25, "250 ms"), (2e-3, "2 ms"), (12.34e-6, "12.3 us"), (5e-9, "5 ns")]
)
def test_figures_have_three_digits_and_a_unit(seconds, written):
    assert report.figure(seconds) == written


def test_growth_is_the_slowest_to_the_fastest_from_a_batch_of_32_on():
    each = {1: 9e-3, 32: 2e-3, 4096: 2.5e-3}
    outcomes = {
        f"growth/batch/{n}": made(f"growth/batch/{n}", {EAGER: t * n, "PyTorch": t * n * n}, per=n)
        for n, t in each.items()
    }
    lines = summary(outcomes)
    assert f"{EAGER}: slowest / fastest 1.25: reached" in lines[0]
    assert "PyTorch: slowest / fastest 160.00" in lines[1] and "reached" not in lines[1]


def test_the_readme_is_changed_between_the_markers_only(tmp_path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_readme(page, some())
    text = page.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n") and text.endswith(f"{report.END}\nafter\n")
    assert "old" not in text and "| title of training/a/1 | 1 ms | 500 us | 2 ms | 4 ms | 0.50 | 0.25 |" in text
    report.write_readme(page, some())
    assert page.read_text() == text
    page.write_text("no markers")
    with pytest.raises(ValueError, match="has no lines"):
        report.write_readme(page, some())


@pytest.mark.parametrize("core", [None, "Haswell"])
def test_the_heading_says_which_kernels_openblas_takes(monkeypatch, core):
    blas = pytest.importorskip("threadpoolctl")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    if core:
        monkeypatch.setenv("OPENBLAS_CORETYPE", core)
    monkeypatch.setattr(blas, "threadpool_info", lambda: [
        {"internal_api": "openblas", "architecture": "SkylakeX"}, {"internal_api": "openblas", "architecture": "SkylakeX"},
        {"internal_api": "openmp"},
    ])  # fmt: skip
    said = f"OpenBLAS's kernels: SkylakeX (OPENBLAS_CORETYPE {core or 'unset'})."
    assert report.heading().endswith(said)
    assert said in report.readme_block(some())
    assert report.environment()["OPENBLAS_CORETYPE"] == (core or "unset")


def test_what_spoils_the_figures_is_said(monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(report, "LOAD", 0.1)
    assert report.cautions() == []
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setattr(report, "LOAD", 3.0)
    busy, kernels = report.cautions()
    assert "busy" in busy and "OPENBLAS_CORETYPE=Haswell" in kernels


def test_cases_are_selected_by_name_or_its_end():
    assert [c.name for c in selected(["lenet5/1"])] == ["training/lenet5/1"]
    assert {c.group for c in selected(["training/*", "chain"])} == {"training", "tape"}
    assert selected([]) == selected(["*"])
    with pytest.raises(SystemExit, match="--cases lenet: no case"):
        selected(["lenet5/1", "lenet"])
