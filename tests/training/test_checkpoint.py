import errno
import os
import types

import numpy as np
import pytest

from tinygrad_np import optim, random, tree
from tinygrad_np.training import (
    CheckpointError,
    Progress,
    Step,
    checkpointing,
    fit,
    load_checkpoint,
    save_checkpoint,
    write_archive,
)
from tinygrad_np.training import checkpoint as module

KEY = random.key(5)
START = {"w": np.ones((2, 3), np.float32), "b": np.zeros(3, np.float32)}
OPTIMIZERS = {
    "adam": optim.adam(optim.exponential_decay(0.1, 3, 0.5)),
    "momentum": optim.sgd(0.1, momentum=0.9),
    "rmsprop": optim.rmsprop(0.1, momentum=0.5),
    "clipped": optim.chain(optim.clip_by_global_norm(1.0), optim.adam(0.1)),
}


def loss_fn(params, batch, key):
    return np.mean((batch @ params["w"] + params["b"]) ** 2 + random.uniform(key))


def train(optimizer, epochs, **options):
    def batches(epoch, key):
        return random.normal(key, (3, 4, 2))

    return fit(loss_fn, START, optimizer, batches, epochs=epochs, key=KEY, **options)


def bits(some):
    return [(leaf.dtype, leaf.shape, leaf.tobytes()) for leaf in tree.leaves(some)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_going_on_from_a_file_gives_the_same_bits(tmp_path, name):
    path, optimizer = tmp_path / "c.npz", OPTIMIZERS[name]

    def save(event):
        if isinstance(event, Progress) and event.epoch == 2:
            save_checkpoint(path, event, {"seed": 5})

    params, state, history = train(optimizer, 4, callbacks=[save])
    checkpoint = load_checkpoint(path)
    assert (checkpoint.settings, checkpoint.epoch, checkpoint.step) == ({"seed": 5}, 2, 0)
    progress = checkpoint.progress(tree.map(np.zeros_like, START), optimizer)
    assert progress.history == history[:2]
    again = train(optimizer, 4, resume=progress)
    assert bits(again[:2]) == bits((params, state))
    assert [record["train_loss"] for record in again[2]] == [record["train_loss"] for record in history]


def test_the_state_of_another_optimiser_is_refused(tmp_path):
    path = tmp_path / "c.npz"
    params, state, history = train(OPTIMIZERS["adam"], 1)
    save_checkpoint(path, Progress(params, state, KEY, 1, history), {})
    with pytest.raises(CheckpointError, match=r"c\.npz: (lacks|has the unexpected) array state"):
        load_checkpoint(path).progress(START, OPTIMIZERS["momentum"])


def test_a_file_of_another_kind_is_refused(tmp_path):
    write_archive(tmp_path / "m.npz", {"params": START}, {"kind": "model"})
    with pytest.raises(CheckpointError, match="is a model, expected a checkpoint"):
        load_checkpoint(tmp_path / "m.npz")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_going_on_from_a_file_written_within_an_epoch_gives_the_same_bits(tmp_path, name):
    path, optimizer = tmp_path / "c.npz", OPTIMIZERS[name]

    def save(event):
        if isinstance(event, Step) and (event.epoch, event.step) == (3, 2):
            save_checkpoint(path, event.progress(), {})

    params, state, history = train(optimizer, 4, callbacks=[save])
    checkpoint = load_checkpoint(path)
    assert (checkpoint.epoch, checkpoint.step) == (2, 2)
    again = train(optimizer, 4, resume=checkpoint.progress(START, optimizer))
    assert bits(again[:2]) == bits((params, state))
    assert [record["train_loss"] for record in again[2]] == [record["train_loss"] for record in history]
    assert 0 < again[2][2]["seconds"] < 60


def test_a_file_of_the_earlier_format_is_refused(tmp_path):
    old = {"kind": "checkpoint of tinygrad_np, format 1", "settings": {}, "epoch": 1, "history": []}
    write_archive(tmp_path / "c.npz", {"params": START}, old)
    with pytest.raises(CheckpointError, match=r"c\.npz: is a checkpoint.*format 1, expected a checkpoint.*format 2"):
        load_checkpoint(tmp_path / "c.npz")


@pytest.mark.parametrize(
    "progress", [None, {}, "x", {"epoch": 1}, {"epoch": "1", "history": [], "step": 0, "examples": 0, "sums": {}, "seconds": 0.0},
                 {"epoch": 1, "history": [3], "step": 0, "examples": 0, "sums": {}, "seconds": 0.0},
                 {"epoch": 1, "history": [{"a": "b"}], "step": 0, "examples": 0, "sums": {}, "seconds": 0.0},
                 {"epoch": 1, "history": [], "step": -1, "examples": 0, "sums": {}, "seconds": 0.0},
                 {"epoch": 1, "history": [], "step": 1, "examples": 0, "sums": {}, "seconds": 0.0},
                 {"epoch": 1, "history": [], "step": 1, "examples": 2, "sums": {"loss": [1.0]}, "seconds": 0.0}],
)  # fmt: skip
def test_metadata_of_something_else_are_refused(tmp_path, progress):
    facts = {"kind": "checkpoint of tinygrad_np, format 2", "settings": {}, "progress": progress}
    write_archive(tmp_path / "c.npz", {"params": START}, facts)
    with pytest.raises(CheckpointError, match=r"c\.npz: is damaged: its metadata are not those of a checkpoint"):
        load_checkpoint(tmp_path / "c.npz")


def saved_at(monkeypatch, tmp_path, **options):
    """Train three epochs of three steps, 10 seconds each; return where each checkpoint stood."""
    now, places = types.SimpleNamespace(time=0.0), []
    monkeypatch.setattr(module.time, "monotonic", lambda: now.time)
    monkeypatch.setattr(
        module, "save_checkpoint", lambda path, progress, settings: places.append((progress.epoch, progress.step))
    )

    def tick(event):
        now.time += 10 if isinstance(event, Step) else 0

    train(optim.sgd(0.1), 3, callbacks=[tick, checkpointing(tmp_path / "c.npz", {}, **options)])
    return places


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({"seconds": 31}, [(1, 0), (2, 0), (3, 0)]),
        ({"seconds": 20}, [(0, 2), (1, 0), (1, 2), (2, 0), (2, 2), (3, 0)]),
        ({"seconds": 0}, [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3), (3, 0)]),
        ({"steps": 2}, [(0, 2), (1, 0), (1, 2), (2, 0), (2, 2), (3, 0)]),
    ],
)  # fmt: skip
def test_checkpoints_are_saved_after_epochs_and_from_time_to_time(monkeypatch, tmp_path, options, places):
    assert saved_at(monkeypatch, tmp_path, **options) == places


