import numpy as np
import pytest

from tinygrad_np import optim, random
from tinygrad_np.data import Split
from tinygrad_np.models import MODELS, Recipe, hold_out, random_shift, standardization, standardize

RECIPE = Recipe(
    batch_size=10, learning_rate=1.0, half_life=20, images_shown=250_000, most_epochs=20, optimizer=optim.sgd
)


@pytest.mark.parametrize(
    ("images", "epochs"), [(50_000, 5), (5_000, 20), (1, 20), (10**9, 1), (100_000, 2), (125_000, 2)]
)
def test_epochs_show_about_as_many_images_whatever_the_dataset(images, epochs):
    assert RECIPE.epochs(images) == epochs


def test_lenet5_takes_five_epochs_of_mnist():
    assert MODELS["lenet5"].recipe.epochs(50_000) == 5


def test_the_rate_is_halved_once_a_half_life_counted_in_images():
    optimizer = RECIPE.scheduled(0.8, batch_size=5)
    state, rates = optimizer.init(np.zeros(1)), []
    for _ in range(9):
        updates, state = optimizer.update(np.ones(1), state)
        rates.append(-updates[0])
    assert rates[0::4] == pytest.approx([0.8, 0.4, 0.2])


def test_a_batch_larger_than_the_half_life_still_has_a_schedule():
    optimizer = RECIPE.scheduled(0.8, batch_size=1000)
    assert optimizer.update(np.ones(1), optimizer.init(np.zeros(1)))[0][0] == pytest.approx(-0.8)


@pytest.mark.parametrize(("count", "held"), [(2, 1), (5, 1), (6, 1), (12, 2), (6_000, 1_000), (60_000, 10_000)])
def test_the_last_sixth_validates(count, held):
    both = Split(np.arange(count)[:, None, None, None], np.arange(count))
    train, validation = hold_out(both)
    assert len(validation.images) == len(validation.labels) == held
    assert np.array_equal(np.concatenate([train.labels, validation.labels]), both.labels)
    assert np.array_equal(np.concatenate([train.images, validation.images]), both.images)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_to_split(count):
    with pytest.raises(ValueError, match=f"{count} training images cannot be split"):
        hold_out(Split(np.zeros((count, 2, 2, 1)), np.zeros(count, int)))


def test_standardized_images_have_mean_zero_and_deviation_one():
    images = random.uniform(random.key(0), (2500, 4, 3, 1)) * 3 + 1
    statistics = standardization(images)
    assert {name: (x.shape, x.dtype) for name, x in statistics.items()} == {
        "mean": ((), np.float32), "std": ((), np.float32),
    }  # fmt: skip
    assert statistics["mean"] == pytest.approx(images.mean(dtype=np.float64), rel=1e-6)
    assert statistics["std"] == pytest.approx(images.std(dtype=np.float64), rel=1e-6)
    result = standardize(images, statistics)
    assert result.dtype == np.float32
    assert (result.mean(), result.std()) == pytest.approx((0, 1), abs=1e-4)


def test_images_without_contrast_become_zero():
    images = np.full((3, 2, 2, 1), 0.25, np.float32)
    assert np.all(standardize(images, standardization(images)) == 0)


@pytest.mark.parametrize("most", [1, 2])
def test_shifts_move_each_image_by_whole_pixels_and_bring_zeros(most):
    count = 600
    images = random.uniform(random.key(1), (count, 6, 5, 2), low=0.5)
    moved = random_shift(images, most, random.key(2))
    wide = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    ways = range(2 * most + 1)
    hits = {
        (i, j): np.all(moved == wide[:, i : i + 6, j : j + 5], axis=(1, 2, 3)).sum() for i in ways for j in ways
    }  # fmt: skip
    assert sum(hits.values()) == count
    assert min(hits.values()) > count / len(hits) / 2  # every way occurs, about equally often
    assert np.array_equal(moved, random_shift(images, most, random.key(2)))
    assert not np.array_equal(moved, random_shift(images, most, random.key(3)))


def test_no_shift_is_no_change():
    images = random.uniform(random.key(1), (4, 6, 5, 1))
    assert np.array_equal(random_shift(images, 0, random.key(2)), images)
