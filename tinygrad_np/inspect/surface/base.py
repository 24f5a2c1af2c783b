"""The table of examples, and the arrays they are made of: small, of mixed signs, without ties, away from kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Example = tuple[Callable[..., Any], tuple[Any, ...]]

EXAMPLES: dict[str, list[Example]] = {}

# These order numbers. NumPy orders complex ones too, by their real parts first; no derivative is meant there.
REAL_ONLY = {
    "numpy.amax", "numpy.amin", "numpy.clip", "numpy.fmax", "numpy.fmin", "numpy.max", "numpy.maximum", "numpy.min",
    "numpy.minimum", "numpy.nanmax", "numpy.nanmin",
}  # fmt: skip

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
B = np.array([[1.0, 2.0], [-0.5, 0.25], [0.75, -1.0]])
V = np.array([0.5, -1.0, 2.0])
S = np.array([[2.0, 0.5, 0.25], [0.5, 3.0, -0.5], [0.25, -0.5, 1.5]])  # symmetric, positive definite
M = np.array([[2.0, 0.5, -1.0], [0.25, -1.5, 0.75], [1.0, 0.5, 1.25]])  # neither, but regular, with distinct roots
T3 = np.arange(24.0).reshape(2, 3, 4) / 8 - 1.5625
POSITIVE = np.abs(A) + 0.5


def example(name: str, *calls: Example) -> None:
    """Enter calls of one function: "numpy.sum" and pairs (function of arrays, arrays to differentiate)."""
    EXAMPLES.setdefault(name, []).extend(calls)
