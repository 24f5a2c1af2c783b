"""A network with a name: its functions, what it takes and gives, its recipes, and the article that it comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import nn, random
from ..core import tree
from ..core.tensor import Array, shape_of
from .recipe import Recipe


class Article(NamedTuple):
    """Where a network comes from.

    Attributes
    ----------
    author, title : str
        Of the article.
    claim : str
        The accuracy that it states, and on what.
    milliseconds : float
        What its own code takes to train on one image, in milliseconds: measured with one thread on a machine with two
        cores.
    """

    author: str
    title: str
    claim: str
    milliseconds: float


def mean_loss(outputs: Array, labels: Array) -> Array:
    """Return the mean loss: softmax cross-entropy of logits (N, classes), log-loss of the sigmoid of logits (N,)."""
    if len(shape_of(outputs)) == 1:
        return nn.binary_cross_entropy_with_logits(outputs, labels)
    return nn.cross_entropy(outputs, labels)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network with a name.

    Attributes
    ----------
    name : str
        What the command line calls it.
    about : str
        What it is, in a line.
    init : callable
        ``init(key) -> params``, a dictionary of named layers.
    apply : callable
        ``apply(params, x, *, key=None) -> outputs`` of preprocessed images x; the key is for what is random in
        training, None means inference.
    image_shape : tuple of int
        Height, width and channels of the images that it takes, before preprocessing.
    classes : int
        How many it tells apart.
    recipe : Recipe
        How to train it.
    article : Article
        Where it comes from.
    loss : callable
        ``loss(outputs, labels)``, the mean over a batch, which training makes small.
    published : Model, optional
        The same network with the article's own initialisation and recipe.
    """

    name: str
    about: str
    init: Callable[[Any], Any]
    apply: Callable[..., Any]
    image_shape: tuple[int, int, int] = (28, 28, 1)
    classes: int = 10
    recipe: Recipe
    article: Article
    loss: Callable[[Any, Any], Any] = mean_loss
    published: "Model | None" = None

    def logits(self, outputs: Array) -> Array:
        """Return one logit a class, shape (N, classes).

        A network of two classes may give a single output z (N,), the logit of class 1; its logits are (0, z), for
        softmax(0, z) = (1 - sigmoid(z), sigmoid(z)).
        """
        if len(shape_of(outputs)) == 2:
            return outputs
        return np.stack([np.zeros_like(outputs), outputs], axis=-1)


def init_layers(key: Array, shapes: Mapping[str, tuple[int, ...]], initializer: Callable[..., Array]) -> Any:
    """Return ``{name: {"w", "b"}}``: weights of these shapes, each drawn with a key of its own, and biases of zero."""
    keys = random.split(key, len(shapes))
    return {
        name: {"w": initializer(layer_key, shape), "b": np.zeros(shape[-1], np.float32)}
        for layer_key, (name, shape) in zip(keys, shapes.items(), strict=True)
    }


def first_filters(params: Any) -> Array:
    """Return the weights of the first convolution, (height, width, C, F)."""
    return next(leaf for leaf in tree.leaves(params) if leaf.ndim == 4)


def count_parameters(params: Any) -> int:
    """Return how many numbers there are in a tree of parameters."""
    return sum(leaf.size for leaf in tree.leaves(params))
