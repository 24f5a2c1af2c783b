"""Arrays that a prepared kernel needs while it runs and no longer, so that others may use the same memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Lender = Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]]

_lender: ContextVar[Lender] = ContextVar("lender", default=np.empty)


def scratch(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array, of any content, that other kernels may write to before and after this one runs."""
    return _lender.get()(shape, np.dtype(dtype))


@contextmanager
def lent_by(lender: Lender) -> Iterator[None]:
    """Have scratch arrays made by a function of shape and dtype."""
    token = _lender.set(lender)
    try:
        yield
    finally:
        _lender.reset(token)
