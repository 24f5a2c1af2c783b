import dataclasses
import errno
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.cli.helpers import CUT, few, model_bytes, write_dataset
from tinygrad_np import training
from tinygrad_np.cli.runs import FILES
from tinygrad_np.data import digits
from tinygrad_np.models import MODELS


def test_a_run_leaves_its_files_and_no_others(finished):
    assert sorted(os.listdir(finished)) == sorted(FILES)


def test_metrics_say_what_was_done(finished, small):
    metrics = json.loads((finished / "metrics.json").read_text())
    expected = {
        "model": "lenet5", "dataset": "small", "data": str(small), "epochs": 3, "train_images": 300,
        "validation_images": 60, "test_images": 80, "parameters": 61_706, "seed": 0, "batch_size": 32,
    }  # fmt: skip
    assert {name: metrics[name] for name in expected} == expected
    assert 0.5 < metrics["test_accuracy"] <= 1
    assert 0 < metrics["test_loss"] < 2
    assert metrics["seconds"] == pytest.approx(3 * metrics["seconds_per_epoch"], abs=0.01)
    assert len(metrics["history"]) == 3


@pytest.mark.parametrize("name", ["curves.png", "filters.png"])
def test_pictures_are_small_and_not_blank(finished, name):
    image = pytest.importorskip("PIL.Image")
    with image.open(finished / name) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 250
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20
    assert (finished / name).stat().st_size < 200_000


def test_a_log_has_a_line_an_epoch_and_no_bar(run, small, tmp_path):
    code, out, err = run(*CUT, "--data", small, "--out", tmp_path / "r")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(
        "lenet5: 61,706 parameters; small: 300 training, 60 validation, 80 test images; 3 epochs"
    )
    assert [line.split("   ")[0] for line in lines[1:4]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all("train loss" in line and "validation loss" in line and "accuracy" in line for line in lines[1:4])
    assert lines[4].startswith("test accuracy 0.")
    assert len(lines) == 5


def test_a_terminal_has_a_bar_with_rate_loss_and_accuracy(run, small, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    # Batches of one, for tqdm draws ten times a second only.
    code, _, err = run(*CUT, "--data", small, "--out", tmp_path / "r", "--batch-size", 1)
    assert code == 0
    assert "epoch 3/3" in err
    assert "img/s" in err
    assert "loss=" in err
    assert "accuracy=" in err


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(run, small, finished, tmp_path):
    for seed, same in ((0, True), (1, False)):
        assert run(*CUT, "--data", small, "--out", tmp_path / str(seed), "--seed", seed)[0] == 0
        assert (model_bytes(tmp_path / str(seed)) == model_bytes(finished)) is same


def test_the_recipes_augmentation_is_applied_to_training_images_only(run, small, tmp_path, monkeypatch):
    model = MODELS["lenet5"]
    unmoved = dataclasses.replace(model, recipe=dataclasses.replace(model.recipe, augment=None))
    monkeypatch.setitem(MODELS, "lenet5", unmoved)
    assert run(*CUT, "--data", small, "--out", tmp_path / "r", "--learning-rate", "1e-300")[0] == 0
    monkeypatch.undo()
    assert run(*CUT, "--data", small, "--out", tmp_path / "s", "--learning-rate", "1e-300")[0] == 0
    first, second = (json.loads((tmp_path / name / "metrics.json").read_text())["history"][0] for name in "rs")
    assert first["train_loss"] != pytest.approx(second["train_loss"], rel=1e-4)
    assert first["validation_loss"] == second["validation_loss"]


def test_a_disk_that_is_full_ends_in_one_line_and_the_last_checkpoint_stays(run, small, tmp_path, interrupt):
    interrupt(1, OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "file")))
    code, _, err = run(*CUT, "--data", small, "--out", tmp_path / "r")
    assert (code, err) == (2, f"tinygrad-np: error: {tmp_path / 'file'}: No space left on device\n")
    assert training.load_checkpoint(tmp_path / "r" / "checkpoint.npz").epoch == 1


