"""What `check` returns."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Failure:
    """A promise that is broken, at the smallest call that was found.

    Attributes
    ----------
    promise : str
        "VJP", "VJP of the VJP", "JVP", "vmap", "VJP: arguments unchanged", ...
    args : tuple of trees
        The call's arguments.
    options : dict
        Its keyword arguments.
    cause : str
        A guess in a few words, "" if there is none.
    message : str
        What is wrong, with a table of entries where numbers differ.
    test : str
        A test to paste, which fails.
    """

    promise: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    cause: str
    message: str
    test: str


@dataclasses.dataclass(frozen=True)
class Result:
    """What `check` found.

    Attributes
    ----------
    verdict : str
        "pass", "fail", or "cannot tell: ..." with the reason.
    examples : int
        Calls at which the function was held to all its promises.
    refused : int
        Calls that the function did not take.
    notes : tuple of str
        What was not tried, where kinks were left out, and the like.
    failure : Failure or None
        Of the verdict "fail".
    name : str
        What the function is called.
    """

    verdict: str
    examples: int
    refused: int
    notes: tuple[str, ...]
    failure: Failure | None
    name: str

    @property
    def passed(self) -> bool:
        """Whether the verdict is "pass"."""
        return self.verdict == "pass"

    def __str__(self) -> str:
        counted = f"{self.examples} example{'' if self.examples == 1 else 's'}"
        lines = [f"{self.name}: {self.verdict} ({counted})", *[f"  note: {note}" for note in self.notes]]
        if self.failure is not None:
            lines += ["", self.failure.message]
            lines += ["", f"guess at the cause: {self.failure.cause}"] if self.failure.cause else []
            lines += ["", "a test to paste, which fails:", "", self.failure.test.rstrip()]
        return "\n".join(lines)
