"""Families: what an operation has in common with its kind, written once.

- `elementwise`: y = f(x), given f and f'. The VJP, the JVP and the batching rule follow.
- `broadcasting`: z = f(x, y, ...), given for each argument the map g -> g * ∂z/∂x. The tape undoes the broadcasting.

The derivative of an elementwise map is diagonal, so its pullback and its pushforward are the same map.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .batching import to_front
from .dividing import aligned
from .primitive import Primitive, Rule
from .tensor import Array, Tensor, dtype_of, shape_of


def signature_of(*arrays: str, **options: Any) -> inspect.Signature:
    """Return the signature of a primitive: its array arguments, then its static options with their defaults."""
    kind = inspect.Parameter
    return inspect.Signature(
        [kind(name, kind.POSITIONAL_OR_KEYWORD) for name in arrays]
        + [kind(name, kind.KEYWORD_ONLY, default=default) for name, default in options.items()]
    )


def _caller() -> str:
    return str(sys._getframe(2).f_globals["__name__"])


def elementwise(
    forward: Callable[[Any], Any],
    doc: str,
    *,
    derivative: Callable[[Array], Array] | None = None,
    from_output: Callable[[Array], Array] | None = None,
    gradient: Callable[[Array, Array], Array] | None = None,
    pole: bool = False,
    name: str | None = None,
    implements: tuple[Callable[..., Any], ...] = (),
    module: str | None = None,
) -> Primitive:
    """Declare y = f(x) from f and f', the latter as a function of the input or of the output.

    Which of the two says what is kept for the backward pass. Instead of f', `gradient(g, y)` may give g f' from the
    output, as one operation. `pole` marks derivatives that are infinite somewhere.
    """
    op = Primitive(
        forward,
        implements_=implements or ((forward,) if isinstance(forward, np.ufunc) else ()),
        signature=signature_of("x"),
        name=name or forward.__name__,
        module=module or _caller(),
        doc=f"{name or forward.__name__}(x), elementwise. {doc}",
    )
    op.weak = True
    times = _at_pole if pole else _multiply

    if gradient is not None:

        def rule(y: Array, x: Array) -> Callable[[Array], Array]:
            return lambda g: gradient(g, y)

    elif from_output is not None:

        def rule(y: Array, x: Array) -> Callable[[Array], Array]:
            return lambda g: times(g, from_output, y)

    elif derivative is not None:

        def rule(y: Array, x: Array) -> Callable[[Array], Array]:
            return lambda g: times(g, derivative, x)

    else:
        raise TypeError(f"elementwise {op.name}: give derivative=, from_output= or gradient=.")
    op.vjps[0] = op.jvps[0] = rule
    op.defbatch(lambda size, axes, x: (op(x), axes[0]))
    op.defdivide(aligned)
    return op


def broadcasting(
    forward: Callable[..., Any],
    doc: str,
    *,
    name: str | None = None,
    implements: tuple[Callable[..., Any], ...] = (),
    module: str | None = None,
    **partials: Rule | None,
) -> Primitive:
    """Declare z = f(x, y, ...), elementwise with broadcasting, from a rule `(z, x, y, ...) -> (g -> g * ∂z/∂x)` each.

    The rules are given by the arguments' names, in their order; None where there is no derivative (a condition). The
    tape sums what they return over the axes along which an argument was broadcast.
    """
    op = Primitive(
        forward,
        implements_=implements or ((forward,) if isinstance(forward, np.ufunc) else ()),
        signature=signature_of(*partials),
        name=name or forward.__name__,
        module=module or _caller(),
        doc=f"{name or forward.__name__}({', '.join(partials)}), elementwise with broadcasting. {doc}",
    )
    op.weak = op.broadcasts = True
    for position, partial in enumerate(partials.values()):
        if partial is not None:
            op.vjps[position] = partial
            op.jvps[position] = _forward(partial)
    op.defbatch(_batching(op))
    op.defdivide(aligned)
    return op


def _forward(partial: Rule) -> Rule:
    def rule(z: Array, *args: Array) -> Callable[[Array], Array]:
        push = partial(z, *args)
        shape = shape_of(z)

        def pushforward(x_dot: Array) -> Array:
            y_dot = push(x_dot)
            return y_dot if shape_of(y_dot) == shape else np.broadcast_to(y_dot, shape)

        return pushforward

    return rule


def _batching(op: Primitive) -> Rule:
    def rule(size: int, axes: tuple[int | None, ...], *args: Array) -> tuple[Array, int]:
        rank = max(len(shape_of(x)) - (a is not None) for x, a in zip(args, axes, strict=True))
        return op(*[x if a is None else _aligned(x, a, rank) for x, a in zip(args, axes, strict=True)]), 0

    return rule


def _aligned(x: Array, axis: int, rank: int) -> Array:
    """Move a batch axis to the front, with so many axes after it that broadcasting never meets it."""
    x = to_front(x, axis)
    first, *rest = shape_of(x)
    return x if len(rest) == rank else np.reshape(x, (first, *(1,) * (rank - len(rest)), *rest))


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum a cotangent over the axes along which an argument of that shape was broadcast."""
    given = shape_of(g)
    if given == shape:
        return g
    new = len(given) - len(shape)
    if given[new:] == shape:
        return g.sum(tuple(range(new)))
    axes = (*range(new), *[i + new for i, n in enumerate(shape) if n == 1 and given[i + new] != 1])
    return np.reshape(g.sum(axes), shape)


def _multiply(g: Array, derivative: Callable[[Array], Array], x: Array) -> Array:
    return g * derivative(x)


def _at_pole(g: Array, derivative: Callable[[Array], Array], x: Array) -> Array:
    if type(x) is float:
        x = np.float64(x)  # Python's own numbers raise at a pole
    return multiply_at_pole(g, derivative(x))


def multiply_at_pole(g: Array, derivative: Array) -> Array:
    """Return g * derivative, where a cotangent of exactly zero stays zero at a pole of the derivative.

    So the gradient of `np.where(x > 0, np.sqrt(x), 0)` at 0 is 0: no path leads through the pole. The factor is
    replaced, not the product, so that derivatives of the result are free of nan too.
    """
    finite = np.isfinite(derivative)
    if type(finite) is not Tensor and finite.all():
        return g * derivative
    return pole_product(g, np.where(finite | (g != 0), derivative, zero_like(derivative)))


def _product(x: Array, y: Array) -> Array:
    return np.multiply(x, y)


pole_product = broadcasting(
    _product,
    "x y, where one may be infinite: ∂x = y, ∂y = x, and a zero cotangent stays zero.",
    name="pole_product",
    module=__name__,
    x=lambda z, x, y: lambda g: multiply_at_pole(g, y),
    y=lambda z, x, y: lambda g: multiply_at_pole(g, x),
)


def divide_at_pole(g: Array, y: Array) -> Array:
    """Return g / y, where a cotangent of exactly zero stays zero at y = 0. See `multiply_at_pole`."""
    pole = np.equal(y, 0)
    if type(pole) is not Tensor and not pole.any():
        return g / y
    return g / np.where(pole & (g == 0), dtype_of(y).type(1), y)


def one_for_zero(x: Array) -> Array:
    """Return x with 1 in place of 0: a divisor or an argument of log, where a convention gives the result."""
    return np.where(np.equal(x, 0), dtype_of(x).type(1), x)


def zero_like(x: Array) -> Any:
    """Return the scalar zero of the dtype of x."""
    return dtype_of(x).type(0)
