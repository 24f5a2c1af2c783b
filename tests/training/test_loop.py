import math

import numpy as np
import pytest

from tinygrad_np import nn, optim, random, tree
from tinygrad_np.data import Split, batches, digits
from tinygrad_np.kernels.threads import hold_blas
from tinygrad_np.models import lenet5
from tinygrad_np.training import (
    STOP,
    NonFiniteLossError,
    Progress,
    Step,
    classification,
    evaluate,
    fit,
)  # fmt: skip
from tinygrad_np.transforms.nonfinite import NonFiniteError

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


@pytest.mark.parametrize("moment", [(epoch, step) for epoch in (1, 2) for step in (1, 2, 3)])
def test_a_run_resumed_within_an_epoch_ends_with_the_same_bits(moment):
    kept = []

    def callback(event):
        if isinstance(event, Step) and (event.epoch, event.step) == moment:
            kept.append(event.progress())
            raise StoppedError

    with pytest.raises(StoppedError):
        train(loss_fn=noisy, callbacks=[callback])
    assert (kept[0].epoch + 1, kept[0].step) == moment
    assert kept[0].examples == min(25, 10 * moment[1])
    resumed, whole = train(loss_fn=noisy, resume=kept[0]), train(loss_fn=noisy)
    assert same_bits(resumed[:2], whole[:2])
    assert untimed(resumed[2]) == untimed(whole[2])


def test_progress_within_an_epoch_has_the_means_so_far_and_is_not_changed_later():
    seen, losses = [], []

    def callback(event):
        if isinstance(event, Step):
            losses.append((event.metrics["loss"], event.examples))
            seen.append(event.progress())

    train(epochs=1, callbacks=[callback])
    for n, progress in enumerate(seen, 1):
        values, counts = zip(*losses[:n], strict=True)
        assert progress.means() == {"loss": pytest.approx(np.average(values, weights=counts), rel=1e-12)}
        assert progress.step == n
        assert progress.history == []


@pytest.mark.parametrize("step", [0, 1, 255, 256, 257])
def test_the_keys_of_the_steps_are_those_the_docstring_names(step):
    seen = []

    def loss_fn(params, batch, key):
        seen.append(tuple(key))
        return params["w"] * 1.0

    start = {"w": np.zeros(())}
    kept = Progress(start, optim.sgd(0.1).init(start), KEY, 0, [], step, step, {"loss": 0.0})
    fit(loss_fn, start, optim.sgd(0.1), lambda epoch, key: [np.zeros(1)] * 520, epochs=1, key=KEY, resume=kept)
    steps_key = random.split(random.fold_in(KEY, 1))[1]
    keys = np.concatenate([random.split(random.fold_in(steps_key, chunk), 256) for chunk in range(3)])
    assert seen == [tuple(key) for key in keys[step:520]]


def test_to_resume_what_is_complete_changes_nothing_and_tells_the_callbacks_again():
    ends, told = [], []
    params, state, history = train(callbacks=[ends.append])
    again = train(resume=ends[-1], callbacks=[told.append])
    assert same_bits((params, state), again[:2])
    assert again[2] == history
    assert len(told) == 1
    assert told[0] is ends[-1]


def test_resuming_within_an_epoch_or_at_the_start_tells_nothing_again():
    start, events = {"w": np.zeros(3, np.float32)}, []
    train(epochs=1, resume=Progress(start, optim.adam(0.1).init(start), KEY, 0, []), callbacks=[events.append])
    assert [type(event) for event in events] == [Step, Step, Step, Progress]
    within = Progress(start, optim.adam(0.1).init(start), KEY, 1, [{}], 2, 20, {"loss": 3.0}, 1000.0)
    events.clear()
    _, _, history = train(epochs=2, resume=within, callbacks=[events.append])
    assert [type(event) for event in events] == [Step, Progress]
    assert 1000 < history[1]["seconds"] < 1060


def test_a_run_whose_data_have_become_fewer_is_not_resumed():
    start = {"w": np.zeros(3, np.float32)}
    kept = Progress(start, optim.adam(0.1).init(start), KEY, 1, [], step=4)
    with pytest.raises(ValueError, match="epoch 2 has 3 batches, but the run to resume had done 4 of them"):
        train(resume=kept)


def test_a_callback_can_stop_after_an_epoch_when_all_have_been_called():
    seen = []

    def stop(event):
        return STOP if isinstance(event, Progress) and event.epoch == 2 else None

    params, state, history = train(epochs=9, callbacks=[stop, seen.append])
    assert seen[-1].epoch == 2
    shorter = train(epochs=2)
    assert same_bits((params, state), shorter[:2])
    assert untimed(history) == untimed(shorter[2])
    resumed = train(epochs=9, callbacks=[stop], resume=seen[-1])  # as if killed before it stopped
    assert resumed[2] == history


