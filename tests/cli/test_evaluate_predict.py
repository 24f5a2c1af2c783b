import io
import json
import re
import shutil
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import data, nn
from tinygrad_np.cli.errors import UserError
from tinygrad_np.cli.images import read_image
from tinygrad_np.cli.outcome import Outcome
from tinygrad_np.cli.runs import load_model
from tinygrad_np.kernels.threads import hold_blas
from tinygrad_np.training import write_archive

Image = pytest.importorskip("PIL.Image")
DIGIT = data.digits(dtype="uint8").test.images[0, ..., 0]
AS_FLOAT = DIGIT[..., None] / np.float32(255)


def save(path, pixels, mode=None, **options):
    Image.fromarray(pixels, mode).save(path, **options) if mode else Image.fromarray(pixels).save(path, **options)
    return path


def test_evaluation_repeats_the_test_of_training_exactly(run, finished, small):
    metrics = json.loads((finished / "metrics.json").read_text())
    trained, facts = load_model(finished)
    with hold_blas():  # as commands run
        outcome = Outcome.of(trained, data.load(small), facts["classes"])
    assert (outcome.loss, outcome.accuracy) == (metrics["test_loss"], metrics["test_accuracy"])
    code, out, _ = run("evaluate", finished)
    figures = f"test accuracy {outcome.accuracy:.4f}   test loss {outcome.loss:.4f}"
    assert (code, out) == (0, f"lenet5 on small: {figures}   80 images\n")


def test_evaluation_on_other_data(run, finished):
    code, out, _ = run("evaluate", finished, "--data", "digits")
    assert code == 0
    assert re.fullmatch(r"lenet5 on digits: test accuracy 0\.\d{4}   test loss \d\.\d{4}   1,000 images\n", out)


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_folder_without_a_model(run, tmp_path, command):
    code, _, err = run(command, tmp_path, *["x.png"][: command == "predict"])
    assert (code, err) == (2, f"tinygrad-np: error: {tmp_path} has no trained model (model.npz)\n")


