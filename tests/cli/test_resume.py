import functools
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from tests.cli.helpers import CUT, few, model_bytes, write_dataset
from tinygrad_np import data, training
from tinygrad_np.cli import session
from tinygrad_np.cli.runs import FILES


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_ctrl_c_says_how_to_go_on_and_that_ends_with_the_same_bits(run, small, finished, tmp_path, interrupt, epochs):
    folder = tmp_path / "a run"
    interrupt(epochs)
    code, _, err = run(*CUT, "--data", small, "--out", folder)
    assert code == 130
    resume = f"tinygrad-np train lenet5 --out '{folder}' --resume"
    assert err == f"interrupted; all complete epochs are saved. To go on: {resume}\n"
    interrupt(-1)
    code, out, _ = run("train", "lenet5", "--out", folder, "--resume")
    assert code == 0
    assert out.count("epoch ") == 3 - epochs
    assert model_bytes(folder) == model_bytes(finished)
    results = [json.loads((each / "metrics.json").read_text()) for each in (folder, finished)]
    assert results[0]["test_loss"] == results[1]["test_loss"]


@pytest.mark.parametrize(
    ("name", "options", "step"),
    [
        ("lenet5", ("--patience", 9), 2), ("deep_cnn", ("--batch-size", 16), 3),
        ("two_class", ("--as-published", "--freeze", "conv"), 10),
    ],
)  # fmt: skip
def test_interrupted_within_an_epoch_it_ends_with_the_same_bits(
    run, tmp_path, interrupt, monkeypatch, name, options, step
):
    full = data.digits(dtype="uint8")
    few_digits = write_dataset(tmp_path / "data", few(full.train, 100), few(full.test, 20))
    monkeypatch.setattr(session, "checkpointing", functools.partial(training.checkpointing, steps=1))
    command = ("train", name, *options, "--data", few_digits, "--epochs", 2, "--out")
    assert run(*command, tmp_path / "whole")[0] == 0
    interrupt(1, step=step)
    assert run(*command, tmp_path / "r")[0] == 130
    at = training.load_checkpoint(tmp_path / "r" / "checkpoint.npz")
    assert (at.epoch, at.step) == (1, step)
    interrupt(-1)
    assert run("train", name, "--out", tmp_path / "r", "--resume")[0] == 0
    assert model_bytes(tmp_path / "r") == model_bytes(tmp_path / "whole")
    whole, parts = (json.loads((tmp_path / each / "metrics.json").read_text()) for each in ("whole", "r"))
    for one, other in zip(whole["history"], parts["history"], strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}


def test_a_run_that_patience_ended_is_not_taken_for_unfinished(run, small, tmp_path):
    command = ("train", "lenet5", "--data", small, "--epochs", 30, "--learning-rate", 0.05, "--patience", 1)
    assert run(*command, "--out", tmp_path / "r")[0] == 0
    first = model_bytes(tmp_path / "r")
    code, out, _ = run(*command, "--out", tmp_path / "r")
    assert code == 0
    assert "holds a run with the same settings; training again, to the same result" in out
    assert model_bytes(tmp_path / "r") == first
    assert run("train", "lenet5", "--resume", "--epochs", 40, "--out", tmp_path / "r")[0] == 0
    assert model_bytes(tmp_path / "r") == first


def forge(path, part, facts):
    """Write a checkpoint anew, checksums and all, with other facts."""
    archive = training.read_archive(path, "checkpoint of tinygrad_np, format 2")
    archive.metadata[part].update(facts)
    with zipfile.ZipFile(path, "w") as file:
        for name, array in {**archive.arrays, "metadata": np.array(json.dumps(archive.metadata))}.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            file.writestr(f"{name}.npy", content.getvalue())


