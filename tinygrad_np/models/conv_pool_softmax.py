"""One convolution, max pooling, a dense layer [1]_.

References
----------
.. [1] R. Andreoni, "Build a Convolutional Neural Network from Scratch using Numpy".
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .. import nn, optim, random
from ..ops.windows import Layout
from .model import Article, Model
from .recipe import Recipe


def init(key: Any) -> Any:
    """Draw the 27,194 parameters: weights of variance 2 / fan_in, which suits ReLU, biases of zero; float32."""
    conv, dense = random.split(key)
    return {
        "conv": {"w": nn.initializers.he_normal(conv, (3, 3, 1, 16))},
        "dense": {"w": nn.initializers.he_normal(dense, (2704, 10)), "b": np.zeros(10, np.float32)},
    }


def init_as_published(key: Any) -> Any:
    """Draw the kernels from a normal distribution divided by 9, the dense weights from one divided by 2704."""
    conv, dense = random.split(key)
    return {
        "conv": {"w": nn.initializers.normal(conv, (3, 3, 1, 16), std=1 / 9)},
        "dense": {"w": nn.initializers.normal(dense, (2704, 10), std=1 / 2704), "b": np.zeros(10, np.float32)},
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
        The article has no activation after its convolution; max pooling is all that is not linear then.
    layout : {"channels_last", "channels_first"}
        Of x and of the parameters.

    Returns
    -------
    array (N, 10)
    """
    h = nn.conv2d(x, params["conv"]["w"], layout=layout)
    h = nn.max_pool2d(nn.relu(h) if relu else h, 2, layout=layout)
    return nn.dense(h.reshape(-1, 2704), **params["dense"])


def loss_as_published(outputs: Any, labels: Any) -> Any:
    """Return the mean of -log p, with the softmax p = exp(z) / Σ exp(z) as it is written, which overflows.

    At the published learning rate the logits pass 88, the logarithm of the largest number in float32, in the second
    epoch, and the loss becomes nan.
    """
    exponentials = np.exp(outputs)
    p = exponentials / np.sum(exponentials, axis=-1, keepdims=True)
    return -np.mean(np.log(np.take_along_axis(p, labels[:, None], axis=-1)))


MODEL = Model(
    name="conv_pool_softmax",
    about="3x3 convolution, ReLU, max pooling, a dense layer",
    init=init,
    apply=apply,
    recipe=Recipe(
        train_images=5_000, batch_size=1, learning_rate=0.03,
        half_life=4_000, images_shown=20_000, most_epochs=4, optimizer=optim.sgd,
    ),
    article=Article(
        "R. Andreoni", "Build a Convolutional Neural Network from Scratch using Numpy",
        ".96 of the training images", 26.0,
    ),
)  # fmt: skip

PUBLISHED = replace(
    MODEL,
    init=init_as_published,
    apply=partial(apply, relu=False),
    loss=loss_as_published,
    recipe=replace(MODEL.recipe, learning_rate=0.05, half_life=None, report_every=100),
)
MODEL = replace(MODEL, published=PUBLISHED)
