"""What prepared kernels share: memory that one needs only while it runs, and values that another has computed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

T = TypeVar("T")
Shape = tuple[int, ...]
Known = dict[tuple[Any, ...], tuple[Any, Any]]  # of what (kept, so that its id stays its own), and what


class Memory(Protocol):
    """Where prepared kernels have their memory from."""

    def lend(self, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array that others may write to before and after one step."""

    def keep(self, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array that others may write to only after the last of the steps that share values."""

    def border(self, shape: Shape, dtype: np.dtype[Any], interior: tuple[Any, ...]) -> NDArray[Any]:
        """Return zeros; others may write to the interior before and after one step, and nowhere else."""


class _Fresh:
    """An array of its own for everyone."""

    def lend(self, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.empty(shape, dtype)

    keep = lend

    def border(self, shape: Shape, dtype: np.dtype[Any], interior: tuple[Any, ...]) -> NDArray[Any]:
        return np.zeros(shape, dtype)


FRESH: Memory = _Fresh()
_memory: ContextVar[Memory] = ContextVar("memory", default=FRESH)
_known: ContextVar[Known | None] = ContextVar("known", default=None)


def scratch(shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array, of any content, that other kernels may write to before and after this one runs."""
    return _memory.get().lend(shape, np.dtype(dtype))


def kept(shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array, of any content, that stays as it is until the last of those has run that it is `shared` with."""
    return _memory.get().keep(shape, np.dtype(dtype))


def bordered(shape: Shape, dtype: DTypeLike, interior: tuple[Any, ...]) -> NDArray[Any]:
    """Return an array that is zero outside of its interior, to which other kernels may write as to `scratch`."""
    return _memory.get().border(shape, np.dtype(dtype), interior)


def shared(make: Callable[..., T], *arguments: Any) -> tuple[T, bool]:
    """Return ``make(*arguments)``, and whether it is new: else an earlier step has made it of the very same arguments.

    Who gets a new one fills it in each run; who gets it later finds it filled, so what he reads is in `kept` arrays.
    """
    known = _known.get()
    key = (make, *map(id, arguments))
    if known is not None and key in known:
        return known[key][1], False
    made = make(*arguments)
    if known is not None:
        known[key] = arguments, made
    return made, True


@contextmanager
def prepared_for(memory: Memory, known: Known | None) -> Iterator[None]:
    """Take memory from here, and keep what steps share in `known`."""
    tokens = _memory.set(memory), _known.set(known)
    try:
        yield
    finally:
        _memory.reset(tokens[0])
        _known.reset(tokens[1])
