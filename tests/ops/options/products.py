"""Products: vectors and stacks of matrices, axes anywhere and from either end, sizes 0 and 1."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from .base import arrays, axis_of, broadcastable, keywords, option

lengths = st.integers(0, 3)
kinds = st.sampled_from("ffc")


def moved(draw, x, count):
    """Move the last axes somewhere; return the array and, from either end, where they are now."""
    axes = tuple(draw(st.permutations(range(x.ndim)))[:count])
    return np.moveaxis(x, range(-count, 0), axes), tuple(a - x.ndim * draw(st.booleans()) for a in axes)


@option("numpy.matmul")
def _(draw):
    m, k, n = draw(st.tuples(lengths, lengths, lengths))
    left, right = draw(broadcastable(2, max_dims=2))
    form = draw(st.sampled_from(["matrices", "axes", "left vector", "right vector", "vectors"]))
    x = draw(arrays((k,) if form in ("left vector", "vectors") else (*left, m, k)))
    y = draw(arrays((k,) if form in ("right vector", "vectors") else (*right, k, n)))
    if form != "axes":
        return np.matmul, (x, y)
    x, first = moved(draw, x, 2)
    y, second = moved(draw, y, 2)
    last = tuple(draw(st.permutations(range(len(np.broadcast_shapes(left, right)) + 2)))[:2])
    return lambda x, y: np.matmul(x, y, axes=[first, second, last]), (x, y)


@option("numpy.linalg.matmul")
def _(draw):
    m, k, n = draw(st.tuples(lengths, lengths, lengths))
    left, right = draw(broadcastable(2, max_dims=1))
    return np.linalg.matmul, (draw(arrays((*left, m, k))), draw(arrays((*right, k, n))))


@option("numpy.dot", "numpy.inner")
def _(draw, function):
    k = draw(lengths)
    first, second = draw(st.tuples(*[st.sampled_from([None, (), (1,), (2,), (2, 3)])] * 2))  # None: a number
    x, y = (() if s is None else (*s, k) for s in (first, second))
    if second and function is np.dot:
        y = (*second[:-1], k, second[-1])
    return function, (draw(arrays(x)), draw(arrays(y)))


@option("numpy.outer", "numpy.linalg.outer", "numpy.vdot", "numpy.kron")
def _(draw, function):
    shape = st.sampled_from([(), (1,), (3,), (0,), (2, 2), (1, 2, 1)])
    a, b = draw(shape), draw(shape)
    if function is np.linalg.outer:
        a, b = a[-1:] or (1,), b[-1:] or (2,)
    return function, (draw(arrays(a)), draw(arrays(a[::-1] if function is np.vdot else b)))


@option("numpy.tensordot", "numpy.linalg.tensordot")
def _(draw, function):
    summed = tuple(draw(st.lists(lengths, max_size=2)))
    left, right = draw(st.tuples(*[st.lists(lengths, max_size=2).map(tuple)] * 2))
    x, y = draw(arrays((*left, *summed))), draw(arrays((*summed, *right)))
    if draw(st.booleans()):
        return lambda x, y: function(x, y, axes=len(summed)), (x, y)
    x, first = moved(draw, x, len(summed))
    order = draw(st.permutations(range(len(summed))))
    second = tuple(range(len(summed)))
    pair = tuple([axes[i] for i in order] for axes in (first, second))
    if len(summed) == 1 and draw(st.booleans()):
        pair = (first[0], second[0])
    return lambda x, y: function(x, y, axes=pair), (x, y)


@option("numpy.einsum")
def _(draw):
    """Labels repeat, stand alone or in a chain; axes of length 1 are stretched; ellipses are anywhere in a term."""
    size = {label: draw(lengths) for label in "ijk"}
    dots, count = draw(st.booleans()), draw(st.integers(1, 3))
    more = draw(broadcastable(count, max_dims=1)) if dots else [()] * count
    terms, operands = [], []
    for shape in more:
        labels = "".join(draw(st.lists(st.sampled_from("ijk"), max_size=3)))
        place = draw(st.integers(0, len(labels)))
        full = [1 if labels.count(a) == 1 and draw(st.integers(0, 5)) == 0 else size[a] for a in labels]
        operands.append(draw(arrays((*full[:place], *shape, *full[place:]))))
        terms.append([*labels[:place], *["..."] * dots, *labels[place:]])
    present = sorted({a for term in terms for a in term if a != "..."})
    output = draw(st.permutations(present))[: draw(st.integers(0, len(present)))]
    output.insert(draw(st.integers(0, len(output))), "...") if dots else None
    explicit = draw(st.booleans())
    options = draw(keywords(optimize=[False, True, "greedy", "optimal", ("greedy", 100)]))
    if draw(st.booleans()):
        text = ",".join("".join(term) for term in terms) + ("-> " + "".join(output) if explicit else "")
        return lambda *xs: np.einsum(text, *xs, **options), tuple(operands)
    numbers = [[Ellipsis if a == "..." else "ijk".index(a) for a in term] for term in (*terms, output)]

    def by_lists(*xs):
        pairs = [part for pair in zip(xs, numbers[:-1], strict=True) for part in pair]
        return np.einsum(*pairs, *[numbers[-1]] * explicit, **options)

    return by_lists, tuple(operands)


@option("numpy.vecdot", "numpy.linalg.vecdot")
def _(draw, function):
    n = draw(lengths)
    left, right = draw(broadcastable(2, max_dims=2))
    kind = draw(kinds)
    x, y = draw(arrays((*left, n))), draw(arrays((*right, n)))
    x, y = (x * (1 + 0.5j), y * (2 - 1j)) if kind == "c" else (x, y)
    axis = draw(st.integers(-1 - min(len(left), len(right)), -1))
    options = {"axis": axis} if draw(st.booleans()) else {}
    if options:
        x, y = np.moveaxis(x, -1, axis), np.moveaxis(y, -1, axis)
    elif function is np.vecdot and draw(st.booleans()):
        x, (first,) = moved(draw, x, 1)
        y, (second,) = moved(draw, y, 1)
        options = {"axes": draw(st.sampled_from([[first, second], [(first,), (second,), ()]]))}
    if function is np.vecdot and "axes" not in options:
        options |= draw(keywords(keepdims=[False, True]))
    return lambda x, y: function(x, y, **options), (x, y)


@option("numpy.matvec", "numpy.vecmat")
def _(draw, function):
    m, n = draw(lengths), draw(lengths)
    left, right = draw(broadcastable(2, max_dims=2))
    x, y = draw(arrays((*left, m, n))), draw(arrays((*right, n if function.__name__ == "matvec" else m)))
    x = x * (1 + 0.5j) if draw(kinds) == "c" else x
    if draw(st.booleans()):
        pair = [x, y]
        return function, tuple(pair if function.__name__ == "matvec" else pair[::-1])
    x, first = moved(draw, x, 2)
    y, second = moved(draw, y, 1)
    last = draw(axis_of(len(np.broadcast_shapes(left, right)) + 1))
    if function.__name__ == "matvec":
        return lambda x, y: function(x, y, axes=[first, second, last]), (x, y)
    return lambda y, x: function(y, x, axes=[second, first, last]), (y, x)


@option("numpy.cross")
def _(draw):
    left, right = draw(broadcastable(2, max_dims=2))
    x, y = draw(arrays((*left, 3))), draw(arrays((*right, 3)))
    ndim = max(len(left), len(right)) + 1
    if draw(st.booleans()):
        axis = draw(st.integers(-1 - min(len(left), len(right)), -1))
        return lambda x, y: np.cross(x, y, axis=axis), (np.moveaxis(x, -1, axis), np.moveaxis(y, -1, axis))
    axisa, axisb = draw(axis_of(x.ndim)), draw(axis_of(y.ndim))
    options = draw(keywords(axisc=axis_of(ndim))) | {"axisa": axisa, "axisb": axisb}
    return lambda x, y: np.cross(x, y, **options), (np.moveaxis(x, -1, axisa), np.moveaxis(y, -1, axisb))


@option("numpy.linalg.cross")
def _(draw):
    ndim = draw(st.integers(1, 3))
    axis = draw(axis_of(ndim))
    shape = list(draw(st.tuples(*[lengths] * ndim)))
    shape[axis] = 3
    options = {} if axis == -1 and draw(st.booleans()) else {"axis": axis}
    return lambda x, y: np.linalg.cross(x, y, **options), (draw(arrays(tuple(shape))), draw(arrays(tuple(shape))))


@option("numpy.diagonal", "numpy.trace")
def _(draw, function):
    x = draw(arrays(st.tuples(lengths, lengths) | st.tuples(lengths, lengths, lengths)))
    options = draw(keywords(offset=st.integers(-2, 2)))
    if draw(st.booleans()):
        axes = draw(st.permutations(range(x.ndim)))[:2]
        options |= {f"axis{i + 1}": a - x.ndim * draw(st.booleans()) for i, a in enumerate(axes)}
    if function is np.trace:
        options |= draw(keywords(dtype=[None, np.float64, np.complex128]))
    return lambda x: function(x, **options), (x,)


@option("numpy.linalg.diagonal", "numpy.linalg.trace", "numpy.linalg.matrix_transpose", "numpy.matrix_transpose")
def _(draw, function):
    x = draw(arrays(st.tuples(lengths, lengths) | st.tuples(lengths, lengths, lengths)))
    if "transpose" in function.__name__:
        return function, (x,)
    options = draw(keywords(offset=st.integers(-2, 2)))
    if function is np.linalg.trace:
        options |= draw(keywords(dtype=[None, np.float64, np.complex128]))
    return lambda x: function(x, **options), (x,)


@option("numpy.linalg.multi_dot")
def _(draw):
    sizes = draw(st.lists(lengths, min_size=3, max_size=5))
    shapes = list(itertools.pairwise(sizes))
    shapes[0] = shapes[0][1:] if draw(st.booleans()) else shapes[0]
    shapes[-1] = shapes[-1][:1] if draw(st.booleans()) else shapes[-1]
    return lambda *xs: np.linalg.multi_dot(xs), tuple(draw(arrays(shape)) for shape in shapes)
