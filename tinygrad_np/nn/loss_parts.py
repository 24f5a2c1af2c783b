"""What the losses share: their reductions, and the refusal of arguments that do not fit."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..core.tensor import Array, Tensor, dtype_of, shape_of

Reduction = Literal["mean", "sum", "none"]


def reduce_losses(operation: str, losses: Array, reduction: str, count: Any = None) -> Array:
    """Reduce losses; the mean divides by `count`, by default by their number."""
    check_reduction(operation, reduction)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return np.sum(losses)
    return np.mean(losses) if count is None else np.sum(losses) / count


def check_reduction(operation: str, reduction: str) -> None:
    """Refuse reductions that there are not."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{operation}: reduction={reduction!r}; it is 'mean', 'sum' or 'none'.")


def same_shape(operation: str, **arrays: Array) -> None:
    """Refuse different shapes, so that (N, 1) is never broadcast against (N,) to (N, N)."""
    if len(set(map(shape_of, arrays.values()))) > 1:
        shapes = " and ".join(f"{name} of shape {shape_of(a)}" for name, a in arrays.items())
        raise ValueError(f"{operation}: {shapes} must agree.")


def refuse_where(wrong: Array, message: str) -> None:
    """Raise ValueError if any element is true. Within vmap, where values are not known, nothing is refused."""
    if type(wrong) is not Tensor and wrong.any():
        raise ValueError(message)


def refuse_outside_unit(operation: str, **probabilities: Array) -> None:
    """Refuse probabilities outside [0, 1]."""
    for name, p in probabilities.items():
        refuse_where(np.less(p, 0) | np.greater(p, 1), f"{operation}: {name} must be probabilities, in [0, 1].")


def floating_like(targets: Array, x: Array) -> Array:
    """Return integer and boolean targets in the dtype of x, which they would else promote; Python numbers do not."""
    if isinstance(targets, int | float):
        return targets
    if not hasattr(targets, "dtype"):
        targets = np.asarray(targets)
    return targets.astype(dtype_of(x)) if dtype_of(targets).kind in "biu" else targets


def check_class_indices(operation: str, targets: Array, shape: tuple[int, ...]) -> None:
    """Refuse what are no class indices for scores of shape (..., C), by dtype and shape."""
    dtype, given, expected = dtype_of(targets), shape_of(targets), shape[:-1]
    if dtype.kind not in "iu":
        raise TypeError(f"{operation}: targets are class indices, of an integer dtype, got {dtype}.")
    if given != expected:
        raise ValueError(
            f"{operation}: targets of shape {given}, {dtype}; with {shape[-1]} classes indices need shape {expected}."
        )


def class_indices(operation: str, targets: Array, shape: tuple[int, ...], ignored: Any = False) -> Array:
    """Check class indices against scores of shape (..., C); return them with 0 in place of ignored ones.

    Within vmap, where values cannot be looked at, indices out of range become C, which indexing then refuses.
    """
    check_class_indices(operation, targets, shape)
    classes = shape[-1]
    wrong = (np.less(targets, 0) | np.greater_equal(targets, classes)) & np.logical_not(ignored)
    if type(wrong) is Tensor:
        targets = np.where(wrong, classes, targets)
    elif wrong.any():
        raise ValueError(f"{operation}: label {targets[wrong].flat[0]} is not in 0..{classes - 1} ({classes} classes).")
    return np.where(ignored, 0, targets)


def check_class_weight(operation: str, weight: Array | None, classes: int) -> None:
    """Refuse weights that are not one a class."""
    if weight is not None and shape_of(weight) != (classes,):
        raise ValueError(f"{operation}: weight has shape {shape_of(weight)}; there are {classes} classes.")
