import json
import re

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import models
from tinygrad_np.cli.runs import load_data, load_model

MODULE = """
import numpy as np

def loss(w=np.eye(3), x=np.arange(6.0).reshape(2, 3)):
    return np.sum(np.tanh(x @ w) ** 2)

def needs(params, x):
    return np.sum(params["layer"]["w"] * x)

def arguments():
    return {"layer": {"w": np.ones(3)}}, np.arange(3.0)

def number():
    return 3

def wrong(w=np.ones(2)):
    return w + np.ones(3)

constant = 3
"""


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "functions.py"
    path.write_text(MODULE)
    return path


def data_of(path):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*)</script>\n', path.read_text("utf-8"))[1]
    )


def test_the_loss_of_a_run_on_its_first_test_images(run, finished, small, tmp_path):
    code, out, err = run("explain", finished, "--output", tmp_path / "page.html", "--images", 3)
    size = (tmp_path / "page.html").stat().st_size / 1e6
    assert (code, out, err) == (0, f"lenet5 on small: {size:.1f} MB to {tmp_path / 'page.html'}\n", "")
    data = data_of(tmp_path / "page.html")
    assert data["title"] == "lenet5 on small"
    assert {node.get("layer") for node in data["nodes"]} == {None, "conv1", "conv2", "dense1", "dense2", "dense3"}
    trained, facts = load_model(finished)
    test = load_data(trained.model, facts["data"]).test
    images = models.standardize(models.scaled(test.images[:3], trained.model.recipe), trained.statistics)
    loss, gradient = tg.value_and_grad(lambda p: trained.model.loss(trained.model.apply(p, images), test.labels[:3]))(
        trained.params
    )
    assert dict(data["facts"])["value"] == f"{loss:.5g}"
    found = {node["name"]: node["cotangents"][0]["norm"] for node in data["nodes"] if node["kind"] == "parameter"}
    norms = {
        path: np.linalg.norm(leaf.astype(float))
        for path, leaf in zip(tg.tree.structure(gradient).paths, tg.tree.leaves(gradient), strict=True)
    }
    assert {name: float(norm) for name, norm in found.items()} == {
        f"params{path}": pytest.approx(norm, rel=1e-4) for path, norm in norms.items()
    }


def test_the_page_of_a_run_goes_to_its_folder(run, copy):
    assert run("explain", copy)[0] == 0
    assert data_of(copy / "explain.html")["title"] == "lenet5 on small"


def test_a_function_of_a_file_with_default_values(run, module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("explain", "functions.py:loss")
    assert (code, out) == (0, "loss: 0.1 MB to explain.html\n")
    data = data_of(tmp_path / "explain.html")
    assert [node["name"] for node in data["nodes"]] == ["w", "x", "matmul", "tanh", "power", "sum"]
    assert data["lines"][0]["where"] == "functions.py:5"


def test_arguments_from_a_function_and_the_table(run, module):
    code, out, _ = run("explain", f"{module}:needs", "--args", f"{module}:arguments", "--text")
    assert code == 0
    assert "params['layer']['w']" in out
    assert "functions.py:8" in out


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("needs", [], "params, x of needs has no default value; give --args"),
        ("needs", ["--args", "{module}:number"], "returned int, not the tuple of"),
        ("arguments", [], "it takes no arguments; give --args"),
        ("wrong", [], "it raised ValueError: operands could not be broadcast together with shapes (2,) (3,) , at "),
        ("los", [], "did you mean loss?"),
        ("constant", [], "is of type int, which cannot be called"),
        ("loss", ["--output", "nowhere/page.html"], "there is no folder nowhere"),
        ("loss", ["--output", "."], ".: it is a folder; name a file, explain.html"),
    ],
)
def test_what_cannot_be_explained_is_told_in_one_line(run, module, function, options, message):
    code, out, err = run("explain", f"{module}:{function}", *[option.format(module=module) for option in options])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    if function == "wrong":
        assert err.endswith("functions.py:17\n")


def test_without_a_run_it_says_which_there_are(run, copy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run("explain", "nope")
    assert (code, err) == (
        2,
        "tinygrad-np: error: nope: there is no such folder, and it names no module:function; there are the runs copy\n",
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "has no trained model" in run("explain", empty)[2]
    monkeypatch.chdir(empty)
    assert "there are no runs here or in runs/" in run("explain", "nope")[2]
    assert "at least one image" in run("explain", copy, "--images", 0)[2]