def test_a_disk_that_is_full_stops_training_and_the_last_checkpoint_stays(tmp_path, monkeypatch):
    path, optimizer = tmp_path / "c.npz", OPTIMIZERS["adam"]
    fsync = os.fsync

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    def fill(event):
        monkeypatch.setattr(os, "fsync", full if isinstance(event, Step) and event.epoch == 2 else fsync)

    with pytest.raises(OSError, match="No space left on device") as caught:
        train(optimizer, 4, callbacks=[fill, checkpointing(path, {}, steps=1)])
    monkeypatch.undo()
    assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == ["c.npz"]
    assert (load_checkpoint(path).epoch, load_checkpoint(path).step) == (1, 0)
    again = train(optimizer, 4, resume=load_checkpoint(path).progress(START, optimizer))
    assert bits(again[:2]) == bits(train(optimizer, 4)[:2])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do everything")
def test_a_folder_that_may_not_be_written_or_read(tmp_path):
    path = tmp_path / "closed" / "c.npz"
    path.parent.mkdir()
    save_checkpoint(path, Progress(START, (), KEY, 0, []), {})
    path.parent.chmod(0)
    try:
        with pytest.raises(PermissionError) as caught:
            train(optim.sgd(0.1), 1, callbacks=[checkpointing(path, {})])
        assert caught.value.filename == str(path)
        with pytest.raises(PermissionError):
            load_checkpoint(path)
    finally:
        path.parent.chmod(0o700)
    assert load_checkpoint(path).epoch == 0


@pytest.mark.parametrize(
    ("settings", "options", "error", "message"),
    [
        ({"rate": np.float32(1)}, {}, TypeError, "checkpointing: settings are no JSON: .*float32"),
        ({"rate": np.nan}, {}, ValueError, "checkpointing: settings are no JSON"),
        ({}, {"steps": 0}, ValueError, "checkpointing: steps=0 must be 1 or more"),
    ],
)
def test_what_no_checkpoint_could_hold_is_refused_before_training(tmp_path, settings, options, error, message):
    with pytest.raises(error, match=message):
        checkpointing(tmp_path / "c.npz", settings, **options)


def test_a_checkpoint_is_no_progress_yet(tmp_path):
    path, optimizer = tmp_path / "c.npz", OPTIMIZERS["adam"]
    save_checkpoint(path, Progress(START, optimizer.init(START), KEY, 0, []), {})
    with pytest.raises(TypeError, match=r"Checkpoint, expected Progress; .* checkpoint.progress\(params, optimizer\)"):
        train(optimizer, 1, resume=load_checkpoint(path))


def test_numbers_that_json_cannot_hold_are_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "c.npz"
    save_checkpoint(path, Progress(START, (), KEY, 0, []), {})
    with pytest.raises(ValueError, match="JSON"):
        save_checkpoint(path, Progress(START, (), KEY, 1, [{"train_loss": np.nan}]), {})
    assert load_checkpoint(path).epoch == 0
    assert os.listdir(tmp_path) == ["c.npz"]
