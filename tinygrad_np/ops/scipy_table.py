"""How the ufuncs of scipy.special become primitives, if SciPy is there: a table of rules, entered on first need.

SciPy is not imported. A user's `scipy.special.gamma(t)` arrives with the ufunc as an object; that it is SciPy's is seen
by its identity, if scipy.special is loaded. Then all rules are entered, and each calls SciPy's functions through `sp`
in its turn, so that derivatives have derivatives.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.families import broadcasting, multiply_at_pole, signature_of
from ..core.primitive import Primitive
from ..core.tensor import Array, dtype_of, implementations, resolvers

Partial = Callable[..., Array] | None

# Imported when they are needed, which most programs never do: the rules, and primitives that only SciPy computes.
_MODULES = ("scipy_bessel", "scipy_error", "scipy_gamma", "scipy_hypergeometric")

RULES: dict[str, Callable[[np.ufunc], Any]] = {}


class _SciPySpecial:
    """scipy.special, imported when a function of it is called."""

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(importlib.import_module("scipy.special"), name)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"This needs scipy.special.{name}, and SciPy is not installed: pip install scipy", name="scipy"
            ) from error


sp: Any = _SciPySpecial()


def rule(signature: str, doc: str, *partials: Partial, precision: str | None = None, real: str = "") -> None:
    """Enter an elementwise, broadcasting ufunc: its name and arguments, and for each argument ∂z, or None.

    A partial derivative is a function `(z, x, y, ...)`. With None a derivative is refused, with the argument's name.
    SciPy widens some results from single to double; here they keep the `precision` of that argument. `real` says why a
    complex argument has no derivative.
    """
    name, arrays = _parsed(signature)
    padded = (*partials, *(None,) * (len(arrays) - len(partials)))

    def build(ufunc: np.ufunc) -> Primitive:
        rules = {a: None if p is None else _times(p, real) for a, p in zip(arrays, padded, strict=True)}
        forward = ufunc if precision is None else _keeping(ufunc, arrays.index(precision))
        return broadcasting(forward, doc, name=name.lstrip("_"), module=__name__, implements=(ufunc,), **rules)

    RULES[name] = build


def _keeping(ufunc: np.ufunc, position: int) -> Callable[..., Any]:
    def forward(*args: Any) -> Any:
        y = ufunc(*args)
        single = dtype_of(args[position]) in (np.float32, np.complex64)
        return y.astype(np.complex64 if y.dtype.kind == "c" else np.float32) if single else y

    return forward


def in_precision(partial: Callable[..., Array]) -> Callable[..., Array]:
    """Cast a partial derivative, which a parameter made of integers would widen, to the result's precision."""
    return lambda z, *args: partial(z, *args).astype(dtype_of(z))


def several(name: str, doc: str, derivatives: Callable[..., tuple[Array, ...]]) -> None:
    """Enter a ufunc of one argument with several results, from `(ys, x) -> their derivatives`."""

    def build(ufunc: np.ufunc) -> Primitive:
        op = Primitive(
            ufunc,
            implements_=(ufunc,),
            signature=signature_of("x"),
            name=name,
            module=__name__,
            doc=f"{name}(x). {doc}",
        )

        @op.defvjp("x")
        def _vjp(ys: Any, x: Array) -> Any:
            return lambda gs: sum(multiply_at_pole(g, d) for g, d in zip(gs, derivatives(ys, x), strict=True))

        @op.defjvp("x")
        def _jvp(ys: Any, x: Array) -> Any:
            return lambda x_dot: tuple(multiply_at_pole(x_dot, d) for d in derivatives(ys, x))

        op.defbatch(lambda size, axes, x: (op(x), axes[0]))
        return op

    RULES[name] = build


def constant(name: str) -> None:
    """Enter a ufunc of one argument that is locally constant."""

    def build(ufunc: np.ufunc) -> Primitive:
        op = Primitive(
            ufunc, implements_=(ufunc,), differentiable=False, signature=signature_of("x"), name=name, module=__name__
        )
        op.defbatch(lambda size, axes, x: (op(x), axes[0]))
        return op

    RULES[name] = build


def _parsed(signature: str) -> tuple[str, list[str]]:
    name, _, arrays = signature.rstrip(")").partition("(")
    return name, arrays.split(", ")


def _times(partial: Callable[..., Array], real: str) -> Callable[..., Any]:
    def times(z: Array, *args: Array) -> Callable[[Array], Array]:
        if real and dtype_of(z).kind == "c":
            raise TypeError(real)
        if type(z) is float:  # of Python's numbers alone, whose division by 0 is an error where NumPy's is a pole
            z, args = np.float64(z), tuple([np.float64(x) if type(x) is float else x for x in args])
        return lambda g: multiply_at_pole(g, partial(z, *args))

    return times


def safe(x: Array, valid: Array) -> Array:
    """Return x, and 1 where it is not valid: so that the branch of np.where that is not taken is finite."""
    return np.where(valid, x, dtype_of(x).type(1))


def enter() -> None:
    """Enter the rules of all ufuncs of scipy.special that have one here and are not entered yet."""
    module = sys.modules["scipy.special"]
    for name in _MODULES:
        importlib.import_module(f".{name}", __package__)
    for name, build in RULES.items():
        # zeta and lambertw are thin functions around these two
        ufunc = getattr(module, name, None) if not name.startswith("_") else getattr(_private(module), name, None)
        if isinstance(ufunc, np.ufunc) and ufunc not in implementations:
            build(ufunc)


def _private(module: Any) -> Any:
    return getattr(module, "_ufuncs", None)


def resolve(function: Any) -> Any:
    """Return the primitive of a ufunc of scipy.special, None for any other; refuse one without rules by its name."""
    module = sys.modules.get("scipy.special")
    if module is None or not isinstance(function, np.ufunc):
        return None
    enter()
    found = implementations.get(function)
    name = function.__name__
    if found is None and function in (getattr(module, name, None), getattr(_private(module), name, None)):
        raise TypeError(
            f"scipy.special.{name} is not supported for Tensors: it has no derivative here. Give it rules with "
            "tinygrad_np.primitive, or pass tinygrad_np.stop_gradient(x) if none is wanted."
        )
    return found


resolvers.append(resolve)
