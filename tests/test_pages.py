"""Every Python block of the README and of the pages in notebooks/ runs: in order, in one namespace a page."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_blocks_run(page):
    text = page.read_text(encoding="utf-8")
    blocks = list(re.finditer(r"```python\n(.*?)```", text, re.DOTALL))
    assert len(blocks) >= 5
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in blocks:
        lines_before = text.count("\n", 0, block.start(1))  # so that a failure names the page's line
        exec(compile("\n" * lines_before + block[1], str(page), "exec"), namespace)


def test_the_commands_are_one_line_each():
    commands = re.findall(r"```sh\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.DOTALL)
    assert [c.strip().count("\n") for c in commands] == [0, 0]
    assert "tinygrad-np train lenet5" in commands[0]
    assert "pytest" in commands[1]
