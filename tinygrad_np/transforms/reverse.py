"""Reverse mode: vjp, value_and_grad, grad."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np  # noqa: F401  (for the examples)

from ..core import tree
from ..core.observer import new_tape
from ..core.tensor import dtype_of, name_of, shape_of
from ..core.trace import QuietCollector
from .arguments import (
    NUMERIC,
    Argnums,
    argument_name,
    belongs,
    call,
    check_holomorphic,
    check_like,
    describe,
    leave,
    leaves_of,
    outputs_of,
    rebuild,
    resolve,
    run,
)  # fmt: skip


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
    y, pull, aux = linear_part(f, primals, has_aux)
    return (y, pull, aux) if has_aux else (y, pull)


def linear_part(f: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool, *, once: bool = False) -> Any:
    """Return y, pullback and aux as `vjp` does; a pullback that is called `once` frees what it keeps as it goes."""
    origin = f"vjp({name_of(f)})"
    keys = range(len(primals))
    leaves, structures = leaves_of(f, keys, primals, origin)
    tape = new_tape(origin)
    y, aux = run(f, tape, map(tape.watch, leaves), structures, keys, primals, {}, has_aux)
    outputs, out_structure = outputs_of(y, origin)
    places = [leaf._index if belongs(leaf, tape) else None for leaf in outputs]
    likes = [(shape_of(leaf), dtype_of(leaf)) for leaf in outputs]
    values = [leave(leaf, tape) for leaf in outputs]

    def name(i: int) -> str:
        named = ((key, path) for key, s in zip(keys, structures, strict=True) for path in s.paths)
        key, path = next(itertools.islice(named, i, None))
        return argument_name(f, key) + path

    tape.guard.watch_inputs(leaves, name)

    def pullback(g: Any) -> tuple[Any, ...]:
        gs = tree.flatten_like(out_structure, g, f"{origin}: the cotangent")
        seeds = []
        for place, like, path, cotangent in zip(places, likes, out_structure.paths, gs, strict=True):
            cotangent = check_like(cotangent, *like, f"{origin}: the cotangent{path}", f"the output{path}")
            if place is not None:
                seeds.append((place, cotangent))
        with QuietCollector():
            bars = tape.backward(seeds, len(leaves), consume=once)
        return rebuild(structures, leaves, bars)

    return tree.unflatten(out_structure, values), pullback, aux


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
    """Return a function that computes both f and its gradient. Parameters as for `grad`.

    Returns
    -------
    callable
        Of f's arguments; it returns ``(value, gradient)``, with `has_aux` ``((value, aux), gradient)``.
    """
    origin = f"grad({name_of(f)})"

    @functools.wraps(f, updated=())
    def value_and_grad_f(*args: Any, **kwargs: Any) -> Any:
        keys, one = resolve(f, argnums, args, kwargs, origin)
        wanted = [kwargs[k] if isinstance(k, str) else args[k] for k in keys]
        leaves, structures = leaves_of(f, keys, wanted, origin)
        if holomorphic:
            check_holomorphic(leaves, origin, "the arguments")
        with QuietCollector():
            tape = new_tape(origin)
            loss, aux = call(f, tape, map(tape.watch, leaves), structures, keys, args, kwargs, has_aux)
            _check_loss(loss, origin, holomorphic)
            value = leave(loss, tape)
            seeds = [(loss._index, dtype_of(loss).type(1))] if belongs(loss, tape) else []
            bars = tape.backward(seeds, len(leaves), consume=True)
        grads = rebuild(structures, leaves, bars)
        return ((value, aux) if has_aux else value), (grads[0] if one else grads)

    return value_and_grad_f


def grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False
) -> Callable[..., Any]:
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
    holomorphic : bool
        Promise that f is a holomorphic function of complex arguments; then its value may be complex, and the gradient
        is the complex derivative.

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
    collector and NumPy's floating-point warnings are paused (see `tinygrad_np.core.trace.QuietCollector`).

    Examples
    --------
    >>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = value_and_grad(f, argnums, has_aux, holomorphic)

    @functools.wraps(f, updated=())
    def grad_f(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return grad_f


def _check_loss(loss: Any, origin: str, holomorphic: bool) -> None:
    if isinstance(loss, NUMERIC):
        if shape_of(loss) != ():
            raise TypeError(
                f"{origin}: the loss has shape {shape_of(loss)}; a gradient needs a scalar. Sum or average it "
                "(np.sum, np.mean), or use tinygrad_np.vjp for the pullback of an array."
            )
        if holomorphic:
            check_holomorphic([loss], origin, "the value")
        elif dtype_of(loss).kind == "c":
            raise TypeError(
                f"{origin}: the loss is complex ({dtype_of(loss)}); take np.real(loss), use vjp, or say "
                "holomorphic=True if it is a holomorphic function of complex arguments."
            )
        return
    hints = {type(None): " Did the function forget to return?", tuple: " For (loss, aux) pass has_aux=True."}
    raise TypeError(f"{origin}: the loss is {describe(loss)}; expected a real scalar.{hints.get(type(loss), '')}")
