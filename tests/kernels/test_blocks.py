import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.correlations import correlations
from tests.kernels.geometries import assert_same
from tinygrad_np.kernels.blocks import apart, cut, padded_rows, with_rows

sizes = st.integers(1, 40)


@given(sizes, sizes, sizes, st.integers(1, 2000), st.integers(0, 5), st.integers(1, 6))
def test_blocks_cover_every_row_once_and_fit(images, rows, row, buffer, halo, least):
    seen = np.zeros((images, rows), int)
    for block in cut(images, rows, row, buffer, halo=halo, least=least):
        part = seen[block]
        part += 1
        n, p = part.shape
        assert n == 1 or p == rows
        assert p <= least or n * row * (p + halo) <= buffer
    assert np.all(seen == 1)


@given(correlations(st.just((2, 1, 1))), st.data())
def test_padded_rows_are_those_of_the_padded_images(case, data):
    geometry, x, w, g = case
    geometry, x, g = with_rows(geometry, x, g)
    assert geometry.out == g.shape[1:-1]
    p, n = data.draw(st.integers(0, geometry.out[0] - 1)), data.draw(st.integers(0, geometry.batch - 1))
    rows = slice(p, data.draw(st.integers(p, geometry.out[0] - 1)) + 1)
    padded = np.pad(x, ((0, 0), *geometry.padding, (0, 0)))
    last = (rows.stop - 1) * geometry.stride[0] + (geometry.kernel[0] - 1) * geometry.dilation[0]
    expected = padded[n:, p * geometry.stride[0] : last + 1].astype(np.float32)
    assert_same(padded_rows(geometry, x, (slice(n, geometry.batch), rows), np.float32), expected)


def test_images_that_alternate_are_set_apart():
    x = np.arange(20 * 3 * 2 * 4.0).reshape(3, 2, 4, 20).transpose(3, 0, 1, 2)
    y = apart(x)
    assert y.flags.c_contiguous
    assert_same(y, x)
    assert apart(y) is y
    assert apart(x[:1]).base is not None and np.shares_memory(apart(x[:1]), x)
