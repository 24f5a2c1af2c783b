"""A Hypothesis strategy for every primitive: it draws `(arrays, options)` to call the primitive with.

The registry drives the suite: a primitive of the package that has no entry in CASES fails `test_registry`. Values lie
on the lattice k/8, where float64 arithmetic of multilinear maps is exact; kinks are hit exactly or stay 1/8 away.
"""

from tinygrad_np.core.primitive import registry

from . import (  # noqa: F401
    decompositions,
    elementwise,
    fft,
    indexing,
    keys_and_counts,
    linalg,
    losses,
    nondifferentiable,
    normalization,
    numerics,
    patches,
    reductions,
    shaping,
    special,
    statistics,
    windows,
)
from .base import CASES

__all__ = ["CASES", "package_primitives"]


def package_primitives(*, differentiable: bool | None = None) -> list[str]:
    """Keys of the package's own primitives; only those with, or only those without derivatives on request."""
    return [
        key
        for key, op in registry.items()
        if key.startswith("tinygrad_np.") and differentiable in (None, op.differentiable)
    ]
