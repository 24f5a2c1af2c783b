"""The networks written down once more, from the articles' words: float64, sums over windows, one loop where it is clearer."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def correlate(x, w, stride=1):
    """Cross-correlation of (N, H, W, C) with (h, w, C, F), without padding."""
    windows = sliding_window_view(x, w.shape[:2], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("nhwcij,ijcf->nhwf", windows, w)


def border(x, by):
    return np.pad(x, ((0, 0), (by, by), (by, by), (0, 0)))


def largest(x):
    """The largest of every 2 x 2 block; what is left over at an odd edge is left out."""
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    x = x[:, :height, :width]
    return np.max([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=0)


def relu(x):
    return np.where(x > 0, x, 0)


def flat(x):
    return x.reshape(len(x), -1)


def lenet5(p, x, amplitude=1.0):
    h = border(x, 2) if x.shape[1] == 28 else x
    for name in ("conv1", "conv2"):
        h = amplitude * np.tanh(correlate(h, p[name]["w"]) + p[name]["b"])
        h = (h[:, ::2, ::2] + h[:, 1::2, ::2] + h[:, ::2, 1::2] + h[:, 1::2, 1::2]) / 4
    h = flat(h)
    for name in ("dense1", "dense2"):
        h = amplitude * np.tanh(h @ p[name]["w"] + p[name]["b"])
    return h @ p["dense3"]["w"] + p["dense3"]["b"]


def deep_cnn(p, x):
    for first, second in (("conv1", "conv2"), ("conv3", "conv4")):
        for name in (first, second):
            x = relu(correlate(border(x, 1), p[name]["w"]) + p[name]["b"])
        x = largest(x)
    x = flat(x)
    for name in ("dense1", "dense2"):
        x = relu(x @ p[name]["w"] + p[name]["b"])
    return x @ p["dense3"]["w"] + p["dense3"]["b"]


def strided(p, x, activation=relu):
    h = activation(correlate(x, p["conv1"]["w"]) + p["conv1"]["b"])
    h = activation(correlate(h, p["conv2"]["w"], stride=2) + p["conv2"]["b"])
    return flat(h) @ p["dense"]["w"] + p["dense"]["b"]


def conv_pool_softmax(p, x, activation=relu):
    return flat(largest(activation(correlate(x, p["conv"]["w"])))) @ p["dense"]["w"] + p["dense"]["b"]


def two_class(p, x):
    logits = flat(relu(correlate(border(x, 1), p["conv"]["w"]))) @ p["dense"]["w"]
    return logits[:, 0] if logits.shape[1] == 1 else logits


def linear(x):
    return x


DEFAULT = {
    "lenet5": lenet5, "deep_cnn": deep_cnn, "strided": strided, "conv_pool_softmax": conv_pool_softmax,
    "two_class": two_class, "ten_class_1": two_class, "ten_class_5": two_class, "ten_class_10": two_class,
    "ten_class_colour": two_class,
}  # fmt: skip
PUBLISHED = DEFAULT | {
    "lenet5": lambda p, x: lenet5(p, x, 1.7159),
    "strided": lambda p, x: strided(p, x, linear),
    "conv_pool_softmax": lambda p, x: conv_pool_softmax(p, x, linear),
}
