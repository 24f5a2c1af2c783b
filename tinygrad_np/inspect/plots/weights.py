"""What was learned, as pictures of weights and of what filters answer."""

from typing import Any

import numpy as np

from .parts import SIGNED, new_figure, scale_of, show_image, show_map

_MOST_FILTERS = 16


def filters(before: Any, after: Any, title: str) -> Any:
    """Draw convolution filters before and after training, in one scale of colours symmetric about zero.

    Parameters
    ----------
    before, after : array (height, width, C, F)
        Weights. Of three input channels they are drawn in the colours that they stand for, grey for zero, of other
        numbers of channels as their mean; of many filters the first 16.
    title : str
        What stands above.
    """
    shown, colours = min(before.shape[-1], _MOST_FILTERS), before.shape[2] == 3
    rows = [weights[..., :shown] if colours else np.mean(weights[..., :shown], axis=2) for weights in (before, after)]
    limit = max(float(np.abs(row).max()) for row in rows) or 1.0
    cell = 1.2 if shown <= 8 else 0.8
    figure = new_figure(max(5.0, 1.6 + cell * shown), 1.2 + 1.7 * cell, title, "compressed")
    grid = figure.subplots(2, shown, squeeze=False)
    for line, row, name in zip(grid, rows, ("before", "after"), strict=True):
        for i, axes in enumerate(line):
            weights = 0.5 + row[..., i] / (2 * limit) if colours else row[..., i]
            image = show_map(axes, weights, cmap=SIGNED, vmin=-limit, vmax=limit)
            if name == "after":
                axes.set_xlabel(f"filter {i + 1}" if shown <= 8 else f"{i + 1}")
        line[0].set_ylabel(name)
    if not colours:
        figure.colorbar(image, ax=grid, label="weight", shrink=0.9)
    return figure


def weights(before: Any, after: Any, title: str) -> Any:
    """Draw one image of weights before and after training, in one scale of colours symmetric about zero.

    Parameters
    ----------
    before, after : array (height, width)
        One filter, or the weights of a dense layer in the shape of the image that they weigh.
    title : str
        What stands above.
    """
    limit = max(float(np.abs(before).max()), float(np.abs(after).max())) or 1.0
    figure = new_figure(6.5, 3.2, title)
    grid = figure.subplots(1, 2)
    for axes, values, name in zip(grid, (before, after), ("before", "after"), strict=True):
        image = show_map(axes, values, cmap=SIGNED, vmin=-limit, vmax=limit)
        axes.set_xlabel(name)
    figure.colorbar(image, ax=grid, label="weight", shrink=0.9)
    return figure


def filter_responses(images: Any, initial: Any, trained: Any, title: str) -> Any:
    """Draw images and, below each, the response of a filter before and after training.

    Parameters
    ----------
    images : array (N, H, W, C)
        In [0, 1].
    initial, trained : array (N, h, w)
        Responses. Each row has its own scale of colours.
    title : str
        What stands above.
    """
    count = len(images)
    figure = new_figure(max(4.0, 1.6 + count), 4.0, title)
    grid = figure.subplots(3, count, squeeze=False)
    for axes, image in zip(grid[0], images, strict=True):
        show_image(axes, image)
    for line, responses in zip(grid[1:], (initial, trained), strict=True):
        scale = scale_of(responses)
        for axes, response in zip(line, responses, strict=True):
            drawn = show_map(axes, response, **scale)
        figure.colorbar(drawn, ax=line, label="response")
    for line, name in zip(grid, ("image", "initial filter", "trained filter"), strict=True):
        line[0].set_ylabel(name)
    return figure
