"""tinygrad_np, in the ordinary eager way and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_np
from tinygrad_np import grad, hessian, models, nn, tree, value_and_grad, vjp, vmap

from ..cases import Program, Results
from ..networks import Network
from ..operations import Kind, Operation, named, shared
from ..tape import Library
from ..trained import recovered


def vgg(params: Any, states: Any, x: Any) -> Any:
    """3x3 convolutions with batch norm, pooled three times; returns the logits and the new statistics."""
    new = {}
    h = x
    for i in range(1, 6):
        h = nn.conv2d(h, params[f"conv{i}"]["w"], padding=1)
        h, new[f"norm{i}"] = nn.batch_norm(h, states[f"norm{i}"], **params[f"norm{i}"], train=True)
        h = nn.relu(h)
        if i in (2, 4, 5):
            h = nn.max_pool2d(h, 2)
    return nn.dense(h.reshape(len(x), -1), **params["dense"]), new


def mlp(params: Any, x: Any) -> Any:
    """Three dense layers."""
    h = nn.relu(nn.dense(x, **params["dense1"]))
    h = nn.relu(nn.dense(h, **params["dense2"]))
    return nn.dense(h, **params["dense3"])


_APPLY = {
    "two_class": models.two_class.apply,
    "lenet5": models.lenet5.apply,
    "deep_cnn": models.deep_cnn.apply,
    "strided": models.strided.apply,
    "conv_pool_softmax": models.conv_pool_softmax.apply,
    "mlp": mlp,
}


def training(network: Network, batch: int, rate: float, *, compiled: bool = False) -> list[Program]:
    """Loss, gradients and the update, all three compiled, as a whole or in micro-batches; or nothing compiled."""
    if not compiled:
        return [_training(network, batch, rate, lambda step: step)]
    ways = [_training(network, batch, rate, tinygrad_np.compile)]
    if batch > 32:
        by_parts = lambda step: tinygrad_np.compile(step, batch_argnums=(2, 3))
        ways.append(_training(network, batch, rate, by_parts, "batch_argnums"))
    return ways


def _training(network: Network, batch: int, rate: float, compile: Callable[..., Any], note: str = "") -> Program:
    x, y = network.data(batch)
    params = network.parameters()
    normalised = network.name == "vgg"
    state = _statistics(params) if normalised else None
    step = compile(_step_with_statistics(rate) if normalised else _step(network.name, rate))

    def run() -> Any:
        nonlocal params, state
        loss, params, state = step(params, state, x, y)
        return loss

    def result() -> Results:
        before = params
        return recovered(run(), before, params, rate)

    return Program(run, result, note)


def _step(name: str, rate: float) -> Any:
    apply = _APPLY[name]
    loss = lambda params, x, y: models.model.mean_loss(apply(params, x), y)
    gradients = value_and_grad(loss)

    def step(params: Any, state: None, x: Any, y: Any) -> Any:
        value, grads = gradients(params, x, y)
        return value, tree.map(lambda p, g: p - rate * g, params, grads), state

    return step


def _statistics(params: Any) -> Any:
    return {name: nn.batch_norm_state(p["scale"].size) for name, p in params.items() if "scale" in p}


def _step_with_statistics(rate: float) -> Any:
    def loss(params: Any, states: Any, x: Any, y: Any) -> Any:
        logits, states = vgg(params, states, x)
        return nn.cross_entropy(logits, y), states

    gradients = value_and_grad(loss, has_aux=True)

    def step(params: Any, states: Any, x: Any, y: Any) -> Any:
        (value, states), grads = gradients(params, states, x, y)
        return value, tree.map(lambda p, g: p - rate * g, params, grads), states

    return step


FUNCTIONS = shared(np) | {
    "conv2d": nn.conv2d,
    "conv_transpose2d": nn.conv_transpose2d,
    "max_pool2d": nn.max_pool2d,
    "avg_pool2d": nn.avg_pool2d,
    "cross_entropy": nn.cross_entropy,
    "batch_norm": lambda x, scale, bias: nn.batch_norm(x, _fresh(x), scale, bias, train=True)[0],
}


def _fresh(x: Any) -> Any:
    return nn.batch_norm_state(x.shape[-1])


def operation(op: Operation, backward: bool, *, compiled: bool = False) -> list[Program]:
    """With images in C order, and as they lie within a network: rows, channels, columns, batch."""
    ways = (False, True) if "images" in op.kinds else (False,)
    return [_operation(op, backward, inner, compiled) for inner in ways]


def _operation(op: Operation, backward: bool, inner: bool, compiled: bool) -> Program:
    """The function, or its value and the cotangents of its inputs."""

    def laid_out(a: np.ndarray, kind: Kind) -> np.ndarray:
        return a.transpose(1, 3, 2, 0).copy().transpose(3, 0, 2, 1) if inner and kind == "images" else a

    inputs = [laid_out(a, kind) for a, kind in zip(op.inputs(), op.kinds, strict=True)]
    options, which, function = dict(op.options), op.differentiated, FUNCTIONS[op.function]
    f = lambda *xs: function(*xs, **options)
    g = laid_out(op.cotangent(np.shape(f(*inputs))), op.output)

    def both(g: Any, *xs: Any) -> Any:
        rest = [None if i in which else x for i, x in enumerate(xs)]

        def of_some(*some: Any) -> Any:
            found = iter(some)
            return function(*(next(found) if x is None else x for x in rest), **options)

        y, pullback = vjp(of_some, *(xs[i] for i in which))
        return y, pullback(g)

    if compiled:
        f, both = tinygrad_np.compile(f), tinygrad_np.compile(both)
    note = "batch innermost" if inner else ""
    if backward:
        return Program(lambda: both(g, *inputs), lambda: named(op, *both(g, *inputs)), note)
    return Program(lambda: f(*inputs), lambda: named(op, f(*inputs)), note)


def library(*, compiled: bool = False) -> Library:
    """See `tape`."""

    def second(f: Any) -> Any:
        return grad(lambda x: np.sum(grad(f)(x) ** 2))

    return Library(
        np, lambda a: a, value_and_grad, second, lambda f: vmap(grad(f), in_axes=(None, 0)), hessian,
        tinygrad_np.compile if compiled else lambda f: f,
    )  # fmt: skip
