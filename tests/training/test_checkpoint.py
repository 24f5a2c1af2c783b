import numpy as np
import pytest

from tinygrad_np import optim, random, tree
from tinygrad_np.training import CheckpointError, Progress, fit, load_checkpoint, save_checkpoint, write_archive

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
    assert (checkpoint.settings, checkpoint.epoch) == ({"seed": 5}, 2)
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
