"""The networks of the training cases as data, for the peers to interpret, with parameters and images of plain NumPy.

A network is a list of layers. Arrays are in our layout: images (N, H, W, C), kernels (height, width, in, out), dense
weights (in, out).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """A layer: its kind, and what that kind needs."""

    kind: str
    name: str = ""
    size: int = 0
    features: int = 0
    stride: int = 1
    padding: int = 0
    bias: bool = True


def conv(name: str, size: int, features: int, **options: Any) -> Layer:
    """A square kernel."""
    return Layer("conv", name, size, features, **options)


def dense(name: str, features: int, bias: bool = True) -> Layer:
    """A matrix and a bias."""
    return Layer("dense", name, features=features, bias=bias)


RELU, TANH, FLATTEN, AVERAGE, MAX = (Layer(kind) for kind in ("relu", "tanh", "flatten", "avg_pool", "max_pool"))


@dataclass(frozen=True)
class Network:
    """Layers, and the shape of an image."""

    name: str
    image_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    classes: int = 10

    def parameters(self) -> dict[str, dict[str, np.ndarray]]:
        """Draw them, float32."""
        generator = np.random.default_rng(1)
        params: dict[str, dict[str, np.ndarray]] = {}
        for layer, shape in self._shapes():
            if layer.kind == "batch_norm":
                params[layer.name] = {"scale": np.ones(shape[-1], np.float32), "bias": np.zeros(shape[-1], np.float32)}
            elif layer.kind in ("conv", "dense"):
                kernel = (layer.size, layer.size) if layer.kind == "conv" else ()
                w = (
                    generator.standard_normal((*kernel, shape[-1], layer.features))
                    * (np.prod(kernel) * shape[-1]) ** -0.5
                )
                params[layer.name] = {"w": w.astype(np.float32)}
                if layer.bias:
                    params[layer.name]["b"] = np.zeros(layer.features, np.float32)
        return params

    def data(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images, float32, and labels, int64 (of two classes: float32, as the log-loss wants them)."""
        generator = np.random.default_rng(0)
        x = generator.standard_normal((batch, *self.image_shape), dtype=np.float32)
        y = generator.integers(0, self.classes, batch)
        return x, y.astype(np.float32) if self.classes == 2 else y

    def flattened(self) -> tuple[str, tuple[int, ...]] | None:
        """Return the dense layer after `flatten` and the shape that is flattened: channels first, rows are permuted."""
        shapes = [*self._shapes()]
        for (layer, shape), (following, _) in pairwise(shapes):
            if layer.kind == "flatten":
                return following.name, shape
        return None

    def _shapes(self) -> Iterator[tuple[Layer, tuple[int, ...]]]:
        """Every layer and the shape (H, W, C) or (features,) that it takes."""
        shape = self.image_shape
        for layer in self.layers:
            yield layer, shape
            if layer.kind == "conv":
                height, width = ((n + 2 * layer.padding - layer.size) // layer.stride + 1 for n in shape[:2])
                shape = height, width, layer.features
            elif layer.kind in ("avg_pool", "max_pool"):
                shape = shape[0] // 2, shape[1] // 2, shape[2]
            elif layer.kind == "flatten":
                shape = (int(np.prod(shape)),)
            elif layer.kind == "dense":
                shape = (layer.features,)


TWO_CLASS = Network(
    "two_class",
    (28, 28, 1),
    (conv("conv", 3, 1, padding=1, bias=False), RELU, FLATTEN, dense("dense", 1, bias=False)),
    2,
)
LENET5 = Network(
    "lenet5",
    (28, 28, 1),
    (
        conv("conv1", 5, 6, padding=2), TANH, AVERAGE, conv("conv2", 5, 16), TANH, AVERAGE, FLATTEN,
        dense("dense1", 120), TANH, dense("dense2", 84), TANH, dense("dense3", 10),
    ),
)  # fmt: skip
DEEP_CNN = Network(
    "deep_cnn",
    (28, 28, 1),
    (
        conv("conv1", 3, 32, padding=1), RELU, conv("conv2", 3, 32, padding=1), RELU, MAX,
        conv("conv3", 3, 64, padding=1), RELU, conv("conv4", 3, 64, padding=1), RELU, MAX,
        FLATTEN, dense("dense1", 256), RELU, dense("dense2", 32), RELU, dense("dense3", 10),
    ),
)  # fmt: skip
STRIDED = Network(
    "strided",
    (28, 28, 1),
    (conv("conv1", 8, 16), RELU, conv("conv2", 4, 8, stride=2), RELU, FLATTEN, dense("dense", 10)),
)
CONV_POOL_SOFTMAX = Network(
    "conv_pool_softmax", (28, 28, 1), (conv("conv", 3, 16, bias=False), RELU, MAX, FLATTEN, dense("dense", 10))
)


def _normalised(i: int, features: int) -> tuple[Layer, ...]:
    return (
        conv(f"conv{i}", 3, features, padding=1, bias=False),
        Layer("batch_norm", f"norm{i}", features=features),
        RELU,
    )


VGG = Network(
    "vgg",
    (32, 32, 3),
    (
        *_normalised(1, 64), *_normalised(2, 64), MAX,
        *_normalised(3, 128), *_normalised(4, 128), MAX, *_normalised(5, 256), MAX, FLATTEN, dense("dense", 10),
    ),
)  # fmt: skip
MLP = Network("mlp", (784,), (dense("dense1", 512), RELU, dense("dense2", 512), RELU, dense("dense3", 10)))
