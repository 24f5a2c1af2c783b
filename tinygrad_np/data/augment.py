"""Augmentation: pure functions that vary each image of a batch at random, as an explicit key says.

Every function takes images (N, H, W, C) as an array of NumPy, draws for each image by itself, and returns new images of
the same dtype; the same key gives the same bits, and the input is never changed. The zeros that some bring in are black
before a standardisation, and of the mean grey after it. A TypeError or ValueError names the function and the argument
that does not fit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mixing import mixup
from .options import Images, Key, check_images, number, whole

__all__ = ["compose", "crop", "cutout", "flip", "mixup", "rotate", "rotate_by", "shift"]


def shift(images: Images, most: int, key: Key) -> Images:
    """Move each image by its own whole number of pixels, at most so many in each direction; zeros come in.

    Parameters
    ----------
    images : array (N, H, W, C)
        Any dtype.
    most : int
        The longest way, 0 or more. Every way of -most, ..., most pixels is equally likely, down and to the right.
    key : array (2,), uint64
        Random key.

    Returns
    -------
    array (N, H, W, C)
    """
    from tinygrad_np import random  # within functions, so that reading data needs NumPy only

    check_images("shift", images)
    most = whole("shift", "most", most, 0)
    down, right = random.randint(key, (2, len(images), 1), 0, 2 * most + 1)
    return _windows(_framed(images, most), down, right, images.shape[1], images.shape[2])


def flip(images: Images, key: Key, *, axis: str = "horizontal", p: float = 0.5) -> Images:
    """Mirror each image with a probability.

    Parameters
    ----------
    images : array (N, H, W, C)
        Any dtype.
    key : array (2,), uint64
        Random key.
    axis : {"horizontal", "vertical"}
        "horizontal" exchanges left and right, "vertical" top and bottom.
    p : float
        The probability, from 0 to 1.

    Returns
    -------
    array (N, H, W, C)
    """
    from tinygrad_np import random

    check_images("flip", images)
    if axis not in ("horizontal", "vertical"):
        raise ValueError(f"augment.flip: axis={axis!r} must be 'horizontal' or 'vertical'")
    if not 0 <= number("flip", "p", p) <= 1:
        raise ValueError(f"augment.flip: p={p!r} must be a probability from 0 to 1")
    mirrored = images[:, :, ::-1] if axis == "horizontal" else images[:, ::-1]
    chosen = random.bernoulli(key, p, (len(images), 1, 1, 1))
    return np.where(chosen, mirrored, images)


def crop(images: Images, size: int | tuple[int, int], key: Key, *, padding: int = 0) -> Images:
    """Cut a window out of each image, at a place of its own.

    Parameters
    ----------
    images : array (N, H, W, C)
        Any dtype.
    size : int or (int, int)
        Height and width of the window; an int is both.
    key : array (2,), uint64
        Random key.
    padding : int
        So many pixels of zeros are first put around each image.

    Returns
    -------
    array (N, height, width, C)

    Raises
    ------
    ValueError
        If the window is larger than the padded image.
    """
    from tinygrad_np import random

    check_images("crop", images)
    padding = whole("crop", "padding", padding, 0)
    pair = size if isinstance(size, tuple) else (size, size)
    if len(pair) != 2:
        raise ValueError(f"augment.crop: size={size!r} must be an int or (height, width)")
    height, width = (whole("crop", "size", n, 1) for n in pair)
    free_rows, free_columns = images.shape[1] + 2 * padding - height, images.shape[2] + 2 * padding - width
    if min(free_rows, free_columns) < 0:
        raise ValueError(
            f"augment.crop: size={size!r} exceeds images of shape {images.shape} with padding={padding}; "
            "take a smaller window or more padding"
        )
    keys = random.split(key, 2)
    down = random.randint(keys[0], (len(images), 1), 0, free_rows + 1)
    right = random.randint(keys[1], (len(images), 1), 0, free_columns + 1)
    return _windows(_framed(images, padding), down, right, height, width)


def rotate(images: Images, degrees: float, key: Key) -> Images:
    """Turn each image about its centre by an angle drawn evenly from [-degrees, degrees); see `rotate_by`.

    Parameters
    ----------
    images : array (N, H, W, C)
        float16, float32, float64 or uint8.
    degrees : float
        The largest angle, 0 or more.
    key : array (2,), uint64
        Random key.

    Returns
    -------
    array (N, H, W, C)
    """
    from tinygrad_np import random

    check_images("rotate", images)
    if number("rotate", "degrees", degrees) < 0:
        raise ValueError(f"augment.rotate: degrees={degrees!r} must be 0 or more")
    return rotate_by(images, float(degrees) * random.uniform(key, (len(images),), np.float64, -1, 1))


def rotate_by(images: Images, angles: Any) -> Images:
    """Turn each image about its centre by its own angle, counterclockwise, with bilinear interpolation.

    Parameters
    ----------
    images : array (N, H, W, C)
        float16, float32, float64 or uint8. For uint8 the result is rounded to the nearest whole number.
    angles : array (N,) or float
        In degrees. A multiple of 90 turns a square image as `numpy.rot90` does, to rounding.

    Returns
    -------
    array (N, H, W, C)
        What comes from outside the image is zero.

    Notes
    -----
    The pixel at (row, column) = centre + (r, c) takes the value at centre + (r cos t + c sin t, c cos t - r sin t):
    the weighted mean of the four pixels around that point.
    """
    check_images("rotate", images)
    if images.dtype not in (np.float16, np.float32, np.float64, np.uint8):
        raise TypeError(f"augment.rotate: images are {images.dtype}, expected float16, float32, float64 or uint8")
    count, height, width, _ = images.shape
    t = np.deg2rad(np.broadcast_to(np.asarray(angles, np.float64), (count,)))[:, None, None]
    r = np.arange(height)[:, None] - (height - 1) / 2
    c = np.arange(width) - (width - 1) / 2
    rows, down = _place(r * np.cos(t) + c * np.sin(t), height)
    columns, right = _place(c * np.cos(t) - r * np.sin(t), width)
    exact = images.dtype if images.dtype in (np.float32, np.float64) else np.dtype(np.float32)
    framed, which = _framed(images, 1), np.arange(count)[:, None, None]
    result = np.zeros(images.shape, exact)
    for i, vertical in enumerate((1 - down, down)):
        for j, horizontal in enumerate((1 - right, right)):
            weights = (vertical * horizontal).astype(exact)[..., None]
            result += weights * framed[which, rows + i, columns + j]
    return (np.rint(result) if images.dtype == np.uint8 else result).astype(images.dtype, copy=False)


def cutout(images: Images, size: int, key: Key) -> Images:
    """Set a square of each image to zero [1]_.

    Parameters
    ----------
    images : array (N, H, W, C)
        Any dtype.
    size : int
        Side of the square, 0 or more.
    key : array (2,), uint64
        Random key. Every pixel is equally likely to be the square's centre (of an even side: the one below and to the
        right of it); of a square near the border only a part lies in the image.

    Returns
    -------
    array (N, H, W, C)

    References
    ----------
    .. [1] T. DeVries, G. Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.
    """
    from tinygrad_np import random

    check_images("cutout", images)
    size = whole("cutout", "size", size, 0)
    count, height, width, _ = images.shape
    if not height * width:
        return images.copy()
    keys = random.split(key, 2)
    top = random.randint(keys[0], (count, 1), 0, height) - size // 2
    left = random.randint(keys[1], (count, 1), 0, width) - size // 2
    rows, columns = np.arange(height) - top, np.arange(width) - left
    cut = ((rows >= 0) & (rows < size))[:, :, None] & ((columns >= 0) & (columns < size))[:, None, :]
    return np.where(cut[..., None], images.dtype.type(0), images)


def compose(*functions: Callable[[Images, Key], Images]) -> Callable[[Images, Key], Images]:
    """Return a function that applies one after the other, each with a key of its own.

    Parameters
    ----------
    functions : callable
        ``function(images, key) -> images``.

    Returns
    -------
    callable
        ``composed(images, key) -> images``.

    Examples
    --------
    >>> from tinygrad_np import random
    >>> vary = compose(flip, lambda images, key: shift(images, 2, key))
    >>> vary(np.ones((5, 8, 8, 1), np.float32), random.key(0)).shape
    (5, 8, 8, 1)
    """

    def composed(images: Images, key: Key) -> Images:
        from tinygrad_np import random

        for function, each in zip(functions, random.split(key, len(functions)), strict=True):
            images = function(images, each)
        return images

    return composed


def _place(offset: NDArray[np.float64], size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Turn coordinates about the centre into an index of an axis framed by 1, and how far the point lies beyond it."""
    place = np.clip(offset + (size - 1) / 2, -1, size)
    before = np.minimum(np.floor(place), size - 1)
    return before.astype(np.int64) + 1, place - before


def _framed(images: Images, by: int) -> Images:
    return np.pad(images, ((0, 0), (by, by), (by, by), (0, 0)))


def _windows(images: Images, down: Any, right: Any, height: int, width: int) -> Images:
    """Cut a window out of each image; `down` and `right` are (N, 1)."""
    rows, columns = down + np.arange(height), right + np.arange(width)
    cut: Images = images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return cut
