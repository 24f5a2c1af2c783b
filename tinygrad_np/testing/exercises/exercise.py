"""What an exercise is: a sheet, points at which an answer is judged, and the mistakes that are often made."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

Rule = Callable[..., Any]

_CUT = "    # -- solution\n"


@dataclasses.dataclass(frozen=True)
class Point:
    """Arguments at which an answer is judged: arrays by position, and the sheet's options."""

    args: tuple[Any, ...]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A wrong rule that many write, with what helps them.

    Attributes
    ----------
    name : str
        What went wrong, in a few words.
    rule : callable
        The wrong VJP. An answer that returns the same, wherever it is wrong, has made this mistake.
    nudge, hint : str
        A question to think about, and what to do.
    """

    name: str
    rule: Rule
    nudge: str
    hint: str


@dataclasses.dataclass(frozen=True)
class Exercise:
    """A VJP to be written.

    Attributes
    ----------
    name, title : str
        The name of the sheet and its forward function; what the exercise is about.
    order : int
        Up to which order of derivatives an answer is judged. With 1, it may write into arrays of its own.
    points : callable
        Returns the Hypothesis strategy that draws a `Point`.
    probes : tuple of Point
        Fixed points at which mistakes differ from each other, some of them with square matrices and the like.
    mistakes : tuple of Mistake
        The more special ones first.
    steps : str
        How to begin, for those who ask before there is a mistake.
    """

    name: str
    title: str
    order: int
    points: Callable[[], Any]
    probes: tuple[Point, ...]
    mistakes: tuple[Mistake, ...]
    steps: str

    @cached_property
    def sheet(self) -> ModuleType:
        """The sheet, with its answer."""
        return importlib.import_module(f"{__package__}.sheets.{self.name}")

    @property
    def forward(self) -> Rule:
        """The forward function."""
        return getattr(self.sheet, self.name)  # type: ignore[no-any-return]

    @property
    def solution(self) -> Rule:
        """The VJP of the sheet."""
        return getattr(self.sheet, self.vjp_name)  # type: ignore[no-any-return]

    @property
    def vjp_name(self) -> str:
        """The name of the function to be written."""
        return f"{self.name}_vjp"

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of the forward function's array arguments."""
        parameters = inspect.signature(self.forward).parameters.values()
        return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    @property
    def _text(self) -> str:
        assert self.sheet.__file__ is not None
        return Path(self.sheet.__file__).read_text(encoding="utf-8")

    def stub(self) -> str:
        """Return the sheet without its answer, as it is handed out."""
        return (
            self._text.partition(_CUT)[0] + f'    raise NotImplementedError("{self.vjp_name} is still to be written")\n'
        )

    def solution_text(self) -> str:
        """Return the answer's code, with its derivation as comments."""
        text = self._text
        return text[text.index(f"def {self.vjp_name}(") :].replace(_CUT, "")
