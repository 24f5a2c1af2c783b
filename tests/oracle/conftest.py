"""Says at the end how many examples were compared with whom."""

from collections import Counter

import pytest

COMPARED = Counter()


@pytest.fixture
def count():
    return COMPARED


def pytest_terminal_summary(terminalreporter):
    if COMPARED:
        terminalreporter.section("compared with other libraries")
        for what, number in sorted(COMPARED.items()):
            terminalreporter.write_line(f"{what}: {number}")
