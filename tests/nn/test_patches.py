"""unfold and fold: products with patches are convolutions, fold is the exact transpose, in both layouts."""

import numpy as np
import pytest
from hypothesis import given

from tests.kernels import naive
from tests.kernels.geometries import generators, geometries, lattice
from tests.nn.transformed import check_transforms
from tinygrad_np import nn

first = lambda x: np.moveaxis(x, -1, 1)


@given(geometries(), generators)
def test_convolution_is_a_product_with_patches(geometry, rng):
    size, options = geometry
    kernel, rest = options["kernel_size"], {k: v for k, v in options.items() if k != "kernel_size"}
    x, w = lattice(rng, (2, *size, 2)), lattice(rng, (*kernel, 2, 3))
    y = naive.correlate(x, w, groups=1, **rest)
    product = nn.unfold(x, kernel, **rest) @ w.reshape(-1, 3)
    np.testing.assert_array_equal(product.reshape(y.shape), y)
    wf = np.moveaxis(w, (-1, -2), (0, 1))
    product = wf.reshape(3, -1) @ nn.unfold(first(x), kernel, layout="channels_first", **rest)
    np.testing.assert_array_equal(product.reshape(first(y).shape), first(y))


@given(geometries(), generators)
def test_fold_is_the_exact_transpose(geometry, rng):
    size, options = geometry
    kernel, rest = options["kernel_size"], {k: v for k, v in options.items() if k != "kernel_size"}
    for layout in ("channels_last", "channels_first"):
        x = lattice(rng, (2, *size, 2) if layout == "channels_last" else (2, 2, *size))
        y = nn.unfold(x, kernel, layout=layout, **rest)
        g = lattice(rng, y.shape)
        x_bar = nn.fold(g, size, kernel, layout=layout, **rest)
        assert x_bar.shape == x.shape
        assert np.sum(g * y) == np.sum(x_bar * x)


def test_same_padding_and_no_images():
    x = np.ones((0, 5, 4, 2), np.float32)
    y = nn.unfold(x, (3, 2), padding="same", stride=2)
    assert y.shape == (0, 3 * 2, 12) and y.dtype == np.float32
    assert nn.fold(y, (5, 4), (3, 2), padding="same", stride=2).shape == x.shape


TRANSFORMED = {
    "unfold": lambda x: nn.unfold(x, (3, 2), padding=1, stride=(1, 2), dilation=(1, 2)),
    "unfold first": lambda x: nn.unfold(first(x), 2, padding="same", layout="channels_first"),
    "fold": lambda x: nn.fold(nn.unfold(x, 2) * 2, (4, 3), 2) * x,
    "fold first": lambda x: nn.fold(first(np.reshape(x, (2, 6, 4))), (4, 3), 2, layout="channels_first"),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_under_every_transform(name):
    check_transforms(TRANSFORMED[name], np.random.default_rng(0).standard_normal((2, 4, 3, 2)))


X, Y = np.zeros((1, 5, 4, 2)), np.zeros((1, 12, 8))
ERRORS = {
    "kernel": (lambda: nn.unfold(X, 6), r"unfold: the window does not fit axis 0"),
    "rank": (lambda: nn.unfold(X[0, 0], 2), "unfold: x has shape"),
    "stride": (lambda: nn.unfold(X, 2, stride=0), "stride=0"),
    "layout": (lambda: nn.unfold(X, 2, layout="NCHW"), "layout='NCHW'"),
    "size": (lambda: nn.fold(Y, 5, 2), r"output_size=5; give one integer a spatial axis, as \(height, width\)"),
    "positions": (lambda: nn.fold(Y, (5, 5), 2), r"\(4, 4\) = 16 positions in an image of size \(5, 5\) need \(N, 16, 4 \* C\)"),
    "positions first": (lambda: nn.fold(Y, (5, 4), 2, layout="channels_first"), r"need \(N, C \* 4, 12\)"),
    "channels": (lambda: nn.fold(Y[..., :6], (5, 4), 2), r"need \(N, 12, 4 \* C\)"),
    "no batch": (lambda: nn.fold(Y[0], (5, 4), 2), r"x has shape \(12, 8\)"),
    "too small": (lambda: nn.fold(Y, (1, 4), 2), "fold: the window does not fit axis 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        action()
