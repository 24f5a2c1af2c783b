"""Every Python block of the README runs, one after the other, in one namespace."""

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_snippets_run():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 5
    namespace = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)


def test_the_commands_are_one_line_each():
    commands = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert [c.strip().count("\n") for c in commands] == [0, 0]
    assert "tinygrad-np train lenet5" in commands[0]
    assert "pytest" in commands[1]
