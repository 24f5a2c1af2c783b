"""Products: matmul, dot, tensordot, inner, outer, einsum. All of them multilinear."""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core.batching import align, one_by_one, to_front
from ..core.dividing import Division, aligned
from ..core.families import unbroadcast
from ..core.primitive import primitive
from ..core.tensor import Array, implements, shape_of
from ..kernels.contraction import contract
from ..kernels.products import matmul as matrix_product


@primitive
def matmul_op(x: Array, y: Array) -> Any:
    """Z = X Y for stacks of matrices, (..., m, k) and (..., k, n), and for one matrix or vector and one vector.

    <G, dX Y> = <G Yᵀ, dX> and <G, X dY> = <Xᵀ G, dY>, so x_bar = G Yᵀ and y_bar = Xᵀ G, summed over broadcast stacks.
    A vector is one row or one column: for z = A v that is A_bar = g vᵀ, v_bar = Aᵀ g; for z = v·w, v_bar = g w.
    """
    return matrix_product(np.asarray(x), np.asarray(y))


@matmul_op.defvjp("x")
def _matmul_vjp_x(z: Array, x: Array, y: Array) -> Any:
    shape, other = shape_of(x), shape_of(y)
    if len(other) == 1:
        return lambda g: (g if len(shape) == 1 else np.expand_dims(g, 1)) * y
    if len(shape) == 1:
        return lambda g: matmul_op(y, g)
    return lambda g: unbroadcast(matmul_op(g, y.mT), shape)


@matmul_op.defvjp("y")
def _matmul_vjp_y(z: Array, x: Array, y: Array) -> Any:
    shape, other = shape_of(y), shape_of(x)
    if len(other) == 1:
        return lambda g: (x if len(shape) == 1 else np.expand_dims(x, 1)) * g
    if len(shape) == 1:
        return lambda g: matmul_op(g, x)
    return lambda g: unbroadcast(matmul_op(x.mT, g), shape)


@matmul_op.defprepare
def _matmul_prepare(out: Any, x: Any, y: Any) -> list[Any]:
    return [partial(matrix_product, x, y, out)]


matmul_op.fresh = True
matmul_op.deflinear("x", "y")


@matmul_op.defbatch
def _matmul_batch(size: int, axes: tuple[int | None, int | None], x: Array, y: Array) -> tuple[Array, int]:
    """Batch against one matrix: one large product, of all rows or of all columns. Batch against batch: a stack."""
    ranks = [len(shape_of(v)) - (axis is not None) for v, axis in zip((x, y), axes, strict=True)]
    if 1 in ranks:
        return _vectors_batch(axes, ranks, x, y)
    if axes[1] is None and len(shape_of(y)) == 2:
        axis = axes[0] or 0
        if axis == len(shape_of(x)) - 1:
            x, axis = to_front(x, axis), 0
        *rows, k = shape_of(x)
        z = matmul_op(np.reshape(x, (math.prod(rows), k)), y)
        return np.reshape(z, (*rows, shape_of(y)[1])), axis
    if axes[0] is None:
        columns, n = folded_columns(y, axes[1])
        return unfolded_columns(size, n, matmul_op(x, columns))
    ndim = max(len(shape_of(v)) - (axis is not None) for v, axis in zip((x, y), axes, strict=True))
    return matmul_op(align(size, x, axes[0], ndim), align(size, y, axes[1], ndim)), 0


def _vectors_batch(axes: tuple[int | None, int | None], ranks: list[int], x: Array, y: Array) -> tuple[Array, int]:
    """Batch of vectors against one matrix or vector: they are the rows or the columns of one matrix. Else a stack."""
    if axes[1] is None and ranks[0] == 1:
        return matmul_op(to_front(x, axes[0]), y), 0
    if axes[0] is None and ranks[1] == 1:
        return matmul_op(x, y if axes[1] else y.T), -1
    x, y = to_front(x, axes[0]), to_front(y, axes[1])
    z = matmul_op(np.expand_dims(x, -2) if ranks[0] == 1 else x, np.expand_dims(y, -1) if ranks[1] == 1 else y)
    return np.squeeze(z, (-2,) * (ranks[0] == 1) + (-1,) * (ranks[1] == 1)), 0


