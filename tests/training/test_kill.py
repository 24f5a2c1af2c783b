"""A process that is killed at any moment leaves a run that ends with the same bits."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tinygrad_np.training import load_checkpoint
from tinygrad_np.training.files import LEFTOVERS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from tinygrad_np import nn, optim, random
from tinygrad_np.data import batches
from tinygrad_np.training import checkpointing, early_stopping, evaluate, fit, keep_best, load_checkpoint, write_archive

folder, key = Path(sys.argv[1]), random.key(1)
X = np.asarray(random.normal(random.key(2), (60, 5)))
Y = np.sin(X[:, 0]) + X[:, 1]

def loss_fn(params, batch, key):
    x, y = batch
    h, state = nn.batch_norm(x @ params["w1"], params["state"], train=key is not None)
    h = nn.dropout(np.tanh(h), 0.2, key) @ params["w2"]
    return np.mean((h[:, 0] - y) ** 2), {"state": {"state": state}} if key is not None else {}

start = {
    "w1": np.asarray(random.normal(random.key(3), (5, 8))), "state": nn.batch_norm_state(8),
    "w2": np.asarray(random.normal(random.key(4), (8, 1))),
}
optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.adam(optim.exponential_decay(0.02, 10, 0.9)))
path = folder / "checkpoint.npz"
resume = load_checkpoint(path).progress(start, optimizer) if path.exists() else None
params, state, history = fit(
    loss_fn, start, optimizer, lambda epoch, key: batches((X, Y), 4, key), epochs=6, key=key, resume=resume,
    callbacks=[checkpointing(path, {}, steps=1), keep_best(folder / "best.npz"), early_stopping(patience=8)],
    evaluate=lambda params: evaluate(lambda batch: loss_fn(params, batch, None), (X, Y)),
)
for record in history:
    del record["seconds"]
write_archive(folder / "end.npz", {"params": params, "state": state}, {"kind": "end", "history": history})
"""


def start(script, folder):
    return subprocess.Popen([sys.executable, script, folder], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The script, a folder in which it ran without interruption, and how long it takes from its first file on."""
    folder = tmp_path_factory.mktemp("whole")
    script = folder / "train.py"
    script.write_text(SCRIPT)
    process = start(script, folder)
    first = wait_for_a_checkpoint(folder, process)
    assert process.wait(60) == 0
    return script, folder, time.monotonic() - first


def wait_for_a_checkpoint(folder, process):
    deadline = time.monotonic() + 60
    while not (folder / "checkpoint.npz").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return time.monotonic()


def check(whole, folder, kills):
    """Kill it so many times, each time later than the checkpoint it began with, and let it end."""
    script, expected, seconds = whole
    killed = 0
    for _ in range(kills):
        process = start(script, folder)
        wait_for_a_checkpoint(folder, process)
        before = (folder / "checkpoint.npz").stat().st_mtime_ns
        while process.poll() is None and (folder / "checkpoint.npz").stat().st_mtime_ns == before:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 1.5 * seconds / kills))
        process.kill()
        killed += process.wait(60) < 0
        load_checkpoint(folder / "checkpoint.npz")  # is whole
    assert killed > 0
    assert start(script, folder).wait(60) == 0
    for name in ("end.npz", "best.npz"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes()
    visible = {path.name for path in folder.iterdir()} - {path.name for path in folder.glob(LEFTOVERS)}
    assert visible == {"end.npz", "best.npz", "checkpoint.npz"}


def test_killed_three_times_it_ends_with_the_same_bits(whole, tmp_path):
    check(whole, tmp_path, 3)


@pytest.mark.acceptance
@pytest.mark.parametrize("attempt", range(4))
def test_killed_twenty_times_it_ends_with_the_same_bits(whole, tmp_path, attempt):
    check(whole, tmp_path, 20)
