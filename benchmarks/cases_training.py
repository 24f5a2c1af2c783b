"""Training steps: forward, backward and the SGD update, float32."""

from __future__ import annotations

from functools import partial
from typing import Any

from . import networks, peers
from .cases import COMPILED, EAGER, Case, Program
from .networks import Network
from .trained import RATE

_SLOW = {("autograd", "deep_cnn"), ("autograd", "vgg"), ("MyGrad", "vgg"), ("autograd", "lenet5", 512)}


def _build(name: str, network: Network, batch: int) -> list[Program]:
    options = {"compiled": True} if name in (COMPILED, "torch.compile") else {}
    return peers.module(name).training(network, batch, RATE, **options)


def _case(
    network: Network, title: str, batch: int, eager: float, compiled: float | None = None, **options: Any
) -> Case:
    names = [n for n in peers.NAMES if not _SLOW & {(n, network.name), (n, network.name, batch)}]
    return Case(
        name=f"training/{network.name}/{batch}",
        title=f"{title}, batch {batch}",
        builders={name: partial(_build, name, network, batch) for name in names},
        targets={EAGER: eager, COMPILED: eager if compiled is None else compiled},
        **options,
    )


# With a million relus, rounding moves some input across the kink: hence the tolerance of the VGG-like network.
CASES = [
    _case(networks.TWO_CLASS, "N1 `two_class`", 1, 0.8),
    _case(networks.STRIDED, "N4 `strided`", 1, 0.8),
    _case(networks.CONV_POOL_SOFTMAX, "N5 `conv_pool_softmax`", 1, 0.8),
    _case(networks.LENET5, "LeNet-5", 1, 0.9, 0.6),
    _case(networks.LENET5, "LeNet-5", 32, 0.8, 0.6),
    _case(networks.LENET5, "LeNet-5", 128, 0.75, 0.6),
    _case(networks.LENET5, "LeNet-5", 512, 0.75, 0.6, memory=True, lean=True),
    _case(networks.DEEP_CNN, "N3 `deep_cnn`", 64, 1.1, memory=True, lean=True),
    _case(networks.VGG, "VGG-like, 32x32x3", 32, 1.1, memory=True, lean=True, tolerance=2e-2),
    _case(networks.MLP, "MLP 784-512-512-10", 128, 1.0),
]
