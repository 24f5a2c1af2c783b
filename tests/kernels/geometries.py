"""Strategies for window geometries, arrays that lie oddly in memory, and the checks every kernel gets."""

import numpy as np
from hypothesis import strategies as st

from tinygrad_np.kernels import columns, rows, shifted

# Numbers k/8: float64 adds and multiplies them without rounding, so that sums in any order are equal to the last bit.
EIGHTHS = 8


def lattice(rng, shape, dtype=np.float64):
    return (rng.integers(-16, 17, shape) / EIGHTHS).astype(dtype)


generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def axes(draw, most):
    """One spatial axis with at least one window: (size, kernel, stride, (low, high), dilation)."""
    kernel, dilation = draw(st.integers(1, most)), draw(st.integers(1, 3))
    low, high = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    least = max(1, (kernel - 1) * dilation + 1 - low - high)
    return draw(st.integers(least, least + 4)), kernel, draw(st.integers(1, 4)), (low, high), dilation


@st.composite
def geometries(draw):
    """The size and the options of windows of one to three dimensions; `size` is apart from the options."""
    rank = draw(st.integers(1, 3))
    size, kernel_size, stride, padding, dilation = zip(*[draw(axes(5 - rank)) for _ in range(rank)], strict=True)
    return size, {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}


def rearranged(rng, a):
    """The same values with random axes reversed and permuted in memory, a gap after each element, and read-only."""
    order = rng.permutation(a.ndim)
    signs = rng.choice([1, -1], a.ndim)
    flip = tuple(slice(None, None, sign) for sign in signs)
    memory = np.empty((*(a.shape[i] for i in order), int(rng.integers(1, 3))), a.dtype)[..., 0]
    view = memory.transpose(np.argsort(order))[flip]
    view[...] = a
    view.flags.writeable = False
    return view


def apply(kernel, *arrays, **options):
    """The result of a kernel: writeable and sharing no memory. Its arguments raise if it writes to them."""
    for a in arrays:
        a.flags.writeable = False
    result = kernel(*arrays, **options)
    assert result.flags.writeable
    assert not any(np.shares_memory(result, a) for a in arrays)
    return result


def assert_same(actual, desired):
    assert actual.dtype == desired.dtype
    np.testing.assert_array_equal(actual, desired, strict=True)


def forget_plans():
    """Plans are remembered by geometry only: to be called when a test has changed the constants."""
    for remembering in (columns.plan, rows.plan, rows.suits, shifted.plan):
        remembering.cache_clear()
