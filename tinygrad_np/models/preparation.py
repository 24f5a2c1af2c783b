"""From a dataset to what a network is fed: the images that take part, the split, scale and statistics."""

from typing import Any, Literal

import numpy as np

from .. import nn
from ..data import Dataset, Split
from .recipe import Recipe

_SLICE = 1000  # images; bounds the memory for what is only needed in between
# What the article adds to the deviation of a pixel, which it counts from 0 to 255; and what is no more than rounding: a
# single pixel of 60,000 that differs by 1 / 255 gives a deviation of 1.6e-5.
_ADDED, _NO_DEVIATION = 1e-7 / 255, 1e-6


def select_labels(dataset: Dataset, labels: tuple[int, ...]) -> Dataset:
    """Keep the images with these labels, which become 0, 1, ... in this order.

    Raises
    ------
    ValueError
        If the dataset has no such class, or a part of it no image of one.
    """
    if missing := [label for label in labels if label >= len(dataset.classes)]:
        raise ValueError(f"{dataset.name} has no label {missing[0]}; its classes are {', '.join(dataset.classes)}")
    parts: list[Split] = []
    for name, (images, old) in (("training", dataset.train), ("test", dataset.test)):
        if missing := [label for label in labels if not np.any(old == label)]:
            raise ValueError(f"{dataset.name} has no {name} images of label {missing[0]}")
        taken = np.isin(old, labels)
        new = np.zeros(max(labels) + 1, np.int64)
        new[list(labels)] = np.arange(len(labels))
        parts.append(Split(images[taken], new[old[taken]]))
    train, test = parts
    return Dataset(train, test, dataset.name, tuple(dataset.classes[label] for label in labels))


def hold_out(train: Split, share: float = 1 / 6) -> tuple[Split, Split]:
    """Set the last images apart for validation: with a share of 1/6, 10,000 of MNIST's 60,000.

    Raises
    ------
    ValueError
        If there are less than two images.
    """
    count = len(train.images)
    if count < 2:
        raise ValueError(f"{count} training images cannot be split into training and validation; at least 2 are needed")
    cut = count - max(1, int(count * share + 1e-9))
    return Split(train.images[:cut], train.labels[:cut]), Split(train.images[cut:], train.labels[cut:])


def first(split: Split, count: int | None) -> Split:
    """Return the first so many images and their labels; all for None."""
    return Split(split.images[:count], split.labels[:count])


def scaled(images: Any, recipe: Recipe) -> Any:
    """Return images (N, H, W, C) in the size that the recipe asks for."""
    if recipe.resize is None:
        return images
    starts = range(0, len(images), _SLICE)
    return np.concatenate([nn.resize(images[i : i + _SLICE], recipe.resize, mode="bilinear") for i in starts])


def standardization(images: Any, over: Literal["images", "pixels"] | None) -> dict[str, Any]:
    """Return mean and standard deviation for `standardize`, in the images' dtype.

    Parameters
    ----------
    images : array (N, H, W, C)
        Training images.
    over : {"images", "pixels"} or None
        One mean and deviation over all pixels of all images, of shape (); or those of each pixel, of shape (H, W, C);
        or 0 and 1, which change nothing. What is the same in all training images gets the deviation 1: there is nothing
        to scale, and a test image that differs there must not outweigh everything else.
    """
    if over is None:
        return {"mean": np.zeros((), images.dtype), "std": np.ones((), images.dtype)}
    axis, count = (None, images.size) if over == "images" else (0, len(images))
    slices = [images[i : i + _SLICE] for i in range(0, len(images), _SLICE)]
    mean = sum(part.sum(axis, dtype=np.float64) for part in slices) / count
    std = np.sqrt(sum(np.square(part - mean, dtype=np.float64).sum(axis) for part in slices) / count)
    std = np.where(std > _NO_DEVIATION, std + (_ADDED if over == "pixels" else 0), 1)
    return {"mean": np.asarray(mean, images.dtype), "std": np.asarray(std, images.dtype)}


def standardize(images: Any, statistics: dict[str, Any]) -> Any:
    """Return (images - mean) / std."""
    return (images - statistics["mean"]) / statistics["std"]
