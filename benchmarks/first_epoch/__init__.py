"""LeNet-5 for one epoch on the embedded digits, one script a library: what it takes from the start of the process."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BATCH, RATE, LAST = 32, 0.125, 10


def batches(path: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield images (N, 28, 28, 1), float32, and labels, int64."""
    digits = np.load(path)
    x, y = digits["x"], digits["y"]
    for i in range(0, len(x) - BATCH + 1, BATCH):
        yield x[i : i + BATCH], y[i : i + BATCH]
