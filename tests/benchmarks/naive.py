"""The operations and networks of the benchmarks in plain NumPy, float64, forward only."""

from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.operations import shared


def conv2d(x, w, stride=1, padding=0, dilation=1, groups=1):
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    reach = [dilation * (k - 1) + 1 for k in w.shape[:2]]
    windows = sliding_window_view(x, reach, axis=(1, 2))[:, ::stride, ::stride, :, ::dilation, ::dilation]
    parts = zip(np.split(windows, groups, axis=3), np.split(w, groups, axis=3), strict=True)
    return np.concatenate([np.tensordot(a, b, ((4, 5, 3), (0, 1, 2))) for a, b in parts], axis=-1)


def conv_transpose2d(x, w, stride, padding):
    n, height, width, _ = x.shape
    kernel, _, channels, _ = w.shape
    y = np.zeros((n, (height - 1) * stride + kernel, (width - 1) * stride + kernel, channels))
    for i in range(height):
        for j in range(width):
            into = y[:, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
            into += np.tensordot(x[:, i, j], w, ((1,), (3,)))
    return y[:, padding:-padding, padding:-padding]


def pooled(x, f):
    n, height, width, c = x.shape
    return f(x[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2, c), axis=(2, 4))


def cross_entropy(z, labels):
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(z)), labels])


def batch_norm(x, scale, bias):
    axes = tuple(range(x.ndim - 1))
    return (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-5) * scale + bias


FUNCTIONS = shared(np) | {
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "max_pool2d": lambda x, kernel_size: pooled(x, np.max),
    "avg_pool2d": lambda x, kernel_size: pooled(x, np.mean),
    "cross_entropy": cross_entropy,
    "batch_norm": batch_norm,
}


def loss(network, params, x, y):
    """The loss of a network of the benchmarks."""
    h = x
    for layer in network.layers:
        p = params.get(layer.name, {})
        h = {
            "conv": lambda h: conv2d(h, p["w"], layer.stride, layer.padding) + p.get("b", 0),
            "dense": lambda h: h @ p["w"] + p.get("b", 0),
            "batch_norm": lambda h: batch_norm(h, **p),
            "flatten": lambda h: h.reshape(len(h), prod(h.shape[1:])),
            "relu": lambda h: np.maximum(h, 0),
            "tanh": np.tanh,
            "max_pool": lambda h: pooled(h, np.max),
            "avg_pool": lambda h: pooled(h, np.mean),
        }[layer.kind](h)
    if network.classes == 2:
        return np.mean(np.logaddexp(0, h[:, 0]) - h[:, 0] * y)
    return cross_entropy(h, y)