def test_a_run_folder_that_is_a_file(run, small, tmp_path):
    (tmp_path / "r").touch()
    code, _, err = run(*CUT, "--data", small, "--out", tmp_path / "r")
    assert code == 2
    assert err == f"tinygrad-np: error: {tmp_path / 'r'}: File exists\n" or "Not a directory" in err


def test_divergence_ends_in_one_line(run, small, tmp_path):
    code, _, err = run(*CUT, "--data", small, "--out", tmp_path / "r", "--learning-rate", "1e300")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "try a smaller learning rate" in err


def test_data_that_cannot_be_had(run, tmp_path):
    code, _, err = run(*CUT, "--data", tmp_path / "absent", "--out", tmp_path / "r")
    assert code == 2
    assert f"{tmp_path / 'absent'} is no folder" in err
    assert not (tmp_path / "r").exists()


FULL = digits(dtype="uint8")


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ((few(FULL.train, 9)[0], np.full(9, 10)), "labels must be 0 to 9"),
        (few(FULL.train, 0), "not empty"),
        (few(FULL.train, 1), "1 training images cannot be split"),
        ((few(FULL.train, 9)[0], np.zeros(8)), "9 images want as many"),
    ],
)
def test_data_that_cannot_be_used(run, tmp_path, train, message):
    folder = write_dataset(tmp_path / "data", train, few(FULL.test, 5))
    code, out, err = run(*CUT, "--data", folder, "--out", tmp_path / "r")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err
    assert not (tmp_path / "r").exists()


def test_images_of_another_size(run, tmp_path):
    square = np.zeros((9, 8, 8), "uint8")
    folder = write_dataset(tmp_path / "data", (square, np.zeros(9)), (square, np.zeros(9)))
    code, _, err = run(*CUT, "--data", folder, "--out", tmp_path / "r")
    assert (code, err) == (
        2, f"tinygrad-np: error: {folder}: the images are (8, 8, 1); lenet5 takes (28, 28, 1)\n"
    )  # fmt: skip


@pytest.mark.parametrize("needed", ["tqdm", "matplotlib.figure"])
def test_a_missing_package_is_told_before_training(run, small, tmp_path, monkeypatch, needed):
    monkeypatch.setitem(sys.modules, needed, None)
    code, _, err = run(*CUT, "--data", small, "--out", tmp_path / "r")
    assert code == 2
    package = needed.partition(".")[0]
    message = f'this needs {package}, which is not installed: pip install "tinygrad_np[train]"'
    assert err == f"tinygrad-np: error: {message}\n"
    assert not (tmp_path / "r").exists()


@pytest.mark.acceptance
def test_the_default_run_reaches_97_percent_within_a_minute(tmp_path):
    began = time.monotonic()
    command = [sys.executable, "-m", "tinygrad_np", "train", "lenet5", "--out", str(tmp_path / "r")]
    subprocess.run(command, check=True)
    assert time.monotonic() - began < 60
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert (metrics["test_images"], metrics["dataset"]) == (1_000, "digits")
    assert metrics["test_accuracy"] >= 0.97


def test_patience_ends_training_early_and_keeps_the_best(run, small, tmp_path):
    folder = tmp_path / "r"
    options = ("--data", small, "--epochs", 30, "--learning-rate", 0.05, "--patience", 2)
    code, out, _ = run("train", "lenet5", *options, "--out", folder)
    assert code == 0
    metrics = json.loads((folder / "metrics.json").read_text())
    losses = [record["validation_loss"] for record in metrics["history"]]
    best = int(np.argmin(losses)) + 1
    assert len(losses) == best + 2 < 30
    assert f"the parameters of epoch {best} are kept: validation loss {losses[best - 1]:.4f}" in out
    kept = training.read_archive(folder / "best.npz", "best parameters of tinygrad_np, format 1").arrays
    saved = training.read_archive(folder / "model.npz", "model of tinygrad_np, format 2").arrays
    assert all(np.array_equal(kept[name], saved[name]) for name in kept)
