"""module:function and file.py:function: what is found, and what is said where it is not."""

import math
import random
import sys

import pytest

from tinygrad_np.cli.errors import UserError
from tinygrad_np.cli.functions import arguments_of, call, load, load_function
from tinygrad_np.models import lenet5


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of modules, in which the command line runs; what is imported from there is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def write(folder, name, text):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_modules_and_attributes():
    assert load_function("math:sqrt") is math.sqrt
    assert load_function("tinygrad_np.models.lenet5:apply") is lenet5.apply
    assert load_function("tinygrad_np.models:MODELS.get")("lenet5") is lenet5.MODEL
    assert load("math:pi") == math.pi


def test_modules_of_the_current_folder_and_files(folder):
    write(folder, "own_module.py", "import own_sibling\nf = own_sibling.g")
    write(folder, "own_sibling.py", "def g(x): return 2 * x")
    assert load_function("own_module:f")(2) == 4
    assert load_function("own_module.py:f") is load_function("own_module:f")
    write(folder, "sub/own_other.py", "def h(): from own_near import x; return x")
    write(folder, "sub/own_near.py", "x = 5")
    h = load_function("sub/own_other.py:h")
    assert h() == 5  # what a function imports late is found too
    assert load_function(str(folder / "sub" / "own_other.py") + ":h") is h


def test_a_file_with_the_name_of_a_module_takes_its_place_nowhere(folder):
    write(folder, "random.py", "def f(x): return x + 1")
    f = load_function("random.py:f")
    assert f(1) == 2 and load_function("random.py:f") is f
    assert sys.modules["random"] is random


@pytest.mark.parametrize(("spec", "message"), [
    ("loss", "'loss' names no function; write module:function"),
    ("math:", "names no function"),
    ("a b:c", "'a b' is no name of a module"),
    ("no_such_module:f", "there is no module no_such_module, neither installed nor in"),
    ("math.no_such:f", "there is no module math.no_such"),
    ("no_such.py:f", "there is no file no_such.py"),
    ("math:sqr", "math has no sqr; did you mean sqrt?"),
    ("math:pi", "pi is of type float, which cannot be called"),
    ("own_syntax.py:f", "importing it raised SyntaxError: invalid syntax, at"),
    ("own_fails:f", "importing it raised ZeroDivisionError: division by zero, at"),
    ("own_needs.py:f", "importing it raised ModuleNotFoundError: No module named 'no_such_module', at"),
    ("own_exits:f", "importing it raised SystemExit: 3"),
    ("own_empty.py:f", "own_empty.py has no f"),
])  # fmt: skip
def test_what_is_not_found_is_said(folder, spec, message):
    write(folder, "own_syntax.py", "x =")
    write(folder, "own_fails.py", "1 / 0")
    write(folder, "own_needs.py", "import no_such_module")
    write(folder, "own_exits.py", "raise SystemExit(3)")
    write(folder, "own_empty.py", "")
    with pytest.raises(UserError) as error:
        load_function(spec)
    assert message in str(error.value)


def test_a_file_that_failed_is_imported_again_when_it_is_repaired(folder):
    write(folder, "own_file.py", "x =")
    with pytest.raises(UserError):
        load_function("own_file.py:f")
    write(folder, "own_file.py", "def f(): return 1")
    assert load_function("own_file.py:f")() == 1


def test_arguments_are_defaults_or_what_a_function_returns(folder):
    write(folder, "own_args.py", "def three(): return 1, 2, 3\ndef one(): return 1\ndef bad(): return 1 / 0")
    f = lambda x=1, y=2, *, z=3: None
    assert arguments_of(f, "f", None) == (1, 2)
    assert arguments_of(f, "f", "own_args:three") == (1, 2, 3)
    for g, given, message in (
        (lambda x: None, None, "x of <lambda> has no default value"),
        (lambda: None, None, "it takes no arguments"),
        (f, "own_args:one", "own_args:one: returned int, not the tuple"),
        (f, "own_args:bad", "own_args:bad: it raised ZeroDivisionError: division by zero, at .*own_args.py:3"),
    ):
        with pytest.raises(UserError, match=message):
            arguments_of(g, "f", given)
    assert call(max, "max", 1, 2) == 2


def test_a_function_that_exits_is_told_of():
    with pytest.raises(UserError, match=r"^m:f: it raised SystemExit: 3, at .*test_functions.py"):
        call(lambda: sys.exit(3), "m:f")
