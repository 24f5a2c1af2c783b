"""The program behind one call of a function, with all its values: what `why_zero` and `precision` look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tree
from ..core.calls import Call
from ..core.observer import Keeper
from ..core.tensor import Tensor
from ..transforms.arguments import resolve
from ..transforms.custom import CustomCall


class Program(Keeper):
    """The straight-line program of a function, with all its values.

    Attributes
    ----------
    result : int
        The place of the function's result, -1 if it depends on no parameter.
    """

    __slots__ = ("result",)

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.result = -1

    def look_into(self, call: Call, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Look into a call; a function with rules of its own is one operation, for its derivative is in the rules."""
        return None if isinstance(call, CustomCall) else super().look_into(call, args)


def the_argument(
    f: Callable[..., Any], argnum: int | str, args: tuple[Any, ...], kwargs: dict[str, Any], origin: str
) -> int | str:
    """Return the place or the keyword of the one argument that `argnum` tells."""
    if not isinstance(argnum, int | str):
        raise TypeError(f"{origin}: argnum is one argument, by position or name, got {argnum!r}.")
    return resolve(f, argnum, args, kwargs, origin)[0][0]


def refuse_tensors(args: Any, origin: str) -> None:
    """Raise if the question is asked inside of a transform."""
    for leaf in tree.leaves(args):
        if type(leaf) is Tensor:
            raise TypeError(
                f"{origin}: an argument is a Tensor of {leaf._trace.origin}; ask about the outermost function."
            )


WIDE = {np.dtype("f2"): np.dtype("f8"), np.dtype("f4"): np.dtype("f8"), np.dtype("c8"): np.dtype("c16")}


def is_narrow(x: Any) -> bool:
    """Whether x is an array or scalar of a precision below float64."""
    return isinstance(x, np.ndarray | np.generic) and x.dtype in WIDE


def widen(x: Any) -> Any:
    """Return a value in float64 or complex128; what is no narrower stays as it is."""
    return x.astype(WIDE[x.dtype]) if is_narrow(x) else x
