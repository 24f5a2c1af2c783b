"""Cases that are whole processes: imports, and the first epoch of training, where compiling counts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from .cases import Program, Results

ROOT = Path(__file__).parent.parent
_IMPORTS = {
    "tinygrad_np": "import tinygrad_np",
    "PyTorch": "import torch",
    "JAX jit": "import jax.numpy",
    "MyGrad": "import mygrad",
    "autograd": "import autograd.numpy",
}
_EPOCHS = {
    "tinygrad_np": "tinygrad",
    "tinygrad_np compile": "tinygrad",
    "PyTorch": "torch",
    "JAX jit": "jax",
}


def call(*arguments: str) -> str:
    """Run Python and return what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # as an installation does
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr[-500:])
    return done.stdout


def imports(*names: str) -> dict[str, Callable[[], list[Program]]]:
    """Programs that import a library and end."""

    def build(name: str) -> list[Program]:
        run = partial(call, "-c", _IMPORTS[name])
        run()
        return [Program(run, lambda: {"imported": np.ones(1)})]

    return {name: partial(build, name) for name in names}


@cache
def digits() -> str:
    """Write the embedded digits where every script finds them; the folder lives as long as this process."""
    from tinygrad_np import data

    train = data.digits().train
    folder = tempfile.TemporaryDirectory(prefix="benchmarks-")
    _kept.append(folder)
    path = Path(folder.name) / "digits.npz"
    images = np.asarray(train.images, np.float32)
    np.savez(path, x=(images - images.mean()) / images.std(), y=np.asarray(train.labels, np.int64))
    return str(path)


_kept: list[tempfile.TemporaryDirectory[str]] = []


def epochs(*names: str) -> dict[str, Callable[[], list[Program]]]:
    """Programs that train LeNet-5 for an epoch and print the mean loss of its last ten batches."""

    def build(name: str) -> list[Program]:
        mode = ["compile"] if name.endswith("compile") else []
        run = partial(call, "-m", f"benchmarks.first_epoch.{_EPOCHS[name]}", digits(), *mode)

        def result() -> Results:
            return {"loss": np.array(float(run()))}

        return [Program(run, result)]

    return {name: partial(build, name) for name in names}
