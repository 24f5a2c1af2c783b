"""Reading a learner's file: plain Python, run in this process, with errors that say what to do."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import Any

from .exercise import Exercise, Rule


class AnswerError(Exception):
    """A file holds no answer that could be judged; the message says why, in one line."""


def load_answer(exercise: Exercise, path: Path) -> Rule:
    """Run a learner's file and return the VJP in it.

    Raises
    ------
    AnswerError
        If the file is no Python, running it raises, or it has no function of the right name and arguments.
    OSError
        If it cannot be read.
    """
    namespace: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), namespace)
    except SyntaxError as error:
        text = f": {error.text.strip()}" if error.text else ""
        raise AnswerError(f"{path}, line {error.lineno}: {error.msg}{text}") from error
    except UnicodeDecodeError as error:
        raise AnswerError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}") from error
    except OSError:
        raise
    except (Exception, SystemExit) as error:
        raise AnswerError(f"{place_of(error, path)}: running the file raised {told(error)}") from error
    vjp = namespace.get(exercise.vjp_name)
    if not callable(vjp):
        raise AnswerError(f"{path} has no function {exercise.vjp_name}; begin with a new stub, or give it this name")
    _check_signature(exercise, vjp, path)
    return vjp  # type: ignore[no-any-return]


def _check_signature(exercise: Exercise, vjp: Rule, path: Path) -> None:
    point, wanted = exercise.probes[0], inspect.signature(exercise.solution)
    try:
        found = inspect.signature(vjp)
        found.bind(None, *point.args, **point.options)
    except (TypeError, ValueError) as error:
        raise AnswerError(f"{path}: {exercise.vjp_name} takes {wanted}, as in the stub: {error}") from error


def place_of(error: BaseException, path: Path | str) -> str:
    """Say in which line of the learner's file an exception arose."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}, line {frames[-1].lineno}" if frames else str(path)


def told(error: BaseException) -> str:
    """Say an exception's type and message."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
