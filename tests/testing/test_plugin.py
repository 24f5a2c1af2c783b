"""The pytest plugin, in pytest runs of their own."""

import subprocess
import sys
import textwrap

import pytest

MODULE = """
import numpy as np
import pytest
import tinygrad_np as tg

@tg.primitive
def halved(x):
    return np.sin(x)

halved.defvjp("x")(lambda y, x: lambda g: g * np.cos(x) / 2)

def test_right(check_gradients):
    result = check_gradients(np.tanh)
    assert result.examples == {examples}

def test_wrong(check_gradients):
    check_gradients(halved)

def test_at_a_kink(check_gradients):
    from hypothesis import strategies as st
    check_gradients(np.abs, st.just(np.zeros(2)), inconclusive=True)
    check_gradients(np.abs, st.just(np.zeros(2)))
"""


@pytest.fixture
def run(tmp_path):
    """Run pytest in an empty folder, with the plugin and nothing else loaded by us; return its code and output."""

    def run(module, *options, plugin=("-p", "tinygrad_np.testing.plugin")):
        (tmp_path / "test_it.py").write_text(textwrap.dedent(module), encoding="utf-8")
        (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_the_fixture_checks_in_one_line(run):
    code, told = run(MODULE.format(examples=7), "--gradient-examples", "7", "--gradient-seed=3")
    assert code == 1
    assert "1 passed" in told and "2 failed" in told
    assert "guess at the cause: x: 0.5 of what it should be, a factor 2 is missing" in told
    assert "check_at(halved, (x,))" in told
    assert "from test_it import halved" in told
    assert "cannot tell: kink at x[0]" in told
    assert "plugin.py" not in told and "search.py" not in told  # no traceback of ours


def test_the_options_are_told_and_listed(run):
    code, told = run(MODULE.format(examples=50), "-k", "right")
    assert code == 0, told
    code, told = run("", "--help")
    assert code == 0 and "--gradient-examples" in told


def test_it_does_nothing_to_runs_that_do_not_use_it(run):
    module = """
        import sys
        def test_nothing_is_imported():
            assert "tinygrad_np.testing.search" not in sys.modules
            assert not {"hypothesis.core", "matplotlib", "scipy"} & sys.modules.keys()
    """
    code, told = run(module, "-p", "no:hypothesispytest")
    assert code == 0, told
