"""LeNet-5: two convolutions with average pooling, three dense layers [1]_.

The article of this project's LeNet-5 scales the digits to 32 x 32 by bilinear interpolation, and has an activation of
its own, 1.7159 tanh(x): that is `PUBLISHED`. By default the digits keep their size and get a border of two zeros, which
is the usual way and sharper.

References
----------
.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE
   86, 1998.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .. import nn, optim, random
from ..core.tensor import shape_of
from ..data import augment
from ..ops.windows import Layout
from .model import Article, Model, init_layers
from .recipe import Recipe

_SHAPES = {"conv1": (5, 5, 1, 6), "conv2": (5, 5, 6, 16), "dense1": (400, 120), "dense2": (120, 84), "dense3": (84, 10)}
AMPLITUDE = 1.7159


def init(key: Any) -> Any:
    """Draw the 61,706 parameters: weights of variance 1 / fan_in, biases of zero.

    Parameters
    ----------
    key : array (2,), uint64
        Random key.

    Returns
    -------
    dict
        ``{"conv1": {"w", "b"}, "conv2": ..., "dense1": ..., "dense2": ..., "dense3": ...}``, float32.
    """
    return init_layers(key, _SHAPES, nn.initializers.lecun_normal)


def init_as_published(key: Any) -> Any:
    """Draw the parameters as the article's faster code does.

    Kernels have a variance of 1 / 5 and convolution biases of 1 / filters, dense weights of 1 / inputs and dense biases
    of 1 / outputs.
    """
    params = {}
    for layer_key, (name, shape) in zip(random.split(key, len(_SHAPES)), _SHAPES.items(), strict=True):
        w, b = random.split(layer_key)
        variance = 1 / 5 if name.startswith("conv") else 1 / shape[0]
        params[name] = {
            "w": nn.initializers.normal(w, shape, std=variance**0.5),
            "b": nn.initializers.normal(b, shape[-1:], std=shape[-1] ** -0.5),
        }
    return params


def apply(params: Any, x: Any, *, key: Any = None, amplitude: float = 1.0, layout: Layout = "channels_last") -> Any:
    """Turn images into logits.

    Parameters
    ----------
    params : dict
        As `init` makes it.
    x : array (N, 28, 28, 1) or (N, 32, 32, 1); channels_first: (N, 1, 28, 28) or (N, 1, 32, 32)
        Standardised images. Those of 28 x 28 are padded by 2 on each side in the first convolution, which is the same
        as the 32 x 32 input of the article with the digit in its middle.
    key : None
        Nothing is random here.
    amplitude : float
        The activation is amplitude * tanh(x); the published one has 1.7159.
    layout : {"channels_last", "channels_first"}
        Of x and of the parameters.

    Returns
    -------
    array (N, 10)
    """

    def tanh(x: Any) -> Any:
        y = np.tanh(x)
        return y if amplitude == 1 else amplitude * y

    padding = 2 if shape_of(x)[2] == 28 else 0
    h = tanh(nn.conv2d(x, **params["conv1"], padding=padding, layout=layout))
    h = nn.avg_pool2d(h, 2, layout=layout)
    h = tanh(nn.conv2d(h, **params["conv2"], layout=layout))
    h = nn.avg_pool2d(h, 2, layout=layout)
    h = h.reshape(-1, 400)
    h = tanh(nn.dense(h, **params["dense1"]))
    h = tanh(nn.dense(h, **params["dense2"]))
    return nn.dense(h, **params["dense3"])


MODEL = Model(
    name="lenet5",
    about="LeNet-5: two 5x5 convolutions with average pooling, three dense layers, tanh; images padded to 32 x 32 with "
    "zeros (as published: scaled to 32 x 32)",
    init=init,
    apply=apply,
    recipe=Recipe(
        standardize="images",
        # Moved by a pixel each time, the 5,000 digits embedded are worth about 1 % more accuracy.
        augment=lambda images, key: augment.shift(images, 1, key),
        batch_size=32,
        learning_rate=2e-3,
        half_life=40_000,
        images_shown=250_000,
        most_epochs=20,
    ),
    article=Article("3outeille", "CNNumpy", ".968 on MNIST's test set after 1 epoch, 6.4 minutes", 1.03),
)

PUBLISHED = replace(
    MODEL,
    init=init_as_published,
    apply=partial(apply, amplitude=AMPLITUDE),
    recipe=Recipe(
        resize=(32, 32),
        standardize="images",
        batch_size=100,
        learning_rate=1e-3,
        images_shown=50_000,
        most_epochs=1,
        optimizer=partial(optim.adam, bias_correction=False),
    ),
)
MODEL = replace(MODEL, published=PUBLISHED)
