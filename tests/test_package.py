"""The package as a whole: its floors, its import, its dependencies, its public names."""

import ast
import importlib
import os
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

import tinygrad_np

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tinygrad_np"

# Imports go downwards only; rooms on one floor do not know each other, but for what is named behind them.
FLOORS = [
    {"cli"},
    {"training", "models", "inspect", "testing"},
    {"nn", "optim", "data", "special"},
    {"random"},
    {"transforms", "ops"},
    {"kernels"},
    {"core"},
]
LEVEL = {room: len(FLOORS) - i for i, floor in enumerate(FLOORS) for room in floor}


def imports_of(path):
    """Rooms of the package that a module imports."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = list(parts[: len(parts) - node.level])
            target = base + (node.module.split(".") if node.module else [])
            yield from [target[0]] if target else [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            yield from [n.split(".")[1] for n in names if n.startswith("tinygrad_np.")]


def test_imports_go_downwards_only():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        if room in ("__init__", "__main__"):
            continue
        for other in imports_of(path):
            if other != room and other in LEVEL and LEVEL[other] >= LEVEL[room]:
                wrong.append(f"{path.relative_to(ROOT)} imports {other}")
    assert wrong == []


def test_the_core_imports_numpy_only():
    for path in (PACKAGE / "core").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                for name in names:
                    assert name.split(".")[0] in {"numpy", *sys.stdlib_module_names}, f"{path.name} imports {name}"


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | environment, cwd=ROOT
    ).stdout


def test_import_brings_numpy_and_nothing_else():
    loaded = run("import sys, tinygrad_np; print(' '.join({m.split('.')[0] for m in sys.modules}))").split()
    foreign = set(loaded) & {
        "hypothesis",
        "pytest",
        "matplotlib",
        "tqdm",
        "pooch",
        "scipy",
        "PIL",
        "threadpoolctl",
        "safetensors",
    }
    assert foreign == set()


def test_import_costs_less_than_a_tenth_of_a_second(tmp_path):
    code = """from time import thread_time as t; a = t(); import numpy; b = t(); import tinygrad_np; print(b - a, t() - b)"""
    environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    run(code, **environment)  # writes the bytecode, as an installation does
    numpys, ours = zip(*[map(float, run(code, **environment).split()) for _ in range(7)], strict=True)
    # NumPy itself takes about as long; on a machine that is slow at the moment it is the measure
    assert min(ours) < max(0.1, min(numpys))


def test_numpy_is_the_only_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == ["numpy>=2.0"]
    assert {"train", "test", "notebooks", "bench"} <= set(project["optional-dependencies"])
    assert project["scripts"]["tinygrad-np"] == "tinygrad_np.cli:main"


def test_the_top_level_holds_what_was_agreed():
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    allowed = {"pyproject.toml", "README.md", "tinygrad_np", "tests", "notebooks", "benchmarks", "LICENSE"}
    assert {f.split("/")[0] for f in listed if not f.startswith(".")} <= allowed


@pytest.mark.parametrize("room", ["tinygrad_np", "tinygrad_np.nn", "tinygrad_np.optim", "tinygrad_np.data",
                                  "tinygrad_np.random", "tinygrad_np.testing", "tinygrad_np.core.tree"])  # fmt: skip
def test_public_names_exist_and_are_documented(room):
    module = importlib.import_module(room)
    assert module.__doc__
    for name in module.__all__:
        thing = getattr(module, name)
        assert not isinstance(thing, type | types.FunctionType) or thing.__doc__, f"{room}.{name} has no docstring"


def test_the_public_names_are_there():
    names = ["grad", "value_and_grad", "vjp", "stop_gradient", "Tensor", "at", "primitive", "tree"]
    rooms = ["data", "nn", "optim", "random"]
    assert [name for name in names + rooms if not hasattr(tinygrad_np, name)] == []
