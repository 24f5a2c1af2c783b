"""What an operation case is made of, and the operations that are written the same with every library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Kind = Literal["images", "kernels", "plain", "constant"]


@dataclass(frozen=True)
class Operation:
    """A function of arrays, by a name that each peer knows.

    Attributes
    ----------
    function : str
        What the peers' tables call it.
    shapes : tuple of tuples
        Of the inputs in our layout: images (N, H, W, C), kernels (height, width, in, out).
    kinds : tuple
        "images" and "kernels" are turned for libraries with channels first; "constant" is integers below `below`, and
        has no gradient.
    options : mapping
        Keyword arguments of the function.
    output : Kind
        Of the result.
    """

    function: str
    shapes: tuple[tuple[int, ...], ...]
    kinds: tuple[Kind, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    output: Kind = "plain"
    below: int = 1

    def inputs(self) -> list[np.ndarray]:
        """Draw them."""
        generator = np.random.default_rng(0)
        return [
            generator.integers(0, self.below, shape)
            if kind == "constant"
            else generator.standard_normal(shape, dtype=np.float32)
            for shape, kind in zip(self.shapes, self.kinds, strict=True)
        ]

    def cotangent(self, shape: tuple[int, ...]) -> np.ndarray:
        """Draw that of a result of this shape, in our layout."""
        return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)

    @property
    def differentiated(self) -> tuple[int, ...]:
        """Which inputs have a gradient."""
        return tuple(i for i, kind in enumerate(self.kinds) if kind != "constant")


def to_first(a: np.ndarray, kind: Kind) -> np.ndarray:
    """Turn an array of our layout into one with channels first."""
    if kind == "images":
        return np.array(np.moveaxis(a, -1, 1), order="C")
    return np.array(a.transpose(3, 2, 0, 1), order="C") if kind == "kernels" else np.array(a)


def to_last(a: np.ndarray, kind: Kind) -> np.ndarray:
    """The inverse of `to_first`."""
    if kind == "images":
        return np.moveaxis(np.asarray(a), 1, -1)
    return np.asarray(a).transpose(2, 3, 1, 0) if kind == "kernels" else np.asarray(a)


def named(operation: Operation, y: np.ndarray, gradients: Any = ()) -> dict[str, np.ndarray]:
    """Return the results of a program, arrays of our layout, by name."""
    names = [f"gradient {i}" for i in operation.differentiated]
    return {"value": np.asarray(y)} | {n: np.asarray(g) for n, g in zip(names, gradients, strict=False)}


def chain(xp: Any) -> Callable[..., Any]:
    """Ten elementwise operations."""

    def f(x: Any, y: Any) -> Any:
        t = xp.tanh(x * y + x)
        u = xp.exp(-t * t)
        return (u - y) / (u + 2.0) * t

    return f


def shared(xp: Any) -> dict[str, Callable[..., Any]]:
    """What every library writes in the same way, with its own namespace."""
    return {
        "chain": chain(xp),
        "matmul": lambda a, b: xp.matmul(a, b),
        "einsum": lambda a, b: xp.einsum("bqhd,bkhd->bhqk", a, b),
        "index": lambda x, i: x[i],
    }
