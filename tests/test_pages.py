"""Every Python block of the README and of the pages in notebooks/ runs: in order, in one namespace a page."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygrad_np import cli
from tinygrad_np.inspect.coverage import rows

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_blocks_run(page):
    pytest.importorskip("scipy", reason="the pages fit with SciPy, which is optional")
    text = page.read_text(encoding="utf-8")
    blocks = list(re.finditer(r"```python\n(.*?)```", text, re.DOTALL))
    assert len(blocks) >= 5
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in blocks:
        lines_before = text.count("\n", 0, block.start(1))  # so that a failure names the page's line
        exec(compile("\n" * lines_before + block[1], str(page), "exec"), namespace)


def test_the_commands_are_one_line_each():
    commands = re.findall(r"```sh\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.DOTALL)
    assert [c.strip().count("\n") for c in commands[:2]] == [0, 0]
    assert "tinygrad-np train lenet5" in commands[0]
    assert "pytest" in commands[1]


def test_the_other_commands_are_understood():
    blocks = re.findall(r"```sh\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.DOTALL)[2:]
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 4
    for line in lines:
        program, *args = shlex.split(line, comments=True)
        assert program == "tinygrad-np"
        cli.parser().parse_args(args)  # exits where it does not understand


def test_the_readmes_counts_are_what_the_coverage_command_measures():
    scipy = pytest.importorskip("scipy")
    if not (np.__version__.startswith("2.4.") and scipy.__version__.startswith("1.17.")):
        pytest.skip(f"the README counts NumPy 2.4 and SciPy 1.17, not {np.__version__} and {scipy.__version__}")
    text = PAGES[0].read_text(encoding="utf-8")
    measured = list(rows())
    for name in ("differentiable", "non-differentiable", "refused", "cannot be intercepted"):
        stated = re.search(rf"^\| {name}[^|]*\| (\d+) \| (\d+) \|", text, re.MULTILINE)
        assert stated, name
        ours = [row.name.startswith("scipy.") for row in measured if row.class_ == name]
        assert (int(stated[1]), int(stated[2])) == (ours.count(False), ours.count(True)), name
    gaps = {(row.name, column) for row in measured for column in row.gaps}
    assert gaps == {(f"scipy.special.{name}", "complex") for name in ("ive", "jve", "yve")}
