"""resize against its formula, pixel by pixel; pixel_shuffle against the same."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.geometries import generators
from tests.nn.transformed import check_transforms
from tinygrad_np import nn
from tinygrad_np.nn import resizing

first = lambda x: np.moveaxis(x, -1, 1)


def weights(n, step, p, out, method, align_corners):
    """The weight of every element in pixel p of the result."""
    if method == "nearest":
        return [float(i == min(int(p * step + 1e-9), n - 1)) for i in range(n)]
    if method == "nearest-exact":
        return [float(i == min(int((p + 0.5) * step + 1e-9), n - 1)) for i in range(n)]
    if method == "antialias":
        step = (n - 1) / max(out - 1, 1) if align_corners else step
        raw = [max(0, 1 - abs(i - ((p + 0.5) * step - 0.5)) / max(step, 1)) for i in range(n)]
        return [w / sum(raw) for w in raw]
    u = p * (n - 1) / max(out - 1, 1) if align_corners else max((p + 0.5) * step - 0.5, 0)
    return [max(0, 1 - abs(i - min(u, n - 1))) for i in range(n)]


METHODS = ["nearest", "nearest-exact", "linear", "linear corners", "antialias", "antialias corners"]


@pytest.mark.parametrize("method", METHODS)
@given(generators, st.lists(st.tuples(st.integers(1, 7), st.integers(1, 9)), min_size=1, max_size=3), st.booleans())
def test_resize_is_its_formula(method, rng, axes, by_factor):
    method, align_corners = method.split()[0], method.endswith("corners")
    size, out = zip(*axes, strict=True)
    steps = [n / o for n, o in axes]
    options = (
        {"mode": method}
        if method.startswith("nearest")
        else {"mode": "linear", "antialias": method == "antialias", "align_corners": align_corners}
    )
    options["size"] = out
    if by_factor:  # eighths, so that the result's size is often no multiple
        factors = [math.ceil(8 * o / n) / 8 for n, o in axes]
        out, steps = [int(n * f) for n, f in zip(size, factors, strict=True)], [1 / f for f in factors]
        options["size"], options["scale_factor"] = None, factors
    x = rng.standard_normal((2, *size, 3))
    y = x
    for axis, (n, o, step) in enumerate(zip(size, out, steps, strict=True), 1):
        matrix = np.array([weights(n, step, p, o, method, align_corners) for p in range(o)])
        y = np.moveaxis(np.moveaxis(y, axis, -1) @ matrix.T, -1, axis)
    np.testing.assert_allclose(nn.resize(x, **options), y, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(nn.resize(first(x), **options, layout="channels_first"), first(y), rtol=1e-9, atol=1e-12)


def test_sets_of_images_are_taken_in_parts(monkeypatch):
    x = np.random.default_rng(0).standard_normal((11, 7, 6, 2)).astype(np.float32)
    for method in ("bilinear", "nearest"):
        whole, firsts = (
            nn.resize(x, (5, 9), mode=method),
            nn.resize(first(x), (5, 9), mode=method, layout="channels_first"),
        )
        monkeypatch.setattr(resizing, "BLOCK", 300)
        np.testing.assert_array_equal(nn.resize(x, (5, 9), mode=method), whole)
        np.testing.assert_array_equal(nn.resize(first(x), (5, 9), mode=method, layout="channels_first"), firsts)
        monkeypatch.undo()


def test_what_stays_and_what_is_kept():
    x = np.arange(48, dtype=np.uint8).reshape(1, 4, 6, 2)
    y = nn.resize(x, scale_factor=2)
    assert y.dtype == np.uint8
    np.testing.assert_array_equal(y, x.repeat(2, 1).repeat(2, 2))
    z = x.astype(np.float32)
    np.testing.assert_array_equal(nn.resize(z, (4, 6), mode="bilinear"), z)
    assert nn.resize(z, (3, 6), mode="bilinear").dtype == np.float32
    assert nn.resize(z[:0], 9, mode="bilinear").shape == (0, 9, 9, 2)
    np.testing.assert_allclose(nn.resize(np.ones_like(z), (9, 2), mode="linear", antialias=True), 1, rtol=1e-6)


@pytest.mark.parametrize("size", [(2, 3), (2, 6), (4, 2), (2, 4), (8, 3)])
def test_the_result_of_picking_is_no_view(size):
    x = np.arange(48.0).reshape(1, 4, 6, 2)
    y = nn.resize(x, size)
    rows, columns = (np.arange(m) * n // m for n, m in zip((4, 6), size, strict=True))
    np.testing.assert_array_equal(y, x[:, rows][:, :, columns])
    assert not np.shares_memory(x, y)


TRANSFORMED = {
    "nearest": lambda x: nn.resize(x, (5, 2)),
    "bilinear": lambda x: nn.resize(x, (7, 2), mode="bilinear"),
    "bilinear first": lambda x: nn.resize(first(x), scale_factor=(1.5, 2), mode="bilinear", align_corners=True, layout="channels_first"),
    "antialias": lambda x: nn.resize(x, (2, 3), mode="linear", antialias=True),
    "shuffle": lambda x: nn.pixel_shuffle(np.concatenate([x, x * x], axis=-1), 2),
    "unshuffle": lambda x: nn.pixel_unshuffle(first(x[:, :, :2]), 2, layout="channels_first"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMED)
def test_under_every_transform(name):
    check_transforms(lambda x: TRANSFORMED[name](x) ** 2, np.random.default_rng(0).standard_normal((2, 4, 3, 2)))


@given(generators, st.integers(1, 3), st.integers(1, 3))
def test_pixel_shuffle_is_its_formula(rng, dims, r):
    size = tuple(int(n) for n in rng.integers(1, 4, dims))
    x = rng.standard_normal((2, *size, 2 * r**dims))
    y = nn.pixel_shuffle(x, r)
    assert y.shape == (2, *[n * r for n in size], 2)
    for p in np.ndindex(*y.shape[1:-1]):
        for c in range(2):
            channel = int(np.ravel_multi_index((c, *[i % r for i in p]), (2, *(r,) * dims)))
            np.testing.assert_array_equal(y[:, *p, c], x[:, *[i // r for i in p], channel])
    np.testing.assert_array_equal(nn.pixel_shuffle(first(x), r, layout="channels_first"), first(y))
    np.testing.assert_array_equal(nn.pixel_unshuffle(y, r), x)
    np.testing.assert_array_equal(nn.pixel_unshuffle(first(y), r, layout="channels_first"), first(x))


X = np.zeros((1, 4, 6, 3))
ERRORS = {
    "neither": (lambda: nn.resize(X), "size=None and scale_factor=None; give one of them"),
    "both": (lambda: nn.resize(X, 2, scale_factor=2), "give one of them"),
    "size": (lambda: nn.resize(X, (2, 0)), r"size=\(2, 0\); give one integer >= 1, or 2"),
    "factor": (lambda: nn.resize(X, scale_factor=-1), "scale_factor=-1; give one number > 0, or 2"),
    "factors": (lambda: nn.resize(X, scale_factor=(1, 2, 3)), "give one number > 0, or 2"),
    "factor text": (lambda: nn.resize(X, scale_factor="2"), "scale_factor='2'; give one number"),
    "factor none": (lambda: nn.resize(X, scale_factor=(2, None)), "give one number"),
    "nothing left": (lambda: nn.resize(X, scale_factor=0.2), r"leaves nothing of \(4, 6\): \(0, 1\)"),
    "nothing there": (lambda: nn.resize(X[:, :0], 2), r"spatial size \(0, 6\) has no elements"),
    "method": (lambda: nn.resize(X, 2, mode="cubic"), "mode='cubic'; it is one of nearest, nearest-exact, linear"),
    "rank": (lambda: nn.resize(X, 2, mode="trilinear"), "is for 3 spatial axes, x has 2; use 'linear'"),
    "corners": (lambda: nn.resize(X, 2, align_corners=True), "options of the linear methods, not of 'nearest'"),
    "antialias": (lambda: nn.resize(X, 2, mode="nearest-exact", antialias=True), "not of 'nearest-exact'"),
    "no batch": (lambda: nn.resize(X[0, 0], 2), "resize: x has shape"),
    "shuffle": (lambda: nn.pixel_shuffle(X, 2), r"2\^2 = 4 does not divide the 3 channels"),
    "shuffle factor": (lambda: nn.pixel_shuffle(X, 0), "upscale_factor=0"),
    "unshuffle": (lambda: nn.pixel_unshuffle(X, 4), r"4 does not divide the spatial size \(4, 6\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        action()


def test_a_mean_of_integers_is_refused():
    with pytest.raises(TypeError, match="convert it to floating point, or use mode='nearest'"):
        nn.resize(X.astype(np.uint8), 2, mode="bilinear")
