"""Reverse mode: vjp, value_and_grad, grad."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.tape import QuietCollector, Tape
from ..core.tensor import Array, Tensor, dtype_of, name_of, parameter_names, shape_of

Argnums = int | str | Sequence[int | str]


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Evaluate f and return its pullback, the map from a cotangent of its output to cotangents of its inputs.

    Parameters
    ----------
    f : callable
        A function of trees of arrays that returns a tree of arrays; with `has_aux` a pair (output, auxiliary data).
    *primals : trees of floating-point or complex arrays
        Where f is evaluated.

    Returns
    -------
    y : tree
        ``f(*primals)``.
    pullback : callable
        ``pullback(g)`` takes a tree like y (same shapes) and returns a tuple with a tree like each primal. It may be
        called many times; it keeps what its rules need until it is dropped.
    aux
        Only with `has_aux`.

    Notes
    -----
    For y = f(x) with Jacobian J, ``pullback(g)`` is (gᵀ J)ᵀ; for complex arrays the plain transpose too, as in JAX.

    Examples
    --------
    >>> y, pullback = vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    origin = f"vjp({name_of(f)})"
    flat = [tree.flatten(p) for p in primals]
    leaves = [leaf for some, _ in flat for leaf in some]
    for i, (some, structure) in enumerate(flat):
        _check_leaves(some, structure, origin, f, i)
    y, aux, tape = _record(f, origin, leaves, [s for _, s in flat], list(range(len(primals))), primals, {}, has_aux)
    outputs, out_structure = tree.flatten(y)
    for path, leaf in zip(out_structure.paths, outputs, strict=True):
        _check_output(leaf, origin, path)
    places = [leaf._index if _watched(leaf, tape) else None for leaf in outputs]
    likes = [(shape_of(leaf), dtype_of(leaf)) for leaf in outputs]
    values = [_leave(leaf, tape) for leaf in outputs]

    def pullback(g: Any) -> tuple[Any, ...]:
        gs = tree.flatten_like(out_structure, g, f"{origin}: the cotangent")
        seeds = []
        for place, (shape, dtype), path, cotangent in zip(places, likes, out_structure.paths, gs, strict=True):
            cotangent = _check_cotangent(cotangent, shape, dtype, origin, path)
            if place is not None:
                seeds.append((place, cotangent))
        with QuietCollector():
            bars = tape.backward(seeds, len(leaves), consume=False)
        finished = iter([_finish(bar, leaf) for bar, leaf in zip(bars, leaves, strict=True)])
        return tuple(tree.unflatten(s, [next(finished) for _ in range(s.size)]) for _, s in flat)

    result = tree.unflatten(out_structure, values)
    return (result, pullback, aux) if has_aux else (result, pullback)


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that computes both f and its gradient. Parameters as for `grad`.

    Returns
    -------
    callable
        Of f's arguments; it returns ``(value, gradient)``, with `has_aux` ``((value, aux), gradient)``.
    """

    @functools.wraps(f, updated=())
    def value_and_grad_f(*args: Any, **kwargs: Any) -> Any:
        origin = f"grad({name_of(f)})"
        keys, one = _resolve(f, argnums, args, kwargs, origin)
        flat = [tree.flatten(kwargs[k] if isinstance(k, str) else args[k]) for k in keys]
        leaves: list[Any] = []
        for key, (some, structure) in zip(keys, flat, strict=True):
            _check_leaves(some, structure, origin, f, key)
            leaves += some
        with QuietCollector():
            loss, aux, tape = _record(f, origin, leaves, [s for _, s in flat], keys, args, kwargs, has_aux)
            _check_loss(loss, origin)
            value = _leave(loss, tape)
            seeds = [(loss._index, dtype_of(loss).type(1))] if _watched(loss, tape) else []
            bars = tape.backward(seeds, len(leaves), consume=True)
        finished = iter([_finish(bar, leaf) for bar, leaf in zip(bars, leaves, strict=True)])
        grads = tuple(tree.unflatten(s, [next(finished) for _ in range(s.size)]) for _, s in flat)
        return ((value, aux) if has_aux else value), (grads[0] if one else grads)

    return value_and_grad_f


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return the gradient of a scalar function, as a function of the same arguments.

    Parameters
    ----------
    f : callable
        Returns a real scalar; with `has_aux` a pair (scalar, auxiliary data), which `grad` hands through.
    argnums : int, str or sequence of them
        Which arguments to differentiate, by position or by name (a name also finds a keyword argument). One gives one
        gradient, a sequence gives a tuple in that order.
    has_aux : bool
        See f. The auxiliary data come back as plain arrays.

    Returns
    -------
    callable
        The gradient has the structure, shapes and dtypes of what was differentiated; what the loss does not use gets
        zeros. For complex arguments it is JAX's convention: descend along the conjugate.

    Raises
    ------
    TypeError
        At the call: for integer or boolean arguments, a loss that is no real scalar, a function of NumPy that has no
        derivative here.

    Notes
    -----
    f runs once, on Tensors; the tape is then read backwards and freed on the way. During that time the cyclic garbage
    collector and NumPy's floating-point warnings are paused (see `tinygrad_np.core.tape.QuietCollector`).

    Examples
    --------
    >>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f, updated=())
    def grad_f(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return grad_f


def _record(
    f: Callable[..., Any],
    origin: str,
    leaves: list[Any],
    structures: list[tree.Structure],
    keys: Sequence[int | str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    has_aux: bool,
) -> tuple[Any, Any, Tape]:
    """Run f on Tensors in place of the leaves; return its output, aux without this tape's Tensors, and the tape."""
    tape = Tape(origin)
    watched = iter([tape.watch(leaf) for leaf in leaves])
    arguments, keywords = list(args), dict(kwargs)
    for key, structure in zip(keys, structures, strict=True):
        value = tree.unflatten(structure, [next(watched) for _ in range(structure.size)])
        if isinstance(key, str):
            keywords[key] = value
        else:
            arguments[key] = value
    aux = None
    try:
        with QuietCollector():
            y = f(*arguments, **keywords)
    finally:
        tape.closed = True
    if has_aux:
        if not (isinstance(y, tuple) and len(y) == 2):
            raise TypeError(f"{origin}: with has_aux=True the function returns (value, aux), got {_describe(y)}.")
        y, aux = y
        aux = tree.map(lambda leaf: _leave(leaf, tape), aux)
    return y, aux, tape


def _watched(x: Any, tape: Tape) -> bool:
    return type(x) is Tensor and x._trace is tape


def _leave(x: Any, tape: Tape) -> Any:
    """Take a Tensor's value out of its tape; an array is copied, for it may be an input or be kept by a rule."""
    if not _watched(x, tape):
        return x
    value = x._value
    return value.copy() if type(value) is np.ndarray else value


def _finish(bar: Array | None, leaf: Array) -> Array:
    """Give a gradient the kind of what was differentiated: an array for an array, a number for a number."""
    if bar is None:
        bar = np.zeros(shape_of(leaf), dtype_of(leaf))
    if type(bar) is Tensor or type(leaf) is Tensor:
        return bar
    if isinstance(leaf, np.ndarray):
        return np.asarray(bar)
    return type(leaf)(bar)


def _resolve(
    f: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any], origin: str
) -> tuple[list[int | str], bool]:
    """Turn argnums into positions of args and keys of kwargs."""
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


def _argument_name(f: Callable[..., Any], key: int | str) -> str:
    """Name of an argument for messages."""
    if isinstance(key, str):
        return key
    names = parameter_names(f)
    return names[key] if key < len(names) else f"argument {key}"


def _check_leaves(
    leaves: list[Any], structure: tree.Structure, origin: str, f: Callable[..., Any], key: int | str
) -> None:
    for i, leaf in enumerate(leaves):
        if isinstance(leaf, np.ndarray | np.generic | Tensor):
            kind = leaf.dtype.kind
        else:
            kind = "f" if type(leaf) is float else "c" if type(leaf) is complex else type(leaf).__name__
        if kind not in ("f", "c"):
            name = _argument_name(f, key) + structure.paths[i]
            raise TypeError(
                f"{origin}: {name} is {_describe(leaf)}; only floating-point and complex values have "
                "derivatives. Convert it (np.asarray(x, dtype=np.float64)), choose other argnums, or keep constants "
                "out of a differentiated tree (tinygrad_np.tree.partition)."
            )


def _check_output(leaf: Any, origin: str, path: str) -> None:
    if not isinstance(leaf, np.ndarray | np.generic | Tensor | float | int | complex):
        raise TypeError(f"{origin}: the output{path} is {_describe(leaf)}; expected arrays or trees of them.")


def _check_loss(loss: Any, origin: str) -> None:
    if isinstance(loss, np.ndarray | np.generic | Tensor | float | int):
        if shape_of(loss) != ():
            raise TypeError(
                f"{origin}: the loss has shape {shape_of(loss)}; a gradient needs a scalar. Sum or average it "
                "(np.sum, np.mean), or use tinygrad_np.vjp for the pullback of an array."
            )
        if dtype_of(loss).kind == "c":
            raise TypeError(f"{origin}: the loss is complex ({dtype_of(loss)}); take np.real(loss), or use vjp.")
        return
    hints = {type(None): " Did the function forget to return?", tuple: " For (loss, aux) pass has_aux=True."}
    raise TypeError(f"{origin}: the loss is {_describe(loss)}; expected a real scalar.{hints.get(type(loss), '')}")


def _check_cotangent(g: Any, shape: tuple[int, ...], dtype: np.dtype[Any], origin: str, path: str) -> Array:
    if not isinstance(g, np.ndarray | np.generic | Tensor | float | int | complex) or shape_of(g) != shape:
        raise ValueError(f"{origin}: the cotangent{path} is {_describe(g)}; the output{path} has shape {shape}.")
    if dtype_of(g) == dtype:
        return g
    if not isinstance(g, float | int | complex) and not np.can_cast(dtype_of(g), dtype, "same_kind"):
        raise TypeError(f"{origin}: the cotangent{path} is {dtype_of(g)}; the output{path} is {dtype}.")
    return g.astype(dtype) if isinstance(g, Tensor) else np.asarray(g, dtype)


def _describe(x: Any) -> str:
    if isinstance(x, np.ndarray | np.generic | Tensor):
        return f"{'an array' if shape_of(x) else 'a scalar'} of shape {shape_of(x)} and dtype {dtype_of(x)}"
    return "None" if x is None else f"{x!r:.60} of type {type(x).__name__}"
