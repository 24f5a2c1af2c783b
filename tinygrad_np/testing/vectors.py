"""A function of trees of real and complex arrays, seen as a map between real vectors with its pullback.

A complex number counts as two real ones, (Re z, Im z). With the pairing Re Σ g·y the covector of a cotangent g is then
(Re g, -Im g), the real view of its conjugate. So the differences and the comparison know neither trees nor complex
numbers.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import tree
from ..core.guard import ChangedError
from ..core.tensor import dtype_of, name_of, parameter_names
from ..transforms.reverse import vjp
from .shape_causes import cause_of_shapes

Vector = NDArray[np.float64]


class Broken(AssertionError):  # noqa: N818  (it is a finding)
    """A promise that a function breaks.

    Attributes
    ----------
    promise : str
        Which one: "VJP", "VJP of the VJP", "JVP", "vmap", "arguments unchanged", ...
    cause : str
        A guess in a few words, "" if there is none.
    """

    def __init__(self, promise: str, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.promise, self.cause = promise, cause


CHANGED = "writes to its arguments: an update or a mask in place, which what runs later reads"
EPS = float(np.finfo(np.float64).eps)


class Packing:
    """Leaves as one float64 vector and back.

    Attributes
    ----------
    names : list of str
        What messages call each leaf.
    slices : list of slice
        The place of each leaf in the vector.
    size : int
        Length of the vector.
    """

    def __init__(self, leaves: Sequence[Any], names: list[str]) -> None:
        self.names = names
        self.shapes = [np.shape(leaf) for leaf in leaves]
        self.kinds = [type(leaf) for leaf in leaves]
        self.complex = [dtype_of(leaf).kind == "c" for leaf in leaves]
        lengths = [int(np.prod(s)) * (1 + c) for s, c in zip(self.shapes, self.complex, strict=True)]
        ends = np.cumsum([0, *lengths]).tolist()
        self.slices = [slice(a, b) for a, b in itertools.pairwise(ends)]
        self.size = ends[-1]

    def pack(self, leaves: Sequence[Any], *, dual: bool = False) -> Vector:
        """Return the leaves' vector; with `dual`, the covector of cotangents."""
        parts = []
        for leaf, is_complex in zip(leaves, self.complex, strict=True):
            if is_complex:
                z = np.ravel(np.asarray(leaf, np.complex128))
                parts.append((z.conj() if dual else z).view(np.float64))
            else:
                parts.append(np.ravel(np.asarray(leaf, np.float64)))
        return np.concatenate(parts)

    def unpack(self, v: Vector, *, dual: bool = False) -> list[Any]:
        """Return float64 and complex128 leaves, of the kinds and shapes that were packed."""
        leaves: list[Any] = []
        for place, shape, kind, is_complex in zip(self.slices, self.shapes, self.kinds, self.complex, strict=True):
            part: Any = v[place].view(np.complex128) if is_complex else v[place]
            array = (part.conj() if dual and is_complex else part).reshape(shape)
            leaves.append(kind(array) if kind in (float, complex) else array if kind is np.ndarray else array[()])
        return leaves

    def magnitude(self, v: Vector) -> Vector:
        """Return |v|, for both parts of a complex number its modulus, along the last axis."""
        size = np.abs(v)
        for place, is_complex in zip(self.slices, self.complex, strict=True):
            if is_complex:
                size[..., place] = np.repeat(np.hypot(v[..., place][..., ::2], v[..., place][..., 1::2]), 2, -1)
        return size

    def leaf_of(self, i: int) -> int:
        """Number of the leaf that holds element i of the vector."""
        return next(k for k, place in enumerate(self.slices) if place.start <= i < place.stop)

    def element(self, i: int) -> str:
        """Name of element i of the vector: "params['w'][2, 0]"."""
        k = self.leaf_of(i)
        offset, part = divmod(i - self.slices[k].start, 1 + self.complex[k])
        index = ", ".join(str(j) for j in np.unravel_index(offset, self.shapes[k]))
        name = self.names[k] + (f"[{index}]" if index else "")
        return f"{('Re', 'Im')[part]} {name}" if self.complex[k] else name


