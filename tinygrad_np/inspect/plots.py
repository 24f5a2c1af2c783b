"""Pictures, drawn by matplotlib's object-oriented interface: no window, no state of pyplot.

Each function returns a matplotlib ``Figure``; `png` turns it into bytes.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from .extras import import_extra

_TRAIN, _VALIDATION = "#1f77b4", "#d95f02"
_MOST_FILTERS = 16


def training_curves(history: Sequence[dict[str, float]], title: str) -> Any:
    """Draw loss and accuracy of training and validation over the epochs, side by side.

    Parameters
    ----------
    history : sequence of dict
        As `tinygrad_np.training.fit` returns it, with loss and accuracy; without validation_* that curve is left out.
    title : str
        What stands above.
    """
    figure = import_extra("matplotlib.figure").Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    ticker = import_extra("matplotlib.ticker")
    epochs = [record["epoch"] for record in history]
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for part, colour, marker in (("train", _TRAIN, "."), ("validation", _VALIDATION, "o")):
            values = [record.get(f"{part}_{metric}", np.nan) for record in history]
            if not np.all(np.isnan(values)):
                axes.plot(epochs, values, marker=marker, markersize=4, color=colour, label=f"{part} {values[-1]:.4f}")
        axes.set(xlabel="epoch", ylabel="mean cross-entropy" if metric == "loss" else "share correct", title=metric)
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(title="at the end", frameon=False)
    return figure


def filters(before: Any, after: Any, title: str) -> Any:
    """Draw convolution filters before and after training, in one scale of colours symmetric about zero.

    Parameters
    ----------
    before, after : array (height, width, C, F)
        Weights; of several input channels the mean is drawn, of many filters the first 16.
    title : str
        What stands above.
    """
    shown = min(before.shape[-1], _MOST_FILTERS)
    rows = [np.mean(weights, axis=2)[..., :shown] for weights in (before, after)]
    limit = max(float(np.abs(row).max()) for row in rows)
    figure = import_extra("matplotlib.figure").Figure(figsize=(max(5.0, 1.6 + 1.2 * shown), 3.2), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(2, shown, squeeze=False)
    for line, row, name in zip(grid, rows, ("before", "after"), strict=True):
        for i, axes in enumerate(line):
            image = axes.imshow(row[..., i], cmap="RdBu_r", vmin=-limit, vmax=limit)
            axes.set(xticks=[], yticks=[])
            if name == "after":
                axes.set_xlabel(f"filter {i + 1}")
        line[0].set_ylabel(name)
    figure.colorbar(image, ax=grid, label="weight", shrink=0.9)
    return figure


def png(figure: Any) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
