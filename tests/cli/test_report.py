import base64
import io
import json
import re
from html import unescape

import numpy as np
import pytest

from tests.cli.helpers import few, write_dataset
from tinygrad_np import data
from tinygrad_np.cli import main, report
from tinygrad_np.cli.runs import load_model
from tinygrad_np.training import confusion_matrix

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")


def texts_of(html):
    """What is to be read, without markup, in one line."""
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", html.partition("</head>")[2]).split()))


@pytest.fixture(scope="session")
def reported(finished, tmp_path_factory):
    """The page of the run of three epochs."""
    out = tmp_path_factory.mktemp("reports") / "page.html"
    assert main(["report", str(finished), "--out", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def pictures(html):
    return [base64.b64decode(each) for each in re.findall(r'src="data:image/png;base64,([^"]*)"', html)]


def test_the_page_is_small_and_needs_nothing(reported):
    assert len(reported) < 2_000_000
    assert not re.search(r"https?:|<script|<link|@import|url\(", reported)
    assert len(re.findall(r"<img alt=\"[^\"]{20,}\" src=\"data:", reported)) == len(re.findall("<img", reported)) == 8


def test_all_pictures_can_be_read_and_show_something(reported, finished):
    found = pictures(reported)
    assert (finished / "filters.png").read_bytes() in found
    for content in found:
        assert len(content) < 200_000
        with Image.open(io.BytesIO(content)) as image:
            assert np.asarray(image.convert("L")).std() > 5


def test_the_numbers_are_those_of_the_run(reported, finished, small):
    metrics = json.loads((finished / "metrics.json").read_text())
    text = texts_of(reported)
    assert "lenet5 on small" in text
    assert f"accuracy {metrics['test_accuracy']:.4f} of 80 test images" in text
    assert f"loss {metrics['test_loss']:.4f}" in text
    assert "parameters 61,706" in text
    assert f"batch size {metrics['batch_size']}" in text and metrics["data_sha256"] in text
    assert "['conv1']['w'] 5 × 5 × 1 × 6 150" in text
    for record in metrics["history"]:
        names = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
        assert " ".join([str(record["epoch"]), *[f"{record[name]:.4f}" for name in names]]) in text


def test_the_scores_of_each_class(reported, finished, small):
    trained, _ = load_model(finished)
    test = data.load(small).test
    matrix = confusion_matrix(test.labels, np.argmax(trained.logits(test.images), axis=1), 10)
    text = texts_of(reported)
    for i in range(10):
        recall = matrix[i, i] / max(1, matrix[i].sum())
        precision = matrix[i, i] / max(1, matrix[:, i].sum())
        assert f" {i} {matrix[i].sum()} {recall:.4f} {precision:.4f} " in text
    mistakes = matrix - np.diag(np.diag(matrix))
    i, j = np.unravel_index(mistakes.argmax(), matrix.shape)
    assert f"images of class taken for how often {i} {j} {mistakes[i, j]} " in text


def test_the_wrong_predictions_shown_are_wrong_and_the_surest_first(reported, finished, small):
    trained, _ = load_model(finished)
    test = data.load(small).test
    logits = trained.logits(test.images)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    predicted = logits.argmax(axis=1)
    right, wrong = np.flatnonzero(predicted == test.labels), np.flatnonzero(predicted != test.labels)
    wrong = sorted(wrong, key=lambda i: -p[i].max())
    for chosen in (right[:9], wrong[:9]):
        listed = "; ".join(f"{test.labels[i]} taken for {predicted[i]}" for i in chosen)
        assert f'alt="Test images: {listed}."' in reported


def test_the_same_run_gives_the_same_page(run, reported, copy):
    code, printed, _ = run("report", copy)
    out = copy / "report.html"
    assert code == 0
    assert re.fullmatch(rf"lenet5 on small: 0\.\d MB to {re.escape(str(out))}\n", printed)
    assert out.read_text(encoding="utf-8") == reported


def test_other_data_hostile_names_and_no_mistakes(run, copy, tmp_path, monkeypatch):
    name = "<script>alert(1)</script> & $x^$"
    trained, facts = load_model(copy)
    test = data.digits().test
    sure = np.flatnonzero(np.argmax(trained.logits(test.images[:200]), axis=1) == test.labels[:200])[:12]
    chosen = ((test.images[sure, ..., 0] * 255).round().astype(np.uint8), test.labels[sure])
    folder = write_dataset(tmp_path / "other", few(data.digits(dtype="uint8").train, 20), chosen)
    monkeypatch.setattr(report, "load_model", lambda folder: (trained, facts | {"classes": [name] * 10}))
    (copy / "filters.png").unlink()
    code, printed, err = run("report", copy, "--data", folder)
    assert (code, err) == (0, "")
    html = (copy / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    text = texts_of(html)
    assert name in text and "accuracy 1.0000 of 12 test images" in text
    assert "None of the test images was predicted wrong." in text and "The folder has no filters.png." in text


@pytest.mark.parametrize(("content", "message"), [
    (None, "has no metrics.json: training has not ended; train --resume goes on"),
    ("{", "metrics.json: is damaged (Expecting"),
    ("\x00\xff", "metrics.json: is damaged ("),
    ("[]", "metrics.json: is damaged (it lacks the history"),
    ('{"history": []}', "metrics.json: is damaged (it lacks"),
    ('{"history": [{"epoch": 1}]}', "metrics.json: is damaged (it lacks"),
    ("[" * 100_000, "metrics.json: is damaged ("),
    ('{"seconds": 1, "history": "abc"}', "metrics.json: is damaged (it lacks"),
    ('{"seconds": 1, "history": [1]}', "metrics.json: is damaged (it lacks"),
    ('{"seconds": 1, "history": [{"train_loss": 1}]}', "metrics.json: is damaged (it lacks"),
    ('{"seconds": 1, "history": [{"epoch": 1}]}', "metrics.json: is damaged (it lacks"),
    ('{"seconds": 1, "history": [{"epoch": 1, "train_loss": [1]}]}', "metrics.json: is damaged (it lacks"),
    ('{"seconds": "1", "history": [{"epoch": 1, "train_loss": 1}]}', "metrics.json: is damaged (it lacks"),
    ('{"seconds": NaN, "history": [{"epoch": 1, "train_loss": 1}]}', "metrics.json: is damaged (it lacks"),
])  # fmt: skip
def test_metrics_that_are_absent_or_damaged(run, copy, content, message):
    (copy / "metrics.json").unlink()
    if content is not None:
        (copy / "metrics.json").write_text(content, encoding="latin-1")
    code, printed, err = run("report", copy)
    assert (code, printed) == (2, "")
    assert err.startswith("tinygrad-np: error: ") and message in err and err.count("\n") == 1
    assert not (copy / "report.html").exists()


def test_a_folder_without_a_model(run, tmp_path):
    code, _, err = run("report", tmp_path)
    assert (code, err) == (2, f"tinygrad-np: error: {tmp_path} has no trained model (model.npz)\n")


def test_a_place_that_cannot_be_written(run, finished, tmp_path):
    code, _, err = run("report", finished, "--out", tmp_path / "absent" / "page.html")
    assert code == 2
    out = tmp_path / "absent" / "page.html"
    assert err == f"tinygrad-np: error: {out}: there is no folder {out.parent}\n"
