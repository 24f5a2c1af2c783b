"""The recorded backward pass as Python that runs on its own: `backward_source`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...core.tensor import name_of
from ...core.trace import QuietCollector
from ...transforms.arguments import Argnums
from .program import Program
from .recording import record

__all__ = ["Source", "backward_source"]


class Source(str):
    """The text of a program, which prints as it is.

    Attributes
    ----------
    name : str
        Of the function that it defines, which takes the arguments of the recorded function.
    constants : dict
        Name to value of what the text does not spell out, above all arrays of more than 16 elements that the function
        captured. The function takes them as keyword arguments.
    """

    name: str
    constants: dict[str, Any]

    def __new__(cls, text: str, name: str, constants: dict[str, Any]) -> Source:
        """Make it."""
        source = super().__new__(cls, text)
        source.name, source.constants = name, constants
        return source

    def __repr__(self) -> str:
        return str(self)

    @functools.cached_property
    def function(self) -> Callable[..., Any]:
        """The function that the text defines."""
        names = dict(self.constants)  # of which the definitions may use some
        exec(compile(self, "<backward_source>", "exec"), names)
        function = names[self.name]
        given = {
            name: value for name, value in self.constants.items() if name in inspect.signature(function).parameters
        }
        return functools.partial(function, **given)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run the text on arguments of the recorded shapes and dtypes; return ``(value, gradient)``."""
        with QuietCollector():
            return self.function(*args, **kwargs)

    def save(self, path: str | Path) -> None:
        """Write the text to a file, and its constants, if it has any, beside it, as ``name.npz``.

        The function then runs as ``value_and_grad(*args, **np.load("name.npz"))``.

        Raises
        ------
        TypeError
            If one of the constants is no array.
        """
        for name, value in self.constants.items():
            if not isinstance(value, np.ndarray | np.generic):
                raise TypeError(
                    f"{path}: the constant {name} is {value!r:.60}, which is no array, so it cannot be saved."
                )
        Path(path).write_text(self, encoding="utf-8")
        if self.constants:
            np.savez(Path(path).with_suffix(".npz"), **self.constants)


def backward_source(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Source]:
    """Return a function that prints what `grad` does, as straight-line Python.

    Parameters
    ----------
    f : callable
        Returns a real scalar; with `has_aux` a pair (scalar, auxiliary data). As for `compile`, its path may not depend
        on values in arrays. It may hold derivatives itself.
    argnums : int, str or sequence of them
        Which arguments to differentiate; as for `grad`.
    has_aux : bool
        See f.

    Returns
    -------
    callable
        Of f's arguments. It runs f and its backward pass once and returns a `Source`: text that defines
        ``value_and_grad``, a function of the same arguments with a line for each operation of both passes. It needs
        NumPy and `tinygrad_np.kernels` alone, and gives the same bits for arrays of the same shapes and dtypes.

    Notes
    -----
    Recorded is what the derivative rules compute, by the trace that every other view of a gradient stands on. Steps
    that the result does not need are left out. An operation whose forward function is one of NumPy's or a kernel prints
    as a call of that, one of a single expression as this expression; others are defined at the top. Python numbers,
    strings and None among the arguments are part of the text, so are small arrays that f captured; large ones are
    `Source.constants`. The bits are those of `grad` but for single complex numbers, which NumPy's operators multiply
    and divide otherwise than its functions.

    Examples
    --------
    >>> source = backward_source(lambda x: np.sum(np.sin(x)))(np.array([0.0, 1.0]))
    >>> [line.strip() for line in source.splitlines() if "cos" in line or "x_bar =" in line]
    ['v3 = np.cos(x)  # (2,)', 'x_bar = np.multiply(v2, v3)  # (2,)']
    >>> source.run(np.array([0.0, 1.0]))[1]
    array([1.        , 0.54030231])
    """

    @functools.wraps(f, updated=())
    def source_of(*args: Any, **kwargs: Any) -> Source:
        program = Program(record(f, argnums, has_aux, args, kwargs))
        return Source(program.text(), program.name, program.definitions.saved)

    source_of.__name__ = f"backward_source({name_of(f)})"
    return source_of