def folded_columns(y: Array, axis: int | None) -> tuple[Array, int]:
    """Make of a batch of matrices, (..., k, n) each, one with all their columns: (..., k, size n). Return it and n."""
    y = np.moveaxis(y, axis or 0, -2)
    *rows, size, n = shape_of(y)
    return np.reshape(y, (*rows, size * n)), n


def unfolded_columns(size: int, n: int, z: Array) -> tuple[Array, int]:
    """Make of the columns of a batch, (..., m, size n), the batch again and tell its axis."""
    rows = shape_of(z)[:-1]
    return np.reshape(z, (*rows, size, n)), len(rows)


def core_axes_last(name: str, x1: Array, x2: Array, axes: Any) -> tuple[Array, Array, tuple[int, ...] | None]:
    """Bring the axes that a ufunc's axes= names to the end of its arguments; return those of the result, if named."""
    try:
        first, second, *last = [(a,) if isinstance(a, int) else tuple(a) for a in axes]
    except (TypeError, ValueError):
        raise ValueError(
            f"np.{name}: axes={axes!r} is a list of the axes of both arguments and of the result, [(-2, -1), -1, -1]."
        ) from None
    ends = [tuple(range(-len(a), 0)) for a in (first, second)]
    return np.moveaxis(x1, first, ends[0]), np.moveaxis(x2, second, ends[1]), last[0] if last else None


@matmul_op.defdivide
def _matmul_divide(size: int, axes: tuple[int | None, int | None], x: Array, y: Array) -> Division | None:
    ranks = len(shape_of(x)), len(shape_of(y))
    in_x = None if axes[0] is None else axes[0] - ranks[0]
    in_y = None if axes[1] is None else axes[1] - max(2, ranks[1])  # a vector y is one column
    if (in_x, in_y) == (-1, -2):
        return Division(axes, None)
    if (in_x, in_y) in ((-2, None), (None, -1)):
        return Division(axes, max(ranks) + (in_x or in_y) - (ranks[0] == 1))  # type: ignore[operator]
    stacked = all(a is None or a < -2 for a in (in_x, in_y))
    return aligned(size, axes, x, y) if stacked else None


@implements(np.matmul)
def matmul(x1: Array, x2: Array, /, *, axes: Any = None) -> Array:
    """As np.matmul, vectors included."""
    if axes is not None:
        x1, x2, last = core_axes_last("matmul", x1, x2, axes)
        z = matmul(x1, x2)
        return z if last is None else np.moveaxis(z, tuple(range(-len(last), 0)), last)
    m, n = len(shape_of(x1)), len(shape_of(x2))
    if m == 0 or n == 0:
        raise ValueError(f"np.matmul: shapes {shape_of(x1)} and {shape_of(x2)}; use * for scalars.")
    left, right = shape_of(x1)[-1], shape_of(x2)[-2 if n > 1 else 0]
    if left != right:
        raise ValueError(
            f"np.matmul: shapes {shape_of(x1)} and {shape_of(x2)} do not match: the first's last axis has {left}, "
            f"the second's {'last but one' if n > 1 else 'only'} axis {right}."
        )
    if min(m, n) > 1 or max(m, n) <= 2:
        return matmul_op(x1, x2)
    z = matmul_op(x1 if m > 1 else np.expand_dims(x1, 0), x2 if n > 1 else np.expand_dims(x2, 1))
    return np.squeeze(z, (-2,) * (m == 1) + (-1,) * (n == 1))


@implements(np.dot)
def dot(a: Array, b: Array) -> Array:
    """As np.dot."""
    m, n = len(shape_of(a)), len(shape_of(b))
    if m == 0 or n == 0:
        return np.multiply(a, b)
    return matmul(a, b) if n <= 2 else tensordot(a, b, ((m - 1,), (n - 2,)))


@implements(np.inner)
def inner(a: Array, b: Array) -> Array:
    """As np.inner."""
    m, n = len(shape_of(a)), len(shape_of(b))
    return np.multiply(a, b) if m == 0 or n == 0 else tensordot(a, b, ((m - 1,), (n - 1,)))


@implements(np.outer)
def outer(a: Array, b: Array) -> Array:
    """As np.outer."""
    return np.expand_dims(np.ravel(a), 1) * np.expand_dims(np.ravel(b), 0)


