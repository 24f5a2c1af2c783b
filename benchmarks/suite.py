"""All cases, and some of them by name."""

from __future__ import annotations

import fnmatch

from . import cases_operations, cases_tape, cases_training, growth
from .cases import Case

CASES: list[Case] = [*cases_training.CASES, *cases_operations.CASES, *cases_tape.CASES, *growth.CASES]


def selected(patterns: list[str]) -> list[Case]:
    """Return the cases whose name, or its end after a slash, matches a pattern; all without patterns."""
    every = [shape for p in patterns or ["*"] for shape in (p, f"*/{p}")]
    return [c for c in CASES if any(fnmatch.fnmatch(c.name, shape) for shape in every)]
