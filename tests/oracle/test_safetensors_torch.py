"""A small network in PyTorch and here: the weights of one, through a file, give the logits of the other."""

import numpy as np
import pytest

from tinygrad_np import nn, random, tree
from tinygrad_np.training import load_safetensors, save_safetensors

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

torch = pytest.importorskip("torch")
files = pytest.importorskip("safetensors.torch")

NAMES = {"0.conv1": "0", "0.bn1": "1", "0.conv2": "4", "0.dense1": "7", "0.dense2": "9", "1.bn1": "1"}
OPTIONS = {"names": NAMES, "flattened": {"0.dense1": (3, 2, 8)}}
X = np.asarray(random.normal(random.key(0), (5, 10, 8, 3)))


def network():
    """A network in the order of NAMES, with statistics that are not those of the beginning."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, (3, 3), padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(4, 8, (3, 3), groups=2), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(48, 6),
        torch.nn.ReLU(), torch.nn.Linear(6, 3),
    )  # fmt: skip
    model(torch.randn(16, 3, 10, 8) * 2 + 1)
    return model.eval()


def like():
    def layer(*shape):
        return {"w": np.zeros(shape, np.float32), "b": np.zeros(shape[-1], np.float32)}

    params = {
        "conv1": layer(3, 3, 3, 4), "bn1": {"scale": np.zeros(4, np.float32), "bias": np.zeros(4, np.float32)},
        "conv2": layer(3, 3, 2, 8), "dense1": layer(48, 6), "dense2": layer(6, 3),
    }  # fmt: skip
    return params, {"bn1": nn.batch_norm_state(4)}


def apply(params, state, x):
    h = nn.conv2d(x, **params["conv1"], padding=1)
    h, _ = nn.batch_norm(h, state["bn1"], **params["bn1"], train=False)
    h = nn.max_pool2d(nn.relu(h), 2)
    h = np.tanh(nn.conv2d(h, **params["conv2"], groups=2))
    h = nn.relu(nn.dense(h.reshape(len(h), -1), **params["dense1"]))
    return nn.dense(h, **params["dense2"])


def logits(model):
    with torch.no_grad():
        return model(torch.from_numpy(np.moveaxis(X, -1, 1).copy())).numpy()


def test_weights_from_torch_give_its_logits(tmp_path):
    model = network()
    files.save_file(model.state_dict(), tmp_path / "a.safetensors")
    trees = load_safetensors(tmp_path / "a.safetensors", like(), **OPTIONS)
    np.testing.assert_allclose(apply(*trees, X), logits(model), rtol=1e-4, atol=1e-5)


def test_weights_from_here_give_our_logits_in_torch(tmp_path):
    found, shape = tree.flatten(like())
    keys = random.split(random.key(1), len(found))
    trees = tree.unflatten(
        shape, [random.uniform(key, leaf.shape, low=0.1) for key, leaf in zip(keys, found, strict=True)]
    )
    save_safetensors(tmp_path / "a.safetensors", trees, **OPTIONS)
    model = network()
    model.load_state_dict(files.load_file(tmp_path / "a.safetensors"))
    np.testing.assert_allclose(logits(model), apply(*trees, X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolutions_need_nothing_else(tmp_path, groups):
    torch.manual_seed(1)
    model = torch.nn.ConvTranspose2d(4, 6, (3, 2), stride=2, groups=groups)
    files.save_file(model.state_dict(), tmp_path / "a.safetensors")
    params = {"w": np.zeros((3, 2, 6 // groups, 4), np.float32), "b": np.zeros(6, np.float32)}
    params = load_safetensors(tmp_path / "a.safetensors", params)
    x = np.asarray(random.normal(random.key(0), (2, 5, 4, 4)))
    with torch.no_grad():
        expected = model(torch.from_numpy(np.moveaxis(x, -1, 1).copy())).numpy()
    actual = nn.conv_transpose2d(x, params["w"], params["b"], stride=2, groups=groups)
    np.testing.assert_allclose(np.moveaxis(actual, -1, 1), expected, rtol=1e-4, atol=1e-5)


def test_one_dimension_and_embeddings(tmp_path):
    model = torch.nn.ModuleDict({"table": torch.nn.Embedding(7, 4), "conv": torch.nn.Conv1d(4, 5, 3)})
    files.save_file(model.state_dict(), tmp_path / "a.safetensors")
    params = {
        "table": {"w": np.zeros((7, 4), np.float32)},
        "conv": {"w": np.zeros((3, 4, 5), np.float32), "b": np.zeros(5, np.float32)},
    }
    params = load_safetensors(tmp_path / "a.safetensors", params, keep=["table"])
    words = np.array([[1, 2, 3, 6, 0]])
    with torch.no_grad():
        expected = model["conv"](model["table"](torch.from_numpy(words)).mT).numpy()
    actual = nn.conv1d(params["table"]["w"][words], **params["conv"])
    np.testing.assert_allclose(np.moveaxis(actual, -1, 1), expected, rtol=1e-4, atol=1e-5)
