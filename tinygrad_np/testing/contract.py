"""What a pullback owes its caller besides the numbers: structure, dtypes, and that it changes and shares nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import tree
from ..core.tensor import dtype_of, shape_of
from .differences import dyadic, length_scales
from .shape_causes import cause_of_shapes
from .vectors import CHANGED, EPS, Problem, Vector, snapshot


def check_contract(problem: Problem, rng: np.random.Generator) -> Any:
    """Run the pullback on the arguments as they were given, and check all but its values.

    Returns
    -------
    tree
        The cotangent that was used, in the output's own dtype.

    Raises
    ------
    AssertionError
        If the arguments or the cotangent were changed, the gradient differs in structure, shape or dtype from the
        argument, shares memory with it or with the cotangent, or differs from call to call.
    """
    before = snapshot(problem.args)
    y, pullback = problem.run_vjp(problem.args)
    covector = dyadic(rng, problem.y.size)
    g = tree.map(_in_dtype_of, y, problem.cotangent(covector))
    cotangent = snapshot(g)
    bars = problem.run_pullback(pullback, g)
    calls = [_copied(bars), _copied(problem.run_pullback(pullback, g))]
    if snapshot(problem.args) != before:
        raise problem.fail("it changed its arguments in place.", "arguments unchanged", CHANGED)
    if snapshot(g) != cotangent:
        raise problem.fail("it changed the cotangent g in place; a pullback never writes into g.", "g unchanged")
    _check_likeness(problem, bars)
    _check_sharing(problem, bars, g)
    calls.append(_copied(problem.run_pullback(problem.run_vjp(problem.args)[1], g)))
    if len({snapshot(call) for call in calls}) > 1:
        cause = _cause_of_change(problem, calls)
        told = f"it is not deterministic: equal calls of the pullback gave different results. Guess: {cause}."
        raise problem.fail(told, "determinism", cause)
    return g


def _copied(bars: Any) -> list[Any]:
    return [np.array(leaf) for leaf in tree.leaves(bars)]


def _cause_of_change(problem: Problem, calls: list[list[Any]]) -> str:
    """Tell a gradient that grows by the same at every call from one that is random."""
    grown = []
    for name, *each in zip(problem.inputs.names, *calls, strict=True):
        first, second = each[1] - each[0], each[2] - each[1]
        if np.any(first) and np.allclose(first, second, rtol=1e-3, atol=1e-6 * np.max(np.abs(first), initial=0)):
            grown.append(name)
    return (
        f"{', '.join(grown)}: accumulates over calls: a buffer that is not reset" if grown else "random numbers in it"
    )


def check_precision(problem: Problem, g: Any, rng: np.random.Generator) -> None:
    """Compare the VJP of the arguments as given, in their precision and memory layout, with our own in float64.

    Raises
    ------
    AssertionError
        If they differ by more than the precision allows.

    Notes
    -----
    With ε of the lowest precision among arguments and outputs, the tolerance for an element of the gradient is
    √n (256 ε (|x_bar| + max|x_bar| / 16) + 16 |Δx_bar| + 16 ε max|g y| / |x|): the maxima are over the argument and the
    output, Δx_bar is the change under random changes of the input by ε relatively, and n the number of elements, for
    sums grow so in rounding. The last term is for terms that cancel.
    """
    covector = problem.outputs.pack(tree.leaves(g), dual=True)
    bars = tree.leaves(problem.run_pullback(problem.run_vjp(problem.args)[1], g))
    got, expected = problem.inputs.pack(bars, dual=True), problem.pull(covector)
    if got.tobytes() == expected.tobytes():
        return
    values = [*problem.leaves, *tree.leaves(g)]
    eps = max(EPS, *(float(np.finfo(dtype_of(leaf)).eps) for leaf in values))
    count = np.sqrt(max(1, problem.x.size, problem.y.size))
    scale = np.abs(expected)
    for place in problem.inputs.slices:
        scale[place] += np.max(scale[place], initial=0, where=np.isfinite(scale[place])) / 16
    largest = float(np.max(np.abs(covector) * (np.abs(problem.y) + problem.grain / EPS), initial=0))
    terms = largest / length_scales(problem.inputs, problem.x)
    tolerance = count * (
        256 * eps * scale + 16 * _sensitivity(problem, covector, expected, eps, rng) + 16 * eps * terms
    )
    with np.errstate(invalid="ignore"):
        wrong = np.isfinite(expected) & ~(np.abs(got - expected) <= tolerance)
    if wrong.any():
        i = int(np.argmax(np.where(wrong, np.abs(got - expected) / (tolerance + 5e-324), -1)))
        dtypes = ", ".join(sorted({str(dtype_of(leaf)) for leaf in values}))
        how = f"wrong in {dtypes} only" if eps > EPS else "wrong in the memory layout given only (strides?)"
        raise problem.fail(
            f"{how}: at {problem.inputs.element(i)} it gives {got[i]:.6g}, "
            f"the same rule in contiguous float64 {expected[i]:.6g}.",
            "precision",
            how if np.isfinite(got[i]) else f"not finite in {dtypes}: overflow, or a division 0 / 0",
        )


def _sensitivity(problem: Problem, covector: Vector, expected: Vector, eps: float, rng: np.random.Generator) -> Vector:
    """Change of the gradient, in float64, under relative changes of the input by ε."""
    scale = np.minimum(length_scales(problem.inputs, problem.x), np.abs(problem.x))
    step = max(eps, np.sqrt(EPS))  # smaller ones drown in the rounding of float64
    change = np.zeros_like(expected)
    for _ in range(2):
        moved = problem.moved(problem.x + step * scale * dyadic(rng, scale.size))
        with np.errstate(invalid="ignore"):
            change = np.fmax(change, np.abs(moved.pull(covector) - expected))
    return np.asarray(np.where(np.isfinite(change), change, np.inf) * (eps / step))


def _in_dtype_of(y: Any, g: Any) -> Any:
    return np.asarray(g).astype(dtype_of(y)) if isinstance(y, np.ndarray) else dtype_of(y).type(g)


def _check_likeness(problem: Problem, bars: Any) -> None:
    if tree.structure(bars) != tree.structure(problem.args):
        raise problem.fail(f"the gradient is {tree.structure(bars)}, the arguments {tree.structure(problem.args)}.")
    for name, x, bar in zip(problem.inputs.names, problem.leaves, tree.leaves(bars), strict=True):
        given, wanted = (shape_of(bar), dtype_of(bar)), (shape_of(x), dtype_of(x))
        if given != wanted:
            cause = "" if given[0] == wanted[0] else cause_of_shapes(f"{given[0]} {wanted[0]}")
            told = f"the gradient of {name} has shape and dtype {given}, {name} has {wanted}."
            raise problem.fail(told, "shape and dtype", cause)


def _check_sharing(problem: Problem, bars: Any, g: Any) -> None:
    named = list(zip(problem.inputs.names, tree.leaves(bars), strict=True))
    others = [(name, leaf) for name, leaf in zip(problem.inputs.names, problem.leaves, strict=True)]
    others += [(f"the cotangent g{path}", leaf) for path, leaf in tree.flatten_with_path(g)[0]]
    for i, (name, bar) in enumerate(named):
        rest = [(f"the gradient of {other}", leaf) for other, leaf in named[i + 1 :]]
        for other, leaf in others + rest:
            if isinstance(bar, np.ndarray) and isinstance(leaf, np.ndarray) and np.may_share_memory(bar, leaf):
                raise problem.fail(f"the gradient of {name} shares memory with {other}.", "nothing shared")
        if isinstance(bar, np.ndarray) and not bar.flags.writeable:
            raise problem.fail(f"the gradient of {name} is read-only.", "writeable")
