"""What it takes to train a network beside the network itself: data, split, preprocessing, optimiser, schedule."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import optim, random
from ..data import Split

_SLICE = 1000  # images; bounds the memory for the float64 differences


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained unless the user says otherwise.

    The schedule counts images, not epochs, so one recipe suits 6,000 training images and 60,000; and it does not look
    ahead to the last epoch, so a run prolonged later is the same as one that was long from the start.

    Attributes
    ----------
    data : str
        Name of the dataset.
    batch_size : int
        Images a step.
    learning_rate : float
        The rate at the start.
    half_life : int
        The number of images after which the rate is half of what it was.
    images_shown : int
        About how many images, repetitions counted, training shows.
    most_epochs : int
        Bound of the number of epochs, for small data.
    shift : int
        By up to how many pixels a training image is moved, at random each time it is shown; see `random_shift`.
    optimizer : callable
        ``optimizer(schedule)`` gives the pair (init, update).
    """

    data: str = "digits"
    batch_size: int
    learning_rate: float
    half_life: int
    images_shown: int
    most_epochs: int
    shift: int = 0
    optimizer: Callable[[optim.Schedule], optim.GradientTransformation] = optim.adam

    def epochs(self, train_images: int) -> int:
        """Return the number of epochs for so many training images."""
        return min(max(1, round(self.images_shown / train_images)), self.most_epochs)

    def scheduled(self, learning_rate: float, batch_size: int) -> optim.GradientTransformation:
        """Return the optimiser with a rate that starts at `learning_rate` and is halved once a half-life."""
        return self.optimizer(optim.exponential_decay(learning_rate, max(1, round(self.half_life / batch_size)), 0.5))


@dataclass(frozen=True)
class Model:
    """A network with a name.

    Attributes
    ----------
    name : str
        What the command line calls it.
    init, apply : callable
        ``init(key) -> params`` and ``apply(params, x) -> logits``.
    image_shape : tuple of int
        Height, width and channels of the images that it takes.
    classes : int
        How many logits it gives.
    first_filters : callable
        ``first_filters(params)`` gives the weights of the first convolution, to be drawn.
    recipe : Recipe
        How to train it.
    """

    name: str
    init: Callable[[Any], Any]
    apply: Callable[[Any, Any], Any]
    image_shape: tuple[int, int, int]
    classes: int
    first_filters: Callable[[Any], Any]
    recipe: Recipe


def hold_out(train: Split) -> tuple[Split, Split]:
    """Set the last sixth of the training images apart for validation: 10,000 of MNIST's 60,000.

    Raises
    ------
    ValueError
        If there are less than two images.
    """
    count = len(train.images)
    if count < 2:
        raise ValueError(f"{count} training images cannot be split into training and validation; at least 2 are needed")
    cut = count - max(1, count // 6)
    return Split(train.images[:cut], train.labels[:cut]), Split(train.images[cut:], train.labels[cut:])


def standardization(images: Any) -> dict[str, Any]:
    """Return mean and standard deviation over all pixels of all images, as float32 scalars, for `standardize`."""
    starts = range(0, len(images), _SLICE)
    mean = sum(float(images[i : i + _SLICE].sum(dtype=np.float64)) for i in starts) / images.size
    variance = (
        sum(float(np.square(images[i : i + _SLICE] - mean, dtype=np.float64).sum()) for i in starts) / images.size
    )
    # Images without any contrast stay zero: there is nothing to scale.
    return {"mean": np.array(mean, np.float32), "std": np.array(variance**0.5 or 1.0, np.float32)}


def standardize(images: Any, statistics: dict[str, Any]) -> Any:
    """Return (images - mean) / std."""
    return (images - statistics["mean"]) / statistics["std"]


def random_shift(images: Any, most: int, key: Any) -> Any:
    """Move each image by its own whole number of pixels, at most so many in each direction; zeros come in.

    Parameters
    ----------
    images : array (N, H, W, C)
        Images.
    most : int
        The longest way, 0 or more.
    key : array (2,), uint64
        Random key.

    Returns
    -------
    array (N, H, W, C)
    """
    count, height, width, _ = images.shape
    down, right = random.randint(key, (2, count, 1), 0, 2 * most + 1)
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    rows, columns = down + np.arange(height), right + np.arange(width)
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
