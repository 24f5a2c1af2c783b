"""Forward mode: jvp, linearize, linear_transpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.guard import Guard
from ..core.observer import observer
from ..core.primitive import Primitive
from ..core.recorder import Recorder
from ..core.tensor import Array, Tensor, bottom, dtype_of, name_of, outputs_like, shape_of, zeros_of
from ..core.trace import QuietCollector, Trace, compute, conform
from .arguments import as_kind_of, belongs, check_like, describe, leave, leaves_of, outputs_of, own, run
from .reverse import vjp


class Forward(Trace):
    """The forward trace: a Tensor's index is its tangent, of the value's shape and dtype."""

    __slots__ = ("observer",)

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.observer = observer()

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down and sum what its pushforwards make of the tangents."""
        values, since = self.lower(op, args), 0 if self.observer is None else len(self.observer.steps)
        y = compute(op, values, options)
        if not op.differentiable:
            return y
        dots = {i: a._index for i, a in enumerate(args) if type(a) is Tensor and a._trace is self}
        if self.observer is None:
            return self._pushed(op, y, op.pushforwards(dots, y, values, options))
        with self.observer.running(op, since, "tangent"):
            return self._pushed(op, y, op.pushforwards(dots, y, values, options))

    def _pushed(self, op: Primitive, y: Any, parts: list[tuple[str, Any]]) -> Any:
        """Return the result with its tangent."""
        if not isinstance(y, tuple):
            return self._carry(op, y, parts)
        outputs = [self._carry(op, yk, [(name, part[k]) for name, part in parts]) for k, yk in enumerate(y)]
        return outputs_like(y, outputs)

    def _carry(self, op: Primitive, y: Array, parts: list[tuple[str, Any]]) -> Array:
        """Return y with the sum of the parts for its tangent, or bare if it has none."""
        shape, dtype = shape_of(y), dtype_of(y)
        if dtype.kind not in "fc":
            return y
        y_dot = None
        for name, part in parts:
            if part is not None:
                if type(part) is not np.ndarray or part.shape != shape or part.dtype != dtype:
                    part = conform(part, shape, dtype, f"The JVP rule of {op.name} for {name}", "tangent")
                y_dot = part if y_dot is None else y_dot + part
        return y if y_dot is None else Tensor(y, self, y_dot)


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Evaluate f and its derivative along a direction, in one forward pass.

    Parameters
    ----------
    f : callable
        A function of trees of arrays that returns a tree of arrays; with `has_aux` a pair (output, auxiliary data).
    primals : sequence of trees of floating-point or complex arrays
        Where f is evaluated, one an argument.
    tangents : sequence of trees
        The direction: trees like the primals (same shapes).
    has_aux : bool
        See f.

    Returns
    -------
    y, y_dot : trees
        ``f(*primals)``, and its tangent with the same structure, shapes and dtypes.
    aux
        Only with `has_aux`.

    Raises
    ------
    TypeError, ValueError
        For tangents that do not match the primals, and integer or boolean primals.

    Notes
    -----
    For y = f(x) with Jacobian J, y_dot = J x_dot. Cost: about that of f again, whatever the number of inputs; nothing
    is kept. Every primitive has its own forward rule.

    Examples
    --------
    >>> jvp(lambda x: x**2, (3.0,), (1.0,))
    (9.0, 6.0)
    """
    origin = f"jvp({name_of(f)})"
    keys, leaves, structures, dots = _with_tangents(f, primals, tangents, origin)
    trace = Forward(origin)
    tensors = [Tensor(leaf, trace, dot) for leaf, dot in zip(leaves, dots, strict=True)]
    y, aux = run(f, trace, tensors, structures, keys, primals, {}, has_aux)
    outputs, structure = outputs_of(y, origin)
    value = tree.unflatten(structure, [leave(leaf, trace) for leaf in outputs])
    y_dot = tree.unflatten(structure, [_tangent(leaf, trace) for leaf in outputs])
    return (value, y_dot, aux) if has_aux else (value, y_dot)


def _with_tangents(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], origin: str
) -> tuple[range, list[Any], list[tree.Structure], list[Array]]:
    for name, values in (("primals", primals), ("tangents", tangents)):
        if not isinstance(values, tuple | list):
            raise TypeError(f"{origin}: {name} is a tuple of one tree an argument, got {describe(values)}.")
    if len(primals) != len(tangents):
        raise ValueError(f"{origin}: {len(primals)} primals and {len(tangents)} tangents; give one an argument.")
    keys = range(len(primals))
    leaves, structures = leaves_of(f, keys, primals, origin)
    dots: list[Array] = []
    for i, (structure, tangent) in enumerate(zip(structures, tangents, strict=True)):
        given = tree.flatten_like(structure, tangent, f"{origin}: tangent {i}")
        for path, dot in zip(structure.paths, given, strict=True):
            leaf = leaves[len(dots)]
            what, of = f"{origin}: tangent {i}{path}", f"primal {i}{path}"
            dots.append(check_like(dot, shape_of(leaf), dtype_of(leaf), what, of))
    return keys, leaves, structures, dots


def _tangent(leaf: Any, trace: Trace) -> Any:
    """Tangent of an output leaf; zeros where nothing arrived."""
    if not belongs(leaf, trace):
        return as_kind_of(leaf, None)
    return as_kind_of(leaf._value, own(leaf._index))


class _Linear(Recorder):
    """The recorder of a linear part; its constants are guarded against changes in place, for they are needed again."""

    __slots__ = ("guard",)

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.guard = Guard()

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down, write down how, and remember the constants."""
        y = super().process(op, args, options)
        self.guard.watch_held(op, self.steps[-1].constants)
        return y

    def replay(self, inputs: Sequence[Any]) -> list[Any]:
        """Run the program on other inputs; return every value."""
        self.guard.check(self.origin, [])
        return super().replay(inputs)


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Evaluate f and return its linear approximation there, as a function that can be called many times.

    Parameters
    ----------
    f : callable
        A function of trees of arrays that returns a tree of arrays.
    *primals : trees of floating-point or complex arrays
        Where f is evaluated.

    Returns
    -------
    y : tree
        ``f(*primals)``.
    pushforward : callable
        ``pushforward(*tangents)`` takes a tree like each primal and returns J x_dot, a tree like y. It runs the linear
        part of f only, what `jvp` does beside evaluating f, and keeps what that needs.

    Examples
    --------
    >>> y, push = linearize(np.sin, 0.0)
    >>> y, push(2.0)
    (0.0, 2.0)
    """
    origin = f"linearize({name_of(f)})"
    recorder = _Linear(origin)
    keys = range(len(primals))
    leaves, structures = leaves_of(f, keys, primals, origin)
    dots = [recorder.watch(zeros_of(leaf)) for leaf in leaves]
    trace = Forward(origin)
    tensors = [Tensor(leaf, trace, dot) for leaf, dot in zip(leaves, dots, strict=True)]
    y, _ = run(f, trace, tensors, structures, keys, primals, {}, False)
    recorder.closed = True
    outputs, out_structure = outputs_of(y, origin)
    y_dots = [leaf._index if belongs(leaf, trace) else None for leaf in outputs]
    places = [dot._index if belongs(dot, recorder) else None for dot in y_dots]
    values = [leave(leaf, trace) for leaf in outputs]

    def pushforward(*tangents: Any) -> Any:
        given = _with_tangents(f, primals, tangents, origin)[3]
        with QuietCollector():
            env = recorder.replay(given)
        ends = [as_kind_of(v, None if p is None else own(env[p])) for v, p in zip(values, places, strict=True)]
        return tree.unflatten(out_structure, ends)

    return tree.unflatten(out_structure, values), pushforward


def linear_transpose(f: Callable[..., Any], *example: Any) -> Callable[..., Any]:
    """Return the transpose of a linear function.

    Parameters
    ----------
    f : callable
        A linear function of trees of arrays that returns a tree of arrays.
    *example : trees of floating-point or complex arrays
        Arguments of the shapes and dtypes that f takes; the values do not matter.

    Returns
    -------
    callable
        ``transposed(g)`` takes a tree like f's output and returns a tuple with a tree like each argument, with
        Σ g·f(x) = Σ transposed(g)·x for all x.

    Raises
    ------
    ValueError
        If f is not linear: a pushforward at zero and one at another point differ.

    Examples
    --------
    >>> linear_transpose(lambda x: np.cumsum(x), np.zeros(3))(np.array([1.0, 0.0, 0.0]))
    (array([1., 0., 0.]),)
    """
    origin = f"linear_transpose({name_of(f)})"
    leaves_of(f, range(len(example)), example, origin)
    zeros = tree.map(_zero, example)
    probe = tree.map(_probe, zeros)
    y, y_dot = jvp(f, zeros, probe)
    for zero, moved, slope in zip(*map(tree.leaves, (y, f(*probe), y_dot)), strict=True):
        inexact = dtype_of(slope).kind in "fc"
        scale = 1e3 * np.finfo(dtype_of(slope)).eps * np.max(np.abs(slope), initial=0) if inexact else 0
        nonlinear = (np.any(zero != 0), np.any(np.abs(moved - slope) > scale * max(1, np.size(slope))))
        if any(np.any(bottom(found)) for found in nonlinear):
            raise ValueError(
                f"{origin}: the function is not linear in its arguments; "
                "use vjp for the transpose of its derivative at a point."
            )
    return vjp(f, *zeros)[1]  # type: ignore[no-any-return]


def _zero(x: Any) -> Any:
    return zeros_of(x) if type(x) is Tensor else as_kind_of(x, None)


def _probe(x: Any) -> Any:
    """Return values of mixed signs and sizes, of the kind of x."""
    n = np.arange(1, np.size(x) + 1)
    return as_kind_of(x, (np.sin(n * 1.7) + 0.3).reshape(shape_of(x)).astype(dtype_of(x)))
