"""What in an image a classifier goes by: saliency, occlusion, Grad-CAM, and the images that a class likes best.

All of them take a plain function ``logits(images)`` from images (N, H, W, C) to (N, classes), a network with its
parameters for example, and know nothing else about it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import nn, random
from ..core.tensor import dtype_of, shape_of
from ..transforms.reverse import grad, vjp
from .activations import Program

Logits = Callable[[Any], Any]


def saliency(logits: Logits, images: Any, labels: Any, *, samples: int = 0, noise: float = 0.1, key: Any = None) -> Any:
    """Return how strongly each pixel moves the logit of a class: |∂ logit_label / ∂ pixel| [1]_.

    Parameters
    ----------
    logits : callable
        From images (N, H, W, C) to (N, classes).
    images : array (N, H, W, C)
        Where the derivative is taken.
    labels : array (N,), integers
        Whose logit.
    samples : int
        If not 0, the mean over so many images with noise added, which is less grainy (SmoothGrad [2]_).
    noise : float
        Standard deviation of that noise.
    key : array (2,), uint64
        Random key of that noise.

    Returns
    -------
    array (N, H, W)
        The largest magnitude among the channels.

    Raises
    ------
    ValueError
        If the shapes do not go together, a label is out of range, or samples are asked for without a key.

    References
    ----------
    .. [1] K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks", ICLR workshop, 2014.
    .. [2] D. Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.

    Examples
    --------
    >>> linear = lambda images: images.reshape(len(images), -1) @ np.array([[1.0, 0.0], [-2.0, 3.0]])
    >>> saliency(linear, np.zeros((1, 1, 2, 1)), np.array([0]))
    array([[[1., 2.]]])
    """
    _check(images, labels, "saliency")
    slope = grad(lambda images: np.sum(_chosen(logits(images), labels, "saliency")))
    if samples == 0:
        return np.max(np.abs(slope(images)), axis=-1)
    if key is None:
        raise ValueError("saliency: samples need a key for their noise; pass key=tinygrad_np.random.key(0).")
    total = np.zeros_like(images)
    for each in random.split(key, samples):
        total += slope(images + noise * random.normal(each, images.shape, images.dtype))
    return np.max(np.abs(total / samples), axis=-1)


def occlusion(logits: Logits, images: Any, labels: Any, *, size: int = 4, stride: int = 2, fill: float = 0.0) -> Any:
    """Return by how much the probability of a class drops when a patch of the image is covered [1]_.

    Parameters
    ----------
    logits : callable
        From images (N, H, W, C) to (N, classes).
    images : array (N, H, W, C)
        The images to cover in part.
    labels : array (N,), integers
        Whose probability.
    size : int
        Side of the square patch, in pixels.
    stride : int
        From one patch to the next; at most `size`, so that every pixel is covered. The last patches end at the border.
    fill : float
        The value that covers.

    Returns
    -------
    array (N, H, W)
        At each pixel, the mean of p(image) - p(covered image) over the patches that cover it. Negative where covering
        makes the class more probable.

    Raises
    ------
    ValueError
        If the shapes do not go together, a label is out of range, or the patch does not fit.

    Notes
    -----
    Evaluates the function once for each place of the patch: about H W / stride² times.

    References
    ----------
    .. [1] M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
    """
    _check(images, labels, "occlusion")
    height, width = images.shape[1:3]
    if not (1 <= stride <= size <= min(height, width)):
        raise ValueError(
            f"occlusion: size={size} and stride={stride} on images of {height} x {width}; "
            "they must satisfy 1 <= stride <= size <= the shorter side."
        )

    def probability(images: Any) -> Any:
        return _chosen(nn.softmax(logits(images)), labels, "occlusion")

    whole = probability(images)
    drops, covers = np.zeros((len(images), height, width), whole.dtype), np.zeros((height, width), whole.dtype)
    for top in _places(height, size, stride):
        for left in _places(width, size, stride):
            patch = np.s_[top : top + size, left : left + size]
            covered = images.copy()
            covered[:, *patch] = fill
            drops[:, *patch] += (whole - probability(covered))[:, None, None]
            covers[patch] += 1
    return drops / covers


def _places(length: int, size: int, stride: int) -> list[int]:
    """Where patches begin along an axis; the last one ends at its end."""
    return [*range(0, length - size, stride), length - size]


def grad_cam(logits: Logits, images: Any, labels: Any, *, layer: int = -1) -> Any:
    """Return where a convolution's feature maps speak for a class, by Grad-CAM [1]_.

    With the feature maps A (N, h, w, K) of the layer and the logit y of the label,

        α_k = 1 / (h w) Σ_ij ∂y / ∂A_ijk,    map_ij = max(0, Σ_k α_k A_ijk).

    Parameters
    ----------
    logits : callable
        From images (N, H, W, C) to (N, classes). Its operations are recorded, and the rest of them, from A on, is
        differentiated: the function need not give its feature maps away.
    images : array (N, H, W, C)
        The images.
    labels : array (N,), integers
        Which logit is y.
    layer : int
        Which convolution, counted from 0 in the order of computation, or from -1 backwards. A is taken after the
        operations that follow it in the same shape (bias, normalisation, activation function).

    Returns
    -------
    array (N, h, w)
        In the resolution of the feature maps; the map as a whole belongs to the image as a whole.

    Raises
    ------
    ValueError
        If the shapes do not go together, a label is out of range, or there is no such convolution.

    References
    ----------
    .. [1] R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization",
       ICCV 2017.
    """
    _check(images, labels, "grad_cam")
    program = Program(logits, (images,))
    places = [place for name, place in program.layers() if name.startswith("conv")]
    if not -len(places) <= layer < len(places):
        raise ValueError(f"grad_cam: layer={layer}, but the function has {len(places)} convolutions that can be seen.")
    place = places[layer]
    rest = program.rest(place)
    maps = program.values[place]
    slope = grad(lambda maps: np.sum(_chosen(rest(maps), labels, "grad_cam")))(maps)
    weights = np.mean(slope, axis=(1, 2), keepdims=True)
    return np.maximum(np.sum(weights * maps, axis=3), 0)


def class_image(
    logits: Logits, labels: Any, start: Any, *, steps: int = 64, learning_rate: float = 0.05, l2: float = 0.0,
    variation: float = 0.0,
) -> tuple[Any, Any]:  # fmt: skip
    """Return images that a classifier takes for a class more than any it has seen, by gradient ascent [1]_.

    Parameters
    ----------
    logits : callable
        From images (N, H, W, C) to (N, classes).
    labels : array (N,), integers
        The class of each image.
    start : array (N, H, W, C)
        Where to begin: grey, or noise such as ``tinygrad_np.random.uniform(key, shape)``.
    steps : int
        How many steps.
    learning_rate : float
        Length of a step: the root of the mean square of the change of a pixel.
    l2 : float
        Subtracts l2 Σ pixel² from the logit: keeps pixels dark that do not matter.
    variation : float
        Subtracts variation Σ (difference of neighbours)²: makes smooth images.

    Returns
    -------
    images : array (N, H, W, C)
        Within [0, 1], as images are.
    path : array (steps + 1, N)
        The logits of the labels, before the first step and after each.

    Raises
    ------
    ValueError
        If the shapes do not go together, or a label is out of range.

    References
    ----------
    .. [1] K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks", ICLR workshop, 2014.
    """
    _check(start, labels, "class_image")

    def objective(images: Any) -> tuple[Any, Any]:
        reached = _chosen(logits(images), labels, "class_image")
        rough = np.sum(np.diff(images, axis=1) ** 2) + np.sum(np.diff(images, axis=2) ** 2)
        return np.sum(reached) - l2 * np.sum(images**2) - variation * rough, reached

    images, path = np.clip(start, 0, 1), []
    for _ in range(steps):
        _, pullback, reached = vjp(objective, images, has_aux=True)
        (slope,) = pullback(np.ones((), images.dtype))
        path.append(reached)
        size = np.sqrt(np.mean(slope**2, axis=(1, 2, 3), keepdims=True))
        images = np.clip(images + learning_rate * slope / np.maximum(size, np.finfo(images.dtype).tiny), 0, 1)
    return images, np.stack([*path, _chosen(logits(images), labels, "class_image")])


def _check(images: Any, labels: Any, function: str) -> None:
    shape, dtype = shape_of(images), dtype_of(labels)
    if len(shape) != 4 or shape_of(labels) != shape[:1] or dtype.kind not in "iu":
        raise ValueError(
            f"{function}: images {shape} and labels {shape_of(labels)} of {dtype}; expected (N, H, W, C), N integers."
        )


def _chosen(scores: Any, labels: Any, function: str) -> Any:
    """Return the entry of each row of scores (N, classes) at its label."""
    count, shape = len(labels), shape_of(scores)
    if len(shape) != 2 or shape[0] != count:
        raise ValueError(f"{function}: the function returned {shape} for {count} images; expected ({count}, classes).")
    if count and (np.min(labels) < 0 or np.max(labels) >= shape[1]):
        raise ValueError(f"{function}: labels from {np.min(labels)} to {np.max(labels)}, for {shape[1]} classes.")
    return scores[np.arange(count), labels]
