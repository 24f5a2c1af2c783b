"""What prepared kernels share: memory that one needs only while it runs, and values that another has computed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

T = TypeVar("T")
Lender = Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]]
Known = dict[tuple[Any, ...], tuple[Any, Any]]  # of what (kept, so that its id stays its own), and what

_lender: ContextVar[Lender] = ContextVar("lender", default=np.empty)
_known: ContextVar[Known | None] = ContextVar("known", default=None)


def scratch(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array, of any content, that other kernels may write to before and after this one runs."""
    return _lender.get()(shape, np.dtype(dtype))


def shared(make: Callable[..., T], *arguments: Any) -> tuple[T, bool]:
    """Return ``make(*arguments)``, and whether it is new: else an earlier step has made it of the very same arguments.

    Who gets a new one fills it in each run; who gets it later finds it filled. So it has memory of its own: no scratch
    that `make` asks for here is lent to others.
    """
    known = _known.get()
    key = (make, *map(id, arguments))
    if known is not None and key in known:
        return known[key][1], False
    with prepared_for(np.empty, None):
        made = make(*arguments)
    if known is not None:
        known[key] = arguments, made
    return made, True


@contextmanager
def prepared_for(lender: Lender, known: Known | None) -> Iterator[None]:
    """Have scratch arrays made by a function of shape and dtype, and what steps share kept in `known`."""
    tokens = _lender.set(lender), _known.set(known)
    try:
        yield
    finally:
        _lender.reset(tokens[0])
        _known.reset(tokens[1])
