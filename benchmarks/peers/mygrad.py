"""MyGrad: its own layers, channels first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad
import numpy as np
from mygrad.nnet.activations import relu
from mygrad.nnet.layers import batchnorm, conv_nd, max_pool
from mygrad.nnet.losses import softmax_crossentropy

from ..cases import Program, Results
from ..networks import Layer, Network
from ..operations import Operation, named, shared, to_first, to_last
from ..tape import Library
from ..trained import channels_first, channels_last, recovered


def _average(h: Any) -> Any:
    n, c, height, width = h.shape
    return h.reshape(n, c, height // 2, 2, width // 2, 2).mean(axis=(3, 5))


def _layer(layer: Layer) -> Callable[[Any, Any], Any]:
    """Return ``f(params, h)``."""
    name = layer.name
    match layer.kind:
        case "conv":

            def conv(p: Any, h: Any) -> Any:
                if layer.stride > 1:  # it takes no input of which the last row and column are left over
                    rest = [(n - layer.size) % layer.stride for n in h.shape[2:]]
                    h = h[:, :, : h.shape[2] - rest[0], : h.shape[3] - rest[1]]
                h = conv_nd(h, p[name]["w"], stride=layer.stride, padding=layer.padding)
                return h + p[name]["b"].reshape(1, -1, 1, 1) if layer.bias else h

            return conv
        case "dense" if layer.bias:
            return lambda p, h: h @ p[name]["w"] + p[name]["b"]
        case "dense":
            return lambda p, h: h @ p[name]["w"]
        case "batch_norm":
            return lambda p, h: batchnorm(h, gamma=p[name]["scale"], beta=p[name]["bias"], eps=1e-5)
        case "flatten":
            return lambda p, h: h.reshape(len(h), -1)
        case "avg_pool":
            return lambda p, h: _average(h)
        case "max_pool":
            return lambda p, h: max_pool(h, (2, 2), 2)
    return {"relu": lambda p, h: relu(h), "tanh": lambda p, h: mygrad.tanh(h)}[layer.kind]


def training(network: Network, batch: int, rate: float) -> list[Program]:
    """Loss, backward, and the update of each parameter's data."""
    layers = [_layer(layer) for layer in network.layers]
    x, y = network.data(batch)
    x = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    first = channels_first(network, network.parameters())
    params = {k: {n: mygrad.tensor(a) for n, a in v.items()} for k, v in first.items()}
    flat = [p for leaves in params.values() for p in leaves.values()]

    def run() -> Any:
        h = x
        for layer in layers:
            h = layer(params, h)
        if network.classes == 2:
            h = h[:, 0]
            loss = mygrad.mean(mygrad.logaddexp(h, 0) - h * y)
        else:
            loss = softmax_crossentropy(h, y)
        loss.backward()
        for p in flat:
            p.data -= rate * p.grad
        return loss.item()

    def values() -> Any:
        return channels_last(network, {k: {n: p.data for n, p in v.items()} for k, v in params.items()})

    def result() -> Results:
        before = values()
        return recovered(run(), before, values(), rate)

    return [Program(run, result)]


FUNCTIONS = shared(mygrad) | {
    "conv2d": lambda x, w, **options: conv_nd(x, w, **{"stride": 1} | options),
    "max_pool2d": lambda x, kernel_size: max_pool(x, (2, 2), 2),
    "avg_pool2d": lambda x, kernel_size: _average(x),
    "cross_entropy": softmax_crossentropy,
    "batch_norm": lambda x, scale, bias: batchnorm(x, gamma=scale, beta=bias, eps=1e-5),
}


def operation(op: Operation, backward: bool) -> list[Program]:
    """Channels first; the cotangent goes into `backward`."""
    f = lambda *xs: FUNCTIONS[op.function](*xs, **op.options)
    arrays = [to_first(a, kind) for a, kind in zip(op.inputs(), op.kinds, strict=True)]
    inputs = [a if kind == "constant" else mygrad.tensor(a) for a, kind in zip(arrays, op.kinds, strict=True)]

    def forward() -> Any:
        with mygrad.no_autodiff:
            return f(*inputs)

    y = to_last(np.asarray(forward()), op.output)
    g = to_first(op.cotangent(y.shape), op.output)

    def both() -> Any:
        y = f(*inputs)
        y.backward(g)
        return y

    def result() -> Results:
        y = np.asarray(both() if backward else forward())
        kinds = [(i, op.kinds[i]) for i in op.differentiated] if backward else []
        return named(op, to_last(y, op.output), [to_last(inputs[i].grad, kind) for i, kind in kinds])

    return [Program(both if backward else forward, result)]


def library() -> Library:
    """See `tape`; it has first derivatives only."""

    def gradient(f: Any) -> Any:
        def both(x: Any) -> Any:
            x = mygrad.tensor(x)
            y = f(x)
            y.backward()
            return y.data, x.grad

        return both

    return Library(mygrad, np.asarray, gradient)
