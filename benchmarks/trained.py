"""The gradients of a training step from the parameters before and after it: what is timed is checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .networks import Network

RATE = 2.0**-6


def recovered(loss: Any, before: Any, after: Any, rate: float) -> dict[str, np.ndarray]:
    """Return the loss and (before - after) / rate by name."""
    results = {"loss": np.asarray(loss)}
    for layer, params in before.items():
        for name, p in params.items():
            results[f"{layer}.{name}"] = (np.asarray(p) - np.asarray(after[layer][name])) / rate
    return results


def channels_first(network: Network, params: Any) -> Any:
    """Kernels as (out, in, height, width), dense layers after `flatten` with their rows in the order C, H, W."""
    name, shape = network.flattened() or ("", ())

    def convert(layer: str, key: str, a: np.ndarray) -> np.ndarray:
        if a.ndim == 4:
            a = a.transpose(3, 2, 0, 1)
        elif layer == name and key == "w":
            a = np.moveaxis(a.reshape(*shape, -1), 2, 0).reshape(a.shape)
        return np.array(a, order="C")

    return {layer: {key: convert(layer, key, a) for key, a in leaves.items()} for layer, leaves in params.items()}


def channels_last(network: Network, params: Any) -> Any:
    """The inverse of `channels_first`."""
    name, shape = network.flattened() or ("", ())

    def convert(layer: str, key: str, a: np.ndarray) -> np.ndarray:
        if a.ndim == 4:
            return a.transpose(2, 3, 1, 0)
        if layer == name and key == "w":
            return np.moveaxis(a.reshape(shape[2], *shape[:2], -1), 0, 2).reshape(a.shape)
        return a

    return {
        layer: {key: convert(layer, key, np.array(a)) for key, a in leaves.items()} for layer, leaves in params.items()
    }