@implements(np.tensordot)
def tensordot(a: Array, b: Array, axes: int | tuple[Any, Any] = 2) -> Array:
    """As np.tensordot: one matrix product of the arrays with the summed axes brought together."""
    m, n = len(shape_of(a)), len(shape_of(b))
    if isinstance(axes, int | np.integer):
        summed_a, summed_b = tuple(range(m - axes, m)), tuple(range(axes))
    else:
        summed_a, summed_b = normalize_axis_tuple(axes[0], m), normalize_axis_tuple(axes[1], n)
    lengths = [shape_of(a)[i] for i in summed_a]
    if lengths != [shape_of(b)[i] for i in summed_b]:
        raise ValueError(f"np.tensordot: axes {axes} of shapes {shape_of(a)} and {shape_of(b)} differ in length.")
    free_a = [i for i in range(m) if i not in summed_a]
    free_b = [i for i in range(n) if i not in summed_b]
    k = int(np.prod(lengths, dtype=np.int64))
    left, right = [shape_of(a)[i] for i in free_a], [shape_of(b)[i] for i in free_b]
    rows, columns = int(np.prod(left, dtype=np.int64)), int(np.prod(right, dtype=np.int64))
    x = np.reshape(np.transpose(a, (*free_a, *summed_a)), (rows, k))
    y = np.reshape(np.transpose(b, (*summed_b, *free_b)), (k, columns))
    return np.reshape(matmul_op(x, y), (*left, *right))


# -- einsum ----------------------------------------------------------------------------------------------------------


@primitive
def einsum_op(*xs: Array, inputs: tuple[str, ...], output: str, optimize: Any = False) -> Any:
    """y_output = Σ Π x_inputs, in a normal form: no label twice in an operand, each also elsewhere, no ellipsis.

    <g, y> is a sum over all labels of the product of g and all operands, linear in each: so the cotangent of one
    operand is the einsum of g and the others, with its labels for output.
    """
    return contract(xs, inputs, output, optimize=optimize)


@einsum_op.defvjp("xs")
def _einsum_vjp(i: int, y: Array, *xs: Array, inputs: tuple[str, ...], output: str, optimize: Any = False) -> Any:
    others, labels = xs[:i] + xs[i + 1 :], (output, *inputs[:i], *inputs[i + 1 :])
    return lambda g: einsum_op(g, *others, inputs=labels, output=inputs[i], optimize=True)


einsum_op.deflinear("xs")
einsum_op.fresh = True


@einsum_op.defbatch
def _einsum_batch(
    size: int,
    axes: tuple[int | None, ...],
    *xs: Array,
    inputs: tuple[str, ...],
    output: str,
    optimize: Any = False,
) -> tuple[Array, int]:
    """Give the batch axis a label of its own; with all 52 letters in use, loop."""
    free = set(string.ascii_letters).difference(output, *inputs)
    if not free:
        looped: tuple[Array, int] = one_by_one(einsum_op)(
            size, axes, *xs, inputs=inputs, output=output, optimize=optimize
        )
        return looped
    new = min(free)
    labels = tuple(
        text if axis is None else text[:axis] + new + text[axis:] for text, axis in zip(inputs, axes, strict=True)
    )
    return einsum_op(*xs, inputs=labels, output=new + output, optimize=optimize), 0


@implements(np.einsum)
def einsum(*operands: Any, optimize: Any = False) -> Array:
    """As np.einsum, in all its forms: implicit output, ellipsis, repeated and lone labels, the list form."""
    text, xs = _text_of(operands)
    inputs, output, normal = _parse_einsum(text, tuple([shape_of(x) for x in xs]))
    if not normal:
        xs, inputs = _normal_form(xs, inputs, output)
    return einsum_op(*xs, inputs=inputs, output=output, optimize=optimize)


def _normal_form(xs: Sequence[Array], inputs: tuple[str, ...], output: str) -> tuple[list[Array], tuple[str, ...]]:
    """Bring operands to the normal form of `einsum_op`."""
    sizes = _sizes(inputs, [shape_of(x) for x in xs])
    terms = [_unstretched(labels, x, sizes) for labels, x in zip(inputs, xs, strict=True)]
    simple = []
    for i, (labels, x) in enumerate(terms):
        elsewhere = set(output).union(*[others for others, _ in terms[:i] + terms[i + 1 :]])
        simple.append(_simplify(labels, x, elsewhere))
    return [x for _, x in simple], tuple(labels for labels, _ in simple)


