"""The stack: which line is the user's, and which function of the library it called."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Any

import numpy as np

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")
_MODELS = os.path.join(_PACKAGE, "models", "")  # which are written as a user would write them
_LIBRARY = (os.path.join(os.path.dirname(np.__file__), ""), _PACKAGE)
_NAMING = tuple(os.path.join(_PACKAGE, room) for room in ("nn" + os.sep, "ops" + os.sep, "special.py", "random.py"))
# Files of these rooms whose functions stand around a call rather than being one.
_AROUND = tuple(
    os.path.join(_PACKAGE, room, name + ".py")
    for room, name in (
        ("nn", "combinators"),
        ("nn", "layer_pair"),
        ("nn", "stax"),
        ("nn", "summary_table"),
        ("ops", "windows"),
    )
)
_kinds: dict[str, str] = {}  # of files: "user", "naming" or "passed"


def _kind_of(path: str) -> str:
    if not path.startswith(_LIBRARY) or path.startswith(_MODELS):
        kind = "user"
    else:
        kind = "naming" if path.startswith(_NAMING) and path not in _AROUND else "passed"
    _kinds[path] = kind
    return kind


def user_and_called(frame: FrameType | None, until: tuple[Any, ...] = ()) -> tuple[str | None, FrameType | None]:
    """Walk up the stack to the user's line; return it, and the frame of the library's function that it called.

    Files named `until` end the walk.
    """
    called = None
    while frame is not None:
        path = frame.f_code.co_filename
        if path in until:
            break
        kind = _kinds.get(path) or _kind_of(path)
        if kind == "user":
            return f"{path}:{frame.f_lineno}", called
        if kind == "naming":
            called = frame
        frame = frame.f_back
    return None, called


def user_line(frame: FrameType | None) -> str | None:
    """Return the first line up the stack that is the user's, "/path/model.py:12"."""
    return user_and_called(frame)[0]


def shown(line: str, *, whole: bool = False) -> str:
    """Return a user's line as people name it: "model.py:12", with its path if whole; "Cell In[5]:2" of a notebook."""
    path, _, number = line.rpartition(":")
    return f"{_cell(path) or (path if whole else os.path.basename(path))}:{number}"


def _cell(path: str) -> str | None:
    """Return what IPython calls the cell whose code is compiled under that name; None where it runs no such cell."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    named = getattr(getattr(shell, "compile", None), "format_code_name", None)
    return " ".join(found) if named and (found := named(path)) else None
