"""Sliding windows, what convolution and pooling share: layouts, options in normal form, output sizes, errors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import numpy as np

from ..core.batching import batched, to_front
from ..core.primitive import Primitive, Rule
from ..core.tensor import Array, as_array, dtype_of, shape_of

Ints = int | Sequence[int]
Padding = int | Sequence[int] | Sequence[tuple[int, int]] | Literal["valid", "same"]
Layout = Literal["channels_last", "channels_first"]
Pairs = tuple[tuple[int, int], ...]
Function = TypeVar("Function", bound=Callable[..., Any])


def remembered(shapes: int) -> Callable[[Function], Function]:
    """Remember a function of static options; a repeated call costs a look-up.

    So many arguments come first that are shapes of arrays, or None. The others are strings, None, booleans, integers
    and tuples of integers, if the call is remembered. To a cache equal arguments are the same, so whatever may equal
    one of these and not be it (1.0, a tuple with True), and whatever cannot be looked up (a list), is computed anew,
    and refused as ever.
    """

    def remember(function: Function) -> Function:
        known = functools.lru_cache(maxsize=4096, typed=True)(function)

        @functools.wraps(function)
        def call(*args: Any) -> Any:
            for a in args[shapes:]:
                if not (type(a) in _EXACT or (type(a) is tuple and _exact(a))):
                    return function(*args)
            return known(*args)

        return call  # type: ignore[return-value]

    return remember


_EXACT = frozenset((int, str, bool, type(None)))
_INTEGER = frozenset((int,))


def _exact(values: tuple[Any, ...]) -> bool:
    return _INTEGER.issuperset(map(type, values)) or all(
        type(v) is int or (type(v) is tuple and _exact(v)) for v in values
    )


def _is_int(x: Any) -> bool:
    return isinstance(x, int | np.integer) and not isinstance(x, bool)


def per_axis(operation: str, name: str, value: Ints, dims: int, least: int = 1) -> tuple[int, ...]:
    """Return an option given as one integer or one an axis as a tuple of `dims` integers >= `least`."""
    values: tuple[Any, ...] = (value,) * dims if _is_int(value) else tuple(value) if isinstance(value, Sequence) else ()
    if len(values) != dims or not all(_is_int(v) and v >= least for v in values):
        raise ValueError(
            f"{operation}: {name}={value!r}; give one integer >= {least}, or {dims} of them, one a spatial axis."
        )
    return tuple(int(v) for v in values)


def pairs_of(
    operation: str,
    padding: Padding,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Pairs:
    """Return a padding in any of its forms as one (low, high) pair an axis."""
    dims = len(size)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * dims
        if padding != "same":
            raise ValueError(f"{operation}: padding={padding!r}; the names are 'valid' and 'same'.")
        total = [
            max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)
        ]
        return tuple((t // 2, t - t // 2) for t in total)
    values: tuple[Any, ...] = (padding,) * dims if _is_int(padding) else tuple(padding)  # type: ignore[arg-type]
    pairs = [(v, v) if _is_int(v) else tuple(v) if isinstance(v, Sequence) else () for v in values]
    if len(pairs) != dims or not all(len(p) == 2 and all(_is_int(v) and v >= 0 for v in p) for p in pairs):
        raise ValueError(
            f"{operation}: padding={padding!r}; give one integer >= 0, one for each of the {dims} spatial axes, one "
            "(low, high) pair for each, 'valid' or 'same'."
        )
    return tuple((int(low), int(high)) for low, high in pairs)


def output_size(
    operation: str,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Pairs,
    dilation: Sequence[int],
    *,
    ceil_mode: bool = False,
) -> tuple[int, ...]:
    """Return floor((size + low + high - dilation (kernel - 1) - 1) / stride) + 1 for each axis.

    With `ceil_mode` rounded up, but the last window starts inside the input or its low padding.
    """
    out = []
    for axis, (n, k, s, (low, high), d) in enumerate(zip(size, kernel, stride, padding, dilation, strict=True)):
        room = n + low + high - d * (k - 1) - 1
        count = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (count - 1) * s >= n + low:
            count -= 1
        if room < 0 or count < 1:
            raise ValueError(
                f"{operation}: the window does not fit axis {axis}: size {n} + padding {low} + {high} - dilation {d} * "
                f"(kernel {k} - 1) - 1 = {room} < 0. Use a smaller kernel or dilation, or more padding."
            )
        out.append(count)
    return tuple(out)


def check_layout(operation: str, layout: str) -> bool:
    """Return whether channels come first."""
    if layout not in ("channels_last", "channels_first"):
        raise ValueError(f"{operation}: layout={layout!r}; it is 'channels_last' or 'channels_first'.")
    return layout == "channels_first"


def check_input(operation: str, x: Array, layout: str) -> Array:
    """Return x with its channels last; refuse what has no batch, spatial and channel axes."""
    x = as_array(x)
    if len(x.shape) < 3 or layout != "channels_last":
        check_rank(operation, x.shape, layout)
    return x if layout == "channels_last" else np.moveaxis(x, 1, -1)


def check_rank(operation: str, shape: tuple[int, ...], layout: str) -> None:
    """Refuse layouts that there are not, and images without batch, spatial and channel axes."""
    first = check_layout(operation, layout)
    if len(shape) < 3:
        raise ValueError(
            f"{operation}: x has shape {shape}; expected {'(N, C, *size)' if first else '(N, *size, C)'} with at least "
            "one spatial axis. For one image without a batch axis pass x[None]."
        )


def give_layout(y: Array, layout: str) -> Array:
    """Bring a result with channels last to the user's layout."""
    return np.moveaxis(y, -1, 1) if layout == "channels_first" else y


