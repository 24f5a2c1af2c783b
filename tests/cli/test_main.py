import subprocess
import sys

import pytest

import tinygrad_np
from tinygrad_np.cli import COMMANDS, evaluate, main
from tinygrad_np.cli.errors import one_line


def python(*args):
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False)


def test_the_module_is_the_command():
    result = python("-m", "tinygrad_np", "--version")
    assert (result.returncode, result.stdout) == (0, f"tinygrad_np {tinygrad_np.__version__}\n")


def test_the_module_passes_the_exit_code_on(tmp_path):
    result = python("-m", "tinygrad_np", "evaluate", str(tmp_path))
    assert result.returncode == 2
    assert result.stderr.startswith("tinygrad-np: error: ")


@pytest.mark.parametrize("command", [[], *[[command.__name__.rpartition(".")[2]] for command in COMMANDS]])
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as exit:
        main([*command, "--help"])
    assert exit.value.code == 0
    assert "usage: tinygrad-np" in capsys.readouterr().out


@pytest.mark.parametrize(
    "args",
    [
        [], ["nonsense"], ["train"], ["train", "nonsense"], ["predict", "run"],
        ["train", "lenet5", "--epochs", "0"], ["train", "lenet5", "--epochs", "many"],
        ["train", "lenet5", "--batch-size", "0"], ["train", "lenet5", "--seed", "-1"],
        ["train", "lenet5", "--seed", str(2**64)], ["train", "lenet5", "--learning-rate", "0"],
        ["train", "lenet5", "--learning-rate", "nan"], ["train", "lenet5", "--learning-rate", "inf"],
        ["train", "lenet5", "--resume", "--overwrite"],
    ],
)  # fmt: skip
def test_a_wrong_command_line_ends_with_usage_and_code_2(capsys, args):
    with pytest.raises(SystemExit) as exit:
        main(args)
    assert exit.value.code == 2
    assert capsys.readouterr().err.startswith("usage: tinygrad-np")


def test_importing_it_brings_no_optional_package():
    result = python("-c", "import sys, tinygrad_np.cli; print({m.split('.')[0] for m in sys.modules})")
    assert result.returncode == 0
    assert not eval(result.stdout) & {"matplotlib", "tqdm", "PIL", "threadpoolctl", "pooch", "scipy"}


def test_ctrl_c_anywhere_is_code_130_without_a_traceback(capsys, monkeypatch):
    def stop(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "run", stop)
    assert main(["evaluate", "x"]) == 130
    assert capsys.readouterr().err == "tinygrad-np: interrupted\n"


def test_commands_run_with_one_thread_of_linear_algebra(monkeypatch):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    seen = []

    def look(args):
        seen.extend(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas")
        return 0

    monkeypatch.setattr(evaluate, "run", look)
    assert main(["evaluate", "x"]) == 0
    assert set(seen) <= {1}


def test_a_mistake_in_the_program_is_not_hidden(monkeypatch):
    def fail(args):
        raise ValueError("a bug")

    monkeypatch.setattr(evaluate, "run", fail)
    with pytest.raises(ValueError, match="a bug"):
        main(["evaluate", "x"])


def test_errors_are_told_in_one_line():
    assert one_line(OSError(28, "No space left on device", "a/b")) == "a/b: No space left on device"
    assert one_line(OSError("two\n  lines")) == "two lines"
    assert one_line(MemoryError()) == "MemoryError"


def test_without_a_standard_output_a_command_runs_all_the_same(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["derive", "relu"]) == 0
