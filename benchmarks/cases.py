"""What is timed: the same program for tinygrad_np and for each peer that is installed. A step returns its loss."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from tinygrad_np import models, random, value_and_grad
from tinygrad_np.nn import cross_entropy

Step = Callable[[], float]
THREADS = 2
CHAIN = 1000


def lenet5(batch: int) -> dict[str, Step]:
    """Loss and gradients of LeNet-5 on 28x28 images padded by 2, tanh, average pooling."""
    rng = np.random.default_rng(0)
    params = models.lenet5.init(random.key(0))
    x = rng.standard_normal((batch, 28, 28, 1)).astype(np.float32)
    labels = rng.integers(0, 10, batch)
    step = value_and_grad(lambda p: cross_entropy(models.lenet5.apply(p, x), labels))
    steps: dict[str, Step] = {"tinygrad_np": lambda: float(step(params)[0])}
    images = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    first = {k: {"w": np.ascontiguousarray(_first(v["w"])), "b": v["b"]} for k, v in params.items()}
    # channels first flattens in another order: permute the first dense layer's rows accordingly
    dense = params["dense1"]["w"].reshape(5, 5, 16, -1).transpose(2, 0, 1, 3).reshape(400, -1)
    first["dense1"]["w"] = np.ascontiguousarray(dense)
    if find_spec("torch"):
        steps["PyTorch"] = _lenet5_torch(first, images, labels)
    if find_spec("mygrad"):
        steps["MyGrad"] = _lenet5_mygrad(first, images, labels)
    return steps


def _first(w: np.ndarray) -> np.ndarray:
    """Convolution weights (*kernel, in, out) to (out, in, *kernel); dense ones stay."""
    return w.transpose(3, 2, 0, 1) if w.ndim == 4 else w


def _lenet5_torch(params: Any, images: np.ndarray, labels: np.ndarray) -> Step:
    import torch
    from torch.nn import functional

    torch.set_num_threads(THREADS)
    p = {k: {n: torch.tensor(a, requires_grad=True) for n, a in v.items()} for k, v in params.items()}
    flat = [a for v in p.values() for a in v.values()]
    x, y = torch.tensor(images), torch.tensor(labels)

    def step() -> float:
        h = functional.avg_pool2d(torch.tanh(functional.conv2d(x, p["conv1"]["w"], p["conv1"]["b"], padding=2)), 2)
        h = functional.avg_pool2d(torch.tanh(functional.conv2d(h, p["conv2"]["w"], p["conv2"]["b"])), 2)
        h = torch.tanh(h.flatten(1) @ p["dense1"]["w"] + p["dense1"]["b"])
        h = torch.tanh(h @ p["dense2"]["w"] + p["dense2"]["b"])
        loss = functional.cross_entropy(h @ p["dense3"]["w"] + p["dense3"]["b"], y)
        torch.autograd.grad(loss, flat)
        return float(loss.detach())

    return step


def _lenet5_mygrad(params: Any, images: np.ndarray, labels: np.ndarray) -> Step:
    import mygrad
    from mygrad.nnet.layers import conv_nd
    from mygrad.nnet.losses import softmax_crossentropy

    p = {k: {n: mygrad.tensor(a) for n, a in v.items()} for k, v in params.items()}
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))

    def pool(h: Any) -> Any:
        n, c, height, width = h.shape
        return h.reshape(n, c, height // 2, 2, width // 2, 2).mean(axis=(3, 5))

    def step() -> float:
        h = pool(mygrad.tanh(conv_nd(padded, p["conv1"]["w"], stride=1) + p["conv1"]["b"].reshape(1, -1, 1, 1)))
        h = pool(mygrad.tanh(conv_nd(h, p["conv2"]["w"], stride=1) + p["conv2"]["b"].reshape(1, -1, 1, 1)))
        h = mygrad.tanh(h.reshape(len(images), -1) @ p["dense1"]["w"] + p["dense1"]["b"])
        h = mygrad.tanh(h @ p["dense2"]["w"] + p["dense2"]["b"])
        loss = softmax_crossentropy(h @ p["dense3"]["w"] + p["dense3"]["b"], labels)
        loss.backward()
        return float(loss.item())

    return step


def chain(n: int) -> dict[str, Step]:
    """Sum of x * y * y * ... on 16 elements, and its gradient."""
    start, y = np.ones(16), np.full(16, 1.0001)

    def loss(x: Any, y: Any, total: Callable[[Any], Any]) -> Any:
        for _ in range(n):
            x = x * y
        return total(x)

    step = value_and_grad(lambda x: loss(x, y, np.sum))
    steps: dict[str, Step] = {"tinygrad_np": lambda: float(step(start)[0])}
    if find_spec("torch"):
        steps["PyTorch"] = _chain_torch(loss, start, y)
    if find_spec("mygrad"):
        steps["MyGrad"] = _chain_mygrad(loss, start, y)
    if find_spec("autograd"):
        import autograd

        both = autograd.value_and_grad(lambda x: loss(x, y, autograd.numpy.sum))
        steps["autograd"] = lambda: float(both(start)[0])
    return steps


def _chain_torch(loss: Any, start: np.ndarray, y: np.ndarray) -> Step:
    import torch

    torch.set_num_threads(THREADS)
    x, other = torch.tensor(start, requires_grad=True), torch.tensor(y)

    def step() -> float:
        value = loss(x, other, torch.sum)
        torch.autograd.grad(value, x)
        return float(value.detach())

    return step


def _chain_mygrad(loss: Any, start: np.ndarray, y: np.ndarray) -> Step:
    import mygrad

    x = mygrad.tensor(start)

    def step() -> float:
        value = loss(x, y, mygrad.sum)
        value.backward()
        return float(value.item())

    return step