class Problem:
    """A function at a point, with all that the checks ask of it.

    Attributes
    ----------
    f, args, names : callable, tuple, tuple of str
        The function of trees of floating-point leaves, its arguments as they were given, and what to call them.
    order : int
        Which derivative is tested: 1 for the VJP, 2 for the VJP of the VJP.
    inputs, outputs : Packing
        The vectors' layout.
    x, y : vector
        The point and the value there, in float64.
    grain : vector or 0
        Rounding of the value beyond that of its last digit, where it is known that larger values cancelled.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        names: tuple[str, ...],
        order: int = 1,
        grain: Vector | float = 0.0,
    ) -> None:
        self.f, self.args, self.names, self.order, self.grain = f, args, names, order, grain
        self.leaves, self._structure = tree.flatten(args)
        paths = [name + path for name, arg in zip(names, args, strict=True) for path in tree.structure(arg).paths]
        self.inputs = Packing(self.leaves, paths)
        self.x = self.inputs.pack(self.leaves)
        value = f(*self.at(self.x))
        leaves, self._out_structure = tree.flatten(value)
        self.outputs = Packing(leaves, [("output" if order == 1 else "result") + p for p in self._out_structure.paths])
        self.y = self.outputs.pack(leaves)
        self._pullback: Callable[..., Any] | None = None

    @property
    def promise(self) -> str:
        """What is tested: "VJP", "VJP of the VJP", ..."""
        return {1: "VJP", 2: "VJP of the VJP"}.get(self.order, f"VJP of order {self.order}")

    def fail(self, message: str, promise: str = "", cause: str = "") -> Broken:
        """Make the error that says which function failed at which order, and in what if not in its numbers."""
        gap = "" if message.startswith("\n") else " "
        text = f"the {self.promise} of {name_of(self.f)} is wrong:{gap}{message}"
        return Broken(f"{self.promise}: {promise}" if promise else self.promise, text, cause)

    def __call__(self, v: Vector) -> Vector:
        """Evaluate the function on plain arrays."""
        return self.outputs.pack(tree.leaves(self.f(*self.at(v))))

    def at(self, v: Vector) -> tuple[Any, ...]:
        """Return the arguments, in float64, that belong to a vector."""
        return tree.unflatten(self._structure, self.inputs.unpack(v))  # type: ignore[no-any-return]

    def moved(self, v: Vector) -> Problem:
        """Return the same problem at another point."""
        return Problem(self.f, self.at(v), self.names, self.order, self.grain)

    def imaginary(self, u: Vector, h: float) -> Vector | None:
        """Return Im f(x + i h u) / h; None if f is not real, or refuses, warns, or gives another real part."""
        if any(self.inputs.complex) or any(self.outputs.complex):
            return None
        moved = [x + 1j * d for x, d in zip(self.inputs.unpack(self.x), self.inputs.unpack(h * u), strict=True)]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # that an imaginary part is dropped
                leaves = tree.leaves(self.f(*tree.unflatten(self._structure, moved)))
        except Exception:
            return None
        if not leaves or any(dtype_of(leaf).kind != "c" for leaf in leaves):
            return None
        y = np.concatenate([np.ravel(np.asarray(leaf, np.complex128)) for leaf in leaves])
        known = y.shape == self.y.shape and np.allclose(y.real, self.y, rtol=2**10 * EPS, atol=0)
        return np.asarray(y.imag / h) if known and np.isfinite(y.imag).all() else None

    def pull(self, covector: Vector) -> Vector:
        """Apply the float64 pullback."""
        if self._pullback is None:
            self._pullback = self.run_vjp(self.at(self.x))[1]
        bars = self.run_pullback(self._pullback, self.cotangent(covector))
        return self.inputs.pack(tree.leaves(bars), dual=True)

    def cotangent(self, covector: Vector) -> Any:
        """Return the tree of cotangents that belongs to a covector."""
        return tree.unflatten(self._out_structure, self.outputs.unpack(covector, dual=True))

    def run_vjp(self, args: tuple[Any, ...]) -> Any:
        """Run `vjp`, with an error in words if the function works on arrays but not on Tensors."""
        try:
            return vjp(self.f, *args)
        except Exception as error:
            told = f"it works on arrays, yet vjp raised {type(error).__name__}: {error}"
            raise self.fail(told, f"raises {type(error).__name__}") from error

    def run_pullback(self, pullback: Callable[..., Any], g: Any) -> Any:
        """Run a pullback, with a guess of the cause if it raises."""
        try:
            return pullback(g)
        except ChangedError as error:
            raise self.fail(f"a pullback changed its arguments: {error}", "arguments unchanged", CHANGED) from error
        except Exception as error:
            cause = cause_of_shapes(str(error))
            told = f"the pullback raised {type(error).__name__}: {error}{f' Guess: {cause}.' if cause else ''}"
            raise self.fail(told, f"raises {type(error).__name__}", cause) from error

    def derivative(self, g: Any, grain: Vector) -> Problem:
        """Return the problem of the next order, (args, g) -> pullback(g), whose value has that grain."""
        f, cotangent_name = self.f, "g" if self.order == 1 else f"g{self.order}"

        def pulled_back(*args: Any) -> Any:
            return vjp(f, *args[:-1])[1](args[-1])

        pulled_back.__name__ = name_of(f)
        return Problem(pulled_back, (*self.args, g), (*self.names, cotangent_name), self.order + 1, grain)


def snapshot(values: Any) -> bytes:
    """Return the bytes of all leaves: equal if and only if nothing changed, nan and -0.0 included."""
    return b"".join(np.asarray(leaf).tobytes() for leaf in tree.leaves(values))


def is_float(leaf: Any) -> bool:
    """Whether a leaf has derivatives."""
    return dtype_of(leaf).kind in "fc"


def problem_of(f: Callable[..., Any], args: tuple[Any, ...]) -> Problem:
    """Make the problem of a user's function: leaves that are not floating-point are held constant.

    Raises
    ------
    AssertionError
        If the function changes its arguments.
    TypeError
        If no argument or no output is floating-point or complex.
    ValueError
        If the function is not finite at the point or not deterministic.
    """
    name = name_of(f)
    halves = [tree.partition(arg, lambda _, leaf: is_float(leaf)) for arg in args]
    chosen, rest = tuple(half[0] for half in halves), [half[1] for half in halves]
    if not tree.leaves(chosen):
        raise TypeError(f"{name}: no argument has a floating-point or complex leaf; nothing can be differentiated.")

    def floats(*some: Any) -> Any:
        y = f(*[tree.merge(a, b) for a, b in zip(some, rest, strict=True)])
        return tree.partition(y, lambda _, leaf: is_float(leaf))[0]

    before = snapshot(args)
    y = tree.leaves(f(*args))
    if snapshot(args) != before:
        raise Broken("arguments unchanged", f"{name} changed its arguments in place.", CHANGED)
    if not any(is_float(leaf) for leaf in y):
        found = ", ".join(str(dtype_of(leaf)) for leaf in y) or "nothing"
        raise TypeError(f"{name} returns no floating-point or complex array, but {found}: nothing to differentiate.")
    floats.__name__ = name
    plain = all(map(is_float, y)) and not tree.leaves(rest)
    problem = Problem(f if plain else floats, chosen, _names(f, len(args)))
    _check_value(problem)
    return problem


def _check_value(problem: Problem) -> None:
    name = name_of(problem.f)
    for packing, v, what in ((problem.inputs, problem.x, "the arguments"), (problem.outputs, problem.y, "the value")):
        if bad := np.flatnonzero(~np.isfinite(v)).tolist():
            where = ", ".join(f"{packing.element(i)} = {v[i]}" for i in bad[:3])
            raise ValueError(f"{name}: {what} must be finite at the point to be checked, got {where}.")
    if problem(problem.x).tobytes() != problem.y.tobytes():
        raise ValueError(f"{name} is not deterministic: two calls gave different values. Fix its random key.")


def _names(f: Callable[..., Any], count: int) -> tuple[str, ...]:
    """Return the parameters' names, args[i] where they cannot be seen."""
    names = parameter_names(f)
    return tuple(names[i] if i < len(names) else f"args[{i}]" for i in range(count))
