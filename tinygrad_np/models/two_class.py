"""One 3 x 3 filter, a dense layer and two classes [1]_; the same network with more filters and ten classes.

Only the two layers' weights, no biases: 793 parameters tell trousers from dresses.

References
----------
.. [1] B. Chowdhury, "CNN from scratch with numpy and scipy".
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .. import nn, optim, random
from ..ops.windows import Layout
from .model import Article, Model
from .recipe import Recipe, with_replacement

SEED = 42


def init(key: Any, *, image_shape: tuple[int, int, int] = (28, 28, 1), filters: int = 1, outputs: int = 1) -> Any:
    """Draw the parameters: weights of variance 2 / fan_in for the filters, 1 / fan_in for the dense layer; float32.

    Parameters
    ----------
    key : array (2,), uint64
        Random key.
    image_shape : tuple of int
        Height, width and channels.
    filters, outputs : int
        How many filters and logits.
    """
    height, width, channels = image_shape
    conv, dense = random.split(key)
    return {
        "conv": {"w": nn.initializers.he_normal(conv, (3, 3, channels, filters))},
        "dense": {"w": nn.initializers.lecun_normal(dense, (height * width * filters, outputs))},
    }


def init_as_published(key: Any = None) -> Any:
    """Draw the article's own numbers, in float64: NumPy's legacy generator with seed 42; the key is not used.

    First the filter with a standard deviation of 2/3, then the dense weights with 1/28.
    """
    return _published_start()[1]


def order_as_published(count: int, epoch: int, key: Any = None) -> Any:
    """Draw an epoch's images with replacement, one after the other, from the generator that drew the parameters."""
    generator, _ = _published_start()
    for _ in range(epoch - 1):
        generator.randint(count, size=count)
    return generator.randint(count, size=count)


def _published_start() -> tuple[np.random.RandomState, Any]:
    generator = np.random.RandomState(SEED)
    conv, dense = generator.normal(0, 2 / 3, (3, 3)), generator.normal(0, 1 / 28, (784,))
    return generator, {"conv": {"w": conv.reshape(3, 3, 1, 1)}, "dense": {"w": dense.reshape(784, 1)}}


def apply(params: Any, x: Any, *, key: Any = None, layout: Layout = "channels_last") -> Any:
    """Turn images into logits.

    Parameters
    ----------
    params : dict
        As `init` makes it.
    x : array (N, H, W, C); channels_first: (N, C, H, W)
        Standardised images.
    key : None
        Nothing is random here.
    layout : {"channels_last", "channels_first"}
        Of x and of the parameters.

    Returns
    -------
    array (N, outputs), or (N,) for a single output: the logit of class 1
    """
    h = nn.relu(nn.conv2d(x, params["conv"]["w"], padding="same", layout=layout))
    w = params["dense"]["w"]
    logits = nn.dense(h.reshape(-1, w.shape[0]), w)
    return logits.reshape(-1) if w.shape[1] == 1 else logits


MODEL = Model(
    name="two_class",
    about="one 3x3 filter, ReLU, a dense layer, sigmoid: trousers or dresses (of the digits 1 or 3)",
    init=init,
    apply=apply,
    classes=2,
    recipe=Recipe(
        full_data=("fashion",),
        labels=(1, 3),
        validation=1 / 12,
        standardize="pixels",
        order=with_replacement,
        batch_size=1,
        learning_rate=0.001,
        images_shown=55_000,
        most_epochs=10,
        optimizer=optim.sgd,
    ),
    article=Article(
        "B. Chowdhury", "CNN from scratch with numpy and scipy",
        "about .96 of 1,000 validation images, log-loss about 0.1", 0.19,
    ),
)  # fmt: skip

PUBLISHED = replace(
    MODEL,
    init=init_as_published,
    recipe=replace(MODEL.recipe, dtype=np.float64, order=order_as_published, most_epochs=5),
)
MODEL = replace(MODEL, published=PUBLISHED)


def ten_classes(name: str, about: str, filters: int, claim: str, **changes: Any) -> Model:
    """Return the announced second part: the same layers with more filters, ten classes, and batches of 32."""
    image_shape = (32, 32, 3) if changes.get("data") == "cifar10" else (28, 28, 1)
    recipe = Recipe(
        full_data=("fashion",), standardize="pixels", batch_size=32, learning_rate=1e-3, images_shown=250_000,
        most_epochs=10,
    )  # fmt: skip
    return Model(
        name=name,
        about=about,
        init=partial(init, image_shape=image_shape, filters=filters, outputs=10),
        apply=apply,
        image_shape=image_shape,
        recipe=replace(recipe, **changes),
        article=Article("B. Chowdhury", "CNN from scratch with numpy and scipy, part 2", claim, float("nan")),
    )


PART_TWO = (
    ten_classes("ten_class_1", "two_class with ten classes, 1 filter", 1, "loss .41, accuracy .86 after 5 epochs"),
    ten_classes("ten_class_5", "two_class with ten classes, 5 filters", 5, "loss .31, accuracy .89"),
    ten_classes("ten_class_10", "two_class with ten classes, 10 filters", 10, "no figure"),
    ten_classes(
        "ten_class_colour", "two_class with ten classes, 15 filters, in colour", 15, "loss 1.53, accuracy .52",
        data="cifar10", full_data=("cifar10",),
    ),
)  # fmt: skip
