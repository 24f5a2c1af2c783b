"""What is told of an array: its shape, a few figures, a histogram, its entries if they are few, and a small picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.tensor import Array, bottom
from .pictures import Role, picture_of

BINS = 16
_FEW = (8, 8)  # rows and columns of entries that are told


@dataclass(frozen=True, slots=True)
class Numbers:
    """An array in figures.

    Attributes
    ----------
    shape : tuple of int
        Its shape.
    dtype : str
        Its dtype.
    norm : float
        The root of the sum of squares of what is finite.
    low, mean, high : float or complex
        Minimum, mean and maximum of what is finite, of a complex array the magnitudes; 0 if nothing is.
    zeros : float
        The share of zeros.
    nans, infs : int
        How many entries are nan, and how many infinite.
    histogram : str
        A hexadecimal digit a bin from `low` to `high`: its height, 15 for the fullest, 0 for an empty one.
    entries : tuple of tuple of str
        Its entries as text, or those of its first corner; empty if only figures were asked for.
    picture : bytes or None
        A PNG of images, feature maps, kernels or a matrix.
    """

    shape: tuple[int, ...]
    dtype: str
    norm: float
    low: float
    mean: Any
    high: float
    zeros: float
    nans: int
    infs: int
    histogram: str
    entries: tuple[tuple[str, ...], ...] = ()
    picture: bytes | None = None

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def what(self) -> str:
        """Dtype and shape: "float32 (8, 28, 28, 6)", and "float64" of a number."""
        return f"{self.dtype} {self.shape}" if self.shape else self.dtype


def numbers_of(x: Array, role: Role = "value", *, brief: bool = False) -> Numbers:
    """Return the figures of an array.

    Parameters
    ----------
    x : array or Tensor
        Of any shape and dtype.
    role : {"value", "kernel"}
        What it is to the operation that uses it, which decides how it is drawn.
    brief : bool
        Leave entries and picture out.

    Returns
    -------
    Numbers
        Nothing of it refers to the array.

    Examples
    --------
    >>> found = numbers_of(np.array([3.0, -4.0, np.nan]))
    >>> found.norm, found.low, found.high, found.nans
    (5.0, -4.0, 3.0, 1)
    """
    value = np.asarray(bottom(x))
    if value.dtype.kind not in "fciub":  # dates, texts
        return Numbers(value.shape, str(value.dtype), 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, "", _entries(value))
    flat = (np.abs(value) if value.dtype.kind == "c" else value).ravel()
    wide = flat.astype(np.float64)  # float16 and integers would overflow in a norm
    finite = np.isfinite(wide)
    kept = wide if finite.all() else wide[finite]
    low, high = (float(kept.min()), float(kept.max())) if kept.size else (0.0, 0.0)
    return Numbers(
        shape=value.shape,
        dtype=str(value.dtype),
        norm=_norm(kept, max(-low, high)),
        low=low,
        mean=_mean(value, kept),
        high=high,
        zeros=float(np.count_nonzero(flat == 0)) / max(flat.size, 1),
        nans=int(np.count_nonzero(np.isnan(wide))),
        infs=int(np.count_nonzero(np.isinf(wide))),
        histogram=_histogram(kept, low, high) if value.size > 1 else "",
        entries=() if brief else _entries(value),
        picture=None if brief else picture_of(value, role),
    )


def _norm(kept: Any, largest: float) -> float:
    """Return the root of the sum of squares, which may be too large to be squared, or too small."""
    if not 0 < largest < np.inf:
        return 0.0
    if 1e-100 < largest < 1e100:
        return float(np.sqrt(np.dot(kept, kept)))
    scaled = kept / largest
    with np.errstate(over="ignore"):
        return float(largest * np.sqrt(np.dot(scaled, scaled)))


def _mean(value: Any, kept: Any) -> Any:
    if not kept.size:
        return 0.0
    if value.dtype.kind == "c":
        return complex(np.mean(value[np.isfinite(value)]))
    with np.errstate(over="ignore"):
        return float(np.mean(kept))


def _histogram(kept: Any, low: float, high: float) -> str:
    if not kept.size or not np.isfinite(high - low):
        return ""
    scale = BINS / (high - low) if high > low else 0.0
    bins = np.clip((kept - low) * scale, 0, BINS - 1).astype(np.int64) if scale else np.full(kept.shape, BINS // 2)
    counts = np.bincount(bins, minlength=BINS)
    # An entry alone among thousands shall be seen.
    heights = np.ceil(15 * np.sqrt(counts / counts.max())).astype(int)
    return "".join(f"{height:x}" for height in heights)


def _entries(value: Any) -> tuple[tuple[str, ...], ...]:
    """Return the entries of a vector or matrix as text, of what has more axes those of its first plane."""
    if value.size == 0:
        return ()
    while value.ndim > 2:
        value = value[0]
    corner = np.atleast_2d(value)[: _FEW[0], : _FEW[1]]
    return tuple(tuple(figure(entry) for entry in row) for row in corner.tolist())


def figure(value: Any) -> str:
    """Write a number in at most five significant digits.

    Examples
    --------
    >>> figure(0.000123456), figure(12), figure(float("nan")), figure(1 / 3)
    ('1.2346e-04', '12', 'nan', '0.33333')
    """
    if isinstance(value, complex):
        return f"{value:.4g}"
    if not isinstance(value, float) or isinstance(value, bool):
        return str(value)
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    return f"{value:.4e}" if not 1e-3 <= abs(value) < 1e6 else f"{value:.5g}"
