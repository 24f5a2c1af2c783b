"""The competitors: each knows how to train a network and how to apply and differentiate an operation."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

_MODULES = {
    "tinygrad_np": "tinygrad",
    "tinygrad_np compile": "tinygrad",
    "PyTorch": "torch",
    "torch.compile": "torch",
    "JAX jit": "jax",
    "MyGrad": "mygrad",
    "autograd": "autograd",
}
NAMES = tuple(_MODULES)


def installed() -> list[str]:
    """Return the names of the competitors that are here."""

    def here(name: str) -> bool:
        if name == "tinygrad_np compile":
            import tinygrad_np

            return hasattr(tinygrad_np, "compile")
        return _MODULES[name] == "tinygrad" or find_spec(_MODULES[name]) is not None

    return [name for name in NAMES if here(name)]


def module(name: str) -> ModuleType:
    """Return the module that writes a competitor's programs."""
    return import_module(f".{_MODULES[name]}", __name__)
