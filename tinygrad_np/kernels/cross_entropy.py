"""Softmax cross-entropy with class indices, and its gradient: rows of logits, some at a time and in several threads.

Shapes: x (..., C), labels (...) of an integer dtype. Rows whose label is `ignore_index` have no loss. A row is shifted
by its maximum, so that no exponential overflows; by 0 where that is infinite. To find the maximum and to shift takes
as long as the exponentials, so with many logits it is seen from the sums of these whether it was needed.
"""

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .threads import parallel

Array: TypeAlias = NDArray[Any]

BLOCK = 1 << 17  # logits: the rows of one task
MANY = 1 << 15  # logits for which sums are products, and shifts are left out where they can be
# Sums of exponentials whose rows need no shift: what underflows beside them is no part of them, and their reciprocals
# times any usual cotangent do not.
LEAST, MOST = 1.0, 1e12
FAR = -16.0  # a logit whose loss is so large that it is no small difference


class _Rows(NamedTuple):
    """The logits as rows (N, C), their labels with 0 for ignored ones, and which count: None if all do."""

    x: Array
    labels: NDArray[Any]
    counted: NDArray[Any] | None

    def number(self) -> int:
        """Tell how many count."""
        return len(self.labels) if self.counted is None else int(np.count_nonzero(self.counted))


def _rows(x: Array, labels: NDArray[Any], ignore_index: int) -> _Rows:
    """Refuse labels that are neither a class nor ignored."""
    classes = x.shape[-1]
    rows, flat = x.reshape(math.prod(x.shape[:-1]), classes), labels.reshape(-1)
    unsigned = flat.view(f"u{flat.itemsize}")  # in which negative labels are large: one look finds all that are wrong
    if np.maximum.reduce(unsigned, initial=0) < classes and not 0 <= ignore_index < classes:
        return _Rows(rows, flat, None)
    counted = flat != ignore_index
    wrong = ((flat < 0) | (flat >= classes)) & counted
    if wrong.any():
        raise ValueError(f"cross_entropy: label {flat[wrong][0]} is not in 0..{classes - 1} ({classes} classes).")
    return _Rows(rows, np.where(counted, flat, 0), counted)


def _exponentials(x: Array, out: Array | None = None) -> tuple[Array, Array, Array | None]:
    """Return exp(x - shift), its sum over each row and the shift, (N, 1) both; None for no shift."""
    many = x.size >= MANY and x.dtype.char in "fd"
    if many:
        with np.errstate(over="ignore"):
            e = np.exp(x, out=out)
            total = e @ np.ones((e.shape[1], 1), e.dtype)
        if np.minimum.reduce(total, None) >= LEAST and np.maximum.reduce(total, None) <= MOST:
            return e, total, None
    shift = np.maximum.reduce(x, -1, keepdims=True, initial=-np.inf)
    finite = np.isfinite(shift)
    if not finite.all():
        shift = np.where(finite, shift, shift.dtype.type(0))
    e = np.subtract(x, shift, out=out)
    np.exp(e, out=e)
    return e, e @ np.ones((e.shape[1], 1), e.dtype) if many else np.add.reduce(e, -1, keepdims=True), shift


def _loss(x: Array, e: Array, total: Array) -> Array:
    """Compute log(Σ exp(x) / exp(x_t)) from a row's x_t, exp(x_t) and their sum, all (N,).

    As log(1 + Σ_{c ≠ t} exp(x_c) / exp(x_t)), so that a small loss is not the difference of two large numbers.
    """
    near = np.log1p((total - e) * np.exp(-np.maximum(x, FAR)))
    return np.where(x < FAR, np.log(total) - x, near)


def _in_blocks(task: Any, rows: Array) -> None:
    """Call the task for one slice of the rows after the other, or in several threads."""
    n, classes = rows.shape
    step = max(1, BLOCK // max(classes, 1))
    parallel(lambda i: task(slice(i * step, (i + 1) * step)), max(1, -(-n // step)))


def cross_entropy(x: Array, labels: NDArray[Any], *, ignore_index: int) -> tuple[Array, int]:
    """Compute log Σ_c exp(x_nc) - x_nt, t the label of n, and how many labels count."""
    rows = _rows(x, labels, ignore_index)
    losses = np.empty(len(rows.x), x.dtype)

    def task(part: slice) -> None:
        block, t = rows.x[part], rows.labels[part]
        e, total, shift = _exponentials(block)
        index = np.arange(len(t)), t
        if shift is None:
            losses[part] = _loss(block[index], e[index], total[:, 0])
        else:
            losses[part] = np.log(total[:, 0]) - (block[index] - shift[:, 0])

    _in_blocks(task, rows.x)
    if rows.counted is not None:
        losses = np.where(rows.counted, losses, losses.dtype.type(0))
    return losses.reshape(labels.shape), rows.number()


def cross_entropy_gradient(g: Any, x: Array, labels: NDArray[Any], *, mean: bool, ignore_index: int) -> Array:
    """Compute g (softmax(x)_c - [c = t]), 0 where the label is ignored; g is a number or one a row.

    For the mean g is divided by how many labels count.
    """
    rows = _rows(x, labels, ignore_index)
    x_bar = np.empty_like(x) if x.ndim == 2 else np.empty(x.shape, x.dtype)
    p = x_bar.reshape(rows.x.shape)
    weights = np.asarray(g, p.dtype).reshape(-1, 1)
    if rows.counted is not None:
        weights = weights * rows.counted[:, None].astype(p.dtype)
    if mean:  # in float16 a count above 65504 is infinite
        weights = weights / np.result_type(p, np.float32).type(rows.number())

    def task(part: slice) -> None:
        block, t = p[part], rows.labels[part]
        w = weights[part] if len(weights) > 1 else weights
        _, total, shift = _exponentials(rows.x[part], block)
        index = np.arange(len(t)), t
        if shift is not None:
            block /= total
            block[index] -= 1
            block *= w
            return
        taken = (block[index] / total[:, 0] - 1) * w[:, 0]
        block *= w / total
        block[index] = taken

    _in_blocks(task, rows.x)
    return x_bar