@pytest.mark.parametrize(
    ("part", "facts"),
    [
        ("settings", {"epochs": "3"}), ("settings", {"epochs": 0}), ("settings", {"freeze": 1}),
        ("settings", {"freeze": [1]}), ("settings", {"data": 1}), ("settings", {"seed": -1}),
        ("settings", {"seed": 2**64}), ("settings", {"learning_rate": "a"}), ("settings", {"learning_rate": -1.0}),
        ("settings", {"batch_size": 0}), ("settings", {"patience": 0}), ("settings", {"as_published": "x"}),
        ("progress", {"history": []}), ("progress", {"history": [{}] * 3}), ("progress", {"epoch": -1}),
    ],
)  # fmt: skip
def test_a_forged_checkpoint_is_refused_in_one_line(run, copy, part, facts):
    forge(copy / "checkpoint.npz", part, {})
    assert training.load_checkpoint(copy / "checkpoint.npz").epoch == 3
    forge(copy / "checkpoint.npz", part, facts)
    code, _, err = run("train", "lenet5", "--out", copy, "--resume")
    assert code == 2
    assert err == (
        f"tinygrad-np: error: {copy / 'checkpoint.npz'}: is damaged: its settings or its history are not those of "
        "a run; train --overwrite starts again\n"
    )


def test_a_prolonged_run_is_one_that_was_long_from_the_start(run, small, finished, tmp_path):
    folder = tmp_path / "r"
    assert run("train", "lenet5", "--epochs", 1, "--data", small, "--out", folder)[0] == 0
    assert run("train", "lenet5", "--epochs", 3, "--out", folder, "--resume")[0] == 0
    assert model_bytes(folder) == model_bytes(finished)


def test_an_interrupted_prolongation_is_not_taken_for_finished(run, copy, small, interrupt):
    interrupt(4)
    assert run("train", "lenet5", "--epochs", 6, "--out", copy, "--resume")[0] == 130
    interrupt(-1)
    code, _, err = run("train", "lenet5", "--epochs", 6, "--data", small, "--out", copy)
    assert code == 2
    assert "holds an unfinished run, 4 epochs long" in err


def test_what_a_killed_process_left_is_removed(run, copy):
    (copy / ".checkpoint.npz.123.tmp").write_bytes(b"half")
    assert run("train", "lenet5", "--out", copy, "--resume")[0] == 0
    assert sorted(os.listdir(copy)) == sorted(FILES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seed", 1), "cannot resume: seed was 0 and is 1 now"),
        (("--batch-size", 16), "cannot resume: batch-size was 32 and is 16 now"),
        (("--learning-rate", 0.5), "cannot resume: learning-rate was 0.002 and is 0.5 now"),
        (("--data", "digits"), "cannot resume: the images or labels of .*small then are not those of digits now"),
        (("--epochs", 2), "cannot resume: 3 epochs are done already, 2 would be less"),
    ],
)
def test_resuming_with_other_settings_is_refused(run, copy, options, message):
    before = {name: (copy / name).read_bytes() for name in FILES}
    code, out, err = run("train", "lenet5", "--out", copy, "--resume", *options)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert re.search(message, err)
    assert {name: (copy / name).read_bytes() for name in FILES} == before


def test_resuming_with_the_same_data_elsewhere_is_fine(run, copy, small, tmp_path):
    shutil.copytree(small, tmp_path / "moved")
    assert run("train", "lenet5", "--out", copy, "--resume", "--data", tmp_path / "moved")[0] == 0


def test_nothing_to_resume(run, tmp_path):
    code, _, err = run("train", "lenet5", "--out", tmp_path, "--resume")
    assert (code, err) == (
        2, f"tinygrad-np: error: {tmp_path} has no checkpoint.npz to resume; to start, leave out --resume\n"
    )  # fmt: skip


def test_the_same_command_twice_gives_the_same_again(run, copy, small, finished):
    code, out, _ = run(*CUT, "--data", small, "--out", copy)
    assert code == 0
    assert out.startswith(f"{copy} holds a run with the same settings; training again, to the same result\n")
    assert model_bytes(copy) == model_bytes(finished)


