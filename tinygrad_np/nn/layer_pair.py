"""A layer as a value: the pair of functions (init, apply), and how a function becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.tensor import Array, Tensor, shape_of

Shape = Any  # a tuple of int, or a tuple of shapes
Params = Any


@dataclass(frozen=True)
class Layer:
    """A layer: how to make its parameters, and what it does with them.

    ``init, apply = layer`` takes it apart.

    Attributes
    ----------
    init : callable
        ``init(key, input_shape) -> (params, output_shape)``; params is a dictionary, empty if there are none.
    apply : callable
        ``apply(params, x, *, key=None, train=False) -> y``.
    kind : str
        What its parameters are called after in a combination.
    apply_with_state : callable
        As apply, but returns ``(y, state)``: state is the part of params that training renews other than by gradients,
        such as the running statistics of a batch normalisation, with new values; a dictionary without what stays, and
        empty where nothing is renewed. It is what `training.fit` takes for aux["state"]. Made from apply if not given.
    """

    init: Callable[[Any, Shape], tuple[Params, Shape]]
    apply: Callable[..., Any]
    kind: str = "layer"
    apply_with_state: Callable[..., tuple[Any, Params]] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.apply_with_state is None:
            apply = self.apply
            without_state = lambda params, x, **mode: (apply(params, x, **mode), {})
            object.__setattr__(self, "apply_with_state", without_state)

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        return iter((self.init, self.apply))


def stateful(init: Callable[..., Any], apply_with_state: Callable[..., Any], kind: str) -> Layer:
    """Return a layer whose apply leaves the new state out."""

    def apply(params: Params, x: Any, *, key: Array | None = None, train: bool = False) -> Any:
        return apply_with_state(params, x, key=key, train=train)[0]

    return Layer(init, apply, kind, apply_with_state)


def infer(apply: Callable[[Any], Any], input_shape: Shape, examples: int) -> Shape:
    """Return the output's shape by applying a function to zeros, for a number of examples that may be 0."""
    return one_example(apply(_zeros(examples, input_shape)))


def check_shape(shape: Any) -> None:
    """Refuse what is no tuple, such as a list or a number."""
    if not isinstance(shape, tuple):
        raise ValueError(
            f"input_shape={shape!r}; it is a tuple of the sizes of one example, or a tuple of such shapes."
        )


def _zeros(examples: int, shape: Shape) -> Any:
    check_shape(shape)
    if any(isinstance(n, tuple) for n in shape):
        return tuple(_zeros(examples, s) for s in shape)
    if not all(isinstance(n, int | np.integer) and n >= 0 for n in shape):
        raise ValueError(f"input_shape={shape!r}; it has the sizes of one example, without the batch axis.")
    return np.zeros((examples, *shape), np.float32)


def one_example(y: Any) -> Shape:
    """Return the shape of one example of a batch, or of a tuple of batches."""
    if isinstance(y, tuple | list):
        return tuple(map(one_example, y))
    if isinstance(y, Layer) or not isinstance(y, np.ndarray | Tensor) or not shape_of(y):
        hint = "; call it to make the layer: Flatten(), not Flatten" if isinstance(y, Layer) else ""
        raise TypeError(f"its output is {type(y).__name__}, not an array with a batch axis{hint}.")
    return shape_of(y)[1:]


def as_layer(part: Any) -> Layer:
    """Return a Layer as it is, and a function of an array as a layer without parameters.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(part, Layer):
        return part
    if not callable(part):
        raise TypeError(f"{part!r:.60} of type {type(part).__name__} is no layer: neither an nn.Layer nor a function.")

    def init(key: Array, input_shape: Shape) -> tuple[Params, Shape]:
        return {}, infer(part, input_shape, 1)  # the function may not be made for an empty batch

    name = getattr(part, "__name__", "")
    kind = name if name.isidentifier() else "function"  # it is <lambda> if it has none of its own
    return Layer(init, lambda params, x, *, key=None, train=False: part(x), kind)
