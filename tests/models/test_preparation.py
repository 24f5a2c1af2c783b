import numpy as np
import pytest

from tinygrad_np import random
from tinygrad_np.data import Dataset, Split, digits
from tinygrad_np.models import MODELS, first, hold_out, scaled, select_labels, standardization, standardize


@pytest.mark.parametrize(("count", "held"), [(2, 1), (5, 1), (6, 1), (12, 2), (6_000, 1_000), (60_000, 10_000)])
def test_the_last_sixth_validates(count, held):
    both = Split(np.arange(count)[:, None, None, None], np.arange(count))
    train, validation = hold_out(both)
    assert len(validation.images) == len(validation.labels) == held
    assert np.array_equal(np.concatenate([train.labels, validation.labels]), both.labels)
    assert np.array_equal(np.concatenate([train.images, validation.images]), both.images)


def test_two_class_holds_1000_of_12000_out():
    both = Split(np.zeros((12_000, 1, 1, 1)), np.arange(12_000))
    train, validation = hold_out(both, MODELS["two_class"].recipe.validation)
    assert (len(train.labels), validation.labels[0], validation.labels[-1]) == (11_000, 11_000, 11_999)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_to_split(count):
    with pytest.raises(ValueError, match=f"{count} training images cannot be split"):
        hold_out(Split(np.zeros((count, 2, 2, 1)), np.zeros(count, int)))


def test_the_images_of_some_labels_in_their_order():
    full = digits()
    two = select_labels(full, (3, 1))
    assert two.classes == ("3", "1")
    for part, whole in ((two.train, full.train), (two.test, full.test)):
        taken = (whole.labels == 3) | (whole.labels == 1)
        assert np.array_equal(part.images, whole.images[taken])
        assert np.array_equal(part.labels, (whole.labels[taken] == 1).astype(np.int64))
        assert part.labels.dtype == np.int64


def test_labels_that_are_not_there():
    full = digits()
    with pytest.raises(ValueError, match="digits has no label 10; its classes are 0, 1"):
        select_labels(full, (1, 10))
    none = Split(full.test.images[:0], full.test.labels[:0])
    with pytest.raises(ValueError, match="digits has no test images of label 1"):
        select_labels(Dataset(full.train, none, full.name, full.classes), (1, 3))


def test_the_first_images():
    both = Split(np.arange(5), np.arange(5) * 2)
    assert (first(both, 3).labels.tolist(), len(first(both, None).images)) == ([0, 2, 4], 5)


def test_images_are_scaled_in_slices_as_at_once():
    images = random.uniform(random.key(0), (1001, 4, 4, 1))
    recipe = MODELS["lenet5"].published.recipe
    result = scaled(images, recipe)
    assert (result.shape, result.dtype) == ((1001, 32, 32, 1), np.float32)
    assert np.array_equal(result[1000:], scaled(images[1000:], recipe))
    assert scaled(images, MODELS["lenet5"].recipe) is images


@pytest.mark.parametrize(("over", "axes", "shape"), [("images", None, ()), ("pixels", 0, (4, 3, 1))])
def test_standardized_images_have_mean_zero_and_deviation_one(over, axes, shape):
    images = random.uniform(random.key(0), (2500, 4, 3, 1)) * 3 + 1
    statistics = standardization(images, over)
    assert {name: (x.shape, x.dtype) for name, x in statistics.items()} == {
        "mean": (shape, np.float32), "std": (shape, np.float32),
    }  # fmt: skip
    np.testing.assert_allclose(statistics["mean"], images.mean(axes, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(statistics["std"], images.std(axes, dtype=np.float64), rtol=1e-6)
    result = standardize(images, statistics)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.mean(axes), 0, atol=1e-4)
    np.testing.assert_allclose(result.std(axes), 1, atol=1e-4)


def test_no_statistics_change_no_bit():
    images = random.uniform(random.key(0), (3, 4, 3, 1))
    assert np.array_equal(standardize(images, standardization(images, None)), images)


def test_the_deviation_of_a_pixel_is_the_articles_which_counts_from_0_to_255():
    pixels = random.randint(random.key(0), (50, 4, 3, 1), 0, 256).astype(np.float64)
    pixels[:, 0, 0] = pixels[:, 0, 0] // 128  # the less a pixel varies, the more does what is added
    result = standardize(pixels / 255, standardization(pixels / 255, "pixels"))
    np.testing.assert_allclose(result, (pixels - pixels.mean(0)) / (pixels.std(0) + 1e-7), rtol=0, atol=1e-12)


def test_a_pixel_that_never_changes_in_training_cannot_outweigh_the_others_later():
    images = random.uniform(random.key(0), (1000, 4, 3, 1))
    images[:, 1, 2], images[:, 3, 0] = 0, np.float32(0.3)
    other = images[:2].copy()
    other[:, [1, 3], [2, 0]] = 1
    result = standardize(other, standardization(images, "pixels"))
    np.testing.assert_allclose(result[:, [1, 3], [2, 0]], [[[1], [0.7]]] * 2, rtol=1e-6)


@pytest.mark.parametrize("over", ["images", "pixels"])
def test_images_without_contrast_become_zero(over):
    images = np.full((3, 2, 2, 1), 0.25, np.float32)
    assert np.all(standardize(images, standardization(images, over)) == 0)
