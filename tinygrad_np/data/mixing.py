"""Mixtures of the images of a batch, and of their targets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .options import Images, Key, check_images, number, whole


def mixup(
    images: Images, targets: NDArray[Any], alpha: float, key: Key, *, classes: int | None = None
) -> tuple[Images, NDArray[Any]]:
    """Mix each image and its target with those of another example of the batch [1]_.

    Parameters
    ----------
    images : array (N, H, W, C)
        Floating point.
    targets : array (N,), integers, or (N, classes), floating point
        Labels, or probabilities of the classes.
    alpha : float
        Above 0. Image i becomes λ image i + (1 - λ) image π(i), with λ from Beta(alpha, alpha) for each i and a random
        permutation π; the targets likewise. Large: half and half; small: mostly one of the two.
    key : array (2,), uint64
        Random key.
    classes : int, optional
        The number of classes, needed for labels.

    Returns
    -------
    images : array (N, H, W, C)
    targets : array (N, classes)
        Probabilities, of the dtype of the images; `nn.cross_entropy` takes them.

    References
    ----------
    .. [1] H. Zhang, M. Cisse, Y. Dauphin, D. Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.
    """
    from tinygrad_np import random

    check_images("mixup", images)
    if images.dtype.kind != "f":
        raise TypeError(f"augment.mixup: images are {images.dtype}, expected floating point; divide uint8 by 255 first")
    if not number("mixup", "alpha", alpha) > 0:
        raise ValueError(f"augment.mixup: alpha={alpha!r} must be above 0")
    wanted = _probabilities(targets, len(images), classes, images.dtype)
    keys = random.split(key, 2)
    share = _symmetric_beta(keys[0], float(alpha), len(images)).astype(images.dtype)[:, None]
    partner = random.permutation(keys[1], len(images))
    wide = share[:, :, None, None]
    return wide * images + (1 - wide) * images[partner], share * wanted + (1 - share) * wanted[partner]


def _symmetric_beta(key: Key, alpha: float, count: int) -> NDArray[np.float64]:
    """Draw from Beta(alpha, alpha), without rejection.

    With T from Student's distribution of 2a degrees of freedom, 1/2 + T / (2 sqrt(2a + T²)) is from Beta(a, a); and
    Bailey's polar method makes T = sqrt(2a (u^(-1/a) - 1)) cos 2πv of two uniform numbers [1]_. Written in w = u^(1/a),
    which may vanish for a small a but cannot overflow.

    References
    ----------
    .. [1] R. Bailey, "Polar generation of random variates with the t-distribution", Math. Comp. 62, 1994.
    """
    from tinygrad_np import random

    u, v = random.uniform(key, (2, count), np.float64)
    w, cosine = (1 - u) ** (1 / alpha), np.cos(2 * np.pi * v)  # 1 - u is in (0, 1]
    part = (1 - w) * cosine**2
    return np.asarray((1 + np.sign(cosine) * np.sqrt(part / (w + part))) / 2)


def _probabilities(targets: Any, count: int, classes: int | None, dtype: np.dtype[Any]) -> NDArray[Any]:
    targets = np.asarray(targets)
    if targets.dtype.kind in "iu" and targets.shape == (count,):
        if classes is None:
            raise ValueError("augment.mixup: labels need classes=, the number of classes")
        classes = whole("mixup", "classes", classes, 1)
        if targets.size and not (targets.min() >= 0 and targets.max() < classes):
            raise ValueError(
                f"augment.mixup: labels from {targets.min()} to {targets.max()} are not all in 0..{classes - 1}"
            )
        targets = targets[:, None] == np.arange(classes)
    elif targets.dtype.kind == "f" and targets.shape[:1] == (count,) and targets.ndim == 2:
        if classes not in (None, targets.shape[1]):
            raise ValueError(f"augment.mixup: targets have shape {targets.shape}, but classes={classes}")
    else:
        raise ValueError(
            f"augment.mixup: targets are {targets.dtype} of shape {targets.shape}; {count} images need integers "
            f"({count},) or floating point ({count}, classes)"
        )
    result: NDArray[Any] = targets.astype(dtype)
    return result
