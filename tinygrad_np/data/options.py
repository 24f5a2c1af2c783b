"""Checks of what the functions of `augment` are given."""

import math
import operator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Images: TypeAlias = NDArray[Any]
Key: TypeAlias = NDArray[np.uint64]


def check_images(function: str, images: Any) -> None:
    """Refuse what is no array (N, H, W, C)."""
    if not isinstance(images, np.ndarray):
        raise TypeError(f"augment.{function}: images must be an array of NumPy, got {type(images).__name__}")
    if images.ndim != 4:
        raise ValueError(f"augment.{function}: images have shape {images.shape}, expected (N, H, W, C)")


def whole(function: str, name: str, value: Any, least: int) -> int:
    """Return an option as an integer, or refuse it if it is none or too small."""
    try:
        result = operator.index(value)
    except TypeError:
        raise TypeError(f"augment.{function}: {name}={value!r} must be an integer") from None
    if result < least:
        raise ValueError(f"augment.{function}: {name}={value!r} must be {least} or more")
    return result


def number(function: str, name: str, value: Any) -> float:
    """Return an option as a float, or refuse it if it is no finite number."""
    if not isinstance(value, int | float | np.integer | np.floating) or not math.isfinite(value):
        raise TypeError(f"augment.{function}: {name}={value!r} must be a finite number")
    return float(value)