def test_resuming_with_another_key_is_refused():
    ends = []
    train(epochs=1, callbacks=[ends.append])
    with pytest.raises(ValueError, match="is not the one that the run to resume began with"):
        train(key=random.key(0), resume=ends[-1])


@pytest.mark.parametrize(("bad", "text"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_a_loss_that_is_not_finite_once_stops_and_says_where(bad, text):
    count = 0

    def loss_fn(params, batch, key):
        nonlocal count
        count += 1
        return squares(params, batch, key) * (bad if count == 5 else 1)

    with pytest.raises(
        NonFiniteLossError, match=f"^the loss is {text} at step 2 of epoch 2; the batch is finite.*again"
    ):
        train(loss_fn=loss_fn)


def logarithm(params, batch, key):
    return squares(params, batch, key) + np.sum(np.log(params["w"] + 1))


def root(params, batch, key):
    return np.mean(np.sqrt(np.sum((params["w"] * batch[0]) ** 2, axis=1)))


FAILURES = {
    "log of 0": (
        logarithm, -1.0, {},
        r"^the loss is -inf at step 1 of epoch 1; the batch is finite \(\[0\] float32 \(10, 3\) from .* to .*, "
        r"\[1\] float32 \(10,\) .*\); first: log gave -inf at \[0\] from x = 0.0 .*test_loop.py:\d+: log of 0; ",
    ),
    "sqrt' at 0": (
        root, 0.0, {},
        r"^the loss is nan at step 2 of epoch 1; params\['w'\] holds nan at \[0\] since the step before, whose batch is "
        r"finite .*; first: the backward pass of sqrt: divide gave inf at \[0\] .*test_loop.py",
    ),
    "learning rate": (
        squares, 0.0, {"optimizer": optim.sgd(1e38)},
        r"^the loss is inf at step 2 of epoch 1; the batch is finite .*first: .* overflow of float32.*; try a smaller",
    ),
    "update": (
        squares, 0.0, {"optimizer": optim.sgd(3e38)},
        r"^the loss is nan at step 2 of epoch 1; params\['w'\] holds -?inf at \[\d\] since the step before, whose batch is "
        r"finite .*; the gradient was finite, the update not; try a smaller learning rate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_loss_that_is_not_finite_is_traced_to_its_origin(name):
    loss_fn, first, options, message = FAILURES[name]
    start = {"w": np.full(3, first, np.float32)}
    optimizer = options.get("optimizer", optim.sgd(0.1))
    with pytest.raises(NonFiniteLossError, match=message) as caught:
        fit(loss_fn, start, optimizer, minibatches, epochs=3, key=KEY)
    assert isinstance(caught.value.__cause__, NonFiniteError) == ("first" in message)


def test_parameters_that_were_not_finite_for_longer_are_not_blamed_on_the_step_before():
    def loss_fn(params, batch, key):
        return squares(params, batch, key) + np.sum(np.where(batch[0][0, 0] == X[24, 0], params["v"], 0))

    start = {"w": np.zeros(3), "v": np.array([0.0, np.inf])}
    third = [(X[:10], Y[:10]), (X[10:20], Y[10:20]), (X[24:], Y[24:])]
    message = r"^the loss is inf at step 3 of epoch 1; params\['v'\] holds inf at \[1\] since an earlier step; try"
    with pytest.raises(NonFiniteLossError, match=message):
        fit(loss_fn, start, optim.sgd(0.1), lambda *_: third, epochs=1, key=KEY)


def test_what_fails_when_the_step_is_run_again_hides_nothing():
    calls = []

    def loss_fn(params, batch, key):
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("gone")
        return squares(params, batch, key) * np.nan

    with pytest.raises(
        NonFiniteLossError, match=r"^the loss is nan at .*the operation was not found \(KeyError: 'gone'\)"
    ):
        train(loss_fn=loss_fn)


def test_a_batch_that_holds_nan_is_named():
    x = X.copy()
    x[7, 2] = np.nan
    with pytest.raises(
        NonFiniteLossError, match=r"^the loss is nan at step 1 of epoch 1; the batch\['x'\] holds nan at \[7, 2\]$"
    ):
        fit(
            lambda params, batch, key: squares(params, (batch["x"], batch["y"]), key), {"w": np.zeros(3)},
            optim.sgd(0.1), lambda epoch, key: [{"y": Y, "x": x}], epochs=1, key=KEY,
        )  # fmt: skip


def test_another_metric_that_is_not_finite_stops_too():
    def loss_fn(params, batch, key):
        return squares(params, batch, key), {"inverse": 1 / np.sum(params["w"])}

    with pytest.raises(NonFiniteLossError, match=r"^the inverse is inf at step 1 of .*first: divide gave inf .*by 0"):
        train(loss_fn=loss_fn)


def test_metrics_whose_sum_overflows_are_finite():
    huge = {"a": 1.7e308, "b": 1.6e308}
    start, loss_fn = {"w": np.zeros(3)}, lambda *args: (squares(*args), huge)
    _, _, history = fit(loss_fn, start, optim.sgd(0.1), lambda *_: [(X[:1], Y[:1])], epochs=1, key=KEY)
    assert history[0]["train_a"] == 1.7e308


def test_parameters_that_spoil_no_loss_are_found_at_the_end_of_the_epoch():
    def loss_fn(params, batch, key):
        return squares(params, batch, key) + 0 * np.sum(np.where(params["v"] < 1, params["v"], 0))

    start = {"w": np.zeros(3, np.float32), "v": np.array([0.5, np.inf])}
    with pytest.raises(
        NonFiniteLossError, match=r"^params\['v'\] holds inf at \[1\] after epoch 1, while the loss was"
    ):
        fit(loss_fn, start, optim.sgd(0.0), minibatches, epochs=1, key=KEY)


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


def normalised(params, batch, key, train=True):
    x, y = batch
    h, state = nn.batch_norm(x @ params["w"], params["bn"]["state"], params["bn"]["scale"], train=train)
    return np.mean((h[:, 0] - y) ** 2), {"state": {"bn": {"state": state}}, "scale": params["bn"]["scale"][0]}


def with_statistics():
    scale, w = np.ones(1, np.float32), np.array([[1.0], [0.5], [2.0]], np.float32)
    return {"w": w, "bn": {"scale": scale, "state": nn.batch_norm_state(1)}}


def test_state_in_aux_replaces_parameters_and_no_optimiser_moves_it():
    optimizer = optim.chain(optim.add_decayed_weights(0.5), optim.sgd(0.01, momentum=0.9))
    events = []
    params, _, history = fit(
        normalised, with_statistics(), optimizer, minibatches, epochs=2, key=KEY, callbacks=[events.append],
        evaluate=lambda params: {"mean": params["bn"]["state"].mean[0]},
    )  # fmt: skip
    ends = [event for event in events if isinstance(event, Progress)]
    order_key, _ = random.split(random.fold_in(KEY, 1))
    (x, _), *_ = batches((X, Y), 10, order_key)
    first = fit(normalised, with_statistics(), optimizer, lambda epoch, key: [(x, Y[:10])], epochs=1, key=KEY)[0]
    w = with_statistics()["w"]
    np.testing.assert_allclose(
        first["bn"]["state"], [[0.1 * np.mean(x @ w)], [0.9 + 0.1 * np.var(x @ w, ddof=1)]], rtol=1e-5
    )
    assert not np.array_equal(first["w"], w)
    assert type(params["bn"]["state"]) is nn.BatchNormState
    assert list(params) == ["w", "bn"]
    assert "train_state" not in history[0]
    assert history[1]["train_scale"] == pytest.approx(1, abs=0.2)
    assert [record["validation_mean"] for record in history] == [end.params["bn"]["state"].mean[0] for end in ends]


STATE_ERRORS = {
    "unknown": ({"bm": 1.0}, r"the state in aux has \['bm'\]; the parameters have 'w', 'bn' there"),
    "unknown below": ({"bn": {"x": 1.0}}, r"the state in aux has \['bn'\]\['x'\]; the parameters have 'scale', 'state'"),
    "structure": ({"bn": {"state": np.zeros(1)}}, r"the state in aux at \['bn'\]\['state'\] does not match"),
    "shape": (
        {"bn": {"state": nn.batch_norm_state(2)}},
        r"an array of shape \(2,\) and dtype float32 at \['bn'\]\['state'\].mean; the parameter there is an array .* \(1,\)",
    ),
    "dtype": ({"bn": {"scale": np.ones(1)}}, r"dtype float64 at \['bn'\]\['scale'\]; the parameter there .* float32"),
}  # fmt: skip


@pytest.mark.parametrize("name", STATE_ERRORS)
def test_state_that_does_not_match_the_parameters_is_refused(name):
    state, message = STATE_ERRORS[name]
    with pytest.raises(ValueError, match=f"^fit: .*{message}"):
        fit(
            lambda *args: (normalised(*args)[0], {"state": state}), with_statistics(), optim.sgd(0.1), minibatches,
            epochs=1, key=KEY,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("aux", "message"),
    [
        ({"logits": np.ones(1)}, r"the metric 'logits' is an array of shape \(1,\).*; metrics are scalars"),
        ({"word": "high"}, "the metric 'word' is 'high' of type str; metrics are scalars"),
        ({"more": {"a": 1.0}}, "the metric 'more' is .* of type dict; metrics are scalars"),
        ([1.0], "loss_fn returned .* of type list beside the loss; expected a dictionary"),
    ],
)
def test_aux_that_is_no_dictionary_of_scalars_is_refused(aux, message):
    with pytest.raises(TypeError, match=f"^fit: {message}"):
        train(loss_fn=lambda *args: (squares(*args), aux))


def test_a_second_loss_in_aux_is_refused():
    with pytest.raises(ValueError, match=r"^fit: the dictionary beside the loss has a 'loss' too"):
        train(loss_fn=lambda *args: (squares(*args), {"loss": 1.0}))


def test_metrics_that_not_every_batch_has_are_refused():
    calls = []

    def loss_fn(*args):
        calls.append(0)
        return squares(*args), {"first": 1.0} if len(calls) == 1 else {}

    with pytest.raises(ValueError, match="the metrics of a batch are loss, of those before loss, first"):
        train(loss_fn=loss_fn)


ARGUMENT_ERRORS = {
    "optimizer": ({"optimizer": 0.1}, TypeError, "optimizer is 0.1 of type float; expected one of tinygrad_np.optim"),
    "optimizer not called": ({"optimizer": optim.sgd}, TypeError, "optimizer is .*of type function"),
    "batches": ({"batches": [X]}, TypeError, r"batches is .* of type list; expected a function \(epoch, key\)"),
    "half an epoch": ({"epochs": 1.5}, TypeError, "epochs is 1.5 of type float; expected an integer"),
    "negative epochs": ({"epochs": -1}, ValueError, "epochs=-1 must be 0 or more"),
    "callback": ({"callbacks": print}, TypeError, "callbacks is .*; expected a list of functions"),
    "callbacks": ({"callbacks": [None]}, TypeError, "callbacks is .*; expected a list of functions"),
    "resume": ({"resume": "run"}, TypeError, "resume is of type str, expected Progress$"),
    "evaluate": ({"evaluate": lambda params: 1.0}, TypeError, "evaluate returned 1.0 of type float; expected a dict"),
    "stop": ({"callbacks": [lambda event: STOP]}, ValueError, "a callback returned STOP for a Step"),
}


@pytest.mark.parametrize("name", ARGUMENT_ERRORS)
def test_wrong_arguments_are_named(name):
    options, error, message = ARGUMENT_ERRORS[name]
    options = {"optimizer": optim.sgd(0.1), "batches": minibatches, "epochs": 1, "key": KEY} | options
    with pytest.raises(error, match=f"^fit: {message}"):
        fit(loss_fn=squares, params={"w": np.zeros(3)}, **options)


def test_no_epochs_give_the_start():
    params, _, history = train(epochs=0)
    assert history == []
    assert same_bits(params, {"w": np.zeros(3, np.float32)})


def test_statistics_are_in_a_progress_within_an_epoch():
    kept = []

    def callback(event):
        if isinstance(event, Step):
            kept.append(event.progress())

    whole = fit(normalised, with_statistics(), optim.adam(0.1), minibatches, epochs=2, key=KEY, callbacks=[callback])
    resumed = fit(normalised, kept[0].params, optim.adam(0.1), minibatches, epochs=2, key=KEY, resume=kept[4])
    assert same_bits(resumed[:2], whole[:2])
    assert untimed(resumed[2]) == untimed(whole[2])


def test_one_example_is_enough():
    one = fit(squares, {"w": np.zeros(3)}, optim.sgd(0.1), lambda *_: [(X[:1], Y[:1])], epochs=1, key=KEY)
    assert one[2][0]["train_loss"] == pytest.approx(Y[0] ** 2)


def test_an_empty_dataset_is_refused():
    with pytest.raises(
        ValueError, match=r"batches: the arrays must have one first axis, of equal length and not empty"
    ):
        fit(
            squares, {"w": np.zeros(3)}, optim.sgd(0.1), lambda epoch, key: batches((X[:0], Y[:0]), 10, key), epochs=1,
            key=KEY,
        )  # fmt: skip


def test_labels_out_of_range_are_refused_by_the_loss():
    def loss_fn(params, batch, key):
        return nn.cross_entropy(batch[0] @ params["w"], batch[1])

    labels = np.arange(25) % 3
    with pytest.raises(ValueError, match=r"cross_entropy.*2"):
        fit(
            loss_fn, {"w": np.zeros((3, 2))}, optim.sgd(0.1), lambda epoch, key: batches((X, labels), 10, key),
            epochs=1, key=KEY,
        )  # fmt: skip


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

    with hold_blas():
        first, second = once(), once()
    assert same_bits(first[:2], second[:2])
    assert untimed(first[2]) == untimed(second[2])
    assert first[2][-1]["validation_accuracy"] > 0.7
