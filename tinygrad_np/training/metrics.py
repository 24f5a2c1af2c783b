"""Metrics of classifiers, and their means over a dataset in bounded memory."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import nn
from ..core import tree
from ..data import batches

Metrics = dict[str, float]


def accuracy(logits: Any, labels: Any) -> Any:
    """Return the share of rows of logits (N, C) whose largest entry is at the label (N,)."""
    return np.mean(np.argmax(logits, axis=-1) == labels)


def classification(logits: Any, labels: Any) -> tuple[Any, dict[str, Any]]:
    """Return the mean cross-entropy and ``{"accuracy": ...}``: what a loss function of `fit` returns."""
    return nn.cross_entropy(logits, labels), {"accuracy": accuracy(logits, labels)}


class Mean:
    """The mean of metrics over batches of different sizes."""

    def __init__(self) -> None:
        self._sums: Metrics = {}
        self._count = 0

    def add(self, metrics: Mapping[str, float], count: int) -> None:
        """Take in the means over `count` examples."""
        self._count += count
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, 0.0) + value * count

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
    ValueError
        If the dataset is empty.
    """
    mean = Mean()
    for batch in batches(arrays, batch_size, None):
        mean.add(named(loss_fn(batch)), count_examples(batch))
    return mean.values()


def named(result: Any) -> Metrics:
    """Turn what a loss function returned, a scalar or (scalar, dictionary), into one dictionary of numbers."""
    loss, others = result if isinstance(result, tuple) else (result, {})
    return {"loss": float(loss), **{name: float(value) for name, value in others.items()}}


def count_examples(batch: Any) -> int:
    """Return the first axis of a batch."""
    return len(tree.leaves(batch)[0])