def test_a_damaged_model_is_named(run, finished, tmp_path):
    content = bytearray((finished / "model.npz").read_bytes())
    content[len(content) // 2] ^= 4
    (tmp_path / "model.npz").write_bytes(content)
    code, _, err = run("evaluate", tmp_path)
    assert code == 2
    assert err.startswith(f"tinygrad-np: error: {tmp_path / 'model.npz'}: is damaged")


def test_a_checkpoint_is_no_model(run, finished, tmp_path):
    shutil.copy(finished / "checkpoint.npz", tmp_path / "model.npz")
    code, _, err = run("evaluate", tmp_path)
    assert code == 2
    assert "is a checkpoint of tinygrad_np, format 2, expected a model" in err


@pytest.mark.parametrize("classes", [[], [1] * 10, [["a"]] * 10, ["a"] * 11, ["\ud800"] * 10, ["\x1b[2J"] * 10])
@pytest.mark.parametrize("command", ["evaluate", "report", "predict"])
def test_a_model_with_forged_classes_is_refused(run, finished, tmp_path, command, classes):
    trained, facts = load_model(finished)
    trees = {"params": trained.params, "input": trained.statistics}
    write_archive(tmp_path / "model.npz", trees, {**facts, "classes": classes})
    code, out, err = run(command, tmp_path, *["x.png"][: command == "predict"])
    assert (code, out) == (2, "")
    assert err == f"tinygrad-np: error: {tmp_path / 'model.npz'}: is damaged: it does not name 1 to 10 classes\n"


def test_classes_that_the_data_had_no_name_for_are_numbers(run, finished, tmp_path):
    trained, facts = load_model(finished)
    trees = {"params": trained.params, "input": trained.statistics}
    write_archive(tmp_path / "model.npz", trees, {**facts, "classes": ["none"]})
    code, out, _ = run("predict", tmp_path, save(tmp_path / "digit.png", DIGIT))
    assert code == 0
    assert out.splitlines()[1].split()[::2] == ["none", *"123456789"]


def test_prediction_prints_class_and_probabilities(run, finished, tmp_path):
    path = save(tmp_path / "digit.png", DIGIT)
    trained, _ = load_model(finished)
    p = nn.softmax(trained.logits(AS_FLOAT[None]))[0]
    code, out, err = run("predict", finished, path)
    table = "  ".join(f"{i} {p[i]:.3f}" for i in range(10))
    assert (code, out, err) == (0, f"{path}: {np.argmax(p)}\n    {table}\n", "")


def test_many_pictures_of_which_some_are_broken(run, finished, tmp_path):
    good = save(tmp_path / "good.png", DIGIT)
    broken, absent = tmp_path / "broken.png", tmp_path / "absent.png"
    broken.write_bytes(good.read_bytes()[:80])
    code, out, err = run("predict", finished, broken, good, absent, tmp_path, good)
    assert code == 2
    assert out.count(f"{good}: ") == 2
    lines = err.splitlines()
    assert [line.startswith(f"tinygrad-np: error: {path}: ") for line, path in zip(lines, (broken, absent, tmp_path),
            strict=True)] == [True] * 3  # fmt: skip


def test_inversion_is_said_and_can_be_forced(run, finished, tmp_path):
    white, black = save(tmp_path / "white.png", 255 - DIGIT), save(tmp_path / "black.png", DIGIT)
    answers = {path: run("predict", finished, path)[1] for path in (white, black)}
    assert " (inverted)\n" in answers[white]
    assert " (inverted)\n" not in answers[black]
    assert answers[white].splitlines()[1] == answers[black].splitlines()[1]
    assert "(inverted)" not in run("predict", finished, white, "--invert", "no")[1]
    assert "(inverted)" in run("predict", finished, black, "--invert", "yes")[1]


WHITE, GREY = np.full_like(DIGIT, 255), np.repeat(DIGIT[..., None], 3, axis=2)
SAME = {
    "grey": (DIGIT, False),
    "colour": (GREY, False),
    "opaque": (np.dstack([GREY, WHITE]), False),
    "black ink on transparent paper": (np.dstack([np.zeros_like(GREY), DIGIT]), True),
    "white under grey ink": (255 - GREY, True),
    "16 bits": (DIGIT.astype(np.uint16) * 257, False),
}


@pytest.mark.parametrize("kind", SAME)
def test_kinds_of_png_that_show_the_same_digit(tmp_path, kind):
    pixels, inverts = SAME[kind]
    image, inverted = read_image(save(tmp_path / "x.png", pixels), (28, 28))
    assert (image.shape, image.dtype, inverted) == ((28, 28, 1), np.float32, inverts)
    np.testing.assert_allclose(image, AS_FLOAT, atol=1 / 255)


def test_a_palette_and_one_bit(tmp_path):
    for mode in ("P", "1"):
        Image.fromarray(DIGIT).point(lambda v: 255 * (v > 127)).convert(mode).save(tmp_path / "x.png")
        image, _ = read_image(tmp_path / "x.png", (28, 28))
        np.testing.assert_allclose(image, AS_FLOAT > 127 / 255, atol=1 / 255)


@pytest.mark.parametrize("factor", [2, 5])
def test_larger_pictures_are_scaled_down(tmp_path, factor):
    large = np.kron(DIGIT, np.ones((factor, factor), np.uint8))
    image, _ = read_image(save(tmp_path / "x.png", large), (28, 28))
    assert np.corrcoef(image.ravel(), AS_FLOAT.ravel())[0, 1] > 0.95


def test_a_picture_that_is_no_square_is_filled_with_its_background(tmp_path):
    tall = np.full((56, 28), 200, np.uint8)
    tall[10:40, 10:20] = 0
    image, inverted = read_image(save(tmp_path / "x.png", tall), (28, 28))
    assert inverted
    np.testing.assert_allclose(image[:, [0, 6, 8, 20, 27]], 55 / 255, atol=1e-6)
    assert image[12, 14, 0] == 1


def test_the_smallest_picture(tmp_path):
    image, inverted = read_image(save(tmp_path / "x.png", np.full((1, 1), 9, np.uint8)), (28, 28))
    assert not inverted
    np.testing.assert_allclose(image, 9 / 255)


def png_bytes():
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "png")
    return buffer.getvalue()


PNG = png_bytes()
places = st.integers(0, len(PNG) - 1)


@given(place=places, tail=st.binary(max_size=6), cut=st.booleans())
def test_a_damaged_picture_is_a_user_error_or_a_picture(tmp_path_factory, place, tail, cut):
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(PNG[:place] + tail + (b"" if cut else PNG[place + len(tail) :]))
    result = image_or_error(path)
    if isinstance(result, UserError):
        assert str(result).startswith(f"{path}: ")
    else:
        assert result.shape == (28, 28, 1)
        assert np.all((result >= 0) & (result <= 1))


def image_or_error(path):
    try:
        return read_image(path, (28, 28))[0]
    except UserError as error:
        return error


def test_without_pillow_it_says_what_to_install(run, finished, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    code, _, err = run("predict", finished, "x.png")
    assert (code, err) == (
        2, 'tinygrad-np: error: this needs PIL, which is not installed: pip install "tinygrad_np[train]"\n'
    )  # fmt: skip