def test_a_run_with_other_settings_is_replaced_only_if_told(run, copy, small):
    other = (*CUT, "--data", small, "--out", copy, "--seed", 9)
    before = model_bytes(copy)
    code, _, err = run(*other)
    assert code == 2
    assert "holds a run with other settings (seed was 0 and is 9 now); say --overwrite" in err
    assert model_bytes(copy) == before
    assert run(*other, "--overwrite")[0] == 0
    assert model_bytes(copy) != before


def test_an_unfinished_run_is_replaced_only_if_told(run, small, finished, tmp_path, interrupt):
    folder = tmp_path / "r"
    interrupt(2)
    start = (*CUT, "--data", small, "--out", folder)
    assert run(*start)[0] == 130
    interrupt(-1)
    code, _, err = run(*start)
    assert code == 2
    assert "holds an unfinished run, 2 epochs long; say --resume" in err
    assert run(*start, "--overwrite")[0] == 0
    assert model_bytes(folder) == model_bytes(finished)


def test_a_replaced_run_that_is_interrupted_does_not_show_the_old_results(run, copy, small, interrupt):
    interrupt(0)
    assert run(*CUT, "--data", small, "--out", copy, "--seed", 9, "--overwrite")[0] == 130
    assert os.listdir(copy) == ["checkpoint.npz"]
    code, _, err = run("evaluate", copy)
    assert code == 2
    assert "its training has not ended: go on with train --resume" in err


@pytest.mark.parametrize("damage", [lambda content: content[:1000], lambda content: b"", lambda content: b"x" * 99])
def test_a_damaged_checkpoint_is_named_and_replaced_only_if_told(run, copy, small, damage):
    path = copy / "checkpoint.npz"
    path.write_bytes(damage(path.read_bytes()))
    code, _, err = run("train", "lenet5", "--out", copy, "--resume")
    assert code == 2
    assert err.startswith(f"tinygrad-np: error: {path}: is damaged")
    assert err.endswith("; train --overwrite starts again\n")
    code, _, err = run(*CUT, "--data", small, "--out", copy)
    assert code == 2
    assert "holds files of a run without a usable checkpoint; say --overwrite" in err
    assert run(*CUT, "--data", small, "--out", copy, "--overwrite")[0] == 0


LONG = 40  # epochs; more than can pass before a signal comes
# The command line, with a checkpoint after every few steps rather than every 30 seconds.
OFTEN = """import functools, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background begins without it
from tinygrad_np import cli
from tinygrad_np.cli import session
session.checkpointing = functools.partial(session.checkpointing, steps=3)
sys.exit(cli.main())"""


def start(small, folder, *options):
    command = [sys.executable, "-c", OFTEN, "train", "lenet5", "--out", str(folder), *options]
    if "--resume" not in options:
        command += ["--data", str(small), "--epochs", str(LONG)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path, process):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("kills", "batch_size"), [(3, 32), pytest.param(20, 4, marks=pytest.mark.acceptance)], ids=("thrice", "20 times")
)
def test_killed_at_random_moments_it_ends_with_the_same_bits(run, small, tmp_path, kills, batch_size):
    size = ("--batch-size", str(batch_size))
    folder, options = tmp_path / "killed", size
    for _ in range(kills):
        process = start(small, folder, *options)
        if "--resume" in options:
            process.stdout.readline()  # it has begun
        wait_for(folder / "checkpoint.npz", process)
        time.sleep(random.uniform(0, 0.25))
        process.kill()
        process.communicate()
        options = ("--resume",)
    epoch = training.load_checkpoint(folder / "checkpoint.npz").epoch
    assert 0 <= epoch < LONG
    assert run("train", "lenet5", "--out", folder, "--resume")[0] == 0
    assert sorted(os.listdir(folder)) == sorted(FILES)
    assert run("train", "lenet5", "--data", small, "--epochs", LONG, *size, "--out", tmp_path / "whole")[0] == 0
    assert model_bytes(folder) == model_bytes(tmp_path / "whole")


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_real_ctrl_c(small, tmp_path):
    process = start(small, tmp_path / "r")
    wait_for(tmp_path / "r" / "checkpoint.npz", process)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith("interrupted; all complete epochs are saved.")
    assert "Traceback" not in err
