"""Softmax cross-entropy against its definition in wider arithmetic, whatever the blocks and the threads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.kernels import cross_entropy as module
from tinygrad_np.kernels.cross_entropy import cross_entropy, cross_entropy_gradient
from tinygrad_np.kernels.threads import get_num_threads, set_num_threads


def by_definition(x, labels, ignore_index):
    x = x.astype(np.longdouble)
    losses, slopes = np.zeros(labels.shape), np.zeros(x.shape)
    for n in np.ndindex(labels.shape):
        if labels[n] != ignore_index:
            e = np.exp(x[n] - x[n].max())
            losses[n] = -np.log(e[labels[n]] / e.sum())
            slopes[n] = e / e.sum() - (np.arange(x.shape[-1]) == labels[n])
    return losses, slopes


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(3,), (2, 3), (4, 2, 5), (0, 3)]),
    st.sampled_from([1, 7, 1 << 16]),
    st.sampled_from([-100, 0, 255]),
    st.sampled_from([np.int64, np.uint8, np.int32]),
    st.booleans(),
)
def test_definition(seed, shape, block, ignore_index, dtype, mean):
    rng = np.random.default_rng(seed)
    x = 4 * rng.standard_normal((*shape[:-1], 2 * shape[-1]))[..., ::2]
    labels = rng.integers(0, shape[-1], shape[:-1])
    info = np.iinfo(dtype)
    if info.min <= ignore_index <= info.max:
        labels = np.where(rng.random(shape[:-1]) < 0.3, ignore_index, labels)
    labels = labels.astype(dtype)
    g = rng.standard_normal(() if mean else labels.shape)
    with pytest.MonkeyPatch.context() as patch, np.errstate(invalid="ignore", divide="ignore"):
        patch.setattr(module, "BLOCK", block)
        patch.setattr(module, "MANY", block)
        losses, count = cross_entropy(x, labels, ignore_index=ignore_index)
        x_bar = cross_entropy_gradient(g, x, labels, mean=mean, ignore_index=ignore_index)
    expected, slopes = by_definition(x, labels, ignore_index)
    np.testing.assert_allclose(losses, expected, rtol=1e-13, atol=1e-14)
    assert count == np.sum(labels.astype(int) != ignore_index)
    if count:
        np.testing.assert_allclose(x_bar, slopes * (g / count if mean else g[..., None]), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_low_precision_and_extremes(dtype):
    x = np.array([[3e4, -3e4, 0], [0, 0, 0], [-3e4, 3e4, 3e4]], dtype)
    with np.errstate(all="raise", under="ignore"):
        losses, _ = cross_entropy(x, np.array([0, 1, 2]), ignore_index=-100)
        x_bar = cross_entropy_gradient(dtype(1), x, np.array([0, 1, 2]), mean=False, ignore_index=-100)
    assert losses.dtype == x_bar.dtype == dtype
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(losses.astype(float), [0, np.log(3), np.log(2)], rtol=2 * eps)
    np.testing.assert_allclose(x_bar.astype(float), [[0, 0, 0], [1 / 3, -2 / 3, 1 / 3], [0, 0.5, -0.5]], rtol=2 * eps)


def test_the_mean_of_more_examples_than_float16_can_count():
    n = 70_000
    x, labels = np.zeros((n, 2), np.float16), np.zeros(n, int)
    x_bar = cross_entropy_gradient(np.float16(1), x, labels, mean=True, ignore_index=-100)
    assert x_bar.dtype == np.float16
    np.testing.assert_allclose(x_bar.astype(float), np.tile([-0.5 / n, 0.5 / n], (n, 1)), rtol=0.01)


@pytest.mark.parametrize(("wrong", "named"), [([0, 3], 3), ([-1, 0], -1), ([-100, 5], 5)])
def test_labels_out_of_range_are_named(wrong, named):
    x, labels = np.zeros((2, 3)), np.array(wrong)
    for call in (
        lambda: cross_entropy(x, labels, ignore_index=-100),
        lambda: cross_entropy_gradient(1.0, x, labels, mean=True, ignore_index=-100),
    ):
        with pytest.raises(ValueError, match=f"label {named} is not in 0..2"):
            call()


def test_any_number_of_threads_gives_the_same_bits():
    pytest.importorskip("threadpoolctl")
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((300, 500)).astype(np.float32), rng.integers(0, 500, 300)
    threads, results = get_num_threads(), []
    try:
        for n in (1, 2, 3):
            set_num_threads(n)
            x_bar = cross_entropy_gradient(np.float32(1), x, labels, mean=True, ignore_index=-100)
            results.append((cross_entropy(x, labels, ignore_index=-100)[0], x_bar))
    finally:
        set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("many", [1, 1 << 15])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [-300.0, -12.0, 0.0, 12.0, 25.0, 60.0, 300.0])
def test_losses_and_gradients_are_as_precise_whatever_is_added_to_all_logits(offset, dtype, many, monkeypatch):
    monkeypatch.setattr(module, "MANY", many)
    eps = float(np.finfo(dtype).eps)
    for loss in (1e-6, 1e-3, 1.0, 20.0, 60.0):
        x = (offset + np.array([[0.0, np.log(np.expm1(loss))]])).astype(dtype)
        expected, slopes = by_definition(x, np.array([0]), -100)
        with np.errstate(all="raise", under="ignore"):
            losses, _ = cross_entropy(x, np.array([0]), ignore_index=-100)
            x_bar = cross_entropy_gradient(dtype(1), x, np.array([0]), mean=False, ignore_index=-100)
        assert abs(losses[0] - expected[0]) <= 2 * eps * max(1, expected[0])
        assert np.abs(x_bar - slopes).max() <= 3 * eps


def test_rows_without_a_finite_maximum_are_as_they_are_with_few_logits(monkeypatch):
    x = np.array([[np.inf, 1, 2], [-np.inf] * 3, [np.nan, 1, 2], [-np.inf, 1, 2], [0, 1, 2]])
    results = []
    for many in (1, 1 << 15):
        monkeypatch.setattr(module, "MANY", many)
        for labels in (np.zeros(5, int), np.ones(5, int)):
            with np.errstate(invalid="ignore", divide="ignore"):
                losses, _ = cross_entropy(x, labels, ignore_index=-100)
                results.append((losses, cross_entropy_gradient(1.0, x, labels, mean=True, ignore_index=-100)))
    for ours, expected in zip(results[:2], results[2:], strict=True):
        for a, b in zip(ours, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-15)
