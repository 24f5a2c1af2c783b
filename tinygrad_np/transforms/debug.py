"""Modes as transforms: a function that does what another does, and looks closer at it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core import tree
from ..core.guard import thorough
from ..core.tape import Tape
from ..core.tensor import Tensor


def debug(f: Callable[..., Any], *, mutation: bool = False) -> Callable[..., Any]:
    """Return a function that computes what f does, and checks more.

    Parameters
    ----------
    f : callable
        A function to be differentiated, or the derivative of one: ``grad(debug(loss, mutation=True))`` and
        ``debug(grad(loss), mutation=True)`` are the same.
    mutation : bool
        Compare every element of the ndarrays that derivatives need, before they are taken. Without it, arrays of more
        than 64 elements are compared at about 64 places, which finds what changes them as a whole.

    Returns
    -------
    callable
        Of f's arguments. It raises RuntimeError if an array was changed in place that a derivative needs, with the name
        of the operation.

    Examples
    --------
    >>> from tinygrad_np import grad
    >>> import numpy as np
    >>> table = np.ones(1000)
    >>> def loss(x):
    ...     y = np.sum(x * table)
    ...     table[7] = 0
    ...     return y
    >>> grad(debug(loss, mutation=True))(np.ones(1000))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygrad_np.core.guard.ChangedError: grad(loss): the operand 'y' of multiply (shape (1000,), float64) was ...
    """

    @functools.wraps(f, updated=())
    def debugged(*args: Any, **kwargs: Any) -> Any:
        if mutation:
            for leaf in tree.leaves((args, kwargs)):
                while type(leaf) is Tensor:
                    if isinstance(leaf._trace, Tape):
                        leaf._trace.guard.complete = True
                    leaf = leaf._value
        token = thorough.set(mutation or thorough.get())
        try:
            return f(*args, **kwargs)
        finally:
            thorough.reset(token)

    return debugged
