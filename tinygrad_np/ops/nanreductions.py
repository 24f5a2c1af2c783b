"""Reductions that leave nan out: those of `reductions` with a where=. A nan gets no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import Array, Tensor, dtype_of, implements, shape_of
from . import reductions as full
from .differences import cumprod
from .shaping import Axes


def _valid(a: Array, where: Array = True) -> Array:
    valid = np.logical_not(np.isnan(a))
    return valid if where is True else np.logical_and(valid, where)


def filled(a: Array, value: float) -> Array:
    """Return the array with a number, which gets no gradient, in place of nan."""
    return np.where(np.isnan(a), dtype_of(a).type(value), a) if dtype_of(a).kind in "fc" else a


@implements(np.nansum)
def nansum(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Array = None,
    where: Array = True,
) -> Array:
    """As np.nansum."""
    return full.sum(filled(a, 0), axis, dtype, keepdims=keepdims, initial=initial, where=where)


@implements(np.nanprod)
def nanprod(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Array = None,
    where: Array = True,
) -> Array:
    """As np.nanprod; the derivative is exact where factors are zero."""
    return full.prod(filled(a, 1), axis, dtype, keepdims=keepdims, initial=initial, where=where)


@implements(np.nancumsum)
def nancumsum(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """As np.nancumsum."""
    return full.cumsum(filled(a, 0), axis, dtype)


@implements(np.nancumprod)
def nancumprod(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """As np.nancumprod; the derivative is exact where factors are zero."""
    return cumprod(filled(a, 1), axis, dtype)


@implements(np.nanmean)
def nanmean(a: Array, axis: Axes = None, dtype: Any = None, *, keepdims: bool = False, where: Array = True) -> Array:
    """As np.nanmean; nan without a warning where nothing is left."""
    return full.mean(a, axis, dtype, keepdims=keepdims, where=_valid(a, where))


@implements(np.nanvar)
def nanvar(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Array = True,
    mean: Array = None,
    correction: float = 0,
) -> Array:
    """As np.nanvar; nan without a warning where no degree of freedom is left."""
    valid, ddof = _valid(a, where), full.one_correction(ddof, correction)
    y = full.var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=valid, mean=mean)
    few = np.less_equal(full.sum(np.broadcast_to(valid, shape_of(a)), axis, keepdims=keepdims), ddof)
    return np.where(few, dtype_of(y).type(np.nan), y)


@implements(np.nanstd)
def nanstd(
    a: Array,
    axis: Axes = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Array = True,
    mean: Array = None,
    correction: float = 0,
) -> Array:
    """As np.nanstd; nan without a warning where no degree of freedom is left."""
    return full.root(
        nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction)
    )


def _extremum(extremum: Any, limit: float, a: Array, axis: Axes, keepdims: bool, initial: Array, where: Array) -> Array:
    if dtype_of(a).kind not in "fc":
        return extremum(a, axis, keepdims=keepdims, initial=initial, where=where)
    y = extremum(filled(a, limit), axis, keepdims=keepdims, initial=initial, where=where)
    if initial is not None:
        return y
    return np.where(np.all(np.isnan(a), axis=full.axis_tuple(axis, a), keepdims=keepdims), dtype_of(y).type(np.nan), y)


@implements(np.nanmax)
def nanmax(a: Array, axis: Axes = None, *, keepdims: bool = False, initial: Array = None, where: Array = True) -> Array:
    """As np.nanmax; nan without a warning where there is nothing else."""
    return _extremum(full.max, -np.inf, a, axis, keepdims, initial, where)


@implements(np.nanmin)
def nanmin(a: Array, axis: Axes = None, *, keepdims: bool = False, initial: Array = None, where: Array = True) -> Array:
    """As np.nanmin; nan without a warning where there is nothing else."""
    return _extremum(full.min, np.inf, a, axis, keepdims, initial, where)


def _place(name: str, find: Any, limit: float, a: Array, axis: int | None, keepdims: bool) -> Array:
    nothing = np.all(np.isnan(a), axis=axis)
    if type(nothing) is not Tensor and np.any(nothing):
        raise ValueError(f"{name}: there is nothing but nan along axis {axis} of an array of shape {shape_of(a)}.")
    return find(filled(a, limit), axis=axis, keepdims=keepdims)


@implements(np.nanargmax, differentiable=False)
def nanargmax(a: Array, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """As np.nanargmax."""
    return _place("np.nanargmax", np.argmax, -np.inf, a, axis, keepdims)


@implements(np.nanargmin, differentiable=False)
def nanargmin(a: Array, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """As np.nanargmin."""
    return _place("np.nanargmin", np.argmin, np.inf, a, axis, keepdims)
