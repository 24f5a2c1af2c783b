"""`tinygrad-np derive` and `tinygrad-np help`."""

import subprocess
import sys

import pytest

MINE = '''
import numpy as np
import tinygrad_np as tg

@tg.primitive
def cube(x):
    """y = x³. dy = 3 x² dx, so x_bar = 3 x² g."""
    return x**3

cube.defvjp("x")(lambda y, x: lambda g: 3 * g * x**2)

def loss(x, y):
    """Sum of squared differences."""
    return np.sum(np.square(x - y))
'''


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


def test_an_operation(run):
    code, out, err = run("derive", "conv2d")
    assert (code, err) == (0, "")
    headings = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert headings[0].split() == ["nn.conv2d", "tinygrad_np.ops.convolution.conv_op"]
    assert headings[2:] == ["derivation", "cost", "kept", "conventions", "example, worked now", "rules", "source"]
    assert "y[n, p, f] = Σ_{r, c} x[n, p stride + r dilation - low, c] w[r, c, f] + b[f]" in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_same_operation_by_several_names(run):
    pages = {run("derive", name)[1] for name in ("tanh", "np.tanh", "numpy.tanh")}
    assert len(pages) == 1
    assert "y' = 1 - y²." in pages.pop()


def test_a_composition(run):
    code, out, _ = run("derive", "huber_loss")
    assert code == 0
    assert "made of 9 operations, recorded with prediction (3,), target (3,)" in out
    assert "    t1 = subtract(prediction, target)\n" in out
    assert "tinygrad_np.ops.arithmetic.subtract" in out


def test_a_users_primitive_and_function(run, mine):
    code, out, _ = run("derive", f"{mine}:cube")
    assert code == 0
    assert "    y = x³\n\nderivation\n    dy = 3 x² dx, so x_bar = 3 x² g.\n" in out
    assert "x_bar       = [ 1.6875  9.375  36.    ]" in out
    code, out, _ = run("derive", f"{mine}:loss")
    assert code == 0
    assert "Sum of squared differences." in out
    assert "t3 = sum(t2, axis=(0,), keepdims=False)" in out


def test_the_list(run):
    code, out, _ = run("derive")
    assert code == 0
    assert "\nconvolution\n    conv, conv_input, conv_kernel\n" in out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("conv2", "there is no operation 'conv2'; did you mean nn.conv2d"),
        ("vmap", "tinygrad_np.vmap is no operation"),
        ("nowhere:f", "nowhere:f: there is no module nowhere"),
    ],
)
def test_no_such_name_is_an_error_in_one_line(run, name, said):
    for command in ("derive", "help"):
        code, out, err = run(command, name)
        assert (code, out) == (2, "")
        assert err.startswith(f"tinygrad-np: error: {said}")
        assert err.count("\n") == 1


def test_help_lists_the_commands_and_tells_about_one(run):
    code, out, err = run("help")
    assert (code, err) == (0, "")
    assert out.startswith("usage: tinygrad-np ") and "\n    derive " in out and "\n    train " in out
    code, out, _ = run("help", "derive")
    assert code == 0
    assert out.startswith("usage: tinygrad-np derive [-h] [NAME]")


def test_help_of_an_operation_is_its_derivation(run):
    assert run("help", "tanh") == run("derive", "tanh")


def test_a_reader_that_stops_early_is_no_error():
    command = f"{sys.executable} -m tinygrad_np derive prod | head -2"
    result = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert result.stdout.splitlines()[1].startswith("np.prod")
    assert result.stderr == ""
