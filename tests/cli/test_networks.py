"""Every network through the command line: on a few digits here, on the full datasets in the acceptance tests."""

import json
import os

import numpy as np
import pytest

from tests.cli.helpers import few, write_dataset
from tinygrad_np import training
from tinygrad_np.cli import main
from tinygrad_np.data import digits
from tinygrad_np.models import MODELS

FULL_DATA = "TINYGRAD_NP_DATA" in os.environ
needs_full_data = pytest.mark.skipif(not FULL_DATA, reason="TINYGRAD_NP_DATA does not name a folder with the datasets")
DIGITS = digits(dtype="uint8")
ON_DIGITS = [name for name, model in MODELS.items() if model.recipe.data == "digits"]


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("tiny") / "tiny", few(DIGITS.train, 150), few(DIGITS.test, 30))


@pytest.mark.parametrize("name", ON_DIGITS)
def test_it_trains_evaluates_and_predicts(run, tiny, tmp_path, name):
    folder = tmp_path / "r"
    code, out, _ = run("train", name, "--data", tiny, "--epochs", 1, "--out", folder)
    assert code == 0
    assert out.startswith(f"{name}: ")
    told = metrics(folder)
    assert told["test_images"] == (np.isin(DIGITS.test.labels[:30], (1, 3)).sum() if name == "two_class" else 30)
    code, out, _ = run("evaluate", folder)
    assert code == 0
    assert f"test accuracy {told['test_accuracy']:.4f}   test loss {told['test_loss']:.4f}" in out


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.published])
def test_as_published_is_kept_with_the_run(run, tiny, tmp_path, name):
    folder = tmp_path / "r"
    assert run("train", name, "--as-published", "--data", tiny, "--epochs", 1, "--out", folder)[0] == 0
    told = metrics(folder)
    recipe = MODELS[name].published.recipe
    assert (told["as_published"], told["batch_size"], told["learning_rate"]) == (
        True, recipe.batch_size, recipe.learning_rate,
    )  # fmt: skip
    code, out, _ = run("evaluate", folder)
    assert code == 0
    assert out.startswith(f"{name}, as published, on tiny: test accuracy {told['test_accuracy']:.4f}")
    code, _, err = run("train", name, "--data", tiny, "--epochs", 1, "--out", folder)
    assert code == 2
    assert "as-published was True and is False now" in err


def test_resuming_goes_on_as_published_and_frozen(run, tiny, tmp_path):
    options = ("--as-published", "--freeze", "conv", "--data", tiny)
    assert run("train", "two_class", *options, "--epochs", 2, "--out", tmp_path / "whole")[0] == 0
    assert run("train", "two_class", *options, "--epochs", 1, "--out", tmp_path / "r")[0] == 0
    assert run("train", "two_class", "--resume", "--epochs", 2, "--out", tmp_path / "r")[0] == 0
    whole, parts = (training.read_archive(tmp_path / name / "model.npz", "model of tinygrad_np, format 2")
                    for name in ("whole", "r"))  # fmt: skip
    assert all(np.array_equal(whole.arrays[name], parts.arrays[name]) for name in whole.arrays)


def test_part_two_has_no_published_form(run, tiny, tmp_path):
    code, _, err = run("train", "ten_class_5", "--as-published", "--data", tiny, "--out", tmp_path / "r")
    assert code == 2
    assert "there is no --as-published; it is for two_class, lenet5, deep_cnn, strided, conv_pool_softmax" in err


@pytest.mark.parametrize(("frozen", "trained"), [("conv", "dense"), ("dense", "conv")])
def test_a_frozen_layer_stays_and_the_other_learns(run, tiny, tmp_path, frozen, trained):
    folder = tmp_path / "r"
    code, out, _ = run("train", "two_class", "--data", tiny, "--epochs", 1, "--freeze", frozen, "--out", folder)
    assert code == 0
    assert f"793 parameters, {frozen} frozen" in out
    start = training.read_archive(tmp_path / "r" / "model.npz", "model of tinygrad_np, format 2").arrays
    run("train", "two_class", "--data", tiny, "--epochs", 1, "--learning-rate", "1e-300", "--out", tmp_path / "start")
    first = training.read_archive(tmp_path / "start" / "model.npz", "model of tinygrad_np, format 2").arrays
    assert np.array_equal(start[f"params['{frozen}']['w']"], first[f"params['{frozen}']['w']"])
    assert not np.array_equal(start[f"params['{trained}']['w']"], first[f"params['{trained}']['w']"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--freeze", "conv1"), "--freeze conv1: there is no such layer; there are conv, dense"),
        (("--freeze", "conv", "--freeze", "dense"), "--freeze conv dense: nothing is left to train"),
    ],
)
def test_what_cannot_be_frozen(run, tiny, tmp_path, options, message):
    code, _, err = run("train", "two_class", "--data", tiny, *options, "--out", tmp_path / "r")
    assert code == 2
    assert message in err
    assert not (tmp_path / "r").exists()


def test_data_without_the_two_classes(run, tmp_path):
    images, labels = few(DIGITS.train, 40)
    folder = write_dataset(tmp_path / "data", (images[labels != 3], labels[labels != 3]), few(DIGITS.test, 20))
    code, _, err = run("train", "two_class", "--data", folder, "--out", tmp_path / "r")
    assert code == 2
    assert "has no training images of label 3; two_class tells labels (1, 3) apart" in err


