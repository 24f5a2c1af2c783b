"""Modes as transforms: a function that does what another does, and looks closer at it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core import tree
from ..core.guard import thorough
from ..core.tape import Tape
from ..core.tensor import Tensor


def debug(f: Callable[..., Any], *, mutation: bool = False, non_finite: bool = False) -> Callable[..., Any]:
    """Return a function that computes what f does, and checks more.

    Parameters
    ----------
    f : callable
        A function to be differentiated, or the derivative of one: ``grad(debug(loss, mutation=True))`` and
        ``debug(grad(loss), mutation=True)`` are the same. With `non_finite` the second also names the operation of a
        rule that went wrong, and sees what is computed from a gradient.
    mutation : bool
        Compare every element of the ndarrays that derivatives need, before they are taken. Without it, arrays of more
        than 64 elements are compared at about 64 places, which finds what changes them as a whole.
    non_finite : bool
        Check the arguments of f and what every operation on them gives: values, cotangents and tangents, under `grad`,
        `jvp` and `vmap` or with them inside. The first that is infinite or nan is an error, even if it is masked later
        (np.where after np.log): the price of knowing where it began, and most often the cause of a nan in the gradient.
        An infinity that a derivative rule masks itself is none. f is traced as by grad; what it computes from constants
        alone is not seen, and a call of `checkpoint` or of a function with custom rules can count as one operation. Of
        what happens after f has returned, ``grad(debug(f))`` sees what pullbacks send; not the sum of an argument's
        cotangents, derivatives of rules that f has used itself, or what `linearize` and `jacfwd` repeat.
        ``debug(grad(f))`` sees all.

    Returns
    -------
    callable
        Of f's arguments.

    Raises
    ------
    ChangedError
        A RuntimeError: an array was changed in place that a derivative needs. It names the operation.
    NonFiniteError
        An ArithmeticError: a value is not finite. It names the operation, forward or backward, the element, the
        operands there, your line, for well-known cases cause and remedy, and the way from there to the loss.

    Notes
    -----
    `non_finite` takes Σ y² of every result y: 10 to 20 % of the time of a gradient of LeNet-5 with batches of 64 and
    32. When that is not finite, f runs once more to find out why; so it must be a function of its arguments.

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
    >>> debug(grad(lambda x: np.sum(np.sqrt(x))), non_finite=True)(np.array([4.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygrad_np.transforms.nonfinite.NonFiniteError: the backward pass of sqrt: divide gave inf at [1] from ...
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
            if not non_finite:
                return f(*args, **kwargs)
            from .nonfinite import check_non_finite  # most programs never need it

            return check_non_finite(f, args, kwargs)
        finally:
            thorough.reset(token)

    return debugged
