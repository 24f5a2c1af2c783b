"""What it takes to train a network beside the network itself: data, split, preprocessing, optimiser, schedule."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .. import optim, random

Order = Callable[[int, int, Any], Any]


def shuffled(count: int, epoch: int, key: Any) -> Any:
    """Show every image once an epoch, in random order."""
    return random.permutation(key, count)


def with_replacement(count: int, epoch: int, key: Any) -> Any:
    """Draw each image independently of the others; an epoch is as many draws as there are images."""
    return random.randint(key, (count,), 0, count)


def in_order(count: int, epoch: int, key: Any) -> Any:
    """Show every image once an epoch, in the order of the file."""
    return np.arange(count)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained unless the user says otherwise.

    The schedule counts images, not epochs, so one recipe suits 6,000 training images and 60,000; and it does not look
    ahead to the last epoch, so a run prolonged later is the same as one that was long from the start.

    Attributes
    ----------
    data : str
        Name of the dataset.
    full_data : tuple of str
        Names of the datasets that the network's accuracies are stated on; they are no part of the package.
    labels : tuple of int, optional
        Only the images with these labels take part; they become labels 0, 1, ... in this order.
    validation : float
        The share of the training images, the last ones, that validates.
    train_images, test_images : int, optional
        Use the first so many only.
    dtype : dtype
        Of the images, which decides in what precision everything is computed.
    resize : tuple of int, optional
        Height and width that images are scaled to, by bilinear interpolation.
    standardize : {"images", "pixels"}, optional
        Subtract the mean of the training images and divide by their standard deviation: over all pixels, or pixel by
        pixel.
    augment : callable, optional
        ``augment(images, key)`` changes training images at random each time they are shown.
    order : callable
        ``order(count, epoch, key)`` gives the indices of the images to show in an epoch.
    batch_size : int
        Images a step.
    learning_rate : float
        The rate at the start.
    half_life : int, optional
        The number of images after which the rate is half of what it was; by default it stays.
    images_shown : int
        About how many images, repetitions counted, training shows.
    most_epochs : int
        Bound of the number of epochs, for small data.
    optimizer : callable
        ``optimizer(rate)``, the rate a number or a schedule, gives the pair (init, update).
    report_every : int, optional
        After how many steps the mean loss and accuracy of these steps are printed, besides each epoch.
    """

    data: str = "digits"
    full_data: tuple[str, ...] = ("mnist",)
    labels: tuple[int, ...] | None = None
    validation: float = 1 / 6
    train_images: int | None = None
    test_images: int | None = None
    dtype: Any = np.float32
    resize: tuple[int, int] | None = None
    standardize: Literal["images", "pixels"] | None = None
    augment: Callable[[Any, Any], Any] | None = None
    order: Order = shuffled
    batch_size: int
    learning_rate: float
    half_life: int | None = None
    images_shown: int
    most_epochs: int
    optimizer: Callable[[float | optim.Schedule], optim.GradientTransformation] = optim.adam
    report_every: int | None = None

    def epochs(self, train_images: int) -> int:
        """Return the number of epochs for so many training images."""
        return min(max(1, round(self.images_shown / train_images)), self.most_epochs)

    def scheduled(self, learning_rate: float, batch_size: int) -> optim.GradientTransformation:
        """Return the optimiser with a rate that starts at `learning_rate` and is halved once a half-life."""
        if self.half_life is None:
            return self.optimizer(learning_rate)
        return self.optimizer(optim.exponential_decay(learning_rate, max(1, round(self.half_life / batch_size)), 0.5))
