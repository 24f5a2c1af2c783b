"""Shape, order, joining, padding."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import arrays, axes_of, axes_or_none, axis_of, broadcastable, keywords, nonempty, option, shapes, sides

matrices = hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=3)
some = shapes.filter(len)  # at least one axis
offsets = st.integers(-3, 3)

# -- one array, another shape ----------------------------------------------------------------------------------------


@option("numpy.reshape")
def _(draw):
    x = draw(arrays())
    shape = list(draw(st.permutations([*x.shape, 1]))) if draw(st.booleans()) else [x.size]
    if x.size and draw(st.booleans()):
        shape[draw(st.integers(0, len(shape) - 1))] = -1
    shape = shape[0] if len(shape) == 1 and draw(st.booleans()) else tuple(shape)
    options = draw(keywords(order=["C", "F"]))
    return lambda x: np.reshape(x, shape, **options), (x,)


@option("numpy.ravel")
def _(draw):
    return partial(np.ravel, **draw(keywords(order=["C", "F"]))), (draw(arrays()),)


@option("numpy.squeeze")
def _(draw):
    x = draw(arrays(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=2)))
    flat = [i for i, n in enumerate(x.shape) if n == 1]
    axes = [i - draw(st.sampled_from([0, x.ndim])) for i in draw(st.permutations(flat))[: draw(st.integers(0, 3))]]
    axis = draw(st.sampled_from([None, tuple(axes), *axes[:1]]))
    return lambda x: np.squeeze(x, axis), (x,)


@option("numpy.expand_dims")
def _(draw):
    x = draw(arrays())
    count = draw(st.integers(0, 2))
    axis = draw(axes_of(x.ndim + count, least=count).map(lambda axes: axes[:count]) if count else axis_of(x.ndim + 1))
    return lambda x: np.expand_dims(x, axis), (x,)


@option("numpy.broadcast_to")
def _(draw):
    x = draw(arrays(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=2)))
    shape = tuple(draw(st.integers(0, 3)) if n == 1 else n for n in (*(1,) * draw(st.integers(0, 2)), *x.shape))
    shape = shape[0] if len(shape) == 1 and draw(st.booleans()) else shape
    return lambda x: np.broadcast_to(x, shape), (x,)


@option("numpy.meshgrid")
def _(draw):
    xs = [draw(arrays(draw(st.sampled_from([(), (0,), (1,), (2,), (3,)])))) for _ in range(draw(st.integers(1, 3)))]
    return partial(np.meshgrid, **draw(keywords(indexing=["xy", "ij"], sparse=[False, True], copy=[True]))), tuple(xs)


@option("numpy.full_like")
def _(draw):
    x, v = (draw(arrays(shape)) for shape in draw(broadcastable(2)))
    whole = np.broadcast_shapes(x.shape, v.shape)
    options = draw(keywords(dtype=[None, np.float64, np.float32]))
    shape = whole if whole != x.shape or draw(st.booleans()) else None
    # NumPy hands over to the Tensor in the first place alone
    return lambda x, v: np.full_like(x + 0 * np.sum(v), v, shape=shape, **options), (x, v)


@option("numpy.astype", "numpy.ndarray.astype")
def _(draw, function):
    x = draw(arrays(kinds="ffc"))
    dtype = draw(st.sampled_from([np.complex128, np.complex64, *[float, "f4"] * (x.dtype == np.float64)]))
    options = draw(keywords(copy=[False, True]))
    if function is np.ndarray.astype:
        return lambda x: x.astype(dtype, **options), (x,)
    return lambda x: function(x[...], dtype, **options), (x,)  # an array, not a number


@option("numpy.resize")
def _(draw):
    x = draw(arrays())
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4) | st.integers(0, 5))
    return lambda x: np.resize(x, shape), (x,)


# -- one array, another order ----------------------------------------------------------------------------------------


@option("numpy.transpose")
def _(draw):
    x = draw(arrays())
    axes = draw(st.none() | axes_of(x.ndim, least=x.ndim))
    return lambda x: np.transpose(x, axes), (x,)


@option("numpy.moveaxis")
def _(draw):
    x = draw(arrays(some))
    if draw(st.booleans()):
        source, destination = draw(axis_of(x.ndim)), draw(axis_of(x.ndim))
    else:
        source, destination = draw(axes_of(x.ndim, least=x.ndim)), draw(axes_of(x.ndim))
        source = source[: len(destination)]
    return lambda x: np.moveaxis(x, source, destination), (x,)


@option("numpy.swapaxes")
def _(draw):
    x = draw(arrays(some))
    a, b = draw(axis_of(x.ndim)), draw(axis_of(x.ndim))
    return lambda x: np.swapaxes(x, a, b), (x,)


@option("numpy.rollaxis")
def _(draw):
    x = draw(arrays(some))
    axis, start = draw(axis_of(x.ndim)), draw(st.integers(-x.ndim, x.ndim))
    return lambda x: np.rollaxis(x, axis, start), (x,)


@option("numpy.flip")
def _(draw):
    x = draw(arrays())
    options = draw(keywords(axis=axes_or_none(x.ndim)))
    return lambda x: np.flip(x, **options), (x,)


@option("numpy.rot90")
def _(draw):
    x = draw(arrays(matrices))
    k, axes = draw(st.integers(-5, 5)), draw(axes_of(x.ndim, least=2).map(lambda axes: axes[:2]))
    return lambda x: np.rot90(x, k, axes), (x,)


@option("numpy.roll")
def _(draw):
    x = draw(arrays())
    axis = draw(axes_or_none(x.ndim, least=1) if x.ndim else st.none())
    each = isinstance(axis, tuple) and draw(st.booleans())
    shift = tuple(draw(offsets) for _ in axis) if each else draw(offsets)
    return lambda x: np.roll(x, shift, axis), (x,)


@option("numpy.repeat")
def _(draw):
    x = draw(arrays())
    axis = draw(st.one_of(st.none(), *[axis_of(x.ndim)] * (x.ndim > 0)))
    n = x.size if axis is None else x.shape[axis]
    repeats = draw(st.integers(0, 3) | st.lists(st.integers(0, 2), min_size=n, max_size=n))
    return lambda x: np.repeat(x, repeats, axis), (x,)


@option("numpy.tile")
def _(draw):
    reps = draw(st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=3).map(tuple))
    return lambda x: np.tile(x, reps), (draw(arrays()),)


@option("numpy.tril", "numpy.triu")
def _(draw, function):
    return partial(function, **draw(keywords(k=offsets))), (draw(arrays(some)),)


@option("numpy.diag")
def _(draw):
    x = draw(arrays(hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=3)))
    return partial(np.diag, **draw(keywords(k=st.integers(-2, 2)))), (x,)


@option("numpy.diagflat")
def _(draw):
    return partial(np.diagflat, **draw(keywords(k=st.integers(-2, 2)))), (draw(arrays(nonempty | st.just(()))),)


@option("numpy.diagonal", "numpy.trace")
def _(draw, function):
    x = draw(arrays(matrices))
    axes = draw(axes_of(x.ndim, least=2)) if draw(st.booleans()) else ()
    options = dict(zip(("axis1", "axis2"), axes, strict=False)) | draw(keywords(offset=offsets))
    if function is np.trace:
        options |= draw(keywords(dtype=[None, np.float64, np.float32]))
    return partial(function, **options), (x,)


@option("numpy.lib.stride_tricks.sliding_window_view")
def _(draw):
    x = draw(arrays(nonempty))
    axis = draw(st.one_of(st.none(), axis_of(x.ndim), axes_of(x.ndim, least=1)))
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis).tolist()
    lengths = tuple(draw(st.integers(1, x.shape[a])) for a in axes)
    window = lengths[0] if len(lengths) == 1 and draw(st.booleans()) else lengths
    return lambda x: np.lib.stride_tricks.sliding_window_view(x, window, axis), (x,)


# -- joining and splitting -------------------------------------------------------------------------------------------


def _along(draw, shape, axis):
    """Draw up to three arrays that differ in length along an axis."""
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return tuple(draw(arrays(tuple(m if i == axis % len(shape) else n for i, n in enumerate(shape)))) for m in lengths)


@option("numpy.concatenate", "numpy.concat")
def _(draw, function):
    options = draw(keywords(dtype=[None, np.float64, np.complex128]))
    if draw(st.integers(0, 3)) == 0:
        xs = tuple(draw(arrays(some)) for _ in range(draw(sides)))
        return lambda *xs: function(xs, None, **options), xs
    shape = draw(some)
    axis = draw(axis_of(len(shape)))
    xs = _along(draw, shape, axis)
    return lambda *xs: function(xs, axis, **options), xs


@option("numpy.append")
def _(draw):
    if draw(st.booleans()):
        return np.append, (draw(arrays()), draw(arrays()))
    shape = draw(some)
    axis = draw(axis_of(len(shape)))
    xs = (*_along(draw, shape, axis), *_along(draw, shape, axis))[:2]
    return lambda x, y: np.append(x, y, axis), xs


@option("numpy.stack")
def _(draw):
    shape, options = draw(shapes), draw(keywords(dtype=[None, np.float64]))
    axis = draw(axis_of(len(shape) + 1))
    return lambda *xs: np.stack(xs, axis, **options), tuple(draw(arrays(shape)) for _ in range(draw(sides)))


@option("numpy.vstack", "numpy.hstack")
def _(draw, function):
    options = draw(keywords(dtype=[None, np.float64]))
    shape = draw(shapes)
    if len(shape) < 2:  # a vector is a row, of one length for vstack
        same = function is np.vstack
        xs = tuple(draw(arrays(shape if same else draw(st.sampled_from([(), (0,), (2,)])))) for _ in range(draw(sides)))
    else:
        xs = _along(draw, shape, 0 if function is np.vstack else 1)
    return lambda *xs: function(xs, **options), xs


@option("numpy.block")
def _(draw):
    m, n, p, q = (draw(st.integers(0, 2)) for _ in range(4))
    if draw(st.booleans()):
        a, b, c, d = (draw(arrays(shape)) for shape in ((m, n), (m, q), (p, n), (p, q)))
        return lambda a, b, c, d: np.block([[a, b], [c, d]]), (a, b, c, d)
    a, b, c = draw(arrays((2, m, n))), draw(arrays((2, m, q))), draw(arrays((n + q,)))
    return lambda a, b, c: np.block([[a, b], [np.broadcast_to(c, (2, 1, n + q))]]), (a, b, c)


@option("numpy.split", "numpy.array_split")
def _(draw, function):
    x = draw(arrays(some))
    axis = draw(axis_of(x.ndim))
    n = x.shape[axis]
    where = draw(_sections(n, function is np.array_split))
    return lambda x: function(x, where, axis), (x,)


def _sections(n, unequal=False):
    equal = st.sampled_from([k for k in range(1, 5) if unequal or n % k == 0])
    return equal | st.lists(st.integers(0, 4), max_size=3).map(sorted)


@option("numpy.vsplit", "numpy.hsplit", "numpy.dsplit")
def _(draw, function):
    least = {np.vsplit: 2, np.hsplit: 1, np.dsplit: 3}[function]
    x = draw(arrays(hnp.array_shapes(min_dims=least, max_dims=3, min_side=0, max_side=3)))
    axis = {np.vsplit: 0, np.hsplit: min(1, x.ndim - 1), np.dsplit: 2}[function]
    where = draw(_sections(x.shape[axis]))
    return lambda x: function(x, where), (x,)


@option("numpy.unstack")
def _(draw):
    x = draw(arrays(nonempty))
    return partial(np.unstack, **draw(keywords(axis=axis_of(x.ndim)))), (x,)


# -- padding ---------------------------------------------------------------------------------------------------------


def _per_side(draw, ndim, number):
    """A number for all sides, a pair for all axes, a pair for each axis, each of them drawn."""
    form = draw(st.integers(0, 3))
    if form == 0:
        return draw(number)
    if form == 1:
        return (draw(number),)
    return (draw(number), draw(number)) if form == 2 else [(draw(number), draw(number)) for _ in range(ndim)]


@option("numpy.pad")
def _(draw):
    mode = draw(st.sampled_from(["constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect",
                                 "symmetric", "wrap"]))  # fmt: skip
    x = draw(arrays(some if mode == "constant" else nonempty))
    widths = _per_side(draw, x.ndim, st.integers(0, 4))
    if hasattr(np, "vecmat") and draw(st.integers(0, 4)) == 0:  # a dictionary by axis: NumPy 2.2
        widths = {axis: draw(st.sampled_from([2, (0, 3)])) for axis in draw(axes_of(x.ndim))}
    options = {}
    if mode in ("maximum", "mean", "median", "minimum") and draw(st.booleans()):
        options["stat_length"] = _per_side(draw, x.ndim, st.integers(1, 4))
    if mode in ("reflect", "symmetric"):
        options = draw(keywords(reflect_type=["even", "odd"]))
    if mode not in ("constant", "linear_ramp"):
        return lambda x: np.pad(x, widths, mode, **options), (x,)
    name = "constant_values" if mode == "constant" else "end_values"
    if draw(st.booleans()):
        options = {name: _per_side(draw, x.ndim, st.sampled_from([0, 2.5, -1]))} if draw(st.booleans()) else {}
        return lambda x: np.pad(x, widths, mode, **options), (x,)
    values = draw(arrays(draw(st.sampled_from([(), (1,), (2,), (x.ndim, 2), (x.ndim, 1)]))))
    return lambda x, values: np.pad(x + 0 * np.sum(values), widths, mode, **{name: values}), (x, values)
