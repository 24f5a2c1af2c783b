"""What every transform asks of a function, its arguments and its results: checks, argnums, running it on Tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeGuard

import numpy as np

from ..core import tree
from ..core.tensor import Array, Tensor, dtype_of, parameter_names, shape_of, zeros_of
from ..core.trace import QuietCollector, Trace

Argnums = int | str | Sequence[int | str]
_VALUES = (np.ndarray, np.generic, Tensor)
NUMERIC = (*_VALUES, float, int, complex)  # bool is an int


def run(f: Callable[..., Any], trace: Trace, *inputs: Any) -> tuple[Any, Any]:
    """As `call`, with the collector and warnings paused."""
    with QuietCollector():
        return call(f, trace, *inputs)


def call(
    f: Callable[..., Any],
    trace: Trace,
    tensors: Iterable[Any],
    structures: Sequence[tree.Structure],
    keys: Sequence[int | str],
    args: Sequence[Any],
    kwargs: dict[str, Any],
    has_aux: bool,
) -> tuple[Any, Any]:
    """Run f on a trace's Tensors in place of the leaves of some arguments; return its output, and aux without them."""
    arguments, keywords = list(args), dict(kwargs)
    for key, value in zip(keys, trees_of(structures, tensors), strict=True):
        if isinstance(key, str):
            keywords[key] = value
        else:
            arguments[key] = value
    try:
        y = f(*arguments, **keywords)
    finally:
        trace.closed = True
    if not has_aux:
        return y, None
    if not (isinstance(y, tuple) and len(y) == 2):
        raise TypeError(f"{trace.origin}: with has_aux=True the function returns (value, aux), got {describe(y)}.")
    return y[0], tree.map(lambda leaf: leave(leaf, trace), y[1])


def trees_of(structures: Sequence[tree.Structure], leaves: Iterable[Any]) -> list[Any]:
    """Return trees of those structures, filled with one list of leaves."""
    rest = iter(leaves)
    return [tree.unflatten(s, itertools.islice(rest, s.size)) for s in structures]


def belongs(x: Any, trace: Trace) -> TypeGuard[Tensor]:
    """Whether x is a Tensor of that trace."""
    return type(x) is Tensor and x._trace is trace


def leave(x: Any, trace: Trace) -> Any:
    """Take a Tensor's value out of its trace; an array is copied, for it may be an input or be kept by a rule."""
    return own(x._value) if belongs(x, trace) else x


def own(value: Any) -> Any:
    """Copy an array that may be shared or read-only, in its memory order: the user may keep it and write to it."""
    return value.copy(order="K") if type(value) is np.ndarray else value


def as_kind_of(leaf: Array, x: Array | None) -> Array:
    """Give a derivative the kind of what it belongs to: an array for an array, a number for a number, 0 for None."""
    if x is None:
        x = zeros_of(leaf)
    if type(x) is Tensor or type(leaf) is Tensor:
        return x
    if isinstance(leaf, np.ndarray):
        return np.asarray(x)
    return type(leaf)(x)


def floats_of(x: Any) -> tuple[Any, Any]:
    """Part a tree into its floating-point and complex leaves and the rest, as `tree.partition` does."""
    return tree.partition(x, lambda _, leaf: dtype_of(leaf).kind in "fc")


def rebuild(structures: Sequence[tree.Structure], leaves: Sequence[Any], bars: Sequence[Any]) -> tuple[Any, ...]:
    """Return trees like the arguments, of derivatives that belong to their leaves."""
    found = [
        bar if type(leaf) is type(bar) is np.ndarray else as_kind_of(leaf, bar)
        for leaf, bar in zip(leaves, bars, strict=True)
    ]
    return tuple(trees_of(structures, found))


def check_holomorphic(leaves: Sequence[Any], origin: str, what: str) -> None:
    """Refuse real values where a function was promised to be holomorphic."""
    for leaf in leaves:
        if dtype_of(leaf).kind != "c":
            raise TypeError(
                f"{origin}: holomorphic=True, but {what} hold {describe(leaf)}. A holomorphic function maps complex "
                "numbers to complex numbers: convert with .astype(complex), or leave holomorphic out."
            )


