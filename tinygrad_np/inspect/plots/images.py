"""Images, what a network makes of them, and what it goes by."""

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

import numpy as np

from .parts import BLUE, ORANGE, hide_unused, new_figure, plain_text, scale_of, show_image, show_map

_MOST_MAPS = 8


def image_grid(
    images: Any, title: str, *, labels: Any = None, predictions: Any = None, classes: Sequence[Any] | None = None,
    columns: int | None = None,
) -> Any:  # fmt: skip
    """Draw images in a grid, as near to a square as it gets; of no images it says so.

    Parameters
    ----------
    images : array (N, H, W, C)
        In [0, 1].
    title : str
        What stands above.
    labels, predictions : array (N,), integers
        True classes and predicted ones. With both, each image gets a blue frame and ✓ where they agree, or an orange
        one and ✗; with one of them its name stands below.
    classes : sequence
        Names of the classes; without it the numbers are written.
    columns : int
        How many side by side.
    """
    count = len(images)
    across = (columns or int(np.ceil(np.sqrt(count)))) if count else 1
    down = max(1, -(-count // across))
    figure = new_figure(max(3.5, 1.6 * across), 0.6 + 1.8 * down, title)
    grid = figure.subplots(down, across, squeeze=False)
    names = [
        [plain_text(label if classes is None else classes[label]) for label in given]
        for given in (labels, predictions)
        if given is not None
    ]
    for i, (axes, image) in enumerate(zip(np.ravel(grid), images, strict=False)):
        show_image(axes, image)
        if len(names) == 2:
            _mark(axes, names[0][i], names[1][i], labels[i] == predictions[i])
        elif names:
            axes.set_xlabel(names[0][i], fontsize=9)
    hide_unused(grid, count)
    if not count:
        grid[0, 0].text(0.5, 0.5, "none", ha="center", va="center", transform=grid[0, 0].transAxes)
    return figure


def _mark(axes: Any, label: str, prediction: str, right: bool) -> None:
    """Frame an image and say below it what it is and what it was taken for."""
    colour = BLUE if right else ORANGE
    axes.set_xlabel(f"✓ {label}" if right else f"✗ {prediction}\nis {label}", color=colour, fontsize=9)
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=3)


def class_images(images: Any, classes: Sequence[Any], title: str) -> Any:
    """Draw the image that a network likes best of each class; each stretched to the full range of grey or colour.

    Parameters
    ----------
    images : array (N, H, W, C)
        As `tinygrad_np.inspect.attribution.class_image` returns them.
    classes : sequence
        The name of each.
    title : str
        What stands above.
    """
    low, high = (extreme(images, axis=(1, 2, 3), keepdims=True) for extreme in (np.min, np.max))
    stretched = (images - low) / np.where(high > low, high - low, 1)
    return image_grid(stretched, title, labels=np.arange(len(images)), classes=classes, columns=min(5, len(images)))


def feature_maps(image: Any, layers: Sequence[tuple[str, Any]], title: str) -> Any:
    """Draw an image and what the layers of a network make of it, a row a layer.

    Parameters
    ----------
    image : array (H, W, C)
        In [0, 1].
    layers : sequence of (str, array (h, w, F))
        Names and feature maps. Each row has its own scale of colours; of many maps the first 8 are drawn.
    title : str
        What stands above.
    """
    columns = max(3, min(_MOST_MAPS, max(maps.shape[-1] for _, maps in layers)))  # 3: room for the names
    figure = new_figure(3.0 + 1.1 * columns, 0.5 + 1.5 * len(layers), title)
    left, right = figure.subfigures(1, 2, width_ratios=[2, 1.1 * columns])
    axes = left.subplots()
    show_image(axes, image)
    axes.set_xlabel("image")
    rows = np.ravel(right.subfigures(len(layers), 1))
    for row, (name, maps) in zip(rows, layers, strict=True):
        height, width, count = maps.shape
        words = shorten(f"{count} of {height} × {width}: {name}", 15 * columns, placeholder=" …")
        row.suptitle(plain_text(words), fontsize=9)
        grid = row.subplots(1, columns, squeeze=False)[0]
        scale = scale_of(maps[..., :columns])
        for each, i in zip(grid, range(count), strict=False):
            show_map(each, maps[..., i], **scale)
        hide_unused(grid, count)
    return figure


def overlays(images: Any, maps: Mapping[str, Any], title: str, *, names: Sequence[Any] = ()) -> Any:
    """Draw images, and beside each the maps of what a network goes by, laid over it.

    Parameters
    ----------
    images : array (N, H, W, C)
        In [0, 1].
    maps : mapping of str to array (N, h, w)
        What each column shows: saliency, occlusion, Grad-CAM. A map of fewer pixels than the image is stretched over
        it. Each map has its own scale of colours: dark to bright from zero, or, if it has both signs, blue to red.
    title : str
        What stands above.
    names : sequence
        What stands below each image.
    """
    count = len(images)
    figure = new_figure(1.8 * (1 + len(maps)), 0.6 + 1.75 * count, title)
    grid = figure.subplots(count, 1 + len(maps), squeeze=False)
    for i, (line, image) in enumerate(zip(grid, images, strict=True)):
        show_image(line[0], image)
        if names:
            line[0].set_xlabel(plain_text(names[i]), fontsize=9)
        for axes, values in zip(line[1:], maps.values(), strict=True):
            _overlay(axes, image, values[i])
    for axes, name in zip(grid[0], ("image", *maps), strict=True):
        axes.set_title(plain_text(name), fontsize=10)
    return figure


def _overlay(axes: Any, image: Any, values: Any) -> None:
    grey = np.mean(image, axis=-1, keepdims=True)
    show_image(axes, grey)
    extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
    smooth = "bilinear" if values.shape != image.shape[:2] else "nearest"
    show_map(axes, values, extent=extent, interpolation=smooth, alpha=0.7, **scale_of(values))