def _sizes(inputs: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """Return the length of each label, which axes of length 1 are stretched to."""
    sizes: dict[str, int] = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        if len(labels) != len(shape):
            raise ValueError(f"np.einsum: {labels!r} labels {len(labels)} axes of an operand of shape {shape}.")
        own: dict[str, int] = {}
        for label, n in zip(labels, shape, strict=True):
            if own.setdefault(label, n) != n:
                raise ValueError(f"np.einsum: label {label!r} has lengths {own[label]} and {n} in one operand.")
            if sizes.setdefault(label, n) == 1:
                sizes[label] = n
            if n not in (1, sizes[label]):
                raise ValueError(f"np.einsum: label {label!r} has lengths {sizes[label]} and {n}.")
    return sizes


def _unstretched(labels: str, x: Array, sizes: dict[str, int]) -> tuple[str, Array]:
    """Leave out axes of length 1 that other axes of their label stretch."""
    gone = [i for i, (a, n) in enumerate(zip(labels, shape_of(x), strict=True)) if n != sizes[a]]
    return _drop(labels, gone), np.squeeze(x, tuple(gone)) if gone else x


def _simplify(labels: str, x: Array, elsewhere: set[str]) -> tuple[str, Array]:
    """Take diagonals of repeated labels; sum away labels that stand nowhere else."""
    for label in sorted(set(labels)):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            x = np.diagonal(x, 0, i, j)
            labels = labels.replace(label, "", 2) + label if labels.count(label) == 2 else _drop(labels, (i, j)) + label
    gone = [i for i, a in enumerate(labels) if a not in elsewhere]
    return _drop(labels, gone), np.sum(x, axis=tuple(gone)) if gone else x


def _drop(labels: str, positions: Sequence[int]) -> str:
    return "".join(a for i, a in enumerate(labels) if i not in positions)


def _text_of(operands: tuple[Any, ...]) -> tuple[str, list[Array]]:
    """Return the subscripts as one text, also those of the list form, and the arrays."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    xs = list(operands[0 : len(operands) - len(operands) % 2 : 2])
    lists = list(operands[1 : len(operands) - len(operands) % 2 : 2])
    return ",".join(map(_letters, lists)) + ("->" + _letters(operands[-1]) if len(operands) % 2 else ""), xs


@functools.lru_cache
def _parse_einsum(text: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[str, ...], str, bool]:
    """Return explicit labels of every operand and of the output, ellipses written out, and if it is a normal form."""
    left, arrow, output = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(shapes):
        raise ValueError(f"np.einsum: {text!r} names {len(inputs)} operands, got {len(shapes)}.")
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        output = "..." * ("..." in left) + "".join(sorted(a for a in set(letters) if letters.count(a) == 1))
    unused = [a for a in map(chr, range(ord("A"), ord("z") + 1)) if a.isalpha() and a not in text][::-1]
    depths = [
        len(shape) - len(labels.replace("...", "")) if "..." in labels else 0
        for labels, shape in zip(inputs, shapes, strict=True)
    ]
    dots = "".join(unused[: max(depths, default=0)])
    if len(dots) < max(depths, default=0):
        raise ValueError(
            f"np.einsum: {text!r} with {max(depths)} further axes needs more labels than there are letters."
        )
    inputs = [labels.replace("...", dots[len(dots) - depth :]) for labels, depth in zip(inputs, depths, strict=True)]
    output = output.replace("...", dots)
    known = set("".join(inputs))
    if len(set(output)) < len(output) or not set(output) <= known:
        raise ValueError(f"np.einsum: the output of {text!r} repeats a label or has one that no operand has.")
    sizes, everywhere = _sizes(inputs, shapes), "".join(inputs) + output
    return tuple(inputs), output, all(_is_normal(*term, sizes, everywhere) for term in zip(inputs, shapes, strict=True))


def _is_normal(labels: str, shape: tuple[int, ...], sizes: dict[str, int], everywhere: str) -> bool:
    """Tell whether an operand has no label twice and none that stands nowhere else, and no axis is stretched."""
    return all(
        labels.count(a) == 1 and everywhere.count(a) > 1 and n == sizes[a] for a, n in zip(labels, shape, strict=True)
    )


def _letters(labels: Sequence[Any]) -> str:
    return "".join("..." if a is Ellipsis else chr(ord("A") + a if a < 26 else ord("a") + a - 26) for a in labels)
