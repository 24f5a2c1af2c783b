"""``tinygrad-np check``: verdicts, exit codes, how functions and inputs are named; what it prints can be pasted."""

import subprocess
import sys

import pytest

MODULE = """
import numpy as np
import tinygrad_np as tg
from hypothesis import strategies as st
from tinygrad_np.testing import arrays


def right(x, w):
    return np.tanh(x @ w)


@tg.primitive
def mean(x):
    return np.mean(x, axis=0)


@mean.defvjp("x")
def mean_vjp(y, x):
    return lambda g: np.broadcast_to(g, np.shape(x)) * 1.0


def corner(x):
    return np.abs(x)


def options(x, *, power, scale=1):
    if power != 3:
        raise ValueError("power has to be 3")
    return scale * x**power


def picky(x):
    if np.shape(x) != (37,):
        raise ValueError("37 numbers, please")
    return np.sin(x)


def trees(params, x):
    return params["w"] * x + params["b"]


zeros = st.just(np.zeros(2))


def strategy():
    return st.tuples(st.fixed_dictionaries({"w": arrays((3,)), "b": arrays((3,))}), arrays((3,)))


number = 3
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "functions_to_check.py"
    path.write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield path
    sys.modules.pop("functions_to_check", None)


def test_pass_is_0(run, file):
    assert run("check", "functions_to_check:right", "--examples", "5") == (0, "right: pass (5 examples)\n", "")
    assert run("check", file.name + ":right", "--examples", "5")[0] == 0
    assert run("check", "numpy:sin", "--examples", "3")[0] == 0


def test_nothing_is_left_behind(run, file):
    assert run("check", "numpy:sin", "--examples", "3")[0] == 0
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_fail_is_1_and_what_is_printed_fails_when_it_is_pasted(run, file):
    code, out, err = run("check", f"{file.name}:mean", "--seed", "1")
    assert (code, err) == (1, "")
    assert out.startswith("mean: fail (")
    assert "guess at the cause: x: a factor 1/n is missing, n the length of axis 0 of x (the batch?)" in out
    pasted = file.parent / "elsewhere" / "test_pasted.py"
    pasted.parent.mkdir()
    pasted.write_text(out.partition("a test to paste, which fails:\n\n")[2], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(pasted)]
    done = subprocess.run(command, cwd=pasted.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "1 failed" in done.stdout
    assert "the VJP of mean is wrong" in done.stdout


def test_cannot_tell_is_3(run, file):
    code, out, _ = run("check", "functions_to_check:corner", "--strategy", "functions_to_check:zeros")
    assert code == 3 and out.startswith("corner: cannot tell: kink at x[0]")
    code, out, _ = run("check", "functions_to_check:picky")
    assert code == 3 and "37 numbers, please" in out and "shapes" in out and "strategy" in out
    assert run("check", "functions_to_check:picky", "--shapes", "(37,)", "--examples", "3")[0] == 0


def test_strategies_and_options(run, file):
    trees = ("check", "functions_to_check:trees", "--strategy", "functions_to_check:strategy", "--examples", "5")
    assert run(*trees)[0] == 0
    options = ("check", "functions_to_check:options", "--examples", "5", "--order", "1", "--dtypes", "float64")
    assert run(*options)[0] == 3
    assert run(*options, "--option", "power=3", "--option", "scale=2.5")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere:f"], "there is no module nowhere"),
        (["functions_to_check:rihgt"], "did you mean right?"),
        (["functions_to_check"], "names no function"),
        (["functions_to_check:number"], "is of type int, which cannot be called"),
        (["functions_to_check:right", "--strategy", "functions_to_check:number"], "a Hypothesis strategy is wanted"),
        (["functions_to_check:right", "--strategy", "functions_to_check:nothing"], "--strategy functions_to_check:"),
    ],
)
def test_errors_are_2_in_one_line(run, file, arguments, told):
    code, out, err = run("check", *arguments)
    assert (code, out) == (2, "")
    assert told in err and err.count("\n") == 1


@pytest.mark.parametrize("wrong", [["--shapes", "(3,x)"], ["--examples", "0"], ["--option", "3"], ["--order", "x"]])
def test_arguments_that_cannot_be_read(run, file, wrong, capsys):
    with pytest.raises(SystemExit) as error:
        run("check", "functions_to_check:right", *wrong)
    assert error.value.code == 2
    assert wrong[0] in capsys.readouterr().err
