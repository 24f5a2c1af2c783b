"""The columns of the coverage table: what each says of one call of a function, checked on the spot.

A check takes a function of arrays, the arrays and a random generator. It raises AssertionError, or what the function
raised, if the promise is broken, and `NotApplicable` if NumPy itself has no meaning for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tree
from ..core.tensor import dtype_of
from ..transforms.batch import vmap
from ..transforms.forward import jvp
from ..transforms.reverse import vjp

Function = Callable[..., Any]
Arrays = tuple[Any, ...]
Check = Callable[[Function, Arrays, np.random.Generator], None]

STEPS = (2.0**-9, 2.0**-14, 2.0**-19)  # relative to each element; the best of them counts
SCALES = (1.0, 1 + 2.0**-5, 1 - 2.0**-5)  # the examples of a batch are multiples of the one given


class NotApplicable(Exception):  # noqa: N818 (an answer, not an error)
    """NumPy itself does not do this: complex numbers in a function of real ones, shapes that depend on the values."""


def differentiable_leaves(f: Function) -> Callable[..., list[Any]]:
    """Return f with a list of its floating-point and complex outputs."""
    return lambda *xs: [leaf for leaf in tree.leaves(f(*xs)) if dtype_of(leaf).kind in "fc"]


def random_like(rng: np.random.Generator, leaves: Any) -> Any:
    """Random numbers of the shape and dtype of each array, zero where it is not finite."""

    def draw(leaf: Any) -> Any:
        leaf = np.asarray(leaf)
        z = rng.standard_normal(leaf.shape) + 0j
        if leaf.dtype.kind == "c":
            z = z + 1j * rng.standard_normal(leaf.shape)
        return np.where(np.isfinite(leaf), z if leaf.dtype.kind == "c" else z.real, 0).astype(leaf.dtype)

    return type(leaves)([draw(leaf) for leaf in leaves])


def pairing(a: Any, b: Any) -> tuple[float, float]:
    """Re Σ a b over two lists of arrays, and the sum of the absolute values of its terms; where a is 0, so is a b."""
    total = size = 0.0
    for p, q in zip(a, b, strict=True):
        terms = np.real(np.asarray(p) * np.where(np.equal(p, 0), 0, q))
        total, size = total + float(np.sum(terms)), size + float(np.sum(np.abs(terms)))
    return total, size


def assert_paired(what: str, *pairs: tuple[float, float], tolerance: float = 1e-9) -> None:
    """Assert that pairings agree, relative to the terms that were summed."""
    values, sizes = zip(*pairs, strict=True)
    if not np.ptp(values) <= tolerance * max(1e-3, *sizes):
        raise AssertionError(f"{what}: {', '.join(f'{v:.12g}' for v in values)} ought to be equal")


def assert_same(what: str, ours: Any, theirs: Any) -> None:
    """Assert that two trees hold the same values to rounding, with the same shapes and dtypes."""
    given, expected = tree.leaves(ours), tree.leaves(theirs)
    if len(given) != len(expected):
        raise AssertionError(f"{what}: {len(given)} arrays in place of {len(expected)}")
    for x, y in zip(given, expected, strict=True):
        x, y = np.asarray(x), np.asarray(y)
        if (x.shape, x.dtype) != (y.shape, y.dtype):
            raise AssertionError(f"{what}: {x.shape} {x.dtype} in place of {y.shape} {y.dtype}")
        scale = float(np.max(np.abs(y[np.isfinite(y)]), initial=0.0)) if y.dtype.kind in "fc" else 0.0
        if not np.allclose(x, y, rtol=1e-9, atol=1e-11 * scale, equal_nan=y.dtype.kind in "fc"):
            raise AssertionError(f"{what}: {x.ravel()[:4]} in place of {y.ravel()[:4]}")


def moved(f: Function, xs: Arrays, v: Any, h: float) -> list[Any]:
    """Return Jv by five-point differences with the step h."""

    def at(k: float) -> list[Any]:
        return f(*[x + k * h * u for x, u in zip(xs, v, strict=True)])  # type: ignore[no-any-return]

    parts = zip(at(1), at(-1), at(2), at(-2), strict=True)
    return [np.asarray((8 * (a - b) - (c - d)) / (12 * h)) for a, b, c, d in parts]


def assert_differences(what: str, value: tuple[float, float], f: Function, xs: Arrays, v: Any, g: Any) -> None:
    """Assert that Re Σ g (Jv) is what differences say, with the best of several steps."""
    found = []
    for h in STEPS:
        difference, size = pairing(g, moved(f, xs, v, h))
        found.append(difference)
        if abs(value[0] - difference) <= 3e-7 * max(1e-3, size, value[1]):
            return
    raise AssertionError(f"{what}: {value[0]:.12g}, differences say {', '.join(f'{d:.8g}' for d in found)}")


def _direction(rng: np.random.Generator, xs: Arrays) -> Arrays:
    """Return a direction in proportion to the elements, so that a step leads none of them out of its domain."""
    sizes = [np.where(np.isfinite(x) & np.not_equal(x, 0), np.abs(x), 1) for x in xs]
    return tuple(u * size for u, size in zip(random_like(rng, xs), sizes, strict=True))


def check_vjp(f: Function, xs: Arrays, rng: np.random.Generator) -> None:
    """The value is NumPy's, and the VJP is the transpose of what differences give."""
    assert_same("value", vjp(f, *xs)[0], f(*xs))
    floats = differentiable_leaves(f)
    y, pullback = vjp(floats, *xs)
    g, v = random_like(rng, y), _direction(rng, xs)
    bars = pullback(g)
    for x, bar in zip(xs, bars, strict=True):
        if (np.shape(bar), np.asarray(bar).dtype) != (np.shape(x), np.asarray(x).dtype):
            raise AssertionError(f"cotangent of {np.shape(bar)} {np.asarray(bar).dtype} for {np.shape(x)}")
    assert_differences("vjp", pairing(bars, v), floats, xs, v, g)


