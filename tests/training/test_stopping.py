import math

import numpy as np
import pytest

from tinygrad_np import optim, random
from tinygrad_np.training import (
    STOP,
    CheckpointError,
    Progress,
    Step,
    best_epoch,
    checkpointing,
    early_stopping,
    fit,
    keep_best,
    load_best,
    load_checkpoint,
    write_archive,
)

KEY = random.key(3)
LOSSES = [5.0, 3.0, 3.0, 3.5, 2.9, 4.0, 4.0, 4.0, 1.0]
START = {"w": np.zeros(2, np.float32)}


def loss_fn(params, batch, key):
    return np.sum((params["w"] - batch) ** 2)


def train(callbacks, epochs=9, resume=None):
    """Train with a validation loss that is told beforehand; the parameters are others after every epoch."""
    rest = iter(LOSSES[resume.epoch if resume else 0 :])
    return fit(
        loss_fn, START, optim.sgd(0.1), lambda epoch, key: [np.full((1, 2), epoch, np.float32)], epochs=epochs, key=KEY,
        evaluate=lambda params: {"loss": next(rest)}, callbacks=callbacks, resume=resume,
    )  # fmt: skip


def stops_after(values, patience, min_delta, sign):
    """Walk through the epochs as a loop with a counter does."""
    best, waited = math.inf, 0
    for epoch, value in enumerate(values, 1):
        if sign * value < best - min_delta:
            best, waited = sign * value, 0
        else:
            waited += 1
        if waited >= patience:
            return epoch
    return len(values)


@pytest.mark.parametrize("patience", [1, 2, 3, 9])
@pytest.mark.parametrize("min_delta", [0.0, 0.05, 0.2, 10.0])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_training_ends_when_a_loop_with_a_counter_would_end_it(patience, min_delta, mode):
    stop = early_stopping(patience=patience, min_delta=min_delta, mode=mode)
    _, _, history = train([stop])
    assert len(history) == stops_after(LOSSES, patience, min_delta, 1 if mode == "min" else -1)


def test_a_run_that_was_stopped_is_not_prolonged_by_resuming():
    ends = []
    stop = early_stopping(patience=2)
    _, _, history = train([ends.append, stop])
    assert len(history) == 4
    ends = [event for event in ends if isinstance(event, Progress)]
    for end in ends:
        assert len(train([stop], resume=end)[2]) == 4


@pytest.mark.parametrize(("mode", "expected"), [("min", 5), ("max", 1)])
def test_the_best_parameters_are_kept(tmp_path, mode, expected):
    path, seen = tmp_path / "best.npz", []
    train([keep_best(path, mode=mode), seen.append], epochs=8)
    ends = [event for event in seen if isinstance(event, Progress)]
    best = load_best(path, START)
    assert (best.epoch, best.value) == (expected, LOSSES[expected - 1])
    assert np.array_equal(best.params["w"], ends[expected - 1].params["w"])
    assert best_epoch(ends[-1].history, "validation_loss", mode) == expected


def test_the_first_of_two_equally_good_is_kept(tmp_path):
    train([keep_best(tmp_path / "best.npz")], epochs=3)
    assert load_best(tmp_path / "best.npz", START).epoch == 2


class KilledError(BaseException):
    pass


@pytest.mark.parametrize("order", ["checkpoint first", "best first"])
@pytest.mark.parametrize("moment", [1, 2, 5])
def test_the_best_are_right_after_a_kill_between_the_two_files(tmp_path, order, moment):
    best, checkpoint = keep_best(tmp_path / "b.npz"), checkpointing(tmp_path / "c.npz", {})

    def killed(event):
        if isinstance(event, Progress) and event.epoch == moment:
            raise KilledError

    callbacks = [checkpoint, killed, best] if order == "checkpoint first" else [best, killed, checkpoint]
    with pytest.raises(KilledError):
        train(callbacks, epochs=6)
    resume = None
    if (tmp_path / "c.npz").exists():
        resume = load_checkpoint(tmp_path / "c.npz").progress(START, optim.sgd(0.1))
    train([callbacks[0], callbacks[2]], epochs=6, resume=resume)
    train([keep_best(tmp_path / "whole.npz")], epochs=6)
    assert (tmp_path / "b.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_a_step_is_nothing_to_them(tmp_path):
    step = Step(1, 1, 1, {"loss": 1.0}, lambda: pytest.fail("not needed"))
    assert early_stopping(patience=1)(step) is None
    assert keep_best(tmp_path / "best.npz")(step) is None
    assert not list(tmp_path.iterdir())


def test_stop_is_what_early_stopping_returns():
    history = [{"validation_loss": value} for value in (1.0, 2.0)]
    stop = early_stopping(patience=1)
    assert stop(Progress(None, None, None, 2, history)) is STOP
    assert stop(Progress(None, None, None, 1, history[:1])) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: early_stopping(patience=0), "patience=0 must be 1 or more"),
        (lambda: early_stopping(patience=1, min_delta=math.nan), "min_delta=nan"),
        (lambda: early_stopping(patience=1, mode="best"), "mode must be 'min' or 'max', got 'best'"),
        (lambda: keep_best("x", mode="least"), "keep_best: mode must be 'min' or 'max', got 'least'"),
        (lambda: best_epoch([], "train_loss"), "has no metric 'train_loss'; it has no epochs at all"),
        (lambda: train([early_stopping("validation_los", patience=1)]), "no metric 'validation_los'; it has train_loss, "),
    ],
)  # fmt: skip
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_file_of_another_kind_is_refused(tmp_path):
    write_archive(tmp_path / "m.npz", {"params": START}, {"kind": "model"})
    with pytest.raises(CheckpointError, match="is a model, expected a best parameters"):
        load_best(tmp_path / "m.npz", START)
    write_archive(
        tmp_path / "m.npz", {"params": START}, {"kind": "best parameters of tinygrad_np, format 1", "epoch": "1"}
    )
    with pytest.raises(CheckpointError, match="is damaged: it lacks the epoch"):
        load_best(tmp_path / "m.npz", START)
