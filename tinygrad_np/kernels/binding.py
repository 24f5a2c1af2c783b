"""Calls of NumPy's ufuncs, bound to their arguments so that a call of them takes as little time as it can."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .order import memory_order


def bound(ufunc: np.ufunc, *inputs: Any, out: NDArray[Any]) -> Callable[[], Any]:
    """Return the call of a ufunc that writes to `out`.

    The array for the result goes by position, which halves the time of a call on a small array, but that NumPy
    deprecates for the maximum and the minimum. Arrays that lie alike in another order than C's go as vectors, which
    NumPy sees to be contiguous.
    """
    arguments = [*settled(ufunc, inputs, out), out]
    if ufunc.signature is None:
        arguments = as_vectors(*arguments)
    if ufunc is np.maximum or ufunc is np.minimum:
        return partial(ufunc, *arguments[:-1], out=arguments[-1])
    return partial(ufunc, *arguments)


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


def as_vectors(*arrays: Any) -> list[Any]:
    """View arrays that have one shape and one memory order, but not C's, without gaps, as vectors.

    What has no axes stays; other arrays do as well. An array that is given twice has one view: NumPy would look whether
    two overlap.
    """
    some = {id(a): a for a in arrays if np.ndim(a)}
    first, *others = some.values() or [None]
    if not isinstance(first, np.ndarray) or first.flags.c_contiguous:
        return list(arrays)
    order = memory_order(first)
    alike = all(isinstance(a, np.ndarray) and a.shape == first.shape for a in others)
    if not (alike and all(a.transpose(order).flags.c_contiguous for a in some.values())):
        return list(arrays)
    views = {key: a.transpose(order).reshape(-1) for key, a in some.items()}
    return [views.get(id(a), a) for a in arrays]
