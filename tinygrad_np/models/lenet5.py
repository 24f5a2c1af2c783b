"""LeNet-5: two convolutions with average pooling, three dense layers [1]_.

References
----------
.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE
   86, 1998.
"""

from typing import Any

import numpy as np

from .. import nn, random
from .recipe import Model, Recipe

_SHAPES = {"conv1": (5, 5, 1, 6), "conv2": (5, 5, 6, 16), "dense1": (400, 120), "dense2": (120, 84), "dense3": (84, 10)}


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
    keys = random.split(key, len(_SHAPES))
    return {
        name: {"w": nn.initializers.lecun_normal(key, shape), "b": np.zeros(shape[-1], np.float32)}
        for key, (name, shape) in zip(keys, _SHAPES.items(), strict=True)
    }


def apply(params: Any, x: Any, *, amplitude: float = 1.0) -> Any:
    """Turn images into logits.

    Parameters
    ----------
    params : dict
        As `init` makes it.
    x : array (N, 28, 28, 1)
        Standardised images. The first convolution pads them by 2 on each side, which is the same as the 32 x 32 input
        of the article with the digit in its middle.
    amplitude : float
        The activation is amplitude * tanh(x); the published one has 1.7159.

    Returns
    -------
    array (N, 10)
    """

    def tanh(x: Any) -> Any:
        y = np.tanh(x)
        return y if amplitude == 1 else amplitude * y

    h = tanh(nn.conv2d(x, **params["conv1"], padding=2))
    h = nn.avg_pool2d(h, 2)
    h = tanh(nn.conv2d(h, **params["conv2"]))
    h = nn.avg_pool2d(h, 2)
    h = h.reshape(-1, 400)
    h = tanh(nn.dense(h, **params["dense1"]))
    h = tanh(nn.dense(h, **params["dense2"]))
    return nn.dense(h, **params["dense3"])


MODEL = Model(
    name="lenet5",
    init=init,
    apply=apply,
    image_shape=(28, 28, 1),
    classes=10,
    first_filters=lambda params: params["conv1"]["w"],
    # Moved by a pixel each time, the 5,000 digits embedded are worth about 1 % more accuracy; the original does not.
    recipe=Recipe(batch_size=32, learning_rate=2e-3, half_life=40_000, images_shown=250_000, most_epochs=20, shift=1),
)
