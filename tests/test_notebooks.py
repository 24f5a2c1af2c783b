"""The committed notebooks: complete, executed in order, without errors or warnings, small, and more to read than to run.

That they run, and that their assertions hold, is shown by executing them (`.ci/run`).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LIMIT = 200_000  # bytes a file
VOLATILE = {"execution", "collapsed", "scrolled", "trusted"}  # metadata that change from run to run

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def cells_of(path: Path, kind: str) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def text(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)


def outputs_of(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells_of(path, "code") for output in cell["outputs"]]


def shown(output: dict[str, Any]) -> str:
    """Return the text of an output, pictures apart."""
    data = output.get("data", {})
    return text(output.get("text", "")) + "".join(text(v) for k, v in data.items() if not k.startswith("image/"))


def test_it_is_a_python_notebook_of_format_4(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert notebook["nbformat_minor"] >= 5
    assert notebook["metadata"]["kernelspec"] == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert notebook["metadata"]["language_info"]["name"] == "python"
    identifiers = [cell["id"] for cell in notebook["cells"]]
    assert len(set(identifiers)) == len(identifiers)
    for cell in notebook["cells"]:
        assert cell["cell_type"] in ("markdown", "code")
        assert text(cell["source"]).strip(), f"an empty cell: {cell['id']}"
        assert not VOLATILE & cell["metadata"].keys(), cell["id"]


def test_it_was_executed_once_from_top_to_bottom(path):
    counts = [cell["execution_count"] for cell in cells_of(path, "code")]
    assert counts == list(range(1, len(counts) + 1))
    results = [
        (output["execution_count"], cell["execution_count"])
        for cell in cells_of(path, "code")
        for output in cell["outputs"]
        if output["output_type"] == "execute_result"
    ]
    assert all(result == cell for result, cell in results)


def test_what_prints_or_draws_has_its_output(path):
    for cell in cells_of(path, "code"):
        source = text(cell["source"])
        printed = any(output["output_type"] == "stream" for output in cell["outputs"])
        drawn = any("image/png" in output.get("data", {}) for output in cell["outputs"])
        if re.search(r"^print\(", source, re.MULTILINE):
            assert printed, f"nothing printed:\n{source}"
        if re.search(r"^\w+, \w+ = plt\.subplots\(", source, re.MULTILINE):
            assert drawn, f"no figure:\n{source}"
    pictures = [output.get("data", {}) for output in outputs_of(path)]
    assert any("image/png" in picture or "<svg" in text(picture.get("text/html", "")) for picture in pictures)


def test_there_are_no_errors_and_no_warnings(path):
    for output in outputs_of(path):
        assert output["output_type"] in ("stream", "display_data", "execute_result"), output
        assert output.get("name", "stdout") == "stdout", shown(output)
        assert not re.search(r"Warning\b|WARNING|Traceback \(most", shown(output)), shown(output)


def test_it_names_no_place_of_one_computer(path):
    said = "\n".join([*(text(c["source"]) for k in ("markdown", "code") for c in cells_of(path, k)),
                      *map(shown, outputs_of(path))])  # fmt: skip
    assert not re.findall(r"(?:/(?:home|root|work|tmp|usr|Users)/|[A-Z]:\\)\S*", said)
    assert not re.findall(r"<[\w.]+ (?:object )?at 0x[0-9a-f]+>", said)


def test_it_is_prose_first(path):
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    assert first["cell_type"] == "markdown"
    assert re.match(r"# \S", text(first["source"]))
    prose, code = (sum(len(text(c["source"])) for c in cells_of(path, kind)) for kind in ("markdown", "code"))
    assert prose > code / 2
    assert sum(bool(re.search(r"^\s*assert ", text(c["source"]), re.MULTILINE)) for c in cells_of(path, "code")) >= 3


def test_its_links_to_other_pages_are_relative_and_lead_somewhere(path):
    prose = "\n".join(text(cell["source"]) for cell in cells_of(path, "markdown"))
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", prose):
        assert (FOLDER / target).exists(), target


def test_it_is_small(path):
    assert path.stat().st_size < LIMIT
