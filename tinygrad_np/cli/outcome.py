"""What a trained network makes of the test images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import nn
from ..data import Dataset, Split
from ..inspect import plots
from ..training import accuracy, confusion_matrix
from .runs import TrainedModel

_BATCH = 250  # images at once; bounds the memory
_GRID = 9


def all_names(trained: TrainedModel, classes: Sequence[str]) -> list[str]:
    """Return the names of all classes that a network tells apart, numbers where the data had no more."""
    return [*classes, *map(str, range(len(classes), trained.model.classes))]


@dataclass(frozen=True)
class Outcome:
    """A network, the test images, and its logits (N, classes) of them."""

    trained: TrainedModel
    title: str
    test: Split
    logits: Any
    names: list[str]

    @classmethod
    def of(cls, trained: TrainedModel, dataset: Dataset, classes: Sequence[str]) -> "Outcome":
        """Test a network, in bounded memory; `classes` are the names of those that it was trained to tell apart."""
        images = dataset.test.images
        logits = np.concatenate([trained.logits(images[i : i + _BATCH]) for i in range(0, len(images), _BATCH)])
        return cls(trained, f"{trained.name} on {dataset.name}", dataset.test, logits, all_names(trained, classes))

    @property
    def predicted(self) -> Any:
        """The most likely classes (N,)."""
        return np.argmax(self.logits, axis=1)

    @property
    def accuracy(self) -> float:
        """The share predicted right."""
        return float(accuracy(self.logits, self.test.labels))

    @property
    def loss(self) -> float:
        """The mean cross-entropy."""
        return float(nn.cross_entropy(self.logits.astype(np.float64), self.test.labels))

    @property
    def confusion(self) -> Any:
        """How often images of a class, the row, were taken for a class, the column."""
        return confusion_matrix(self.test.labels, self.predicted, len(self.names))

    def examples(self, right: bool, count: int = _GRID) -> Any:
        """Return the indices of images predicted right, the first ones, or wrong, those it was surest of."""
        found = np.flatnonzero((self.predicted == self.test.labels) == right)
        if not right:
            sure = np.max(nn.softmax(self.logits[found]), axis=1, initial=0)
            found = found[np.argsort(-sure, kind="stable")]
        return found[:count]

    def grid(self, right: bool, title: str = "") -> Any:
        """Draw `examples`, three in a row."""
        chosen = self.examples(right)
        return plots.image_grid(
            self.test.images[chosen], title, labels=self.test.labels[chosen], predictions=self.predicted[chosen],
            classes=self.names, columns=3,
        )  # fmt: skip
