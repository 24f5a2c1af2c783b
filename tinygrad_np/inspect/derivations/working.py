"""Working an example on the spot: value, VJP and JVP of tiny arguments, with finite differences beside them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.primitive import Primitive
from ...core.tensor import dtype_of
from ...core.trace import QuietCollector
from ...ops.costs import flops
from ...transforms.forward import jvp
from ...transforms.reverse import vjp

# Step and weights of the central differences of order 6: truncation and rounding meet near 1e-12.
_STEP, _WEIGHTS = 2.0**-9, (45 / 60, -9 / 60, 1 / 60)

Arrays = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Worked:
    """An example with its numbers.

    Attributes
    ----------
    args : dict of str to array
        The arguments by name.
    y : tuple of arrays
        The outputs.
    moving : list of str
        The arguments that have a derivative; without any, all that follows is empty.
    g : tuple of arrays
        A cotangent for each floating-point output.
    bars, bar_differences : dict of str to array
        What the VJP returns for g, and finite differences.
    dots : dict of str to array
        The tangents of the arguments.
    y_dot, y_dot_differences : tuple of arrays
        What the JVP returns for them, and finite differences. Empty without a JVP rule, as a user's primitive may be.
    """

    args: dict[str, Any]
    y: Arrays
    moving: list[str]
    g: Arrays = ()
    bars: dict[str, Any] = dataclasses.field(default_factory=dict)
    bar_differences: dict[str, Any] = dataclasses.field(default_factory=dict)
    dots: dict[str, Any] = dataclasses.field(default_factory=dict)
    y_dot: Arrays = ()
    y_dot_differences: Arrays = ()


def work(op: Primitive, at: Sequence[Any], options: dict[str, Any]) -> Worked:
    """Evaluate a primitive at tiny arguments, with its VJP and JVP and both by finite differences.

    Parameters
    ----------
    op : Primitive
        The operation.
    at : sequence
        Its arguments; lists become arrays.
    options : dict
        Its static options.
    """
    args = arrays_of(at)
    names = [f"{op.arrays[0]}{i}" for i in range(len(args))] if op.variadic else op.arrays
    ruled = range(len(args)) if op.variadic else {*op.vjps, *(op.joint[0] if op.joint else ())}
    moving = [i for i, x in enumerate(args) if op.differentiable and i in ruled and is_floating(x)]
    return work_function(lambda *xs: op(*xs, **options), dict(zip(names, args, strict=False)), moving)


def flops_of(op: Primitive, at: Sequence[Any], options: dict[str, Any]) -> int:
    """Count the floating-point operations of an example."""
    args = arrays_of(at)
    return flops(op, args, options, op(*args, **options))


def work_function(f: Callable[..., Any], args: dict[str, Any], moving: list[int]) -> Worked:
    """Evaluate a function of arrays, with its VJP and JVP in some of the arguments and both by finite differences.

    Parameters
    ----------
    f : callable
        Returns an array, or a tuple of arrays.
    args : dict of str to array
        Its positional arguments, by name.
    moving : list of int
        Which of them are differentiated.
    """
    names, given = list(args), list(args.values())
    y = _tuple(f(*given))
    if not moving or not any(map(is_floating, y)):
        return Worked(args, y, [])

    def of_moving(*xs: Any) -> Arrays:
        full = list(given)
        for i, x in zip(moving, xs, strict=True):
            full[i] = x
        with QuietCollector():
            return tuple(yk for yk in _tuple(f(*full)) if is_floating(yk))

    xs = [np.asarray(given[i], np.result_type(given[i], np.float64)) for i in moving]
    moved = [names[i] for i in moving]
    value, pullback = vjp(of_moving, *xs)
    g = tuple(_counting(yk, k, 1) for k, yk in enumerate(value))
    dots = tuple(_counting(x, k, -1) for k, x in enumerate(xs))
    try:
        y_dot = jvp(of_moving, tuple(xs), dots)[1]
    except TypeError:
        y_dot = ()
    return Worked(
        args=args,
        y=y,
        moving=moved,
        g=g,
        bars=dict(zip(moved, pullback(g), strict=True)),
        bar_differences={name: _vjp_by_differences(of_moving, xs, k, g) for k, name in enumerate(moved)},
        dots=dict(zip(moved, dots, strict=True)),
        y_dot=y_dot,
        y_dot_differences=_directional(of_moving, xs, dots) if y_dot else (),
    )


def arrays_of(at: Sequence[Any]) -> list[Any]:
    """Return the arguments of an entry, lists as arrays."""
    return [np.asarray(x) if isinstance(x, list) else x for x in at]


def is_floating(x: Any) -> bool:
    """Whether a value is a real or complex floating-point number, or an array of them."""
    return isinstance(x, float | complex) or (hasattr(x, "dtype") and dtype_of(x).kind in "fc")


def pairing(a: Any, b: Any) -> float:
    """Return Re Σ a b, the pairing of cotangents and tangents."""
    return float(np.real(np.sum(np.asarray(a) * np.asarray(b))))


def deviation(found: Sequence[Any], expected: Sequence[Any]) -> float:
    """Return the largest absolute difference of two lists of arrays."""
    return max((float(np.max(np.abs(a - b), initial=0.0)) for a, b in zip(found, expected, strict=True)), default=0.0)


def _tuple(y: Any) -> Arrays:
    return tuple(y) if isinstance(y, tuple | list) else (y,)


def _counting(x: Any, start: int, sign: int) -> Any:
    """Return 1, 2, 3, ... from 1 + start on in the shape of x; with the sign -1 alternating; of complex x k - i/k."""
    k = np.arange(1.0, math.prod(np.shape(x)) + 1) + start
    values = np.where(k % 2 == 0, sign * k, k)
    return (values - 1j / k if dtype_of(x).kind == "c" else values).reshape(np.shape(x)).astype(dtype_of(x))


def _directional(f: Callable[..., Arrays], xs: list[Any], dots: Arrays) -> Arrays:
    """Return the derivative along a direction, by central differences of order 6."""
    h = _STEP / max(1.0, *[float(np.max(np.abs(d), initial=0.0)) for d in dots])
    parts = []
    for k, weight in enumerate(_WEIGHTS, 1):
        ahead, behind = (f(*[x + s * k * h * d for x, d in zip(xs, dots, strict=True)]) for s in (1, -1))
        parts.append([weight / h * (a - b) for a, b in zip(ahead, behind, strict=True)])
    return tuple(a + b + c for a, b, c in zip(*parts, strict=True))


def _vjp_by_differences(f: Callable[..., Arrays], xs: list[Any], k: int, g: Arrays) -> Any:
    """Return Re Σ g J e for each unit vector e of the k-th argument; of a complex one -i times that of i e as well."""
    x = xs[k]
    bar, still = np.zeros_like(x), [np.zeros_like(z) for z in xs]
    units = ((1.0, 1.0), (1j, -1j)) if x.dtype.kind == "c" else ((1.0, 1.0),)
    for place in np.ndindex(x.shape):
        for unit, factor in units:
            e = np.zeros_like(x)
            e[place] = unit
            slopes = _directional(f, xs, (*still[:k], e, *still[k + 1 :]))
            bar[place] += factor * sum(map(pairing, g, slopes))
    return bar