def batching(op: Primitive) -> Callable[[Rule], Rule]:
    """Declare a batching rule that need not reckon with a batch without examples."""

    def declare(rule: Rule) -> Rule:
        def batch(size: int, axes: tuple[int | None, ...], /, *args: Array, **options: Any) -> Any:
            if size:
                return rule(size, axes, *args, **options)
            shapes = [_of_example(shape_of(x), a) for x, a in zip(args, axes, strict=True)]
            y = op.forward(*[np.zeros(s, dtype_of(x)) for x, s in zip(args, shapes, strict=True)], **options)
            return np.zeros((0, *y.shape), y.dtype), 0

        return op.defbatch(batch)

    return declare


def _of_example(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])


def fold(size: int, x: Array, axis: int | None) -> Array:
    """Make the examples of a batch so many more images: each (N, ...), to (B N, ...)."""
    x = batched(size, x, axis)
    return np.reshape(x, (size * shape_of(x)[1], *shape_of(x)[2:]))


def unfold(size: int, y: Array) -> Array:
    """Undo `fold`, with the batch axis in front."""
    return np.reshape(y, (size, shape_of(y)[0] // size, *shape_of(y)[1:]))


def beside(x: Array, axis: int | None, groups: int = 1) -> Array:
    """Put the examples side by side on the last axis, within each group: (..., C) each, to (..., groups B C/groups)."""
    x = to_front(x, axis)
    size, *lead, channels = shape_of(x)
    x = np.moveaxis(np.reshape(x, (size, *lead, groups, channels // groups)), 0, -2)
    return np.reshape(x, (*lead, size * channels))


def separate(size: int, y: Array, groups: int = 1) -> Array:
    """Undo `beside`, with the batch axis in front."""
    *lead, total = shape_of(y)
    y = np.moveaxis(np.reshape(y, (*lead, groups, size, total // size // groups)), -2, 0)
    return np.reshape(y, (size, *lead, total // size))


def ranked(function: Function, dims: int) -> Function:
    """Return the function under the name for `dims` spatial axes, which checks that there are so many."""
    name = f"{function.__name__}{dims}d"

    @functools.wraps(function)
    def ranked_function(x: Array, *args: Any, **options: Any) -> Any:
        if len(shape_of(x)) != dims + 2:
            raise ValueError(
                f"{name}: x has shape {shape_of(x)}; expected {dims + 2} axes: batch, {dims} spatial, channels."
            )
        return function(x, *args, **options)

    ranked_function.__name__ = ranked_function.__qualname__ = name
    ranked_function.__doc__ = f"`{function.__name__}` for {dims} spatial axes; see there."
    return ranked_function  # type: ignore[return-value]
