"""Metrics of classifiers, and their means over a dataset in bounded memory."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import nn
from ..core import tree
from ..core.tensor import dtype_of, shape_of
from ..data import batches
from ..transforms.arguments import describe

Metrics = dict[str, float]


def accuracy(logits: Any, labels: Any) -> Any:
    """Return the share of rows of logits (N, C) whose largest entry, of equals the first, is at the label (N,)."""
    check_labels("accuracy", logits, labels)
    return np.mean(np.argmax(logits, axis=-1) == labels)


def top_k_accuracy(logits: Any, labels: Any, k: int = 5) -> Any:
    """Return the share of rows whose label has one of the k largest logits.

    Parameters
    ----------
    logits : array (N, C)
    labels : array (N,), integers
    k : int
        From 1 to C. Of equal logits the one with the lower index counts as larger, so k = 1 gives `accuracy`. A row
        whose logit at the label is nan does not count.

    Returns
    -------
    float64 scalar

    Raises
    ------
    ValueError
        For shapes that do not fit, labels out of range, and a k that is not in 1..C.

    Examples
    --------
    >>> float(top_k_accuracy(np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]]), np.array([1, 2]), k=2))
    0.5
    """
    check_labels("top_k_accuracy", logits, labels)
    classes = shape_of(logits)[-1]
    if not 1 <= k <= classes:
        raise ValueError(f"top_k_accuracy: k={k} is not in 1..{classes} (logits have {classes} classes)")
    label = np.expand_dims(labels, -1)
    own = np.take_along_axis(logits, label, axis=-1)
    ahead = (logits > own) | ((logits == own) & (np.arange(classes) < label))
    return np.mean((np.sum(ahead, axis=-1) < k) & ~np.isnan(np.squeeze(own, -1)))


def classification(logits: Any, labels: Any) -> tuple[Any, dict[str, Any]]:
    """Return the mean cross-entropy and ``{"accuracy": ...}``: what a loss function of `fit` returns."""
    return nn.cross_entropy(logits, labels), {"accuracy": accuracy(logits, labels)}


def check_labels(name: str, logits: Any, labels: Any) -> None:
    """Refuse logits and labels of shapes that do not fit, and labels out of range where they can be looked at."""
    shape, others = shape_of(logits), shape_of(labels)
    if len(shape) < 1 or shape[:-1] != others:
        raise ValueError(f"{name}: logits have shape {shape} and labels {others}; expected (N, C) and (N,)")
    if dtype_of(labels).kind not in "iu":
        raise TypeError(f"{name}: labels are {dtype_of(labels)}, expected integers")
    if isinstance(labels, np.ndarray):  # under vmap they are traced
        check_range(name, "label", labels, shape[-1])


def check_range(name: str, what: str, values: np.ndarray[Any, Any], classes: int) -> None:
    """Refuse class indices that are not in 0..classes - 1; names the first."""
    wrong = values[(values < 0) | (values >= classes)]
    if wrong.size:
        raise ValueError(f"{name}: {what} {wrong.flat[0]} is not in 0..{classes - 1}")


class Mean:
    """The mean of metrics over batches of different sizes."""

    def __init__(self) -> None:
        self._sums: Metrics = {}
        self._count = 0

    def add(self, metrics: Mapping[str, float], count: int) -> None:
        """Take in the means over `count` examples."""
        add_to(self._sums, metrics, count)
        self._count += count

    def values(self) -> Metrics:
        """Return the means so far."""
        return {name: total / self._count for name, total in self._sums.items()}


def evaluate(loss_fn: Callable[[Any], Any], arrays: Any, *, batch_size: int = 250) -> Metrics:
    """Return the mean loss and the mean of other metrics over a dataset, batch by batch.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(batch)`` returns a scalar or (scalar, dictionary of scalars): means over the batch.
    arrays : tree of ndarray
        The dataset, as for `tinygrad_np.data.batches`.
    batch_size : int
        Bounds the memory. The same number gives the same bits.

    Raises
    ------
    TypeError
        If loss_fn returns something else.
    ValueError
        If the dataset is empty, or the metrics of a batch have other names than those before.
    """
    mean = Mean()
    for batch in batches(arrays, batch_size, None):
        result = loss_fn(batch)
        loss, others = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
        mean.add(named("evaluate", loss, others), count_examples(batch))
    return mean.values()


def named(function: str, loss: Any, others: Any) -> Metrics:
    """Put a loss and the dictionary of other metrics that came with it into one dictionary of numbers."""
    if not isinstance(others, dict):
        raise TypeError(f"{function}: loss_fn returned {describe(others)} beside the loss; expected a dictionary")
    if "loss" in others:
        raise ValueError(f"{function}: the dictionary beside the loss has a 'loss' too; give that another name")
    for name, value in {"loss": loss, **others}.items():
        if isinstance(value, str) or tree.children(value) is not None or shape_of(value):
            raise TypeError(f"{function}: the metric {name!r} is {describe(value)}; metrics are scalars")
    return {"loss": float(loss), **{name: float(value) for name, value in others.items()}}


def add_to(sums: Metrics, metrics: Mapping[str, float], count: int) -> None:
    """Add metrics, means over `count` examples, to their sums, which are empty before the first ones."""
    if sums and sums.keys() != metrics.keys():
        before, now = (", ".join(map(str, each)) for each in (sums, metrics))
        raise ValueError(f"the metrics of a batch are {now}, of those before {before}: their means need the same names")
    for name, value in metrics.items():
        sums[name] = sums.get(name, 0.0) + value * count


def count_examples(batch: Any) -> int:
    """Return the first axis of a batch."""
    return len(tree.leaves(batch)[0])
