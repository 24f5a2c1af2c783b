"""embedding, one_hot, normalize and cosine_similarity."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.geometries import generators, lattice
from tests.nn.transformed import check_transforms
from tinygrad_np import grad, nn, vmap
from tinygrad_np.testing import check_grads

W = np.arange(12.0).reshape(4, 3) / 8


@given(generators, st.lists(st.integers(0, 3), max_size=3), st.booleans())
def test_embedding_looks_up_and_scatters(rng, shape, padded):
    weight, indices, g = lattice(rng, (5, 2)), rng.integers(0, 5, shape), lattice(rng, (*shape, 2))
    padding_idx = int(rng.integers(-5, 5)) if padded else None
    y = nn.embedding(indices, weight, padding_idx=padding_idx)
    w_bar = grad(lambda w: np.sum(g * nn.embedding(indices, w, padding_idx=padding_idx)))(weight)
    expected = np.zeros_like(weight)
    for i in np.ndindex(*shape):
        np.testing.assert_array_equal(y[i], weight[indices[i]])
        if padding_idx is None or indices[i] != padding_idx % 5:
            expected[indices[i]] += g[i]
    assert y.shape == (*shape, 2)
    np.testing.assert_array_equal(w_bar, expected)


def test_embedding_under_transforms():
    indices = np.array([[0, 3], [3, 1]])
    check_transforms(lambda w: nn.embedding(indices, w) ** 2, W)
    check_grads(lambda w: nn.embedding(indices, w, padding_idx=None) ** 3, (W,), order=2)
    np.testing.assert_array_equal(vmap(lambda i: nn.embedding(i, W))(indices), W[indices])
    g = vmap(lambda i: grad(lambda w: np.sum(nn.embedding(i, w, padding_idx=3)))(W))(indices)
    np.testing.assert_array_equal(g[:, :, 0], [[1, 0, 0, 0], [0, 1, 0, 0]])
    assert nn.embedding([1, 2], W.astype(np.float32)).dtype == np.float32


@given(generators, st.lists(st.integers(0, 3), max_size=2), st.integers(1, 4))
def test_one_hot(rng, shape, classes):
    labels = rng.integers(0, classes, shape)
    y = nn.one_hot(labels, classes)
    assert y.shape == (*shape, classes) and y.dtype == np.float32
    np.testing.assert_array_equal(y, np.eye(classes)[labels])
    assert nn.one_hot(labels, classes, dtype=np.int8).dtype == np.int8
    if shape and shape[0]:
        np.testing.assert_array_equal(vmap(lambda i: nn.one_hot(i, classes))(labels), y)


ERRORS = {
    "index": (lambda: nn.embedding(np.array([[0, 1], [4, 0]]), W), ValueError, r"embedding: index 4 at \(1, 0\) is not in 0..3"),
    "negative": (lambda: nn.embedding(-1, W), ValueError, r"embedding: index -1 at \(\) is not in 0..3"),
    "batched": (lambda: vmap(lambda i: nn.embedding(i, W))(np.array([0, 9])), ValueError, "embedding: index 9"),
    "differentiated": (lambda: grad(lambda w: np.sum(nn.embedding(np.array([7]), w)))(W), ValueError, "index 7"),
    "float": (lambda: nn.embedding(np.array([1.0]), W), TypeError, "embedding: index: integers are expected, not float64"),
    "weight": (lambda: nn.embedding(np.array([1]), W[0]), ValueError, r"weight has shape \(3,\); expected \(rows, features\)"),
    "padding": (lambda: nn.embedding(np.array([1]), W, padding_idx=4), ValueError, "padding_idx=4 is no row"),
    "padding bool": (lambda: nn.embedding(np.array([1]), W, padding_idx=True), ValueError, "padding_idx=True"),
    "label": (lambda: nn.one_hot(np.array([3]), 3), ValueError, r"one_hot: label 3 at \(0,\) is not in 0..2"),
    "classes": (lambda: nn.one_hot(np.array([3]), 3.0), ValueError, "classes=3.0"),
    "direction": (lambda: nn.normalize(np.array([3, 4])), TypeError, "normalize: an argument is int64"),
    "cosine": (lambda: nn.cosine_similarity(W, np.array([3, 4, 5])), TypeError, "cosine_similarity: an argument is int64"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        action()


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("axis", [-1, 0, (0, 1)])
def test_normalize(p, axis):
    x = np.random.default_rng(0).standard_normal((3, 4))
    y = nn.normalize(x, p=p, axis=axis)
    flat = y.reshape(1, -1) if axis == (0, 1) else np.moveaxis(y, axis, -1)
    np.testing.assert_allclose([np.linalg.norm(row, p) for row in flat], 1)
    assert np.all(x / y > 0)
    check_transforms(lambda x: nn.normalize(x, p=p, axis=axis), x)


def test_zero_vectors_stay_zero():
    z = np.zeros((2, 3))
    np.testing.assert_array_equal(nn.normalize(z), z)
    np.testing.assert_array_equal(grad(lambda x: np.sum(nn.normalize(x, eps=0.5)))(z), 2)
    np.testing.assert_array_equal(nn.cosine_similarity(z, z + 1), 0)


def test_cosine_similarity():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    expected = [u @ v / np.sqrt(u @ u * (v @ v)) for u, v in zip(a, b, strict=True)]
    np.testing.assert_allclose(nn.cosine_similarity(a, b), expected, rtol=1e-13)
    np.testing.assert_allclose(nn.cosine_similarity(a.T, b.T, axis=0), expected, rtol=1e-13)
    np.testing.assert_allclose(nn.cosine_similarity(a, 3 * a), 1)
    assert nn.cosine_similarity(a, b[:1]).shape == (4,)
    check_transforms(nn.cosine_similarity, a, b)
