import gzip
import tarfile
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import data
from tinygrad_np.core import tree
from tinygrad_np.data import DataError, cifar


def test_records_become_images_with_channels_last(tmp_path, cifar_files, write):
    files = cifar_files(count=2)
    record = np.zeros(3073, np.uint8)
    record[0], record[1 + 5], record[1 + 1024 + 32 * 3], record[1 + 2 * 1024 + 1023] = 9, 51, 102, 255
    files["test_batch.bin"] = record.tobytes()
    dataset = data.cifar10(write(tmp_path, files), verify=False, dtype=np.float64)
    image = dataset.test.images[0]
    assert dataset.test.labels.tolist() == [9]
    assert dataset.classes[9] == "truck"
    assert dataset.train.images.shape == (10, 32, 32, 3)
    assert image.flags.c_contiguous
    assert (image[0, 5, 0], image[3, 0, 1], image[31, 31, 2]) == (0.2, 0.4, 1.0)
    assert np.count_nonzero(image) == 3


def test_batches_keep_their_order(tmp_path, cifar_files, write):
    files = cifar_files(count=3)
    images = data.cifar10(write(tmp_path, files), verify=False, dtype=np.uint8).train.images
    for i in range(5):
        records = np.frombuffer(files[f"data_batch_{i + 1}.bin"], np.uint8).reshape(3, 3073)[:, 1:]
        np.testing.assert_array_equal(images[3 * i : 3 * i + 3].transpose(0, 3, 1, 2).reshape(3, -1), records)


