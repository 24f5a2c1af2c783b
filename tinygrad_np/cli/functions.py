"""A function named on the command line: ``module:function`` or ``file.py:function``."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..core.tensor import name_of
from .errors import UserError

_LIBRARIES = (str(Path(np.__file__).parent), str(Path(__file__).parents[1]))
_FORMS = "write module:function, as in my.package:loss, or file.py:function, as in losses.py:loss"


def load_function(spec: str) -> Callable[..., Any]:
    """Import the function that a command line names.

    Parameters
    ----------
    spec : str
        ``module:function`` or ``path/to/file.py:function``; the function may be an attribute, ``module:Class.method``.
        Modules are looked for in the current folder first, as by ``python -m``.

    Raises
    ------
    UserError
        If the name has another form, there is no such file, module or function, importing it raises, or what has the
        name cannot be called.

    Examples
    --------
    >>> load_function("math:sqrt")(9.0)
    3.0
    """
    found = load(spec)
    if not callable(found):
        name = spec.rpartition(":")[2]
        raise UserError(f"{spec}: {name} is of type {type(found).__name__}, which cannot be called")
    return found  # type: ignore[no-any-return]


def load(spec: str) -> Any:
    """Import what a command line names, of whatever type. As `load_function`."""
    place, _, name = spec.rpartition(":")
    if not place or not all(part.isidentifier() for part in name.split(".")):
        raise UserError(f"{spec!r} names no function; {_FORMS}")
    found: Any = _file(Path(place), spec) if place.endswith(".py") else _module(place, spec)
    for part in name.split("."):
        if not hasattr(found, part):
            raise UserError(f"{spec}: {place} has no {name}{_near(name, found)}")
        found = getattr(found, part)
    return found


def arguments_of(f: Callable[..., Any], spec: str, arguments: str | None) -> tuple[Any, ...]:
    """Return what to call a function with: the default values of its parameters, or what another function returns.

    Parameters
    ----------
    f : callable
        The function.
    spec : str
        How the command line names it.
    arguments : str or None
        The function that returns the tuple of arguments, named likewise.
    """
    if arguments is None:
        return _defaults(f, spec)
    given = call(load_function(arguments), arguments)
    if not isinstance(given, tuple):
        raise UserError(f"{arguments}: returned {type(given).__name__}, not the tuple of {spec}'s arguments")
    return given


def _defaults(f: Callable[..., Any], spec: str) -> tuple[Any, ...]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        raise UserError(f"{spec}: its parameters cannot be seen; give --args module:function") from None
    given = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    missing = [p.name for p in given if p.default is p.empty]
    if missing or not given:
        what = f"{', '.join(missing)} of {name_of(f)} has no default value" if missing else "it takes no arguments"
        raise UserError(f"{spec}: {what}; give --args module:function, a function that returns the tuple of arguments")
    return tuple(p.default for p in given)


def call(f: Callable[..., Any], spec: str, *args: Any) -> Any:
    """Call a function of the user's; tell in one line what it raises, and where."""
    try:
        return f(*args)
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        at = next((frame for frame in reversed(frames) if not frame.filename.startswith(_LIBRARIES)), frames[-1])
        raise UserError(f"{spec}: it raised {type(error).__name__}: {error}, at {at.filename}:{at.lineno}") from error


def _module(name: str, spec: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UserError(f"{spec!r}: {name!r} is no name of a module; {_FORMS}")
    with _importing(spec, Path.cwd()):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # the module is there, what it imports is not
            raise UserError(
                f"{spec}: there is no module {error.name}, neither installed nor in {Path.cwd()}; a file is named with "
                "its path and .py"
            ) from None


def _file(path: Path, spec: str) -> ModuleType:
    """Import a file as the module of its name; one that was imported from there already is taken as it is."""
    if not path.is_file():
        raise UserError(f"{spec}: there is no file {path}")
    path = path.resolve()
    # A name that is taken, such as "random", keeps its meaning for the other modules.
    taken = path.stem in sys.stdlib_module_names or _origin(path.stem) not in (None, str(path))
    name = f"{path.stem} in {path.parent}" if taken else path.stem
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(found)
    try:
        with _importing(spec, path.parent):
            found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _origin(name: str) -> str | None:
    """Return the file of a module that is imported; "" for one without a file."""
    return (getattr(sys.modules[name], "__file__", None) or "") if name in sys.modules else None


@contextmanager
def _importing(spec: str, folder: Path) -> Iterator[None]:
    """Look for modules in a folder first, from now on; tell in one line what an import raises, and where."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{error.filename}:{error.lineno}" if isinstance(error, SyntaxError) else f"{at.filename}:{at.lineno}"
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(f"{spec}: importing it raised {type(error).__name__}: {what}, at {where}") from error


def _near(name: str, module: Any) -> str:
    """Say which functions there are: the nearest name, or a few."""
    public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    near = get_close_matches(name, public, 1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; it has {', '.join(sorted(public)[:8])}" if public else ""
