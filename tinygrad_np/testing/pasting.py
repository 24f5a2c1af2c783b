"""A call that fails, written as a test: source that runs on its own and gives the same bits."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .promises import Call


def as_test(f: Callable[..., Any], call: Call, *, order: int, origin: str | None, heading: str) -> str:
    """Write a pytest test that holds f to its promises at a call.

    Parameters
    ----------
    f : callable
        The function; if it is no attribute of a module, its own source is given where Python knows it.
    call : Call
        Its arguments.
    order : int
        Up to which order derivatives are tested.
    origin : str or None
        "module:function" or "file.py:function" where it was found, if it was named so.
    heading : str
        What is wrong, for a comment.
    """
    imports, definition, name = _reference(f, origin)
    args = [f"x{i}" for i in range(len(call.args))] if len(call.args) != 1 else ["x"]
    options = f", {as_source(call.options)}" if call.options else ""
    orders = f", order={order}" if order != 2 else ""
    lines = [
        *textwrap.wrap(f"# {heading}", 108, subsequent_indent="# "),
        *[f"{arg} = {as_source(value)}" for arg, value in zip(args, call.args, strict=True)],
        f"check_at({name}, ({', '.join(args)}{',' if len(args) == 1 else ''}){options}{orders})",
    ]
    return "\n".join([
        *sorted({"import numpy as np", *(line for line in imports if line.startswith("import "))}),
        *[line for line in imports if line.startswith("from ")],
        "from tinygrad_np.testing import check_at",
        *(["", "", definition] if definition else []),
        "", "",
        f"def test_{name.rsplit('.')[-1]}():",
        textwrap.indent("\n".join(lines), "    "),
        "",
    ])  # fmt: skip


def _reference(f: Callable[..., Any], origin: str | None) -> tuple[list[str], str, str]:
    """Return the imports that bring f in, what has to be defined before it is used, and what to call it then."""
    if origin is not None:
        place, _, name = origin.rpartition(":")
        if place.endswith(".py"):
            first = name.split(".")[0]
            found = f'{first} = runpy.run_path({str(Path(place).resolve())!r})["{first}"]'
            return ["import runpy"], found, name
        return [f"from {place} import {name.split('.')[0]}"], "", name
    if isinstance(f, np.ufunc):
        return [], "", f"np.{f.__name__}"
    module, name = getattr(f, "__module__", None) or "", getattr(f, "__qualname__", None) or ""
    if module.split(".")[0] == "numpy" and _found(module, name) is f:
        return [f"import {module}"] if module != "numpy" else [], "", f"np{module[5:]}.{name}"
    if module not in ("", "__main__") and "<" not in name and _found(module, name) is f:
        return [f"from {module} import {name.split('.')[0]}"], "", name
    return _own_source(f)


def _found(module: str, name: str) -> Any:
    """Return what a module has under a name, or None."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _own_source(f: Callable[..., Any]) -> tuple[list[str], str, str]:
    """Return the function's own source if it stands alone but for modules, else a line to fill in."""
    name = getattr(f, "__name__", "f")
    name = name if name.isidentifier() else "f"
    told = f"{name} = ...  # put the function here that was checked: {getattr(f, '__qualname__', f)!s}"
    try:
        source, used = textwrap.dedent(inspect.getsource(f)), inspect.getclosurevars(f)
    except (OSError, TypeError, ValueError):
        return [], told, name
    modules = {key: value for key, value in used.globals.items() if inspect.ismodule(value)}
    if not source.startswith("def ") or used.nonlocals or used.unbound or modules.keys() != used.globals.keys():
        return [], told, name
    return [f"import {value.__name__} as {key}" for key, value in modules.items()], source.rstrip(), name


def as_source(value: Any) -> str:
    """Write a tree of arrays as an expression, with the arrays' dtypes, memory layouts and every bit.

    Examples
    --------
    >>> as_source((np.float32([1.5]), {"axis": None}))
    "(np.array([1.5], 'float32'), {'axis': None})"
    """
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, np.generic):
        return f"np.{value.dtype}({_number(value.item())})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {as_source(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        inside = ", ".join(map(as_source, value))
        if hasattr(value, "_fields"):
            return f"{type(value).__name__}({inside})"
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    return _number(value) if isinstance(value, float | complex) else repr(value)


def _array(x: NDArray[Any]) -> str:
    """Write an array: a literal, then the view that gives it its strides."""
    if x.size == 0:
        return f"np.zeros({x.shape}, '{x.dtype}')"
    if x.flags.c_contiguous or x.size == 1:
        return _literal(x)
    if x.flags.f_contiguous:
        return f"np.asfortranarray({_literal(x)})"
    long = [n > 1 for n in x.shape]
    flips = [s < 0 and some for s, some in zip(x.strides, long, strict=True)]
    flipped = x[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    view = ", ".join("::-1" if flip else ":" for flip in flips)
    if flipped.flags.c_contiguous:
        return f"{_literal(flipped)}[{view}]"
    if not any(flips) and sorted(x.strides, reverse=True) == list(x.strides):  # gaps
        return f"np.repeat({_literal(x)}, 2, axis=-1)[..., ::2]"
    return _literal(x)


def _literal(x: NDArray[Any]) -> str:
    return f"np.array({_nested(x.tolist())}, '{x.dtype}')"


def _nested(values: Any) -> str:
    return f"[{', '.join(map(_nested, values))}]" if isinstance(values, list) else _number(values)


def _number(value: Any) -> str:
    """Write a number; what is not finite has no literal."""
    if isinstance(value, complex):
        return f"complex({_number(value.real)}, {_number(value.imag)})"
    finite = not isinstance(value, float) or np.isfinite(value)
    return repr(value) if finite else f"float('{value}')"
