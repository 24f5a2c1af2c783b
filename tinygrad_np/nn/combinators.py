"""Layers as values: a pair of functions (init, apply), and ways to combine layers to larger ones.

For those who do not want to write the network's function out. A layer is a `Layer`, or any function of an array, such
as `np.tanh` or `nn.relu`, which is a layer without parameters. `tinygrad_np.nn.stax` has the usual ones.

    net = nn.serial(stax.Conv(8, 3), nn.relu, stax.Flatten(), stax.Dense(10))
    params, output_shape = net.init(key, (28, 28, 1))
    logits = net.apply(params, images)

Shapes are those of one example, without the batch axis, for the parameters do not depend on it: (28, 28, 1) for images
(N, 28, 28, 1). A layer of several inputs or outputs takes or gives a tuple of arrays, and has a tuple of shapes.

Parameters are dictionaries with a name for each part that has any: its kind and a number, counted for each kind
("conv1", "conv2", "dense1"), or the name in a pair ("head", layer). So params["conv1"]["w"] is what masks and
`tree.partition` find by its path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import random
from ..core.tensor import Array, shape_of
from .layer_pair import Layer, Params, Shape, as_layer, check_shape, infer, one_example, stateful

Part = Any  # a Layer, a function of an array, or a pair (name, one of these)


class _Parts:
    """The parts of a combination: their names, and running one of them with its own parameters and key."""

    def __init__(self, combination: str, parts: Sequence[Part]) -> None:
        self.combination = combination
        self.names: list[str] = []
        self.layers: list[Layer] = []
        counts: dict[str, int] = {}
        for i, part in enumerate(parts):
            name, part = part if isinstance(part, tuple) and len(part) == 2 else (None, part)
            try:
                layer = as_layer(part)
            except TypeError as error:
                raise TypeError(f"{combination}: part {i + 1} is {error}") from None
            if name is None:
                counts[layer.kind] = counts.get(layer.kind, 0) + 1
                name = f"{layer.kind}{counts[layer.kind]}"
            if not isinstance(name, str) or name in self.names:
                raise ValueError(f"{combination}: part {i + 1} has the name {name!r}; names are different strings.")
            self.names.append(name)
            self.layers.append(layer)

    def init(self, i: int, keys: Any, shape: Shape, params: dict[str, Any]) -> Shape:
        """Add the parameters of a part, if it has any; return its output's shape."""
        check_shape(shape)
        new, shape = self._named(i, shape, lambda: self.layers[i].init(keys[i], shape))
        if new:
            params[self.names[i]] = new
        return shape

    def run(self, i: int, params: Params, x: Any, keys: Any, train: bool, state: dict[str, Any]) -> Any:
        """Apply a part, and add the state it renews, if any."""
        own = params.get(self.names[i], {})
        f = self.layers[i].apply_with_state
        y, new = self._named(i, x, lambda: f(own, x, key=None if keys is None else keys[i], train=train))
        if new:
            state[self.names[i]] = new
        return y

    def keys(self, key: Array | None) -> Any:
        """Return a key for each part, by its position."""
        return None if key is None else random.split(key, len(self.layers))

    def check(self, params: Params) -> None:
        """Refuse parameters of other parts."""
        if not isinstance(params, dict) or not params.keys() <= set(self.names):
            given = ", ".join(map(str, params)) if isinstance(params, dict) else type(params).__name__
            raise ValueError(f"{self.combination}: params has {given}; the parts are {', '.join(self.names)}.")

    def _named(self, i: int, x: Any, run: Callable[[], Any]) -> Any:
        """Run a part; name it in the errors that come of it."""
        try:
            return run()
        except (ValueError, TypeError, KeyError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            what = f"params lacks {error}" if isinstance(error, KeyError) else error
            shape = f"input shape {_shapes(x)}"
            raise kind(f"{self.combination}, part {i + 1}, {self.names[i]}, {shape}: {what}") from error


def _shapes(x: Any) -> Any:
    """Return the shape or shapes of x, which is an array, a tuple of arrays, or a shape itself."""
    if isinstance(x, tuple) and not all(isinstance(n, int) for n in x):
        return tuple(map(_shapes, x))
    return x if isinstance(x, tuple) else shape_of(x)


def serial(*parts: Part) -> Layer:
    """Combine layers one after the other.

    Parameters
    ----------
    *parts : Layer, function, or pair (name, Layer or function)
        In order. Parts without a name are called after their kind and number.

    Returns
    -------
    Layer
        Its parameters are a dictionary with an entry for each part that has any. A key is split into one for each part,
        by position.

    Raises
    ------
    TypeError, ValueError
        For what is no layer and names given twice; from `init` and `apply` what a part raised, with the part's
        position, its name and its input's shape.

    Examples
    --------
    LeNet-5:

    >>> from tinygrad_np import nn, random, tree
    >>> from tinygrad_np.nn.stax import AvgPool, Conv, Dense, Flatten
    >>> net = nn.serial(
    ...     Conv(6, 5, padding=2), np.tanh, AvgPool(2),
    ...     Conv(16, 5), np.tanh, AvgPool(2), Flatten(),
    ...     Dense(120), np.tanh,
    ...     Dense(84), np.tanh,
    ...     Dense(10),
    ... )
    >>> params, output_shape = net.init(random.key(0), (28, 28, 1))
    >>> output_shape, list(params), sum(leaf.size for leaf in tree.leaves(params))
    ((10,), ['conv1', 'conv2', 'dense1', 'dense2', 'dense3'], 61706)
    >>> net.apply(params, np.zeros((8, 28, 28, 1), np.float32)).shape
    (8, 10)
    """
    all_parts = _Parts("serial", parts)

    def init(key: Array, input_shape: Shape) -> tuple[Params, Shape]:
        params: dict[str, Any] = {}
        keys, shape = random.split(key, len(parts)), input_shape
        for i in range(len(parts)):
            shape = all_parts.init(i, keys, shape, params)
        return params, shape

    def apply_with_state(params: Params, x: Any, *, key: Array | None = None, train: bool = False) -> Any:
        all_parts.check(params)
        keys, state = all_parts.keys(key), dict[str, Any]()
        for i in range(len(parts)):
            x = all_parts.run(i, params, x, keys, train, state)
        return x, state

    return stateful(init, apply_with_state, "serial")


def parallel(*parts: Part) -> Layer:
    """Apply each layer to its own input: a tuple of inputs gives a tuple of outputs.

    Parameters, result and errors are as for `serial`. ``serial(fan_out(2), parallel(f, g), fan_in_sum())`` is
    f(x) + g(x).
    """
    all_parts = _Parts("parallel", parts)

    def check(inputs: Any, count: int) -> None:
        if count != len(parts):
            raise ValueError(f"parallel: {len(parts)} parts need a tuple of so many inputs, got {_shapes(inputs)}.")

    def init(key: Array, input_shape: Shape) -> tuple[Params, Shape]:
        several = isinstance(input_shape, tuple) and all(isinstance(s, tuple) for s in input_shape)
        check(input_shape, len(input_shape) if several else 1)
        params: dict[str, Any] = {}
        keys, shapes = random.split(key, len(parts)), input_shape if several else (input_shape,)
        return params, tuple(all_parts.init(i, keys, shape, params) for i, shape in enumerate(shapes))

    def apply_with_state(params: Params, x: Any, *, key: Array | None = None, train: bool = False) -> Any:
        check(x, len(x) if isinstance(x, tuple) else 1)
        all_parts.check(params)
        keys, state = all_parts.keys(key), dict[str, Any]()
        xs = x if isinstance(x, tuple) else (x,)
        return tuple(all_parts.run(i, params, each, keys, train, state) for i, each in enumerate(xs)), state

    return stateful(init, apply_with_state, "parallel")


def fan_out(n: int) -> Layer:
    """Give the input n times, as a tuple."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"fan_out: n={n!r}; it is the number of outputs, 1 or more.")
    return Layer(lambda key, shape: ({}, (shape,) * n), lambda params, x, *, key=None, train=False: (x,) * n, "fan_out")


def fan_in_sum() -> Layer:
    """Add the inputs, a tuple of arrays of one shape."""

    def add(xs: Any) -> Any:
        shapes = _tuple_of_shapes("fan_in_sum", xs)
        if len(set(shapes)) > 1:
            raise ValueError(f"fan_in_sum: the inputs have the shapes {shapes}; they must be equal.")
        return sum(xs[1:], xs[0])

    return _function(add, "fan_in_sum")


def fan_in_concat(axis: int = -1) -> Layer:
    """Join the inputs, a tuple of arrays, along an axis; by default that of the channels, if they are last."""

    def concatenate(xs: Any) -> Any:
        _tuple_of_shapes("fan_in_concat", xs)
        return np.concatenate(xs, axis=axis)

    return _function(concatenate, "fan_in_concat")


def _tuple_of_shapes(name: str, xs: Any) -> tuple[Any, ...]:
    if not isinstance(xs, tuple) or not xs:
        raise ValueError(f"{name}: expected a tuple of inputs, as fan_out and parallel give, got {_shapes(xs)}.")
    return tuple(map(shape_of, xs))


def _function(f: Callable[[Any], Any], kind: str) -> Layer:
    """Return a layer without parameters, of a function that takes an empty batch too."""
    return Layer(lambda key, shape: ({}, infer(f, shape, 0)), lambda params, x, *, key=None, train=False: f(x), kind)


def residual(*parts: Part) -> Layer:
    """Add the input to what the layers, one after the other, make of it: y = x + f(x).

    Parameters are those of ``serial(*parts)``.

    Raises
    ------
    ValueError
        From `init` and `apply`, if f(x) has not the shape of x.
    """
    inner = serial(*parts)

    def check(given: Any, made: Any) -> None:
        if given != made:
            raise ValueError(f"residual: the input has the shape {given}, but the layers make {made} of it.")

    def init(key: Array, input_shape: Shape) -> tuple[Params, Shape]:
        params, shape = inner.init(key, input_shape)
        check(input_shape, shape)
        return params, shape

    def apply_with_state(params: Params, x: Any, *, key: Array | None = None, train: bool = False) -> Any:
        y, state = inner.apply_with_state(params, x, key=key, train=train)
        check(shape_of(x), shape_of(y))
        return x + y, state

    return stateful(init, apply_with_state, "residual")


def shape_dependent(make: Callable[[Shape], Part]) -> Layer:
    """Make the layer when the input's shape is known.

    Parameters
    ----------
    make : callable
        ``make(input_shape)`` returns the layer, and always the same one for the same shape.

    Examples
    --------
    >>> from tinygrad_np import nn, random
    >>> bottleneck = nn.shape_dependent(lambda shape: nn.stax.Dense(shape[-1] // 4))
    >>> bottleneck.init(random.key(0), (64,))[1]
    (16,)
    """

    def init(key: Array, input_shape: Shape) -> tuple[Params, Shape]:
        return as_layer(make(input_shape)).init(key, input_shape)

    def apply_with_state(params: Params, x: Any, *, key: Array | None = None, train: bool = False) -> Any:
        return as_layer(make(one_example(x))).apply_with_state(params, x, key=key, train=train)

    return stateful(init, apply_with_state, "shape_dependent")
