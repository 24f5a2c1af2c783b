"""Training and its result in numbers: curves, the confusion matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..extras import import_extra
from .parts import BLUE, ORANGE, new_figure, plain_text

_LABELS = {"loss": "mean loss", "accuracy": "share correct"}
_MOST_NUMBERS = 20


def training_curves(history: Sequence[dict[str, float]], title: str) -> Any:
    """Draw each metric of training and validation over the epochs, side by side.

    Parameters
    ----------
    history : sequence of dict
        As `tinygrad_np.training.fit` returns it: epoch, and train_* and validation_* of each metric, of which either
        may be absent.
    title : str
        What stands above.

    Raises
    ------
    ValueError
        If there is no epoch, or no metric.
    """
    parts = (("train", BLUE, "."), ("validation", ORANGE, "o"))
    names = [name.partition("_") for record in history for name in record]
    metrics = list(dict.fromkeys(metric for part, _, metric in names if part in dict(p[:2] for p in parts)))
    if not metrics:
        raise ValueError(f"training_curves: {len(history)} epochs without a metric; keys are train_* and validation_*.")
    figure = new_figure(4.5 * len(metrics), 3.6, title)
    epochs = [record["epoch"] for record in history]
    for axes, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        for part, colour, marker in parts:
            values = [record.get(f"{part}_{metric}", np.nan) for record in history]
            if not np.all(np.isnan(values)):
                axes.plot(epochs, values, marker=marker, markersize=4, color=colour, label=f"{part} {values[-1]:.4f}")
        name = plain_text(metric.replace("_", " "))
        axes.set(xlabel="epoch", ylabel=_LABELS.get(metric, name), title=name)
        axes.xaxis.set_major_locator(import_extra("matplotlib.ticker").MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.legend(title="at the end", frameon=False)
    return figure


def confusion_matrix(matrix: Any, classes: Sequence[Any], title: str) -> Any:
    """Draw how often each class was taken for each; coloured by the share of the true class.

    Parameters
    ----------
    matrix : array (classes, classes)
        Counts: rows are true classes, columns predicted ones. They are written into the fields that are not empty, of
        up to 20 classes.
    classes : sequence
        Names.
    title : str
        What stands above.

    Raises
    ------
    ValueError
        If the matrix is not square, or the names are not as many.
    """
    matrix, count = np.asarray(matrix), len(classes)
    if matrix.shape != (count, count):
        raise ValueError(f"confusion_matrix: a matrix {matrix.shape} for {count} classes; expected ({count}, {count}).")
    side = min(10.0, max(3.6, 2.0 + 0.48 * count))
    figure = new_figure(side + 1, side, title)
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [plain_text(name) for name in classes]
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names), default=0) > 3 else {}
    axes.set_xticks(range(count), names, **turned)
    axes.set_yticks(range(count), names)
    axes.set(xlabel="predicted", ylabel="true")
    if count <= _MOST_NUMBERS:
        for i, j in np.argwhere(matrix):
            colour = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, f"{matrix[i, j]}", ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    return figure
