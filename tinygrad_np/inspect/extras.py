"""Packages that only some commands need."""

import importlib
from typing import Any


def import_extra(name: str) -> Any:
    """Import a module of an optional package.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        message = f'this needs {package}, which is not installed: pip install "tinygrad_np[train]"'
        raise ModuleNotFoundError(message, name=name) from error
