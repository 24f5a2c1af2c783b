"""autograd: its convolution is `autograd.scipy.signal.convolve`, as in its own example of a convolutional network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as np
from autograd.scipy.signal import convolve

from ..cases import Program, Results
from ..networks import Layer, Network
from ..operations import Operation, named, shared, to_first, to_last
from ..tape import Library
from ..trained import channels_first, channels_last, recovered


def conv2d(x: Any, w: Any, stride: int = 1, padding: int = 0) -> Any:
    """Cross-correlation, x (N, C, H, W) and w (F, C, height, width); a stride computes all and keeps a part."""
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), "constant")
    y = convolve(x, w[:, :, ::-1, ::-1], axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")
    return y if stride == 1 else y[:, :, ::stride, ::stride]


def pool(h: Any, f: Callable[..., Any]) -> Any:
    """Windows of 2 x 2."""
    n, c, height, width = h.shape
    return f(f(h.reshape(n, c, height // 2, 2, width // 2, 2), axis=5), axis=3)


def _layer(layer: Layer) -> Callable[[Any, Any], Any]:
    """Return ``f(params, h)``."""
    name = layer.name
    match layer.kind:
        case "conv":

            def conv(p: Any, h: Any) -> Any:
                h = conv2d(h, p[name]["w"], layer.stride, layer.padding)
                return h + p[name]["b"].reshape(1, -1, 1, 1) if layer.bias else h

            return conv
        case "dense" if layer.bias:
            return lambda p, h: np.dot(h, p[name]["w"]) + p[name]["b"]
        case "dense":
            return lambda p, h: np.dot(h, p[name]["w"])
        case "flatten":
            return lambda p, h: h.reshape(len(h), -1)
        case "avg_pool":
            return lambda p, h: pool(h, np.mean)
        case "max_pool":
            return lambda p, h: pool(h, np.max)
    return {"relu": lambda p, h: np.maximum(h, 0), "tanh": lambda p, h: np.tanh(h)}[layer.kind]


def training(network: Network, batch: int, rate: float) -> list[Program]:
    """`value_and_grad` of the parameters' dictionary."""
    layers = [_layer(layer) for layer in network.layers]
    x, y = network.data(batch)
    x = np.array(np.moveaxis(x, -1, 1), order="C")
    params = channels_first(network, network.parameters())

    def loss(params: Any) -> Any:
        h = x
        for layer in layers:
            h = layer(params, h)
        if network.classes == 2:
            return np.mean(np.logaddexp(h[:, 0], 0) - h[:, 0] * y)
        h = h - np.max(h, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(h), axis=1)) - h[np.arange(batch), y])

    gradients = autograd.value_and_grad(loss)

    def run() -> Any:
        nonlocal params
        value, grads = gradients(params)
        params = {k: {n: p - rate * grads[k][n] for n, p in v.items()} for k, v in params.items()}
        return value

    def result() -> Results:
        before = params
        value = run()
        return recovered(value, channels_last(network, before), channels_last(network, params), rate)

    return [Program(run, result)]


def _cross_entropy(z: Any, labels: Any) -> Any:
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(labels)), labels])


FUNCTIONS = shared(np) | {
    "conv2d": conv2d,
    "max_pool2d": lambda x, kernel_size: pool(x, np.max),
    "avg_pool2d": lambda x, kernel_size: pool(x, np.mean),
    "cross_entropy": _cross_entropy,
}


def operation(op: Operation, backward: bool) -> list[Program]:
    """Channels first; `make_vjp` of a function of the differentiated inputs."""
    inputs = [to_first(a, kind) for a, kind in zip(op.inputs(), op.kinds, strict=True)]
    which = op.differentiated

    def f(some: Any) -> Any:
        every = [*inputs]
        for i, x in zip(which, some, strict=True):
            every[i] = x
        return FUNCTIONS[op.function](*every, **op.options)

    some = tuple(inputs[i] for i in which)
    g = to_first(op.cotangent(to_last(f(some), op.output).shape), op.output)

    def both() -> Any:
        pullback, y = autograd.make_vjp(f)(some)
        return y, pullback(g)

    def result() -> Results:
        if not backward:
            return named(op, to_last(f(some), op.output))
        y, grads = both()
        kinds = [op.kinds[i] for i in which]
        return named(op, to_last(y, op.output), [to_last(a, k) for a, k in zip(grads, kinds, strict=True)])

    return [Program(both if backward else lambda: f(some), result)]


def library() -> Library:
    """See `tape`; it has no vmap."""

    def second(f: Any) -> Any:
        return autograd.grad(lambda x: np.sum(autograd.grad(f)(x) ** 2))

    return Library(np, lambda a: a, autograd.value_and_grad, second, hessian=autograd.hessian)