def check_jvp(f: Function, xs: Arrays, rng: np.random.Generator) -> None:
    """The value is NumPy's, and the JVP is the transpose of the VJP."""
    floats = differentiable_leaves(f)
    y, pullback = vjp(floats, *xs)
    g, v = random_like(rng, y), random_like(rng, xs)
    assert_same("value", jvp(f, xs, v)[0], f(*xs))
    assert_paired("jvp and vjp", pairing(g, jvp(floats, xs, v)[1]), pairing(pullback(g), v))


def second_orders(f: Function, xs: Arrays, g: Any, u: Any, v: Any) -> list[tuple[float, float]]:
    """Return Σ g·D²f[u, v] as pairings by VJP of VJP, JVP of VJP, VJP of JVP, JVP of JVP; f returns a list."""

    def pulled(*xs: Any) -> Any:
        return vjp(f, *xs)[1](g)

    def pushed(*xs: Any) -> Any:
        return jvp(f, xs, v)[1]

    return [
        pairing(vjp(pulled, *xs)[1](v), u),
        pairing(jvp(pulled, xs, u)[1], v),
        pairing(vjp(pushed, *xs)[1](g), u),
        pairing(g, jvp(pushed, xs, u)[1]),
    ]


ORDERS = "vjp∘vjp, jvp∘vjp, vjp∘jvp, jvp∘jvp"


def check_second_order(f: Function, xs: Arrays, rng: np.random.Generator) -> None:
    """Σ g·D²f[u, v] is the same by VJP of VJP, JVP of VJP, VJP of JVP, JVP of JVP, and by differences of the VJP."""
    floats = differentiable_leaves(f)
    g, v, u = random_like(rng, floats(*xs)), random_like(rng, xs), _direction(rng, xs)

    def pulled(*xs: Any) -> Any:
        return vjp(floats, *xs)[1](g)

    orders = second_orders(floats, xs, g, u, v)
    assert_paired(ORDERS, *orders, tolerance=1e-8)
    assert_differences("jvp∘vjp", orders[1], pulled, xs, u, v)


def check_vmap(f: Function, xs: Arrays, rng: np.random.Generator) -> None:
    """Batching gives what a loop gives, for the function and for its VJP."""
    examples = [tuple([x * s for x in xs]) for s in SCALES]
    batch = [np.stack([e[i] for e in examples]) for i in range(len(xs))]
    g = random_like(rng, differentiable_leaves(f)(*xs))

    def pulled(*xs: Any) -> Any:
        return vjp(differentiable_leaves(f), *xs)[1](g)

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # the loop in place of a rule
        try:
            assert_same("vmap", vmap(f)(*batch), _stacked([f(*e) for e in examples]))
        except TypeError as error:
            if "of the result depends on the values" not in str(error):
                raise
            raise NotApplicable(str(error)) from error
        assert_same("vmap of vjp", vmap(pulled)(*batch), _stacked([pulled(*e) for e in examples]))


def _stacked(each: list[Any]) -> list[Any]:
    return [np.stack(parts) for parts in zip(*map(tree.leaves, each), strict=True)]


def check_complex(f: Function, xs: Arrays, rng: np.random.Generator) -> None:
    """With complex arguments, where NumPy takes them: the VJP transposes the JVP, and differences give the JVP."""
    together = tuple(map(_turned, xs))
    alone = [(*xs[:i], together[i], *xs[i + 1 :]) for i in range(len(xs))]
    accepted = [together] if _takes(f, together) else [zs for zs in alone if _takes(f, zs)]
    if not accepted:
        raise NotApplicable("NumPy has no such function of complex numbers")
    for zs in accepted:
        _check_complex(f, zs, rng)


def _turned(x: Any) -> Any:
    """Return x made complex: elements of about the same size, of different angles, so that they stay distinct."""
    return x * (1 + 0.3j * np.cos(np.arange(x.size, dtype=float))).reshape(x.shape)


def _takes(f: Function, zs: Arrays) -> bool:
    """Whether NumPy computes it with complex numbers, and does not just drop the imaginary part."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            f(*zs)
    except (TypeError, ValueError, np.exceptions.ComplexWarning):
        return False
    return True


def _check_complex(f: Function, zs: Arrays, rng: np.random.Generator) -> None:
    floats = differentiable_leaves(f)
    assert_same("complex value", vjp(f, *zs)[0], f(*zs))
    y, pullback = vjp(floats, *zs)
    g, v = random_like(rng, y), _direction(rng, zs)
    bars = pullback(g)
    for u in (v, tuple([d * 1j if np.iscomplexobj(d) else d for d in v])):
        pushed = pairing(g, jvp(floats, zs, u)[1])
        assert_paired("complex jvp and vjp", pushed, pairing(bars, u))
        assert_differences("complex jvp", pushed, floats, zs, u, g)


COLUMNS: dict[str, Check] = {
    "vjp": check_vjp,
    "jvp": check_jvp,
    "second_order": check_second_order,
    "vmap": check_vmap,
    "complex": check_complex,
}
