"""Conventions: the names that their expressions may use, and what they return."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from .table import Convention


def namespace() -> dict[str, Any]:
    """Return what the expressions of conventions see."""
    tg: Any = importlib.import_module("tinygrad_np")
    nn: Any = importlib.import_module("tinygrad_np.nn")
    names = {name: getattr(tg, name) for name in ("grad", "vjp", "jvp", "vmap")}
    return {**names, "np": np, "tg": tg, "nn": nn, "registry": _registry(), **_scipy()}


def _registry() -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module("tinygrad_np.core.primitive").registry
    return {key.removeprefix("tinygrad_np.ops."): op for key, op in found.items()}


def _scipy() -> dict[str, Any]:
    try:
        return {"sp": importlib.import_module("scipy.special")}
    except ModuleNotFoundError:
        return {}


def evaluate(convention: Convention) -> Any:
    """Return the value of a convention's expression; the exception, where that is what it states."""
    expected = convention.value
    if isinstance(expected, type) and issubclass(expected, BaseException):
        try:
            return eval(convention.call, namespace())
        except expected as error:
            return error
    with np.errstate(all="ignore"):
        return eval(convention.call, namespace())


def holds(convention: Convention) -> bool:
    """Whether the expression returns what the convention states, or raises it."""
    found = evaluate(convention)
    if isinstance(convention.value, type):
        return isinstance(found, convention.value)
    return _same(found, convention.value)


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return len(found) == len(expected) and all(map(_same, found, expected))
    found, expected = np.asarray(found), np.asarray(expected)
    return found.shape == expected.shape and np.allclose(found, expected, rtol=1e-12, atol=1e-14, equal_nan=True)
