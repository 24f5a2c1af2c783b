"""Two convolutions, the second with stride 2, and a dense layer [1]_.

References
----------
.. [1] enrichmentcap, "Convolutional Neural Networks From Scratch".
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .. import nn, optim
from ..ops.windows import Layout
from .model import Article, Model, init_layers
from .recipe import Recipe, in_order

_SHAPES = {"conv1": (8, 8, 1, 16), "conv2": (4, 4, 16, 8), "dense": (648, 10)}


def init(key: Any) -> Any:
    """Draw the 9,586 parameters: uniform weights of variance 2 / fan_in, which suits ReLU, biases of zero; float32."""
    return init_layers(key, _SHAPES, nn.initializers.he_uniform)


def init_as_published(key: Any = None) -> Any:
    """Draw the article's own numbers, in float64: NumPy's legacy generator with seed 0, uniform in (-0.5, 0.5).

    They are drawn channels first, in the order kernel 1 (16, 8, 8), kernel 2 (8, 16, 4, 4), dense (10, 8, 9, 9) and its
    bias (10); the convolutions' biases are zero. The key is not used.
    """
    generator = np.random.RandomState(0)
    first, second, dense, bias = (
        generator.uniform(-0.5, 0.5, shape) for shape in ((16, 1, 8, 8), (8, 16, 4, 4), (10, 8, 9, 9), (10,))
    )
    return {
        "conv1": {"w": np.ascontiguousarray(first.transpose(2, 3, 1, 0)), "b": np.zeros(16)},
        "conv2": {"w": np.ascontiguousarray(second.transpose(2, 3, 1, 0)), "b": np.zeros(8)},
        "dense": {"w": dense.transpose(2, 3, 1, 0).reshape(648, 10), "b": bias},
    }


def apply(params: Any, x: Any, *, key: Any = None, relu: bool = True, layout: Layout = "channels_last") -> Any:
    """Turn images into logits.

    Parameters
    ----------
    params : dict
        As `init` makes it.
    x : array (N, 28, 28, 1); channels_first: (N, 1, 28, 28)
        Images in [0, 1].
    key : None
        Nothing is random here.
    relu : bool
        The article's text has ReLU after each convolution, its code has not.
    layout : {"channels_last", "channels_first"}
        Of x and of the parameters.

    Returns
    -------
    array (N, 10)
    """
    activation: Callable[[Any], Any] = nn.relu if relu else lambda h: h
    h = activation(nn.conv2d(x, **params["conv1"], layout=layout))
    h = activation(nn.conv2d(h, **params["conv2"], stride=2, layout=layout))
    return nn.dense(h.reshape(-1, 648), **params["dense"])


MODEL = Model(
    name="strided",
    about="8x8 convolution, 4x4 convolution with stride 2, a dense layer, ReLU",
    init=init,
    apply=apply,
    recipe=Recipe(
        train_images=10_000,
        batch_size=1,
        learning_rate=0.015,
        half_life=2_500,
        images_shown=10_000,
        most_epochs=2,
        optimizer=optim.sgd,
    ),
    article=Article(
        "enrichmentcap",
        "Convolutional Neural Networks From Scratch",
        "no figure; its code reaches .572 on 1,000 test images",
        11.0,
    ),
)

PUBLISHED = replace(
    MODEL,
    init=init_as_published,
    apply=partial(apply, relu=False),
    recipe=Recipe(
        train_images=1_000, test_images=1_000, dtype=np.float64, order=in_order, batch_size=1, learning_rate=3e-4,
        images_shown=1_000, most_epochs=1, optimizer=optim.sgd,
    ),
)  # fmt: skip
MODEL = replace(MODEL, published=PUBLISHED)
