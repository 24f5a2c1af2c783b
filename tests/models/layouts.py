"""The parameters of a network for images with channels first, as PyTorch has them."""

import numpy as np

from tinygrad_np import tree

# The shape (H, W, C) of what is flattened before the first dense layer.
FLATTENED = {
    "lenet5": ("dense1", (5, 5, 16)), "deep_cnn": ("dense1", (7, 7, 64)), "strided": ("dense", (9, 9, 8)),
    "conv_pool_softmax": ("dense", (13, 13, 16)), "two_class": ("dense", (28, 28, 1)),
    "ten_class_1": ("dense", (28, 28, 1)), "ten_class_5": ("dense", (28, 28, 5)),
    "ten_class_10": ("dense", (28, 28, 10)), "ten_class_colour": ("dense", (32, 32, 15)),
}  # fmt: skip


def channels_first(name, params):
    """Turn parameters (or gradients) for channels last into those for channels first."""
    dense, shape = FLATTENED[name]

    def turned(path, leaf):
        if leaf.ndim == 4:
            return np.ascontiguousarray(leaf.transpose(3, 2, 0, 1))
        if path == f"['{dense}']['w']":
            return leaf.reshape(*shape, -1).transpose(2, 0, 1, 3).reshape(leaf.shape)
        return leaf

    return tree.map_with_path(turned, params)