def test_every_layout_gives_the_same(tmp_path, cifar_files, write, tar):
    files = cifar_files()
    expected = data.cifar10(write(tmp_path / "plain", files), verify=False)
    archive = tar(files, folder="cifar-10-batches-bin/")
    layouts = {
        "packed": lambda at: write(at, files, packed=True),
        "unpacked": lambda at: write(at / "cifar-10-batches-bin", files).parent,
        "parent": lambda at: write(at / "cifar-10", files).parent,
        "archive": lambda at: write(at, {cifar.ARCHIVE: archive}),
        "archive itself": lambda at: write(at, {"any.tar.gz": archive}) / "any.tar.gz",
        "archive below": lambda at: write(at / "cifar-10", {cifar.ARCHIVE: archive}).parent,
    }
    for name, make in layouts.items():
        dataset = data.cifar10(make(tmp_path / name), verify=False)
        for x, y in zip(tree.leaves(dataset), tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(x, y, strict=True)


def test_load_takes_a_folder_or_an_archive_of_any_number_of_records(tmp_path, cifar_files, write, tar):
    files = cifar_files()
    archive = tar(files, folder="cifar-10-batches-bin/")
    expected = data.cifar10(write(tmp_path / "plain", files), verify=False)
    layouts = {
        "plain": tmp_path / "plain",
        "packed": write(tmp_path / "packed", files, packed=True),
        "unpacked": write(tmp_path / "unpacked" / "cifar-10-batches-bin", files).parent,
        "below": write(tmp_path / "below", {cifar.ARCHIVE: archive}),
        "any.tar.gz": write(tmp_path, {"any.tar.gz": archive}) / "any.tar.gz",
    }
    for name, place in layouts.items():
        dataset = data.load(place)
        assert (dataset.name, dataset.classes) == (name, cifar.CLASSES)
        for x, y in zip(tree.leaves(dataset), tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(x, y, strict=True)


def test_load_prefers_idx_files_and_names_what_is_missing(tmp_path, cifar_files, mnist_files, write, tar):
    both = write(write(tmp_path / "both", cifar_files()), mnist_files())
    assert data.load(both).train.images.shape == (30, 4, 3, 1)
    (tmp_path / "both.tar.gz").write_bytes(tar({**cifar_files(), **mnist_files()}))
    assert data.load(tmp_path / "both.tar.gz").train.images.shape == (30, 4, 3, 1)
    files = cifar_files()
    del files["data_batch_4.bin"]
    with pytest.raises(FileNotFoundError, match=r"data_batch_4\.bin"):
        data.load(write(tmp_path / "part", files))
    content = tar(files)
    (tmp_path / "cut.tar.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"cut\.tar\.gz: "):
        data.load(tmp_path / "cut.tar.gz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "whole number of records"),
        (bytes(3072), "whole number of records"),
        (bytes(3074), "whole number of records"),
        (b"\x0a" + bytes(3072), "label 10"),
    ],
)
def test_wrong_records_are_named(content, message, tmp_path, cifar_files, write):
    write(tmp_path, cifar_files() | {"data_batch_3.bin": content})
    with pytest.raises(DataError, match=message) as raised:
        data.cifar10(tmp_path, verify=False)
    assert str(tmp_path / "data_batch_3.bin") in str(raised.value)


def test_verify_wants_the_full_counts(tmp_path, cifar_files, write):
    write(tmp_path, cifar_files())
    with pytest.raises(DataError, match="10,000 records"):
        data.cifar10(tmp_path)


def test_verify_wants_classes_of_equal_size(tmp_path, write):
    records = np.zeros((10_000, 3073), np.uint8)
    records[:, 0] = np.arange(10_000) % 10
    names = [*cifar.TRAIN_FILES, cifar.TEST_FILE]
    packed = gzip.compress(records.tobytes(), 1)
    for name in names:
        write(tmp_path, {f"{name}.gz": packed})
    assert len(data.cifar10(tmp_path, dtype=np.uint8).train.labels) == 50_000
    write(tmp_path, {cifar.TEST_FILE: records.tobytes() + records[0].tobytes()})
    with pytest.raises(DataError, match="10,000 records"):
        data.cifar10(tmp_path, dtype=np.uint8)
    (tmp_path / cifar.TEST_FILE).unlink()
    records[0, 0] = 1
    (tmp_path / f"{cifar.TEST_FILE}.gz").write_bytes(gzip.compress(records.tobytes(), 1))
    with pytest.raises(DataError, match="equally many"):
        data.cifar10(tmp_path, dtype=np.uint8)


def test_missing_members(tmp_path, cifar_files, write, tar):
    files = cifar_files()
    del files["data_batch_4.bin"]
    with pytest.raises(FileNotFoundError, match=r"data_batch_4\.bin"):
        data.cifar10(write(tmp_path / "folder", files), verify=False)
    (tmp_path / "a.tar.gz").write_bytes(tar(files))
    with pytest.raises(DataError, match=r"a\.tar\.gz: has no member named data_batch_4\.bin"):
        data.cifar10(tmp_path / "a.tar.gz", verify=False)


def _outcome(path):
    """Images as bytes, or None for the documented error; any other error fails the test."""
    try:
        dataset = data.cifar10(path, verify=False, dtype=np.uint8)
    except DataError:
        return None
    return [leaf.tobytes() for leaf in tree.leaves(dataset)]


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_damaged_archive_never_gives_wrong_images(where, bit, scratch, cifar_files, tar):
    content = bytearray(tar(cifar_files(count=1)))
    scratch.write_bytes(content)
    intact = _outcome(scratch)
    position = int(where * len(content))
    scratch.write_bytes(content[:position])
    assert _outcome(scratch) is None
    content[position] ^= 1 << bit
    scratch.write_bytes(content)
    assert _outcome(scratch) in (None, intact)


@given(where=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=600), header=st.booleans())
def test_a_hostile_archive_gives_one_class_of_error(where, junk, header, scratch, cifar_files, tar):
    content = bytearray(tar(cifar_files(count=1), mode="w"))
    start = int(where * (512 if header else len(content)))
    content[start : start + len(junk)] = junk
    scratch.write_bytes(content)
    _outcome(scratch)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("name", ["data_batch_1.bin", "README"])
@pytest.mark.parametrize("size", [-5, 2**60])
def test_a_member_of_absurd_size_takes_neither_time_nor_memory(kind, name, size, scratch):
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    scratch.write_bytes(gzip.compress(member.tobuf(tarfile.GNU_FORMAT) + b"few"))
    tracemalloc.start()
    try:
        assert _outcome(scratch) is None
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def _sparse(name, size):
    """The header of a file that is one hole: it takes no bytes and reads as `size` zeros."""
    member = tarfile.TarInfo(name)
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_a_sparse_member_whose_bytes_are_not_there_is_refused(scratch, cifar_files):
    scratch.write_bytes(b"".join(_sparse(name, 3073) for name in cifar_files()) + bytes(10240))
    with pytest.raises(DataError, match="has no member"):
        data.cifar10(scratch, verify=False)


def test_a_chain_of_headers_too_long_for_tarfile_is_damage(scratch):
    member = tarfile.TarInfo("x")
    member.type = tarfile.XHDTYPE
    scratch.write_bytes(member.tobuf(tarfile.GNU_FORMAT) * 5000)
    assert _outcome(scratch) is None


@given(content=st.binary(max_size=2000))
def test_what_is_no_archive_gives_one_class_of_error(content, scratch):
    scratch.write_bytes(content)
    assert _outcome(scratch) is None
