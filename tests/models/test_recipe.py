import numpy as np
import pytest

from tinygrad_np import optim, random
from tinygrad_np.models import MODELS, Recipe, in_order, shuffled, with_replacement

RECIPE = Recipe(
    batch_size=10, learning_rate=1.0, half_life=20, images_shown=250_000, most_epochs=20, optimizer=optim.sgd
)
KEYS = random.split(random.key(0), 2)


@pytest.mark.parametrize(
    ("images", "epochs"), [(50_000, 5), (5_000, 20), (1, 20), (10**9, 1), (100_000, 2), (125_000, 2)]
)
def test_epochs_show_about_as_many_images_whatever_the_dataset(images, epochs):
    assert RECIPE.epochs(images) == epochs


@pytest.mark.parametrize(
    ("name", "images", "epochs"), [("lenet5", 50_000, 5), ("strided", 10_000, 1), ("conv_pool_softmax", 5_000, 4)]
)
def test_the_accuracies_demanded_are_reached_in_so_many_epochs(name, images, epochs):
    assert MODELS[name].recipe.epochs(images) == epochs


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


def test_without_a_half_life_the_rate_stays():
    recipe = Recipe(batch_size=10, learning_rate=1.0, images_shown=1, most_epochs=1, optimizer=optim.sgd)
    optimizer = recipe.scheduled(0.8, batch_size=10)
    state = optimizer.init(np.zeros(1))
    for _ in range(50):
        updates, state = optimizer.update(np.ones(1), state)
    assert updates[0] == pytest.approx(-0.8)


@pytest.mark.parametrize("order", [shuffled, with_replacement])
def test_random_orders_follow_from_the_key(order):
    first, again, other = (order(100, 1, key) for key in (KEYS[0], KEYS[0], KEYS[1]))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(first) == 100


def test_orders_show_what_they_say():
    assert np.array_equal(np.sort(shuffled(100, 1, KEYS[0])), np.arange(100))
    assert np.array_equal(in_order(100, 1, KEYS[0]), np.arange(100))
    drawn = np.bincount(with_replacement(1000, 1, KEYS[0]), minlength=1000)
    # Of 1,000 draws from 1,000, about 1000 / e never come.
    assert (drawn == 0).sum() == pytest.approx(1000 / np.e, abs=50)
