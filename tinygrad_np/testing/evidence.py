"""Evidence for a guess at the cause: whole Jacobians at a call, by differences and by the rule."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .differences import COMPLETE, FIRST_STEP, UNKNOWN, Mask, Matrix, length_scales, measure, refine
from .vectors import Problem, Vector

MOST_INPUTS, MOST_OUTPUTS = 96, 256  # of a call whose whole Jacobian is looked at


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The Jacobian with respect to one leaf of the arguments at one call, as it is and as the rule has it.

    Attributes
    ----------
    name : str
        Of the leaf.
    expected, got : array
        (outputs, *leaf); a complex leaf has a last axis for its real and imaginary part.
    seen : array of bool
        Where `expected` is known.
    out_shape : tuple
        Of the output if it is one real array, else (outputs,).
    x, y : array
        The leaf's value, and the output's.
    others : dict
        `expected` of the other leaves.
    lengths : dict
        What is long how much: axes and sizes of arguments and outputs.
    is_complex : bool
        Whether the leaf is.
    """

    name: str
    expected: Vector
    got: Vector
    seen: Mask
    out_shape: tuple[int, ...]
    x: Vector
    y: Vector
    others: dict[str, Vector]
    lengths: dict[str, int]
    is_complex: bool

    @property
    def wrong(self) -> Mask:
        """Where the two differ."""
        return np.asarray(self.seen & ~self._close(self.expected, self.got))

    def _close(self, a: Vector, b: Vector) -> Mask:
        return np.asarray(np.abs(a - b) <= 2e-5 * np.abs(b) + 1e-6 * self.sizes)

    @property
    def sizes(self) -> Vector:
        """The largest true derivative of each output, or the rule's where that is zero."""
        axes = tuple(range(1, self.expected.ndim))
        true, ours = (
            np.max(np.abs(a), axis=axes, keepdims=True, initial=0, where=self.seen & np.isfinite(a))
            for a in (self.expected, self.got)
        )
        return np.asarray(np.where(true > 0, true, ours))

    def is_like(self, a: Vector, where: Mask | None = None) -> bool:
        """Whether the rule's Jacobian is a."""
        seen = self.seen if where is None else self.seen & where
        return a.shape == self.got.shape and bool(self._close(a, self.got)[seen].all())

    @property
    def ratio(self) -> Vector:
        """The ratios got / expected where there are any."""
        used = self.seen & (np.abs(self.expected) > 1e-6 * self.sizes)
        return np.asarray(self.got[used] / self.expected[used])

    def factor(self) -> float | None:
        """The one ratio of all elements, if it is one."""
        ratio = self.ratio
        if not ratio.size:
            return None
        k = float(np.median(ratio))
        return k if self.is_like(k * self.expected) else None

    def by_output(self, a: Vector) -> Vector:
        """Return a Jacobian with the output's axes apart."""
        return a.reshape((*self.out_shape, *a.shape[1:]))


def evidence_of(problem: Problem) -> list[Evidence]:
    """Take both Jacobians of a problem, [] if it is too large."""
    n, m = problem.x.size, problem.y.size
    if n > MOST_INPUTS or m > MOST_OUTPUTS:
        return []
    with np.errstate(all="ignore"):
        expected, seen = _by_differences(problem)
        got = np.array([problem.pull(g) for g in np.eye(m)]).reshape(m, n)
    return as_evidence(problem, expected, got, seen)


def as_evidence(problem: Problem, expected: Matrix, got: Matrix, seen: Mask) -> list[Evidence]:
    """Cut Jacobians up by leaves; they have a row for each output, or one row, of the gradient of <g, f>."""
    ins, outs = problem.inputs, problem.outputs
    m = len(expected)
    shapes = [(*shape, 2) if z else shape for shape, z in zip(ins.shapes, ins.complex, strict=True)]
    whole = m == problem.y.size
    out_shape = outs.shapes[0] if whole and len(outs.shapes) == 1 and not outs.complex[0] else (m,)

    def part(a: NDArray[Any], k: int) -> NDArray[Any]:
        return a[..., ins.slices[k]].reshape((*a.shape[:-1], *shapes[k]))

    truth = {name: part(expected, k) for k, name in enumerate(ins.names)}
    lengths = dict(_lengths(problem))
    y = problem.y[: m if whole else 0]
    return [
        Evidence(
            name=ins.names[k], expected=part(expected, k), got=part(got, k), seen=part(seen, k), out_shape=out_shape,
            x=part(problem.x, k), y=y, others={other: a for other, a in truth.items() if other != ins.names[k]},
            lengths=lengths, is_complex=ins.complex[k],
        )
        for k in range(len(shapes))
    ]  # fmt: skip


def _by_differences(problem: Problem) -> tuple[Matrix, Mask]:
    n, m = problem.x.size, problem.y.size
    scale = length_scales(problem.inputs, problem.x)
    value, error, kinked = np.zeros((n, m)), np.full((n, m), UNKNOWN), np.zeros((n, m), bool)
    if n <= COMPLETE:
        for i in range(n):
            value[i], error[i], kinked[i] = refine(problem, np.eye(n)[i] * scale)
    else:
        e = measure(problem, np.diag(scale), FIRST_STEP)
        value, error, kinked = e.value, e.error, e.suspect
    known = ~kinked & (error <= 1e-6 * np.max(np.abs(value), axis=0, initial=1e-300, where=error < UNKNOWN))
    return (value / scale[:, None]).T, known.T


def _lengths(problem: Problem) -> Iterator[tuple[str, int]]:
    """Yield what a mean may be taken over: axes first, then elements."""
    named = [
        (name, shape)
        for packing, article in ((problem.inputs, ""), (problem.outputs, "the "))
        for name, shape in zip([article + name for name in packing.names], packing.shapes, strict=True)
    ]
    for name, shape in named:
        for axis, length in enumerate(shape):
            yield f"the length of axis {axis} of {name}", length
        if shape:
            yield f"the length of the last axis of {name}", shape[-1]
    for name, shape in named:
        yield f"the number of elements of {name}", int(np.prod(shape))
    for name, shape in named:
        for a, b in itertools.combinations(range(len(shape)), 2):
            yield f"the number of elements along axes {a} and {b} of {name}", shape[a] * shape[b]
    for name, shape in zip(problem.inputs.names, problem.inputs.shapes, strict=True):
        for of, other in zip(problem.outputs.names, problem.outputs.shapes, strict=True):
            if np.prod(other):
                yield f"the number of elements of {name} to one of the {of}", int(np.prod(shape) // np.prod(other))
