"""What the normalisations share: scale and shift, the axes and the lengths of their parameters, errors."""

from __future__ import annotations

import numpy as np

from ..core.tensor import Array, dtype_of, shape_of
from ..ops.windows import Ints, check_layout

Tuple = tuple[int, ...]


def affine(y: Array, scale: Array | None, bias: Array | None) -> Array:
    """Return scale y + bias, either of them optional."""
    y = y if scale is None else y * scale
    return y if bias is None else y + bias


def widened(parameter: Array | None, x: Array, channel: int) -> Array | None:
    """Give a parameter of the channels the axes of x."""
    return None if parameter is None else np.reshape(parameter, (-1, *(1,) * (len(shape_of(x)) - 1 - channel)))


def checked(operation: str, x: Array, eps: float, layout: str, *, least: int = 2, **parameters: Array | None) -> int:
    """Return the axis of the channels; refuse what is no batch of them and parameters of another length."""
    first = check_layout(operation, layout)
    rank = len(shape_of(x))
    if rank < least:
        spatial = ", spatial axes" if least > 2 else ""
        raise ValueError(f"{operation}: x has shape {shape_of(x)}; expected a batch axis{spatial} and one of channels.")
    _check_numbers(operation, x, eps)
    channel = 1 if first else rank - 1
    channels = shape_of(x)[channel]
    for name, p in parameters.items():
        if p is not None and shape_of(p) != (channels,):
            raise ValueError(
                f"{operation}: {name} has shape {shape_of(p)}; x has {channels} channels (layout={layout!r})."
            )
    return channel


def last_axes(operation: str, x: Array, normalized_shape: Ints, eps: float, **parameters: Array | None) -> Tuple:
    """Return the axes that normalized_shape names; refuse other lengths."""
    single = isinstance(normalized_shape, int | np.integer)
    wanted: Tuple = (normalized_shape,) if single else tuple(normalized_shape)  # type: ignore[arg-type, assignment]
    rank = len(shape_of(x))
    if not wanted or shape_of(x)[-len(wanted) :] != wanted:
        raise ValueError(
            f"{operation}: x has shape {shape_of(x)}, which does not end in normalized_shape={normalized_shape!r}."
        )
    _check_numbers(operation, x, eps)
    for name, p in parameters.items():
        if p is not None and shape_of(p) != wanted:
            raise ValueError(f"{operation}: {name} has shape {shape_of(p)}; it is normalized_shape, {wanted}.")
    return tuple(range(rank - len(wanted), rank))


def _check_numbers(operation: str, x: Array, eps: float) -> None:
    if dtype_of(x).kind != "f":
        raise TypeError(f"{operation}: x is {dtype_of(x)}; convert it to real floating point.")
    if isinstance(eps, bool) or not isinstance(eps, int | float | np.floating) or not eps >= 0:
        raise ValueError(f"{operation}: eps={eps!r}; it is a number >= 0.")
