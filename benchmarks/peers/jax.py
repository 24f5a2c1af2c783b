"""JAX: everything that is timed is one jitted function, waited for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..cases import Program, Results
from ..networks import Layer, Network
from ..operations import Operation, named, shared
from ..tape import Library
from ..trained import recovered

_NHWC = ("NHWC", "HWIO", "NHWC")


def _pool(h: Any) -> Any:
    n, height, width, c = h.shape
    return h[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2, c)


def _reduced(h: Any, start: float, f: Any) -> Any:
    return lax.reduce_window(h, start, f, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _layer(layer: Layer, windows: bool) -> Callable[[Any, Any], Any]:
    """Return ``f(params, h)``; pooling is a reduction of windows, or of a reshaped array."""
    name = layer.name
    match layer.kind:
        case "conv":
            padding, stride = [(layer.padding,) * 2] * 2, (layer.stride,) * 2

            def conv(p: Any, h: Any) -> Any:
                h = lax.conv_general_dilated(h, p[name]["w"], stride, padding, dimension_numbers=_NHWC)
                return h + p[name]["b"] if layer.bias else h

            return conv
        case "dense":
            return lambda p, h: h @ p[name]["w"] + (p[name]["b"] if layer.bias else 0)
        case "batch_norm":
            return lambda p, h: _normalised(h, **p[name])
        case "flatten":
            return lambda p, h: h.reshape(len(h), -1)
        case "avg_pool" if windows:
            return lambda p, h: _reduced(h, 0.0, lax.add) / 4
        case "max_pool" if windows:
            return lambda p, h: _reduced(h, -jnp.inf, lax.max)
        case "avg_pool":
            return lambda p, h: _pool(h).mean((2, 4))
        case "max_pool":
            return lambda p, h: _pool(h).max((2, 4))
    return {"relu": lambda p, h: jax.nn.relu(h), "tanh": lambda p, h: jnp.tanh(h)}[layer.kind]


def _normalised(h: Any, scale: Any, bias: Any) -> Any:
    mean, var = h.mean((0, 1, 2)), h.var((0, 1, 2))
    return (h - mean) * (lax.rsqrt(var + 1e-5) * scale) + bias


def loss_of(network: Network, windows: bool) -> Callable[[Any, Any, Any], Any]:
    """Return ``loss(params, x, y)``."""
    layers = [_layer(layer, windows) for layer in network.layers]

    def loss(params: Any, x: Any, y: Any) -> Any:
        for layer in layers:
            x = layer(params, x)
        if network.classes == 2:
            z = x[:, 0]
            return jnp.mean(jax.nn.softplus(z) - z * y)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1))

    return loss


def training(network: Network, batch: int, rate: float) -> list[Program]:
    """The whole step is one jitted function."""
    pools = any(layer.kind in ("avg_pool", "max_pool") for layer in network.layers)
    return [_training(network, batch, rate, windows) for windows in ((True, False) if pools else (False,))]


def _training(network: Network, batch: int, rate: float, windows: bool) -> Program:
    gradients = jax.value_and_grad(loss_of(network, windows))

    @partial(jax.jit, donate_argnums=0)
    def step(params: Any, x: Any, y: Any) -> Any:
        value, grads = gradients(params, x, y)
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), value

    x, y = map(jnp.asarray, network.data(batch))
    params = jax.tree.map(jnp.array, network.parameters())

    def run() -> Any:
        nonlocal params
        params, value = step(params, x, y)
        return jax.block_until_ready((params, value))[1]

    def result() -> Results:
        before = jax.tree.map(np.array, params)
        return recovered(run(), before, params, rate)

    return Program(run, result, "windows" if windows else "")


def _cross_entropy(z: Any, labels: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], 1))


def _conv2d(x: Any, w: Any, *, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1) -> Any:
    return lax.conv_general_dilated(
        x, w, (stride,) * 2, [(padding,) * 2] * 2, rhs_dilation=(dilation,) * 2, dimension_numbers=_NHWC,
        feature_group_count=groups,
    )  # fmt: skip


def _conv_transpose2d(x: Any, w: Any, *, stride: int, padding: int) -> Any:
    border = w.shape[0] - 1 - padding
    return lax.conv_transpose(x, w, (stride,) * 2, [(border,) * 2] * 2, dimension_numbers=_NHWC, transpose_kernel=True)


FUNCTIONS = shared(jnp) | {
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "max_pool2d": lambda x, kernel_size: _pool(x).max((2, 4)),
    "avg_pool2d": lambda x, kernel_size: _pool(x).mean((2, 4)),
    "cross_entropy": _cross_entropy,
    "batch_norm": _normalised,
}
WINDOWS = {
    "max_pool2d": lambda x, kernel_size: _reduced(x, -jnp.inf, lax.max),
    "avg_pool2d": lambda x, kernel_size: _reduced(x, 0.0, lax.add) / 4,
}


def operation(op: Operation, backward: bool) -> list[Program]:
    """Pooling in both ways."""
    ways = [FUNCTIONS] + [WINDOWS] * (op.function in WINDOWS)
    return [_operation(op, backward, way[op.function]) for way in ways]


def _operation(op: Operation, backward: bool, function: Callable[..., Any]) -> Program:
    inputs = [jnp.asarray(a) for a in op.inputs()]
    which = op.differentiated
    f = jax.jit(lambda *xs: function(*xs, **op.options))
    g = jnp.asarray(op.cotangent(f(*inputs).shape))

    @jax.jit
    def both(g: Any, *xs: Any) -> Any:
        def of_some(*some: Any) -> Any:
            every = [*xs]
            for i, x in zip(which, some, strict=True):
                every[i] = x
            return f(*every)

        y, pullback = jax.vjp(of_some, *(xs[i] for i in which))
        return y, pullback(g)

    if backward:
        return Program(
            lambda: jax.block_until_ready(both(g, *inputs)), lambda: named(op, *both(g, *inputs)),
            "windows" if function in WINDOWS.values() else "",
        )  # fmt: skip
    return Program(lambda: jax.block_until_ready(f(*inputs)), lambda: named(op, f(*inputs)))


def library() -> Library:
    """See `tape`. In double precision where the others are."""

    def second(f: Any) -> Any:
        return jax.grad(lambda x: jnp.sum(jax.grad(f)(x) ** 2))

    def finish(f: Any) -> Any:
        compiled = jax.jit(f)
        return lambda *xs: jax.block_until_ready(compiled(*xs))

    vmapped = lambda f: jax.vmap(jax.grad(f), in_axes=(None, 0))
    return Library(jnp, jnp.asarray, jax.value_and_grad, second, vmapped, jax.hessian, finish)
