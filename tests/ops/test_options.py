"""Every function of NumPy that takes options keeps every promise with options drawn by Hypothesis."""

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.options import OPTIONS, SHAPED_BY_VALUES
from tinygrad_np import jvp, vjp, vmap
from tinygrad_np.core import tree
from tinygrad_np.core.tensor import constants, dtype_of, implementations
from tinygrad_np.inspect.columns import (
    ORDERS,
    assert_paired,
    differentiable_leaves,
    pairing,
    random_like,
    second_orders,
)
from tinygrad_np.inspect.coverage import public_names
from tinygrad_np.testing import check_grads

ARRAYS = {"Array", "Sequence[Array]"}  # annotations of what is no option
SCALES = (1.0, 1 + 2.0**-5, 1 - 2.0**-5)  # the examples of a batch are multiples of one


def takes_options(implementation):
    """Whether a parameter is annotated as anything but arrays."""
    parameters = inspect.signature(implementation).parameters.values()
    return any(p.annotation not in ARRAYS | {p.empty} for p in parameters)


def test_every_function_with_options_has_a_strategy():
    names = public_names()
    with_options = {
        names[f][0]
        for f, implementation in implementations.items()
        if f in names and f not in constants and takes_options(implementation)
    }
    assert sorted(name for name in with_options - set(OPTIONS) if not name.startswith("scipy.")) == []


@pytest.mark.parametrize("name", sorted(OPTIONS))
@given(data=st.data())
def test_options(name, data):
    f, xs = data.draw(OPTIONS[name])
    rng = np.random.default_rng(0)
    floats = differentiable_leaves(f)
    y = f(*xs)
    assert_alike(vjp(f, *xs)[0], y)
    check_first_order(floats, xs, rng)
    check_differences(floats, xs)
    check_second_order(floats, xs, rng)
    check_precision(f, xs)
    if name not in SHAPED_BY_VALUES:
        check_batch(f, xs, data.draw(st.integers(0, 3**5 - 1)), rng)


def assert_alike(ours, theirs, tolerance=1e-9):
    """The same arrays to rounding, their shapes and dtypes too."""
    for a, b in zip(tree.leaves(ours), tree.leaves(theirs), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        if b.dtype.kind in "fc":
            scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
            rtol = rounding([b], tolerance)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=max(scale, 1e-3) * rtol / 10)
        else:
            np.testing.assert_array_equal(a, b)


def check_first_order(floats, xs, rng):
    """The JVP is the transpose of the VJP; all have NumPy's shapes and dtypes."""
    y, pullback = vjp(floats, *xs)
    g, v = random_like(rng, y), random_like(rng, xs)
    bars = pullback(g)
    for x, bar in zip(xs, bars, strict=True):
        assert (np.shape(bar), dtype_of(bar)) == (np.shape(x), dtype_of(x))
    value, y_dot = jvp(floats, xs, v)
    assert_alike(value, y)
    for a, b in zip(y, y_dot, strict=True):
        assert (np.shape(a), dtype_of(a)) == (np.shape(b), dtype_of(b))
    assert_paired("jvp and vjp", pairing(g, y_dot), pairing(bars, v), tolerance=rounding(y, 1e-9))


def rounding(y, tolerance):
    """A tolerance, or one for float32 where an option made the result that."""
    return 1e-4 if any(dtype_of(leaf) in (np.float32, np.complex64) for leaf in y) else tolerance


def check_differences(floats, xs):
    """The VJP is what differences say; where an element is nan, it stays so."""
    if not floats(*xs):  # integers: of nothing, np.bincount counts in them
        return None
    holes = [np.isnan(x) for x in xs]
    if not any(np.any(hole) for hole in holes):
        return check_grads(floats, xs, order=1, directions=1)

    def filled(*xs):
        return floats(*[np.where(hole, np.nan, x) for x, hole in zip(xs, holes, strict=True)])

    return check_grads(filled, tuple([np.where(hole, 1, x) for x, hole in zip(xs, holes, strict=True)]),
                       order=1, directions=1)  # fmt: skip


def check_second_order(floats, xs, rng):
    """The four orders agree."""
    y = floats(*xs)
    g, u, v = random_like(rng, y), random_like(rng, xs), random_like(rng, xs)
    assert_paired(ORDERS, *second_orders(floats, xs, g, u, v), tolerance=rounding(y, 1e-8))


LOWER = {"f": np.float32, "c": np.complex64}


def check_precision(f, xs):
    """Of float32, everything has the dtypes that NumPy gives it."""
    low = [np.asarray(x).astype(LOWER[dtype_of(x).kind]) for x in xs]
    y, pullback = vjp(f, *low)
    dtypes = [dtype_of(leaf) for leaf in tree.leaves(f(*low))]
    assert [dtype_of(leaf) for leaf in tree.leaves(y)] == dtypes, "dtypes of the values of float32"
    floats = differentiable_leaves(f)
    bars = vjp(floats, *low)[1](random_like(np.random.default_rng(0), floats(*low)))
    assert [dtype_of(bar) for bar in bars] == [x.dtype for x in low], "dtypes of cotangents of float32"
    value, y_dot = jvp(floats, tuple(low), tuple(low))
    assert list(map(dtype_of, y_dot)) == list(map(dtype_of, value)), "dtypes of tangents of float32"


def check_batch(f, xs, places, rng):
    """Batching some arguments along some axes gives what a loop gives, for the function and its VJP."""
    in_axes = [[None, 0, -1][places // 3**i % 3] for i in range(len(xs))]
    if all(axis is None for axis in in_axes):
        in_axes[0] = 0
    each = [[x if axis is None else x * s for x, axis in zip(xs, in_axes, strict=True)] for s in SCALES]
    batch = [
        x if axis is None else np.stack([e[i] for e in each], axis)
        for i, (x, axis) in enumerate(zip(xs, in_axes, strict=True))
    ]
    floats = differentiable_leaves(f)
    g = random_like(rng, floats(*xs))

    def pulled(*xs):
        return vjp(floats, *xs)[1](g)

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # the loop in place of a rule
        assert_alike(vmap(f, tuple(in_axes))(*batch), y := stacked([f(*e) for e in each]))
        tolerance = rounding(y, 1e-9)
        assert_alike(vmap(pulled, tuple(in_axes))(*batch), stacked([pulled(*e) for e in each]), tolerance)


def stacked(each):
    return [np.stack(parts) for parts in zip(*map(tree.leaves, each), strict=True)]
