"""Memory: the array that owns it, and what a closure holds."""

from __future__ import annotations

import functools
import types
from typing import Any

import numpy as np

from ..core.guard import content_of
from ..core.tensor import Tensor, bottom


def owner_of(x: Any) -> Any:
    """Return the array that owns the memory of an array."""
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x


def kept_bytes(held: Any) -> dict[int, int]:
    """Return the bytes of the arrays that a pullback's closure holds, of a view those of the array it looks into.

    Returns
    -------
    dict of int to int
        By the array's identity: two pullbacks may hold the same.

    Examples
    --------
    >>> scaling = lambda x: lambda g: (g * x, g * x[:5])
    >>> list(kept_bytes(scaling(np.zeros(10))).values())
    [80]
    """
    owners: dict[int, int] = {}
    _gather(held, owners, set())
    return owners


def _gather(held: Any, owners: dict[int, int], seen: set[int]) -> None:
    """Collect the arrays that own what an object holds."""
    if id(held) in seen:
        return
    seen.add(id(held))
    if isinstance(held, Tensor):
        held = bottom(held)
    if isinstance(held, np.ndarray):
        held = owner_of(held)
        owners[id(held)] = held.nbytes
        return
    for part in _parts(held):
        _gather(part, owners, seen)


def _parts(held: Any) -> list[Any]:
    if isinstance(held, types.FunctionType):
        return [c for cell in held.__closure__ or () if (c := content_of(cell)) is not None]
    if isinstance(held, functools.partial):
        return [held.func, *held.args, *held.keywords.values()]
    if isinstance(held, types.MethodType):
        return [held.__func__]
    if isinstance(held, dict):
        return list(held.values())
    return list(held) if isinstance(held, tuple | list) else []
