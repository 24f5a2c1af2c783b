"""Sums of products over labelled axes (einsum), as matrix products.

Of two operands, every label is one of four: `batch`, of both and of the output; `left` and `right`, of one of them and
of the output; `summed`, of both and not of the output. With the axes in this order, and those of one kind made one,

    z[batch, left, right] = Σ_summed x[batch, left, summed] y[batch, summed, right]

is a stack of matrix products. Transposing costs nothing, nor does making one axis of several where they are neighbours
in memory; otherwise the operand is copied. The product is written where the output has it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .products import matmul
from .threads import parallel, portions

Array = NDArray[Any]
Shape = tuple[int, ...]

_TINY = 256  # multiplications: for so few, a matrix times a vector, of a stack NumPy's einsum beats BLAS's calls


def contract(xs: Sequence[Array], inputs: Sequence[str], output: str, *, optimize: Any = False) -> Any:
    """Return Σ Π of the operands.

    Parameters
    ----------
    xs : sequence of arrays
        The operands.
    inputs : sequence of str
        The labels of their axes; none twice in an operand, each also in another or in the output.
    output : str
        Those of the result.
    optimize : bool, str or tuple
        Whether more than two operands are multiplied in pairs, and how the order is found, see np.einsum_path.
    """
    if len(xs) == 1:
        return np.transpose(xs[0], [inputs[0].index(label) for label in output])
    if len(xs) == 2:
        return _pair(xs[0], xs[1], inputs[0], inputs[1], output)
    text = ",".join(inputs) + "->" + output
    if not optimize:
        return np.einsum(text, *xs)
    operands = list(zip(xs, inputs, strict=True))
    for group in _path(text, tuple([np.shape(x) for x in xs]), optimize):
        chosen = [operands.pop(i) for i in sorted(group, reverse=True)]
        while len(chosen) > 1:
            (x, a), (y, b) = chosen.pop(), chosen.pop()
            kept = set(output).union(*[labels for _, labels in chosen + operands])
            labels = "".join(label for label in dict.fromkeys(a + b) if label in kept)
            labels = labels if chosen or operands else output
            chosen.append((_pair(x, y, a, b, labels), labels))
        operands += chosen
    return operands[0][0]


@functools.lru_cache
def _path(text: str, shapes: tuple[Shape, ...], optimize: Any) -> list[tuple[int, ...]]:
    """Return which operands to multiply, one group after the other; the product of a group comes last in the list."""
    found: list[tuple[int, ...]] = np.einsum_path(
        text, *[np.broadcast_to(0.0, shape) for shape in shapes], optimize=optimize
    )[0][1:]
    return found


class _Plan(NamedTuple):
    """How the axes of two operands and of the output come in the order of a product.

    Attributes
    ----------
    swap : bool
        The second operand is the left one.
    x, y, z : tuple of int
        The orders of the axes of the left and right operand and of the output.
    batch, left, summed : int
        How many axes are of a kind.
    inverse : tuple of int
        Brings the product to the order of the output.
    """

    swap: bool
    x: tuple[int, ...]
    y: tuple[int, ...]
    z: tuple[int, ...]
    batch: int
    left: int
    summed: int
    inverse: tuple[int, ...]


@functools.lru_cache
def _plan(a: str, b: str, output: str) -> _Plan:
    """Part the labels; the left operand is the one that does not have the output's last label."""
    swap = bool(output) and output[-1] not in b
    a, b = (b, a) if swap else (a, b)
    batch = [label for label in output if label in a and label in b]
    left = [label for label in output if label not in b]
    right = [label for label in output if label not in a]
    summed = [label for label in a if label not in output]
    z = [output.index(label) for label in batch + left + right]
    return _Plan(
        swap,
        tuple(a.index(label) for label in batch + left + summed),
        tuple(b.index(label) for label in batch + summed + right),
        tuple(z),
        len(batch),
        len(left),
        len(summed),
        tuple(sorted(range(len(z)), key=z.__getitem__)),
    )


def _pair(x: Array, y: Array, a: str, b: str, output: str) -> Any:
    """Contract two operands."""
    plan = _plan(a, b, output)
    x, y = np.asarray(x), np.asarray(y)
    left_x, right_y = (y, x) if plan.swap else (x, y)
    left_x, right_y = left_x.transpose(plan.x), right_y.transpose(plan.y)
    i, j, k = plan.batch, plan.batch + plan.left, plan.batch + plan.summed
    batch, left, summed, right = left_x.shape[:i], left_x.shape[i:j], left_x.shape[j:], right_y.shape[k:]
    m, n, depth = math.prod(left), math.prod(right), math.prod(summed)
    if not summed:
        z = left_x.reshape(batch + left + (1,) * len(right)) * right_y.reshape(batch + (1,) * len(left) + right)
    elif batch and min(m, n) == 1 and m * n * depth <= _TINY:
        return np.einsum(f"{a},{b}->{output}", x, y)
    else:
        z = np.empty(
            [length for _, length in sorted(zip(plan.z, batch + left + right, strict=True))], np.result_type(x, y)
        )
        stack = z.transpose(plan.z).reshape(*batch, m, n)
        if not (np.may_share_memory(stack, z) and _blas_takes(stack)):
            stack = np.empty(stack.shape, z.dtype)
            z = stack.reshape(batch + left + right).transpose(plan.inverse)
        _product(left_x.reshape(*batch, m, depth), right_y.reshape(*batch, depth, n), stack)
        return z if output else z[()]
    return z if plan.inverse == tuple(range(len(output))) else z.transpose(plan.inverse)


def _blas_takes(x: Array) -> bool:
    """Tell whether rows or columns are contiguous; NumPy multiplies other matrices without BLAS."""
    (*_, m, n), (*_, by_row, by_column) = x.shape, x.strides
    return (by_column == x.itemsize and by_row >= n * x.itemsize) or (
        by_row == x.itemsize and by_column >= m * x.itemsize
    )


def _product(x: Array, y: Array, out: Array) -> None:
    """Multiply stacks of matrices, in shards along the first axis of the stack where there is much to do."""
    x, y = (operand if _blas_takes(operand) else np.ascontiguousarray(operand) for operand in (x, y))
    if out.ndim == 2:
        matmul(x, y, out)
        return
    shards = portions(range(len(out)), out.size * x.shape[-1])

    def multiply(shard: int) -> None:
        some = slice(shards[shard][0], shards[shard][-1] + 1)
        matmul(x[some], y[some], out[some])

    if len(out):
        parallel(multiply, len(shards))
