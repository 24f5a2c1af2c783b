"""Logarithms of probabilities that may be 0: bounded, with a bounded derivative.

The value is never below -100 and the derivative never above 10¹², the bounds of torch's binary_cross_entropy. (In
float16, where 10⁻¹² is no number, the derivative is bounded by 1/tiny = 16384.) Between 10⁻⁴⁴ and 10⁻¹² the value goes
on to fall while the derivative stays, and at 0 it is not 0: a probability that is wrongly 0 is still pushed away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.families import elementwise
from ..core.tensor import Array, dtype_of

_LEAST, _NEAREST = -100.0, 1e-12


def _log(x: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), _LEAST)


def _log1p(x: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log1p(x), _LEAST)


def _bounded_reciprocal(x: Array) -> Array:
    return 1 / np.maximum(x, max(_NEAREST, float(np.finfo(dtype_of(x)).tiny)))


bounded_log = elementwise(
    _log, "max(log x, -100); y' = 1/max(x, 10⁻¹²).", name="bounded_log", derivative=_bounded_reciprocal
)
bounded_log1p = elementwise(
    _log1p,
    "max(log(1 + x), -100); y' = 1/max(1 + x, 10⁻¹²).",
    name="bounded_log1p",
    derivative=lambda x: _bounded_reciprocal(1 + x),
)
