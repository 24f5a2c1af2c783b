"""What the suite does in processes of its own, and the command line."""

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import memory, processes, profiling, report
from benchmarks.cases import EAGER
from benchmarks.outcome import Outcome, Timing
from benchmarks.suite import CASES

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not forget a peak")
def test_memory_is_the_peak_of_the_calls():
    size = 2**27

    def run():
        with mmap.mmap(-1, size) as pages:  # not from NumPy, which may have freed memory to give
            for _ in range(size // 2**20):
                pages.write(bytes(2**20))

    assert 0.9 * size < memory.extra(run) < 1.1 * size


def test_memory_of_a_step_is_measured_in_a_process():
    used = memory.of_program("training/lenet5/32", EAGER, "")
    assert 2**18 < used < 2**27  # the activations alone are half a MiB


def test_an_epoch_learns():
    (program,) = processes.epochs(EAGER)[EAGER]()
    assert 0 < program.result()["loss"] < 1


def test_a_step_that_misses_its_target_is_profiled():
    outcome = Outcome(next(case for case in CASES if case.name == "training/two_class/1"))
    outcome.timings = {EAGER: Timing(1.0, 1.0, 1), "PyTorch": Timing(0.1, 0.1, 1)}
    assert "tottime" in profiling.of_missed(outcome)
    outcome.timings["PyTorch"] = Timing(9.0, 9.0, 1)
    assert profiling.of_missed(outcome) == ""


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def test_the_command_lists_its_cases():
    lines = run("--list", "--cases", "lenet5/*").splitlines()
    assert [line.split()[0] for line in lines] == [f"training/lenet5/{n}" for n in (1, 32, 128, 512)]
    assert "tinygrad_np 0.90, tinygrad_np compile 0.60" in lines[0]


def test_the_command_runs_a_case_alone(tmp_path):
    said = run("--quick", "--cases", "two_class/1", "--peers", EAGER, "--markdown", str(tmp_path / "a.md"))
    assert "training/two_class/1" in said
    assert "| N1 `two_class`, batch 1 |" in (tmp_path / "a.md").read_text()


def test_the_readme_has_a_place_for_the_table():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert page.index(report.BEGIN) < page.index(report.END)