def test_the_list_describes_each_network(run, monkeypatch):
    from tinygrad_np.cli import listing

    monkeypatch.setattr(listing, "_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run("train", "--list")
    assert code == 0
    assert 70 < max(len(line) for line in out.splitlines()) <= 80
    blocks = out.replace("\n      ", " ").split("\n")  # what continues a line stands further to the right
    for name, parameters in (("two_class", "793"), ("lenet5", "61,706"), ("deep_cnn", "876,618"), ("strided", "9,586"),
                             ("conv_pool_softmax", "27,194"), ("ten_class_colour", "154,005")):  # fmt: skip
        (line,) = [i for i, text in enumerate(blocks) if text.startswith(f"{name}: ")]
        assert f"{parameters} parameters" in blocks[line + 1]
        assert " s each" in blocks[line + 2] or " s for 1,000 images" in blocks[line + 2]


def test_the_comparison_is_one_table(run, tmp_path, monkeypatch):
    from tinygrad_np.cli import compare

    few_digits = write_dataset(tmp_path / "data", few(DIGITS.train, 150), few(DIGITS.test, 30))
    monkeypatch.setattr(compare, "milliseconds", lambda model, seconds: 0.5)
    monkeypatch.setattr(compare, "sources", lambda model, full: [str(few_digits)])
    code, out, _ = run("compare", "--models", "strided", "two_class", "--out", tmp_path / "c")
    assert code == 0
    table = [line for line in out.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in table] == ["| network", "| ---", "| strided", "| two_class"]
    told = metrics(tmp_path / "c" / "strided-data")
    assert f"| {told['test_accuracy']:.4f} | 30 of data | 0.5 | 11 | 22 |" in table[2]
    assert "| 0.5 | 0.19 | 0.38 |" in table[3]
    assert (tmp_path / "c" / "compare.md").read_text() == "".join(line + "\n" for line in table)
    rows = json.loads((tmp_path / "c" / "compare.json").read_text())
    assert [row["network"] for row in rows] == ["strided", "two_class"]
    # What is complete is not trained again.
    _, again, _ = run("compare", "--models", "strided", "--out", tmp_path / "c")
    assert "epoch 1/" not in again
    damaged = tmp_path / "c" / "strided-data" / "checkpoint.npz"
    damaged.write_bytes(b"")
    code, _, err = run("compare", "--models", "strided", "--out", tmp_path / "c")
    assert code == 2
    assert err.startswith(f"tinygrad-np: error: {damaged}: is damaged")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Each network trained on the full data by its recipe: the metrics of its run, and the table's rows."""
    folder = tmp_path_factory.mktemp("compare")
    assert main(["compare", "--full", "--out", str(folder)]) == 0
    rows = json.loads((folder / "compare.json").read_text())
    return {(row["network"], row["dataset"]): (metrics(folder / row["folder"]), row) for row in rows}


@pytest.mark.acceptance
@needs_full_data
@pytest.mark.parametrize(
    ("name", "dataset", "test_images", "epochs", "least"),
    [
        ("two_class", "fashion-mnist", 2_000, 5, 0.96),
        ("lenet5", "mnist", 10_000, 5, 0.985),
        ("deep_cnn", "mnist", 10_000, None, 0.990),
        ("deep_cnn", "fashion-mnist", 10_000, None, 0.90),
        ("strided", "mnist", 10_000, 1, 0.955),
        ("conv_pool_softmax", "mnist", 10_000, 4, 0.955),
    ],
)
def test_the_accuracy_demanded_on_the_real_test_images(compared, name, dataset, test_images, epochs, least):
    told, row = compared[name, dataset]
    assert told["test_images"] == row["test_images"] == test_images
    assert epochs in (None, told["epochs"])
    assert told["test_accuracy"] == row["accuracy"]
    assert row["accuracy"] >= least


@pytest.mark.acceptance
@needs_full_data
def test_two_class_as_published(tmp_path):
    """Loss from about 1 to 0.1 and validation accuracy about 0.96; the filter alone 0.5 and 0.8."""
    command = ["train", "two_class", "--as-published", "--data", "fashion", "--out"]
    assert main([*command, str(tmp_path / "both")]) == 0
    last = metrics(tmp_path / "both")["history"][-1]
    assert last["train_loss"] < 0.12
    assert last["validation_accuracy"] == pytest.approx(0.96, abs=0.01)
    assert main([*command, str(tmp_path / "conv"), "--freeze", "dense"]) == 0
    last = metrics(tmp_path / "conv")["history"][-1]
    assert last["train_loss"] == pytest.approx(0.5, abs=0.1)
    assert last["validation_accuracy"] == pytest.approx(0.8, abs=0.05)
    assert main([*command, str(tmp_path / "dense"), "--freeze", "conv"]) == 0
    assert metrics(tmp_path / "dense")["history"][-1]["validation_accuracy"] > 0.95


@pytest.mark.acceptance
@needs_full_data
def test_strided_as_published_gives_what_its_code_would_with_right_gradients(tmp_path):
    assert main(["train", "strided", "--as-published", "--data", "mnist", "--out", str(tmp_path / "r")]) == 0
    told = metrics(tmp_path / "r")
    assert (told["train_images"], told["test_images"]) == (1_000, 1_000)
    assert told["test_accuracy"] == pytest.approx(0.535, abs=0.002)


@pytest.mark.acceptance
@needs_full_data
def test_conv_pool_softmax_as_published_diverges_in_its_second_epoch(run, tmp_path):
    code, _, err = run("train", "conv_pool_softmax", "--as-published", "--data", "mnist", "--out", tmp_path / "r")
    assert code == 2
    assert "epoch 2" in err
