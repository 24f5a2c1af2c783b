"""PyTorch, eager and compiled; in its own layout, channels first in the logical order, and in both memory formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ..cases import Program, Results
from ..networks import Layer, Network
from ..operations import Kind, Operation, named, shared, to_first, to_last
from ..settings import THREADS
from ..tape import Library
from ..trained import channels_first, channels_last, recovered

torch.set_num_threads(THREADS)


def _layer(layer: Layer, state: dict[str, Any]) -> Callable[[Any, Any], Any]:
    """Return ``f(params, h)``."""
    name = layer.name
    match layer.kind:
        case "conv":
            options = {"stride": layer.stride, "padding": layer.padding}
            return lambda p, h: functional.conv2d(h, p[name]["w"], p[name].get("b"), **options)
        case "dense" if layer.bias:
            return lambda p, h: torch.addmm(p[name]["b"], h, p[name]["w"])
        case "dense":
            return lambda p, h: h @ p[name]["w"]
        case "batch_norm":
            statistics = state[name] = (torch.zeros(layer.features), torch.ones(layer.features))
            return lambda p, h: functional.batch_norm(h, *statistics, p[name]["scale"], p[name]["bias"], training=True)
        case "flatten":
            return lambda p, h: h.flatten(1)
        case "avg_pool":
            return lambda p, h: functional.avg_pool2d(h, 2)
        case "max_pool":
            return lambda p, h: functional.max_pool2d(h, 2)
    return {"relu": lambda p, h: functional.relu(h), "tanh": lambda p, h: torch.tanh(h)}[layer.kind]


def loss_of(network: Network) -> Callable[[Any, Any, Any], Any]:
    """Return ``loss(params, x, y)``."""
    layers = [_layer(layer, {}) for layer in network.layers]

    def loss(params: Any, x: Any, y: Any) -> Any:
        for layer in layers:
            x = layer(params, x)
        if network.classes == 2:
            return functional.binary_cross_entropy_with_logits(x[:, 0], y)
        return functional.cross_entropy(x, y)

    return loss


def training(network: Network, batch: int, rate: float, *, compiled: bool = False) -> list[Program]:
    """Both memory formats for batches of images, and (eager) two ways to update: the fastest counts."""
    formats = (False, True) if len(network.image_shape) == 3 and batch > 1 else (False,)
    optimizers = (False,) if compiled else (False, True)
    return [_training(network, batch, rate, last, sgd, compiled) for last in formats for sgd in optimizers]


def _training(network: Network, batch: int, rate: float, last: bool, optimizer: bool, compiled: bool) -> Program:
    loss = loss_of(network)
    if compiled:
        torch._dynamo.reset()
        loss = torch.compile(loss)
    form = torch.channels_last if last else torch.contiguous_format
    x, y = network.data(batch)
    x = torch.tensor(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    x = x.contiguous(memory_format=form) if x.ndim == 4 else x
    y = torch.tensor(y)

    def leaf(a: np.ndarray) -> Any:
        t = torch.tensor(a)
        return (t.contiguous(memory_format=form) if t.ndim == 4 else t).requires_grad_()

    first = channels_first(network, network.parameters())
    params = {layer: {name: leaf(a) for name, a in leaves.items()} for layer, leaves in first.items()}
    flat = [p for leaves in params.values() for p in leaves.values()]
    sgd = torch.optim.SGD(flat, lr=rate)

    def with_optimizer() -> Any:
        sgd.zero_grad()
        value = loss(params, x, y)
        value.backward()
        sgd.step()
        return value

    def by_hand() -> Any:
        value = loss(params, x, y)
        grads = torch.autograd.grad(value, flat)
        with torch.no_grad():
            torch._foreach_add_(flat, grads, alpha=-rate)
        return value

    run = with_optimizer if optimizer else by_hand

    def values() -> Any:
        return channels_last(network, {k: {n: p.detach().numpy() for n, p in v.items()} for k, v in params.items()})

    def result() -> Results:
        before = values()
        return recovered(run().detach().numpy(), before, values(), rate)

    note = ("channels last, " if last else "") + ("SGD" if optimizer else "foreach")
    return Program(run, result, note)


FUNCTIONS = shared(torch) | {
    "conv2d": lambda x, w, **options: functional.conv2d(x, w, **options),
    "conv_transpose2d": lambda x, w, **options: functional.conv_transpose2d(x, w, **options),
    "max_pool2d": lambda x, kernel_size: functional.max_pool2d(x, kernel_size),
    "avg_pool2d": lambda x, kernel_size: functional.avg_pool2d(x, kernel_size),
    "cross_entropy": functional.cross_entropy,
    "batch_norm": lambda x, scale, bias: functional.batch_norm(x, None, None, scale, bias, training=True),
}


def operation(op: Operation, backward: bool, *, compiled: bool = False) -> list[Program]:
    """In both memory formats if there are images."""
    return [_operation(op, backward, last, compiled) for last in ((False, True) if "images" in op.kinds else (False,))]


def _operation(op: Operation, backward: bool, last: bool, compiled: bool) -> Program:
    def tensor(a: np.ndarray, kind: Kind) -> Any:
        t = torch.tensor(to_first(a, kind))
        return t.contiguous(memory_format=torch.channels_last) if last and t.ndim == 4 else t

    inputs = [tensor(a, kind) for a, kind in zip(op.inputs(), op.kinds, strict=True)]
    f = lambda *xs: FUNCTIONS[op.function](*xs, **op.options)
    if compiled:
        torch._dynamo.reset()
        f = torch.compile(f)
    which = [inputs[i] for i in op.differentiated]

    def forward() -> Any:
        with torch.no_grad():
            return f(*inputs)

    y = to_last(forward().numpy(), op.output)
    g = tensor(op.cotangent(y.shape), op.output)

    def both() -> Any:
        y = f(*inputs)
        return y, torch.autograd.grad(y, which, g)

    def result() -> Results:
        if not backward:
            return named(op, to_last(forward().numpy(), op.output))
        y, grads = both()
        kinds = [op.kinds[i] for i in op.differentiated]
        turned = [to_last(a.numpy(), kind) for a, kind in zip(grads, kinds, strict=True)]
        return named(op, to_last(y.detach().numpy(), op.output), turned)

    if backward:
        for t in which:
            t.requires_grad_()
    return Program(both if backward else forward, result, "channels last" if last else "")


def library(*, compiled: bool = False) -> Library:
    """See `tape`; second derivatives with `create_graph`, the rest with `torch.func`."""

    def gradient(f: Any) -> Any:
        def both(x: Any) -> Any:
            x = x.detach().requires_grad_()
            y = f(x)
            return y.detach(), torch.autograd.grad(y, x)[0]

        return both

    def second(f: Any) -> Any:
        def twice(x: Any) -> Any:
            x = x.detach().requires_grad_()
            (g,) = torch.autograd.grad(f(x), x, create_graph=True)
            return torch.autograd.grad((g**2).sum(), x)[0]

        return twice

    per_example = lambda f: torch.func.vmap(torch.func.grad(f), in_dims=(None, 0))
    return Library(torch, torch.tensor, gradient, second, per_example, torch.func.hessian)
