"""No comparison of programs that compute different things."""

from __future__ import annotations

import numpy as np

from .cases import Results


class DifferentResultsError(Exception):
    """A competitor computes something else than the reference."""


def check(reference: Results, results: Results, tolerance: float) -> None:
    """Compare the loss and every gradient, the difference by its norm: a maximum that is tied by rounding may move.

    Raises
    ------
    DifferentResultsError
        With the name of what differs, and by how much.
    """
    if reference.keys() != results.keys():
        raise DifferentResultsError(f"results {sorted(results)}, the reference has {sorted(reference)}")
    for name, expected in reference.items():
        found = np.asarray(results[name])
        if found.shape != expected.shape:
            raise DifferentResultsError(f"{name} has the shape {found.shape}, the reference {expected.shape}")
        scale = float(np.linalg.norm(np.ravel(expected)))
        error = float(np.linalg.norm(np.ravel(found).astype(np.float64) - np.ravel(expected)))
        if not error <= tolerance * scale:  # not: nan is refused too
            raise DifferentResultsError(f"{name} differs by {error:.2e}, its norm is {scale:.2e}")
