import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_np.inspect.explain.numbers import BINS, figure, numbers_of
from tinygrad_np.inspect.explain.pictures import HEIGHT, WIDTH, picture_of
from tinygrad_np.inspect.memory import kept_bytes
from tinygrad_np.inspect.quantities import amount, duration

arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
)


def pixels(png):
    """Decode a PNG of 8 bits without filters: the samples (H, W, channels), palettes looked up."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + content),)
        chunks[kind], at = content, at + 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert depth == 8
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    if colour == 2:
        return rows[:, 1:].reshape(height, width, 3)
    palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
    return palette[rows[:, 1:]]


@given(arrays)
def test_figures_of_any_array(x):
    found = numbers_of(x)
    wide = x.astype(np.float64).ravel()
    finite = wide[np.isfinite(wide)]
    assert (found.shape, found.dtype, found.size) == (x.shape, str(x.dtype), x.size)
    assert (found.nans, found.infs) == (np.isnan(wide).sum(), np.isinf(wide).sum())
    if finite.size:
        assert (found.low, found.high) == (finite.min(), finite.max())
        scale = np.abs(finite).max() or 1
        with np.errstate(over="ignore", under="ignore"):
            np.testing.assert_allclose(found.norm, scale * np.linalg.norm(finite / scale), rtol=1e-10)
            np.testing.assert_allclose(found.mean, finite.mean(), rtol=1e-12, atol=1e-12 * scale)
    assert found.zeros == pytest.approx((wide == 0).mean() if x.size else 0)
    if found.histogram and np.isfinite(found.high - found.low) and found.high - found.low > 1e-100:
        counts = np.histogram(finite, BINS)[0]
        assert [digit != "0" for digit in found.histogram].count(True) == pytest.approx(np.count_nonzero(counts), abs=2)
        assert max(found.histogram) == "f"
    brief = numbers_of(x, brief=True)
    assert (brief.norm, brief.entries, brief.picture) == (found.norm, (), None)


def test_norms_of_the_largest_and_the_smallest():
    assert numbers_of(np.full(2, 1e200)).norm == pytest.approx(2**0.5 * 1e200)
    assert numbers_of(np.full(2, 1e-200)).norm == pytest.approx(2**0.5 * 1e-200)
    assert numbers_of(np.full(9, 60000, np.float16)).norm == 180000
    assert numbers_of(np.array([3 + 4j, 0])).norm == 5


def test_entries_are_the_first_corner():
    found = numbers_of(np.arange(300.0).reshape(2, 10, 15))
    assert len(found.entries) == 8
    assert found.entries[1] == ("15", "16", "17", "18", "19", "20", "21", "22")
    assert numbers_of(np.float64(np.pi)).entries == (("3.1416",),)


@given(arrays)
def test_a_picture_is_a_small_png_or_none(x):
    png = picture_of(x)
    if png is not None:
        height, width, channels = pixels(png).shape
        assert 0 < height <= HEIGHT
        assert 0 < width <= WIDTH
        assert channels == 3


def test_shades_of_a_matrix():
    signed = pixels(picture_of(np.array([[-2.0, 0, 2, 1]] * 4)))
    assert signed.shape == (4, 4, 3)
    blue, white, orange, half = signed[0].astype(int)
    assert (blue[2] > blue[0]) and (orange[0] > orange[2])
    assert white.tolist() == [255, 255, 255]
    assert orange[2] < half[2] < 255
    grey = pixels(picture_of(np.array([[0.0, 1, 2, 4]] * 4)))
    assert grey[0, [0, 3]].tolist() == [[0] * 3, [255] * 3]
    bad = pixels(picture_of(np.array([[np.nan, 1, np.inf, 4]] * 4)))
    assert bad[0, 0].tolist() == bad[0, 2].tolist() == [226, 0, 116]


def test_tiles_are_images_maps_and_kernels():
    maps = np.zeros((2, 4, 4, 6))
    maps[0, :, :, 5] = 1
    picture = pixels(picture_of(maps))
    assert picture.shape == (9, 19, 3)  # four in a row, two rows, a pixel between
    assert picture[5:, 5:9].min() == 255
    assert picture[:4].max() == 0
    kernel = np.zeros((3, 3, 2, 2))
    kernel[:, :, 0, 1] = 1
    picture = pixels(picture_of(kernel, "kernel"))
    assert picture.shape == (3, 7, 3)
    assert picture[:, 4:].min() == 255
    first = pixels(picture_of(np.moveaxis(maps, 3, 1)[:, 4:]))  # channels_first, of which the second is ones
    assert first.shape == (4, 9, 3)
    assert (first[:, :4].max(), first[:, 5:].min()) == (0, 255)
    colours = np.zeros((1, 5, 5, 3))
    colours[..., 1] = 1
    assert pixels(picture_of(colours))[2, 2].tolist() == [0, 255, 0]
    assert pixels(picture_of(np.ones((1, 300, 300, 1)))).shape[0] <= HEIGHT
    assert picture_of(np.ones((4, 400))) is None


def test_texts_of_numbers():
    assert [figure(x) for x in (0.0, -1.5, 1e-9, 1e9, float("inf"), float("nan"), 3, True, 1 + 2j)] == [
        "0", "-1.5", "1.0000e-09", "1.0000e+09", "inf", "nan", "3", "True", "1+2j",
    ]  # fmt: skip
    assert [amount(x, "B") for x in (0, 999, 1000, 2_500_000, 7e12)] == ["0 B", "999 B", "1 kB", "2.5 MB", "7 TB"]
    assert [duration(x) for x in (0, 1e-6, 0.5, 90)] == ["0 µs", "1 µs", "500 ms", "90 s"]


def test_bytes_that_a_closure_keeps():
    x, y = np.zeros(10), np.zeros(100, np.float32)

    def make():
        view, both = x[2:4], (y, [x], {"again": y})
        inner = lambda g: g * view
        return lambda g: inner(g) + both[0]

    assert kept_bytes(make()) == {id(x): 80, id(y): 400}
    assert kept_bytes(lambda g: g) == {}
