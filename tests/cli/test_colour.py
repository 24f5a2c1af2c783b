"""The recipe for CIFAR-10 from one end to the other, on small files of the real format."""

import json
import shutil

import numpy as np
import pytest

from tests.cli.helpers import few, write_dataset
from tinygrad_np.cli.images import read_image
from tinygrad_np.cli.runs import load_model
from tinygrad_np.data import cifar, digits, load, locate

Image = pytest.importorskip("PIL.Image")
# Of each class one: red, green, blue.
COLOURS = np.array(
    [(0, 0, 0), (0, 0, 255), (0, 255, 0), (0, 255, 255), (255, 0, 0), (255, 0, 255), (255, 255, 0), (255, 255, 255),
     (255, 120, 0), (0, 120, 255)]
)  # fmt: skip


def records(count, seed):
    """One file: label byte, then the red, the green and the blue plane of each image: its class's colour and noise."""
    rng = np.random.default_rng(seed)
    content = b""
    for i in range(count):
        noise = rng.normal(0, 20, (3, 32, 32))
        planes = (COLOURS[i % 10][:, None, None] + noise).clip(0, 255).astype(np.uint8)
        content += bytes([i % 10]) + planes.tobytes()
    return content


FILES = {**{name: records(40, i) for i, name in enumerate(cifar.TRAIN_FILES)}, cifar.TEST_FILE: records(40, 9)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "photographs"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def variable(folder, monkeypatch, tmp_path):
    """Where the original would be found by its name; it has 10,000 records a file."""
    monkeypatch.setenv(locate.FOLDER_VARIABLE, str(tmp_path / "datasets"))
    monkeypatch.setattr(cifar, "RECORDS", 40)
    shutil.copytree(folder, tmp_path / "datasets" / "cifar-10")


@pytest.mark.parametrize("how", ["folder", "variable"])
def test_it_trains_evaluates_predicts_and_reports(run, request, tmp_path, how):
    source = request.getfixturevalue(how) or "cifar10"
    out = tmp_path / "r"
    code, said, _ = run("train", "ten_class_colour", "--data", source, "--epochs", 8, "--out", out)
    assert code == 0
    assert "154,005 parameters" in said and "167 training, 33 validation, 40 test images" in said
    told = json.loads((out / "metrics.json").read_text())
    assert told["batch_size"] == 32
    assert told["test_accuracy"] == 1  # by colour the classes are easy to tell apart
    code, said, _ = run("evaluate", out)
    assert code == 0 and "test accuracy 1.0000" in said
    label, image = 4, np.frombuffer(FILES[cifar.TEST_FILE], np.uint8).reshape(-1, 3073)[4, 1:].reshape(3, 32, 32)
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(tmp_path / "x.png")
    code, said, _ = run("predict", out, tmp_path / "x.png")
    assert code == 0 and said.startswith(f"{tmp_path / 'x.png'}: {cifar.CLASSES[label]}\n")
    code, said, _ = run("report", out)
    assert code == 0 and f"ten_class_colour on {told['dataset']}" in said


def test_statistics_are_those_of_each_pixel_in_each_colour(run, folder, tmp_path):
    assert run("train", "ten_class_colour", "--data", folder, "--epochs", 1, "--out", tmp_path / "r")[0] == 0
    trained, facts = load_model(tmp_path / "r")
    assert facts["classes"] == list(cifar.CLASSES)
    images = load(folder).train.images[:167]
    np.testing.assert_allclose(trained.statistics["mean"], images.mean(axis=0, dtype=np.float64), rtol=1e-6)


def test_grey_images_are_refused(run, tmp_path):
    full = digits(dtype="uint8")
    grey = write_dataset(tmp_path / "grey", few(full.train, 20), few(full.test, 5))
    code, _, err = run("train", "ten_class_colour", "--data", grey, "--out", tmp_path / "r")
    assert (code, err) == (
        2, f"tinygrad-np: error: {grey}: the images are (28, 28, 1); ten_class_colour takes (32, 32, 3)\n"
    )  # fmt: skip


def test_a_photograph_keeps_its_colours_and_its_brightness(tmp_path):
    pixels = np.zeros((32, 16, 3), np.uint8) + np.array((250, 200, 10), np.uint8)
    pixels[8:24, 4:12] = (0, 30, 90)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    image, inverted = read_image(tmp_path / "x.png", (32, 32), colour=True)
    assert (image.shape, image.dtype, inverted) == ((32, 32, 3), np.float32, False)
    np.testing.assert_allclose(image[:, 8:24] * 255, pixels, atol=1e-4)
    np.testing.assert_allclose(image[:, [0, 31]] * 255, np.broadcast_to((250, 200, 10), (32, 2, 3)), atol=1e-4)
    negative, inverted = read_image(tmp_path / "x.png", (32, 32), "yes", colour=True)
    assert inverted
    np.testing.assert_allclose(negative, 1 - image, atol=1e-6)
