"""Angles and signs of complex numbers, and np.lib.scimath, whose functions leave the real numbers where they must.

Whether their result is complex depends on the values, so on real arguments they cannot be batched: `vmap` refuses them
and says what to write.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.families import one_for_zero, zero_like
from ..core.tensor import Array, constants, dtype_of, implementations, implements, plain
from . import nondifferentiable  # noqa: F401  enters np.sign, on which `sign` builds

scimath = np.lib.scimath


@implements(np.angle)
def angle(z: Array, deg: bool = False) -> Array:
    """As np.angle: arctan2 of the parts; for z = x + iy, dz -> Im(dz/z), 0 at 0."""
    radians = np.arctan2(np.imag(z) if dtype_of(z).kind == "c" else zero_like(z), np.real(z))
    return radians * (180 / math.pi) if deg else radians


_real_sign = implementations[np.sign]
constants.discard(np.sign)


@implements(np.sign)
def sign(x: Array) -> Array:
    """As np.sign: a constant for real numbers; for complex ones x/|x|, which is differentiable, 0 at 0."""
    if dtype_of(x).kind != "c":
        return _real_sign(x)
    return np.where(np.equal(x, 0), zero_like(x), x) / one_for_zero(np.absolute(x))


def _negative(x: Array) -> Array:
    return np.less(x, 0)


def _beyond_one(x: Array) -> Array:
    return np.greater(np.absolute(x), 1)


def _widened(name: str, x: Array, outside: Callable[[Array], Array]) -> Array:
    """Return x as complex numbers if some of them are outside the real domain."""
    x = plain(x, f"np.lib.scimath.{name}")
    if dtype_of(x).kind == "c":
        return x
    try:
        leaves = bool(np.any(outside(x)))
    except TypeError as error:  # vmap has an answer for each example
        raise TypeError(
            f"np.lib.scimath.{name}: whether its result is complex depends on the values, which differ between the "
            f"examples. Write np.{name}(x.astype(complex)), or np.{name}(x) where all results are real."
        ) from error
    return np.multiply(x, np.complex64(1)) if leaves else x


def _declare(name: str, outside: Callable[[Array], Array]) -> None:
    inner = getattr(np, name)

    def function(x: Array) -> Array:
        return inner(_widened(name, x, outside))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"As np.lib.scimath.{name}: np.{name}, of complex numbers if an x is outside the real domain."
    implements(getattr(scimath, name))(function)


for _name in ("sqrt", "log", "log2", "log10"):
    _declare(_name, _negative)
for _name in ("arcsin", "arccos", "arctanh"):
    _declare(_name, _beyond_one)


@implements(scimath.logn)
def logn(n: Array, x: Array) -> Array:
    """As np.lib.scimath.logn: log(x)/log(n), differentiable in the base too."""
    return scimath.log(x) / scimath.log(n)


@implements(scimath.power)
def power(x: Array, p: Array) -> Any:
    """As np.lib.scimath.power: np.power, of complex numbers if an x is negative."""
    p = p if hasattr(p, "dtype") else np.asarray(p)  # as NumPy has it: a Python number counts as float64 or int64
    exact = dtype_of(x).kind not in "fc" and dtype_of(p).kind not in "fc"
    return np.power(_widened("power", x, _negative), p * 1.0 if exact else p)
