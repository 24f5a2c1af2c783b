"""The five networks as they would be written in PyTorch: the same loss, and every gradient the same."""

import numpy as np
import pytest

from tests.models.layouts import channels_first
from tinygrad_np import random, tree, value_and_grad
from tinygrad_np.models import MODELS

pytestmark = pytest.mark.oracle

torch = pytest.importorskip("torch")
F = torch.nn.functional


def dense(p, h):
    return F.linear(h, p["w"].T, p.get("b"))


def conv(p, h, **options):
    return F.conv2d(h, p["w"], p.get("b"), **options)


def lenet5(p, x, amplitude=1.0):
    h = F.pad(x, (2, 2, 2, 2)) if x.shape[2] == 28 else x
    for name in ("conv1", "conv2"):
        h = F.avg_pool2d(amplitude * torch.tanh(conv(p[name], h)), 2)
    h = h.flatten(1)
    for name in ("dense1", "dense2"):
        h = amplitude * torch.tanh(dense(p[name], h))
    return dense(p["dense3"], h)


def deep_cnn(p, x):
    for names in (("conv1", "conv2"), ("conv3", "conv4")):
        for name in names:
            x = F.relu(conv(p[name], x, padding=1))
        x = F.max_pool2d(x, 2)
    x = x.flatten(1)
    for name in ("dense1", "dense2"):
        x = F.relu(dense(p[name], x))
    return dense(p["dense3"], x)


def strided(p, x, activation=F.relu):
    h = activation(conv(p["conv1"], x))
    return dense(p["dense"], activation(conv(p["conv2"], h, stride=2)).flatten(1))


def conv_pool_softmax(p, x, activation=F.relu):
    return dense(p["dense"], F.max_pool2d(activation(conv(p["conv"], x)), 2).flatten(1))


def two_class(p, x):
    logits = dense(p["dense"], F.relu(conv(p["conv"], x, padding=1)).flatten(1))
    return logits[:, 0] if logits.shape[1] == 1 else logits


DEFAULT = {"lenet5": lenet5, "deep_cnn": deep_cnn, "strided": strided, "conv_pool_softmax": conv_pool_softmax}
PUBLISHED = DEFAULT | {
    "lenet5": lambda p, x: lenet5(p, x, 1.7159),
    "strided": lambda p, x: strided(p, x, lambda h: h),
    "conv_pool_softmax": lambda p, x: conv_pool_softmax(p, x, lambda h: h),
}


def torch_loss(outputs, labels):
    if outputs.ndim == 1:
        return F.binary_cross_entropy_with_logits(outputs, labels.to(outputs.dtype))
    return F.cross_entropy(outputs, labels)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_loss_and_gradients(name, published, dtype, count):
    model = MODELS[name].published if published else MODELS[name]
    if model is None:
        pytest.skip("no published form")
    rng = np.random.default_rng(0)
    params = tree.map(lambda leaf: (leaf + rng.normal(0, 0.02, leaf.shape)).astype(dtype), model.init(random.key(1)))
    size = model.recipe.resize or model.image_shape[:2]
    x = rng.random((5, *size, model.image_shape[2])).astype(dtype)
    labels = np.arange(5) % model.classes
    loss, gradient = value_and_grad(lambda p: model.loss(model.apply(p, x), labels))(params)

    theirs = tree.map(lambda leaf: torch.tensor(leaf, requires_grad=True), channels_first(name, params))
    port = (PUBLISHED if published else DEFAULT).get(name, two_class)
    expected = torch_loss(port(theirs, torch.tensor(x.transpose(0, 3, 1, 2))), torch.tensor(labels))
    expected.backward()
    rtol = 1e-11 if dtype == "float64" else 1e-4
    assert loss == pytest.approx(expected.item(), rel=rtol)
    ours = channels_first(name, gradient)
    for layer, arrays in theirs.items():
        for kind, leaf in arrays.items():
            wanted = leaf.grad.numpy()
            np.testing.assert_allclose(
                ours[layer][kind], wanted, rtol=10 * rtol, atol=rtol * np.abs(wanted).max(), err_msg=f"{layer} {kind}"
            )
            count["gradients of the networks with PyTorch"] += 1
