import gzip
import hashlib
import lzma
import pickle
import tracemalloc

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinygrad_np.data import DataError, read_idx
from tinygrad_np.data.idx import encode_idx

PACKERS = {"plain": bytes, "gzip": gzip.compress, "xz": lzma.compress}
SAMPLE = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
arrays = hnp.arrays(
    st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]),
    hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
)


@given(array=arrays, packer=st.sampled_from(list(PACKERS)))
def test_reads_every_type_and_rank(array, packer, idx, scratch):
    scratch.write_bytes(PACKERS[packer](idx(array)))
    read = read_idx(scratch)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.flags.owndata
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array, strict=True)


@given(array=arrays)
def test_encodes_as_the_format_is_defined(array, idx):
    assert encode_idx(array) == idx(array)
    assert encode_idx(array.astype(array.dtype.newbyteorder(">"))) == idx(array)


def test_encoding_refuses_types_that_the_format_lacks():
    with pytest.raises(KeyError):
        encode_idx(np.zeros(3, np.int64))


@pytest.mark.parametrize("packer", PACKERS)
def test_every_truncation_is_noticed(packer, idx, scratch):
    content = PACKERS[packer](idx(SAMPLE))
    for length in range(len(content)):
        scratch.write_bytes(content[:length])
        with pytest.raises(DataError) as raised:
            read_idx(scratch)
        assert str(scratch) in str(raised.value)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_wrong_magic_number_is_noticed(position, idx, scratch):
    content = bytearray(idx(SAMPLE))
    content[position] = 1
    scratch.write_bytes(content)
    with pytest.raises(DataError, match="not an IDX file"):
        read_idx(scratch)


@pytest.mark.parametrize("packer", PACKERS)
def test_trailing_bytes_are_noticed(packer, idx, scratch):
    scratch.write_bytes(PACKERS[packer](idx(SAMPLE) + b"\0"))
    with pytest.raises(DataError, match="holds more"):
        read_idx(scratch)


@given(packer=st.sampled_from(["gzip", "xz"]), position=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_compressed_file_never_gives_a_wrong_array(packer, position, bit, idx, scratch):
    content = bytearray(PACKERS[packer](idx(SAMPLE)))
    content[position % len(content)] ^= 1 << bit
    scratch.write_bytes(content)
    try:
        read = read_idx(scratch)
    except DataError:
        return
    np.testing.assert_array_equal(read, SAMPLE)  # the bit was one of a date or the like


HEADERS = st.tuples(st.sampled_from([0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E]), st.integers(0, 255)).map(
    lambda pair: bytes([0, 0, *pair])
)
SIZES = st.lists(st.sampled_from([0, 1, 2, 3, 2**16, 2**31, 2**32 - 1]), max_size=80)


@given(content=st.binary(max_size=200))
@example(content=b"\x1f\x8b")
@example(content=b"\xfd7zXZ\x00")
def test_arbitrary_bytes_give_one_class_of_error(content, scratch):
    if content[:2] == b"\0\0":
        content = b"\1" + content[1:]
    for content_or_packed in (content, gzip.compress(content), lzma.compress(content)):
        scratch.write_bytes(content_or_packed)
        with pytest.raises(DataError, match="Delete it"):
            read_idx(scratch)


@given(header=HEADERS, sizes=SIZES, rest=st.binary(max_size=20), packer=st.sampled_from(list(PACKERS)))
def test_arbitrary_headers_give_an_array_of_that_shape_or_the_error(header, sizes, rest, packer, scratch):
    content = header + b"".join(size.to_bytes(4, "big") for size in sizes) + rest
    scratch.write_bytes(PACKERS[packer](content))
    try:
        read = read_idx(scratch)
    except DataError:
        return
    assert encode_idx(read) == content or np.isnan(read).any()  # copying may quieten a signalling nan


@pytest.mark.parametrize("shape", [(1,) * 65, (0, 2**32 - 1, 2**32 - 1, 2**32 - 1)])
def test_shapes_that_numpy_cannot_have_are_the_error(shape, scratch):
    sizes = b"".join(size.to_bytes(4, "big") for size in shape)
    scratch.write_bytes(bytes([0, 0, 8, len(shape)]) + sizes + bytes(0 not in shape))
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(scratch)


def _peak(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("header", "tail"),
    [
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, b"few"),
        (bytes([0, 0, 14, 255]) + b"\xff" * 1020, b"few"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 10]), bytes(64 << 20)),
    ],
    ids=["claims 2**96 bytes", "rank 255", "gzip bomb"],
)
def test_memory_follows_neither_a_hostile_header_nor_a_bomb(header, tail, scratch):
    scratch.write_bytes(gzip.compress(header + tail))

    def read():
        with pytest.raises(DataError):
            read_idx(scratch)

    assert _peak(read) < 8 << 20


@pytest.mark.parametrize("packer", PACKERS)
def test_the_checksum_is_that_of_the_decompressed_contents(packer, idx, scratch):
    content = idx(SAMPLE)
    scratch.write_bytes(PACKERS[packer](content))
    np.testing.assert_array_equal(read_idx(scratch, sha256=hashlib.sha256(content).hexdigest()), SAMPLE)
    with pytest.raises(DataError, match="sha256"):
        read_idx(scratch, sha256=hashlib.sha256(content + b"\0").hexdigest())


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        read_idx(tmp_path / "nothing-here")
    with pytest.raises(DataError, match=str(tmp_path)):
        read_idx(tmp_path)


def test_the_error_survives_pickling():
    error = pickle.loads(pickle.dumps(DataError("some.file", "is short", "Get another")))
    assert isinstance(error, ValueError)
    assert str(error) == "some.file: is short. Get another."
