"""Calls of NumPy's ufuncs, bound to their arguments so that a call of them takes as little time as it can."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray


def bound(ufunc: np.ufunc, *inputs: Any, out: NDArray[Any]) -> Callable[[], Any]:
    """Return the call of a ufunc that writes to `out`.

    The array for the result goes by position, which halves the time of a call on a small array, but that NumPy
    deprecates for the maximum and the minimum.
    """
    inputs = settled(ufunc, inputs, out)
    by_name = ufunc is np.maximum or ufunc is np.minimum
    return partial(ufunc, *inputs, out=out) if by_name else partial(ufunc, *inputs, out)


def settled(ufunc: np.ufunc, inputs: tuple[Any, ...], out: NDArray[Any]) -> tuple[Any, ...]:
    """Return the inputs, Python numbers among them as arrays without axes of the dtype that each call would give them.

    Only where that is a floating-point or complex one: integers have rules of their own.
    """
    if not any(type(x) in (int, float, complex) for x in inputs):
        return inputs
    kinds = [type(x) if type(x) in (int, float, complex) else np.asarray(x).dtype for x in inputs]
    dtypes = ufunc.resolve_dtypes((*kinds, out.dtype))
    with np.errstate(all="ignore"):  # a number too large is infinite, of which the call would warn
        return tuple(
            np.asarray(x, dtype) if type(x) in (int, float, complex) and dtype.kind in "fc" else x
            for x, dtype in zip(inputs, dtypes, strict=False)
        )
