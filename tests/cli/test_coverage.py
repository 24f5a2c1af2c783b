import json
import subprocess
import sys

import numpy as np
import pytest

from tinygrad_np.inspect import coverage
from tinygrad_np.inspect.coverage import CLASSES, Row
from tinygrad_np.inspect.surface import EXAMPLES

TABLE = [
    Row("numpy.exp", "differentiable", "primitive", True, True, True, True, True),
    Row("numpy.max", "differentiable", "composed", True, True, False, True, None, gaps={"second_order": "wrong by 2"}),
    Row("numpy.floor", "non-differentiable"),
    Row("numpy.save", "refused", reason="It wants plain values."),
    Row("numpy.array", "cannot be intercepted", reason="It makes arrays. Instead: np.stack."),
]


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(coverage, "rows", lambda: iter(TABLE))


def test_the_module_prints_json_and_nothing_else():
    result = subprocess.run(
        [sys.executable, "-m", "tinygrad_np", "coverage", "--json"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    table = json.loads(result.stdout)
    rows = {row["name"]: row for row in table}
    assert len(rows) == len(table) > 400
    columns = ("vjp", "jvp", "second_order", "vmap", "complex")
    for row in table:
        assert {"name", "class", "kind", "reason", *columns} <= row.keys()
        assert row["class"] in CLASSES
        assert all(row[column] in (True, False, None) for column in columns)
    solve = rows["numpy.linalg.solve"]
    assert [solve[key] for key in ("class", "kind", *columns)] == ["differentiable", "primitive", *[True] * 5]
    assert rows["numpy.array"]["class"] == "cannot be intercepted" and "np.stack" in rows["numpy.array"]["reason"]
    assert rows["numpy.floor"]["class"] == "non-differentiable" and rows["numpy.floor"]["vjp"] is None


def test_the_table_is_grouped_with_counts_and_gaps_at_its_end(run, few):
    code, out, err = run("coverage")
    assert code == 0
    assert err == "measuring, which takes some seconds ...\n"
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["differentiable", "(2)"]
    assert ["numpy.exp", "primitive", *["yes"] * 5] in lines
    assert ["numpy.max", "composed", "yes", "yes", "NO", "yes", "-"] in lines
    assert [line for line in out.splitlines() if line.endswith(")") and not line.startswith(" ")] == [
        "differentiable (2)", "non-differentiable (1)", "refused (1)", "cannot be intercepted (1)", "gaps (1)",
    ]  # fmt: skip
    assert "    numpy.array  It makes arrays. Instead: np.stack." in out.splitlines()
    assert "second_order                1 yes, 1 NO, 0 -" in out
    assert out.endswith("gaps (1)\n    numpy.max, second_order: wrong by 2\n")


def test_json_of_the_table(run, few):
    code, out, err = run("coverage", "--json")
    assert (code, err) == (0, "")
    assert [row["class"] for row in json.loads(out)] == [row.class_ for row in TABLE]


def test_a_wrong_rule_shows_as_a_gap(run, monkeypatch):
    monkeypatch.setattr(coverage, "surface", lambda: {"numpy.exp": [np.exp]})
    monkeypatch.setattr(coverage, "UNREACHABLE", {})
    wrong = (lambda x: np.exp(x) + np.where(x > 0, 0, np.floor(x) * x), (np.array([0.5, -1.0]),))
    for name in list(EXAMPLES):
        monkeypatch.delitem(EXAMPLES, name)
    monkeypatch.setitem(EXAMPLES, "numpy.exp", [wrong])
    code, out, _ = run("coverage")
    assert code == 0
    assert "numpy.exp, vjp: AssertionError: vjp: " in out
