import math

import numpy as np
import pytest

from tinygrad_np import optim, random, tree
from tinygrad_np.data import Split, batches, digits
from tinygrad_np.models import lenet5
from tinygrad_np.training import NonFiniteLossError, Progress, Step, classification, evaluate, fit, one_blas_thread

KEY = random.key(7)
X = np.asarray(random.normal(random.key(1), (25, 3)))
Y = X @ np.array([1.0, -2.0, 0.5], np.float32)


def squares(params, batch, key):
    x, y = batch
    return np.mean((x @ params["w"] - y) ** 2)


def minibatches(epoch, key):
    return batches((X, Y), 10, key)


def train(epochs=3, loss_fn=squares, optimizer=None, **options):
    options = {"key": KEY, **options}
    start = {"w": np.zeros(3, np.float32)}
    return fit(loss_fn, start, optimizer or optim.adam(0.1), minibatches, epochs=epochs, **options)


def same_bits(a, b):
    left, right = tree.leaves(a), tree.leaves(b)
    return all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(left, right, strict=True))


def untimed(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


def test_it_minimises():
    params, _, history = train(epochs=200)
    np.testing.assert_allclose(params["w"], [1, -2, 0.5], atol=1e-3)
    assert history[-1]["train_loss"] < 1e-4 < history[0]["train_loss"]


def test_the_start_is_not_changed():
    start = {"w": np.zeros(3, np.float32)}
    fit(squares, start, optim.sgd(0.1, momentum=0.9), minibatches, epochs=1, key=KEY)
    assert np.array_equal(start["w"], np.zeros(3))


def test_a_step_is_the_optimisers_update_along_the_gradient():
    events = []
    params, _, _ = train(epochs=1, optimizer=optim.sgd(0.1), callbacks=[events.append])
    w, losses = np.zeros(3, np.float32), []
    order, _ = random.split(random.fold_in(KEY, 1))
    for x, y in batches((X, Y), 10, order):
        losses.append(np.mean((x @ w - y) ** 2))
        w = w - 0.1 * 2 / len(x) * (x @ w - y) @ x
    np.testing.assert_allclose(params["w"], w, rtol=1e-5)
    assert [event.metrics["loss"] for event in events[:-1]] == pytest.approx(losses, rel=1e-5)


def test_callbacks_see_every_step_and_every_epoch():
    events = []
    params, state, history = train(epochs=2, callbacks=[events.append])
    steps = [(event.epoch, event.step, event.examples) for event in events if isinstance(event, Step)]
    assert steps == [(1, 1, 10), (1, 2, 10), (1, 3, 5), (2, 1, 10), (2, 2, 10), (2, 3, 5)]
    assert [type(event) for event in events] == 2 * [Step, Step, Step, Progress]
    assert [len(event.history) for event in (events[3], events[7])] == [1, 2]
    assert same_bits((params, state), (events[7].params, events[7].state))
    assert events[7].history == history


def test_history_has_means_over_examples_not_over_batches():
    _, _, history = train(epochs=1, optimizer=optim.sgd(0.0), evaluate=lambda params: {"loss": 5.0, "score": 0.5})
    (record,) = history
    assert record["train_loss"] == pytest.approx(np.mean(Y**2), rel=1e-6)
    assert {name: record[name] for name in ("validation_loss", "validation_score", "epoch")} == {
        "validation_loss": 5.0, "validation_score": 0.5, "epoch": 1,
    }  # fmt: skip
    assert record["seconds"] > 0


def test_further_metrics_are_recorded():
    def loss_fn(params, batch, key):
        return squares(params, batch, key), {"norm": np.sum(params["w"] ** 2)}

    plain, _, _ = train()
    params, _, history = train(loss_fn=loss_fn)
    assert same_bits(plain, params)
    assert 0 < history[0]["train_norm"] < history[2]["train_norm"]


def test_every_step_has_a_key_of_its_own():
    seen = []

    def loss_fn(params, batch, key):
        seen.append(tuple(key))
        return squares(params, batch, key)

    train(epochs=2, loss_fn=loss_fn)
    assert len(set(seen)) == 6


def noisy(params, batch, key):
    """Depends on everything random there is."""
    return squares(params, batch, key) + np.sum(params["w"] * random.normal(key, (3,)))


def test_the_same_key_gives_the_same_bits_and_another_key_others():
    first, second, other = train(loss_fn=noisy), train(loss_fn=noisy), train(loss_fn=noisy, key=random.key(8))
    assert same_bits(first[:2], second[:2])
    assert untimed(first[2]) == untimed(second[2])
    assert not same_bits(first[0], other[0])


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("moment", [(1, 1), (2, 1), (2, 3), (3, 2)])
def test_an_interrupted_run_that_is_resumed_ends_with_the_same_bits(moment):
    kept = []

    def callback(event):
        if isinstance(event, Progress):
            kept.append(event)
        elif (event.epoch, event.step) == moment:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(loss_fn=noisy, callbacks=[callback])
    assert len(kept) == moment[0] - 1
    resumed = train(loss_fn=noisy, resume=kept[-1] if kept else None)
    whole = train(loss_fn=noisy)
    assert same_bits(resumed[:2], whole[:2])
    assert untimed(resumed[2]) == untimed(whole[2])


def test_to_resume_what_is_complete_changes_nothing():
    ends = []
    params, state, history = train(callbacks=[ends.append])
    again = train(resume=ends[-1], callbacks=[lambda event: pytest.fail("nothing was left to do")])
    assert same_bits((params, state), again[:2])
    assert again[2] == history


def test_resuming_with_another_key_is_refused():
    ends = []
    train(epochs=1, callbacks=[ends.append])
    with pytest.raises(ValueError, match="is not the one that the run to resume began with"):
        train(key=random.key(0), resume=ends[-1])


@pytest.mark.parametrize(("bad", "text"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_a_loss_that_is_not_finite_stops_and_says_where(bad, text):
    count = 0

    def loss_fn(params, batch, key):
        nonlocal count
        count += 1
        return squares(params, batch, key) * (bad if count == 5 else 1)

    with pytest.raises(NonFiniteLossError, match=f"^the loss is {text} at step 2 of epoch 2; try a smaller learning"):
        train(loss_fn=loss_fn)


def test_divergence_is_an_error_without_numpys_warnings():
    with pytest.raises(NonFiniteLossError, match="at step"):
        train(epochs=50, optimizer=optim.sgd(1e10))


def test_a_validation_that_is_not_finite_stops_before_it_is_kept():
    kept = []
    with pytest.raises(NonFiniteLossError, match=r"^the validation loss is nan after epoch 1"):
        train(evaluate=lambda params: {"loss": math.nan}, callbacks=[kept.append])
    assert not any(isinstance(event, Progress) for event in kept)


def test_an_epoch_without_batches_is_an_error():
    with pytest.raises(ValueError, match="epoch 1 has no batches"):
        fit(squares, {"w": np.zeros(3)}, optim.sgd(0.1), lambda epoch, key: [], epochs=1, key=KEY)


def test_lenet5_learns_from_a_few_digits_to_the_same_bits():
    images, labels = (array[:480] for array in digits().train)
    train_part = Split(images, labels)

    def loss_fn(params, batch, key):
        return classification(lenet5.apply(params, batch.images), batch.labels)

    def once():
        return fit(
            loss_fn, lenet5.init(KEY), optim.adam(2e-3), lambda epoch, key: batches(train_part, 32, key), epochs=2,
            key=KEY, evaluate=lambda params: evaluate(lambda batch: loss_fn(params, batch, None), train_part),
        )  # fmt: skip

    with one_blas_thread():
        first, second = once(), once()
    assert same_bits(first[:2], second[:2])
    assert untimed(first[2]) == untimed(second[2])
    assert first[2][-1]["validation_accuracy"] > 0.7