def resolve(
    f: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any], origin: str
) -> tuple[list[int | str], bool]:
    """Turn argnums into positions of args and keys of kwargs."""
    if type(argnums) is int and 0 <= argnums < len(args):
        return [argnums], True
    one = not isinstance(argnums, Sequence) or isinstance(argnums, str)
    keys: list[int | str] = []
    for a in [argnums] if one else argnums:  # type: ignore[union-attr]
        key = _resolve_name(f, a, args, kwargs, origin) if isinstance(a, str) else a
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise TypeError(f"{origin}: argnums is an int, a name or a sequence of them, got {argnums!r}.")
        if isinstance(key, int):
            if not -len(args) <= key < len(args):
                hint = f"; differentiate keyword arguments by name ({', '.join(kwargs)})" if kwargs else ""
                raise ValueError(
                    f"{origin}: argnums={a} needs more than the {len(args)} positional arguments of this call{hint}."
                )
            key %= len(args)
        keys.append(key)
    if len(set(keys)) < len(keys):
        raise ValueError(f"{origin}: argnums={argnums!r} names the same argument twice.")
    return keys, one


def _resolve_name(
    f: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any], origin: str
) -> int | str:
    if name in kwargs:
        return name
    names = parameter_names(f)
    if name in names[: len(args)]:
        return names.index(name)
    raise ValueError(
        f"{origin}: argnums names {name!r}, which this call does not pass. "
        f"It passes {', '.join([*names[: len(args)], *kwargs])}; the function's parameters are {', '.join(names)}."
    )


def argument_name(f: Callable[..., Any], key: int | str) -> str:
    """Name of an argument for messages."""
    if isinstance(key, str):
        return key
    names = parameter_names(f)
    return names[key] if key < len(names) else f"argument {key}"


def leaves_of(
    f: Callable[..., Any], keys: Sequence[int | str], trees: Sequence[Any], origin: str
) -> tuple[list[Any], list[tree.Structure]]:
    """Return the leaves of the trees to differentiate, and the trees' structures; refuse leaves without derivatives."""
    leaves: list[Any] = []
    structures = []
    for key, argument in zip(keys, trees, strict=True):
        some, structure = tree.flatten(argument)
        for i, leaf in enumerate(some):
            if leaf.dtype.kind not in "fc" if type(leaf) is np.ndarray else _kind(leaf) not in ("f", "c"):
                raise TypeError(
                    f"{origin}: {argument_name(f, key)}{structure.paths[i]} is {describe(leaf)}; only floating-point "
                    "and complex values have derivatives. Convert it (np.asarray(x, dtype=np.float64)), choose other "
                    "argnums, or keep constants out of a differentiated tree (tinygrad_np.tree.partition)."
                )
        leaves += some
        structures.append(structure)
    return leaves, structures


def _kind(leaf: Any) -> str:
    if isinstance(leaf, _VALUES):
        return leaf.dtype.kind
    return "f" if type(leaf) is float else "c" if type(leaf) is complex else type(leaf).__name__


def outputs_of(y: Any, origin: str) -> tuple[list[Any], tree.Structure]:
    """Return the leaves of an output and its structure; refuse what is no array."""
    outputs, structure = tree.flatten(y)
    for path, leaf in zip(structure.paths, outputs, strict=True):
        if not isinstance(leaf, NUMERIC):
            raise TypeError(f"{origin}: the output{path} is {describe(leaf)}; expected arrays or trees of them.")
    return outputs, structure


def check_like(g: Any, shape: tuple[int, ...], dtype: np.dtype[Any], what: str, of: str) -> Array:
    """Return a cotangent or tangent in its dtype; refuse another shape, or a dtype that would lose something."""
    if not isinstance(g, NUMERIC) or shape_of(g) != shape:
        raise ValueError(f"{what} is {describe(g)}; {of} has shape {shape}.")
    if dtype_of(g) == dtype:
        return g
    if not isinstance(g, float | int | complex) and not np.can_cast(dtype_of(g), dtype, "same_kind"):
        raise TypeError(f"{what} is {dtype_of(g)}; {of} is {dtype}.")
    return g.astype(dtype) if isinstance(g, Tensor) else np.asarray(g, dtype)


def describe(x: Any) -> str:
    """Say what a value is, for messages."""
    if isinstance(x, _VALUES):
        return f"{'an array' if shape_of(x) else 'a scalar'} of shape {shape_of(x)} and dtype {dtype_of(x)}"
    return "None" if x is None else f"{' '.join(repr(x).split()):.60} of type {type(x).__name__}"
