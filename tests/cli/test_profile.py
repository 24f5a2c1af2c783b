import json
import os
import subprocess
import sys

import pytest

from tinygrad_np import random
from tinygrad_np.core import tree
from tinygrad_np.models import MODELS

SOURCE = """
import numpy as np

def loss(x=np.linspace(0, 1, 100), *, scale=2.0):
    return scale * np.sum(np.exp(x) ** 2)

def norm(x):
    return np.sqrt(np.sum(x * x))

def arguments():
    return (np.ones(50),)

def one():
    return np.ones(50)

def wrong(x=np.ones(3)):
    return np.linalg.solve(x, x)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "losses_of_profile.py"
    path.write_text(SOURCE)
    return path


def test_a_network(run):
    code, out, err = run("profile", "strided", "--batch-size", "2", "--repeats", "1")
    assert code == 0 and not err
    assert out.startswith("profile of strided: loss and gradients of 2 images\n")
    for what in (
        "a run, the median of",
        "this machine: sgemm",
        "by operation",
        "by call",
        "by line",
        "strided.py:",
        "compiled",
    ):
        assert what in out


def test_a_page_and_json_of_a_network(run, tmp_path):
    for name in ("page.html", "data.json"):
        code, out, _ = run("profile", "lenet5", "--batch-size", "3", "--repeats", "1", "--output", tmp_path / name)
        assert code == 0 and out == f"profile of lenet5: loss and gradients of 3 images: {tmp_path / name}\n"
    assert "<h1>Profile of lenet5: loss and gradients of 3 images</h1>" in (tmp_path / "page.html").read_text()
    told = json.loads((tmp_path / "data.json").read_text())
    (conv,) = [row for row in told["operations"] if row["name"] == "conv"]
    first, second = 28 * 28 * 6 * 25, 10 * 10 * 16 * 25 * 6  # multiply-adds of an image
    biases = 28 * 28 * 6 + 10 * 10 * 16
    assert conv["flops"] == 3 * (2 * (first + second) + biases)
    assert conv["flops_backward"] == 3 * (2 * first + 4 * second + biases)  # the images need no gradient
    parameters = sum(leaf.size for leaf in tree.leaves(MODELS["lenet5"].init(random.key(0))))
    assert told["memory"]["peak"] > 4 * parameters


def test_a_function(run, file):
    code, out, _ = run("profile", f"{file}:loss", "--repeats", "1")
    assert code == 0 and "profile of grad(loss)" in out and "losses_of_profile.py:5" in out
    code, out, _ = run("profile", f"{file}:norm", "--args", f"{file}:arguments", "--repeats", "1")
    assert code == 0 and "profile of grad(norm)" in out


@pytest.mark.parametrize(("args", "message"), [
    (["nothing"], "nothing is no network (two_class, lenet5"),
    (["lenet5", "--output", "x.pdf"], "ends on none of .html, .json, .txt"),
    (["lenet5", "--output", "nowhere/x.html"], "there is no folder nowhere"),
    (["lenet5", "--batch-size", "0"], "--batch-size 0: it is a positive integer"),
    (["lenet5", "--repeats", "-1"], "--repeats -1: it is a positive integer"),
    (["lenet5", "--args", "math:sqrt"], "--args is for functions"),
    (["math:sqrt", "--batch-size", "2"], "--batch-size and --as-published are for networks"),
    (["FILE:norm"], "x of norm has no default value; give --args"),
    (["FILE:norm", "--args", "FILE:one"], "returned ndarray, not the tuple"),
    (["FILE:wrong"], "it raised LinAlgError: 1-dimensional array given"),
    (["FILE:nrom"], "has no nrom; did you mean norm?"),
])  # fmt: skip
def test_what_cannot_be_done_is_told_in_one_line(run, file, args, message):
    code, out, err = run("profile", *[arg.replace("FILE", str(file)) for arg in args])
    assert code == 2 and not out
    assert message in err and err.count("\n") == 1


def test_a_terminal_without_the_signs_gets_question_marks():
    command = [sys.executable, "-m", "tinygrad_np", "profile", "two_class", "--repeats", "1"]
    done = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    assert " ?s a run" in done.stdout or " ms a run" in done.stdout
    assert "?" in done.stdout
