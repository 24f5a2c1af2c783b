"""The reader of pictures on files damaged at random: a picture or a UserError, without a warning and in little memory."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests import mutations
from tests.mutations import damaged, unlike
from tinygrad_np.cli.errors import UserError
from tinygrad_np.cli.images import read_image

GREY = np.add.outer(np.arange(9, dtype=np.uint8), 5 * np.arange(13, dtype=np.uint8)) * 3
FORMATS = {"PNG": ("L", "RGBA", "P", "1", "LA"), "JPEG": ("L", "CMYK"), "GIF": ("P",), "BMP": ("L", "RGB"),
           "TIFF": ("L", "F"), "WEBP": ("RGB",), "PPM": ("L", "RGB")}  # fmt: skip


def encoded(mode, kind):
    buffer = io.BytesIO()
    Image.fromarray(GREY).convert(mode).save(buffer, kind)
    return buffer.getvalue()


WHOLE = [encoded(mode, kind) for kind, modes in FORMATS.items() for mode in modes]


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, pixels, depth=8, colour=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "picture"


def check(content, path, memory=None):
    """Whether it is a picture."""
    path.write_bytes(content)
    found = mutations.outcome(lambda path: read_image(path, (28, 28)), path, UserError, memory=memory)
    if found is None:
        return False
    image, _ = found
    assert (image.shape, image.dtype) == ((28, 28, 1), np.float32)
    assert np.all((image >= 0) & (image <= 1))
    return True


@pytest.mark.parametrize("content", WHOLE)
def test_whole_pictures_are_read(path, content):
    assert check(content, path)


@given(st.one_of(damaged(WHOLE), *[unlike(each) for each in WHOLE[::3]]))
def test_damaged_pictures(path, content):
    check(content, path)


@given(
    width=st.integers(0, 40), height=st.integers(0, 40), depth=st.sampled_from([1, 2, 4, 8, 16, 3]),
    colour=st.integers(0, 7), pixels=st.binary(max_size=200),
)  # fmt: skip
def test_forged_headers(path, width, height, depth, colour, pixels):
    check(png(width, height, pixels, depth, colour), path)


@pytest.mark.parametrize(
    "size",
    [(50_000, 1001), (2**31 - 1, 1), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1), (9000, 9000), (13_000, 13_000), (0, 5)],
)
def test_a_picture_that_claims_to_be_huge_or_nothing_is_refused_in_little_memory(path, size):
    assert not check(png(*size, b""), path, memory=8 << 20)


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1), (2, 999)])
def test_narrow_pictures_are_read(path, shape):
    assert check(png(*shape, bytes((shape[0] + 1) * shape[1])), path)


def test_a_small_file_with_too_many_pixels_is_refused_before_it_is_decoded(path):
    content = png(7100, 7100, bytes((7104 // 8 + 1) * 7100), depth=1)
    assert len(content) < 10_000
    path.write_bytes(content)
    with pytest.raises(UserError, match="has 7100 x 7100 pixels; a picture of 1 to 50,000,000 is needed"):
        read_image(path, (28, 28))


@pytest.mark.parametrize("kind", ["PCX", "ICO", "TGA"])
def test_other_formats_are_refused(path, kind):
    assert not check(encoded("L", kind), path)


def test_programs_are_refused(path):
    assert not check(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", path)


def test_what_pillow_only_warns_of_is_read_without_a_warning(path):
    content = encoded("L", "TIFF")
    width = struct.pack("<HHIHH", 256, 3, 2, 13, 0)  # two widths instead of one
    content, count = re.subn(rb"\x00\x01[\x03\x04]\x00\x01\x00\x00\x00\r\x00\x00\x00", lambda _: width, content)
    assert count == 1
    assert check(content, path)
