"""What the tape does, the same functions for every library: only namespace and transformations differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cases import Program, Results

ELEMENTS, EXAMPLES, VARIABLES = 16, 256, 100


@dataclass(frozen=True)
class Library:
    """A library's way of saying what the cases need; None is what it cannot do.

    Attributes
    ----------
    xp : module
        Its functions of arrays.
    array : callable
        Turns an array of NumPy into its own.
    gradient : callable
        ``gradient(f)(x) -> (f(x), gradient)``, once.
    second, vmapped, hessian : callable
        From f to a function of x: the gradient of the sum of squares of the gradient; from f(x, example) to the
        gradients of each example; the matrix of second derivatives.
    finish : callable
        Compiles what is timed and waits for it, or nothing.
    number : callable
        Turns its array into one of NumPy.
    """

    xp: Any
    array: Callable[[np.ndarray], Any]
    gradient: Callable[..., Any]
    second: Callable[..., Any] | None = None
    vmapped: Callable[..., Any] | None = None
    hessian: Callable[..., Any] | None = None
    finish: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda f: f
    number: Callable[[Any], np.ndarray] = np.asarray


def _program(library: Library, f: Callable[..., Any], *arrays: np.ndarray) -> Program:
    run, inputs = library.finish(f), [library.array(a) for a in arrays]

    def result() -> Results:
        outputs = run(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return {f"output {i}": library.number(y) for i, y in enumerate(outputs)}

    return Program(lambda: run(*inputs), result)


def chain(library: Library, n: int) -> Program:
    """Sum of x * y * y * ... on 16 elements, and its gradient."""
    y = library.array(np.full(ELEMENTS, 1 - 2**-23, np.float32))

    def f(x: Any) -> Any:
        for _ in range(n):
            x = x * y
        return library.xp.sum(x)

    return _program(library, library.gradient(f), np.linspace(0.5, 1.5, ELEMENTS, dtype=np.float32))


def _network(library: Library, n: int) -> Callable[[Any], Any]:
    """Return a small network of n variables and one number, the sum of two layers of tanh."""
    generator = np.random.default_rng(0)
    a, b = (
        library.array(generator.standard_normal(shape, dtype=np.float32) / np.float32(n**0.5))
        for shape in ((n, 32), (32, 8))
    )
    xp = library.xp
    return lambda x: xp.sum(xp.tanh(xp.tanh(x @ a) @ b))


def grad_of_grad(library: Library) -> Program:
    """The gradient of |gradient|^2 of a network of two layers, 16 variables."""
    f = _network(library, ELEMENTS)
    return _program(library, library.second(f), np.linspace(-1, 1, ELEMENTS, dtype=np.float32))


def hessian(library: Library) -> Program:
    """All second derivatives of a network of two layers, 100 variables."""
    f = _network(library, VARIABLES)
    return _program(library, library.hessian(f), np.linspace(-1, 1, VARIABLES, dtype=np.float32))


def vmap_grad(library: Library) -> Program:
    """The gradients of the weights (64, 32) of tanh(x @ w) @ v, for each of 256 examples; float32."""
    generator = np.random.default_rng(0)
    w, v, x = (generator.standard_normal(s, dtype=np.float32) for s in ((64, 32), (32,), (EXAMPLES, 64)))
    v = library.array(v)

    def f(w: Any, x: Any) -> Any:
        return library.xp.sum(library.xp.tanh(x @ w) * v) ** 2

    return _program(library, library.vmapped(f), w / 8, x)
