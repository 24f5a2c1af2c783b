"""What happens inside a plain function: every intermediate value, and the function from one of them on."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.recorder import Recorder, Step
from ..core.tensor import Array, Tensor, dtype_of, name_of, shape_of
from ..core.trace import QuietCollector
from ..ops.convolution import conv_op
from ..ops.pooling import max_pool_op, sum_pool_op
from ..transforms.arguments import belongs, own

_WINDOWED = (conv_op, max_pool_op, sum_pool_op)


class Activation(NamedTuple):
    """A value that a function computed on its way.

    Attributes
    ----------
    name : str
        Of the operation; of a layer's feature maps, of its operations: "conv, tanh".
    value : array
        What came out of it.
    """

    name: str
    value: Any


class Program(Recorder):
    """The straight-line program of one call of a function, with all its values.

    Attributes
    ----------
    values : list of array
        The inputs, then what each operation computed.
    result : tree
        The function's output, of this trace's Tensors.
    """

    __slots__ = ("result", "values")

    def __init__(self, f: Callable[..., Any], args: Sequence[Any]) -> None:
        super().__init__(f"activations({name_of(f)})")
        self.values: list[Any] = []
        watched = tree.map(lambda x: self.watch(x) if _is_floating(x) else x, tuple(args))
        try:
            with QuietCollector():
                self.result = f(*watched)
        finally:
            self.closed = True

    def watch(self, value: Array) -> Tensor:
        """Keep a value and return its Tensor."""
        self.values.append(value)
        return super().watch(value)

    def rest(self, place: int) -> Callable[[Any], Any]:
        """Return the function from the value at a place to the result: what depends on it is computed again."""

        def run(value: Any) -> Any:
            env = {place: value}
            for step in self.steps:
                if env.keys().isdisjoint(step.inputs):
                    continue
                args = list(step.constants)
                for i, source in step.places:
                    args[i] = env[source] if source in env else self.values[source]
                y = step.function(*args, **step.options)
                env.update(zip(step.outputs, y if isinstance(y, tuple) else (y,), strict=True))
            now = lambda leaf: env.get(leaf._index, leaf._value) if belongs(leaf, self) else leaf
            return tree.map(now, self.result)

        return run

    def layers(self) -> list[tuple[str, int]]:
        """Return the layers of windows: the names of their operations and the place of their feature maps.

        A layer begins with a convolution or a pooling and takes in what is computed from it in the same shape (bias,
        normalisation, activation function) until the next one begins.
        """
        found: list[tuple[list[str], list[int]]] = []
        for step in self.steps:
            place = step.outputs[0]
            if step.op in _WINDOWED and np.ndim(self.values[place]) == 4:
                found.append(([step.op.name], [place]))
            elif found and self._continues(found[-1][1], step):
                found[-1][0].append(step.op.name)
                found[-1][1].append(place)
        return [(", ".join(names), places[-1]) for names, places in found]

    def _continues(self, layer: list[int], step: Step) -> bool:
        first, value = self.values[layer[0]], self.values[step.outputs[0]]
        alike = shape_of(value) == shape_of(first) and dtype_of(value).kind == "f"
        return alike and not set(layer).isdisjoint(step.inputs)


def _is_floating(x: Any) -> bool:
    return isinstance(x, np.ndarray | Tensor) and dtype_of(x).kind == "f"


def activations(f: Callable[..., Any], *args: Any) -> list[Activation]:
    """Return every value that a plain function computes from its arguments, in the order of computation.

    Parameters
    ----------
    f : callable
        A function of trees of arrays.
    *args : trees
        Its arguments. What is computed from floating-point arrays among them is seen; a call with custom rules or of
        `checkpoint` is one operation.

    Returns
    -------
    list of Activation
        Name of the operation and a copy of its result, one an output.

    Examples
    --------
    >>> for name, value in activations(lambda x: np.sum(np.exp(x) * 2), np.zeros(3)):
    ...     print(name, value)
    exp [1. 1. 1.]
    multiply [2. 2. 2.]
    sum 6.0
    """
    program = Program(f, args)
    return [Activation(step.op.name, own(program.values[i])) for step in program.steps for i in step.outputs]


def feature_maps(f: Callable[[Any], Any], images: Any) -> list[Activation]:
    """Return what each layer of convolution or pooling makes of images.

    Parameters
    ----------
    f : callable
        A plain function of images, a network with its parameters for example.
    images : array (N, H, W, C)
        Floating-point images.

    Returns
    -------
    list of Activation
        One a convolution or pooling: the names of the layer's operations, joined by commas, and a copy of its value
        (N, H', W', F), taken after the operations that follow in the same shape (bias, normalisation, activation
        function) and before the next layer.
    """
    program = Program(f, (images,))
    return [Activation(name, own(program.values[place])) for name, place in program.layers()]
