"""All cases, and some of them by name."""

from __future__ import annotations

import fnmatch

from . import cases_operations, cases_tape, cases_training, growth
from .cases import Case

CASES: list[Case] = [*cases_training.CASES, *cases_operations.CASES, *cases_tape.CASES, *growth.CASES]


def selected(patterns: list[str]) -> list[Case]:
    """Return the cases whose name, or its end after a slash, matches a pattern; all without patterns."""
    for pattern in patterns:
        if not any(_matches(c, pattern) for c in CASES):
            raise SystemExit(
                f"--cases {pattern}: no case is called so; --list names them all, and lenet5/* is several."
            )
    return [c for c in CASES if any(_matches(c, pattern) for pattern in patterns or ["*"])]


def _matches(case: Case, pattern: str) -> bool:
    return any(fnmatch.fnmatch(case.name, shape) for shape in (pattern, f"*/{pattern}"))
