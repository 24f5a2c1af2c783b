"""Readers of datasets on files damaged at random: a result or a DataError, quickly and in little memory."""

import gzip
import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import mutations
from tests.mutations import damaged, unlike
from tinygrad_np import data
from tinygrad_np.core import tree
from tinygrad_np.data import DataError, cifar, read_idx
from tinygrad_np.data.idx import encode_idx

SAMPLES = [
    encode_idx(np.arange(24, dtype=dtype).reshape(shape))
    for dtype in (np.uint8, np.int16, np.float64)
    for shape in ((24,), (2, 3, 4))
]
IDX = [*SAMPLES, *[gzip.compress(each) for each in SAMPLES], *[lzma.compress(each) for each in SAMPLES]]
RECORDS = [bytes([i]) + bytes([50 * i]) * 3072 for i in range(3)]


def outcome(read, path):
    return mutations.outcome(read, path, DataError, memory=32 << 20)


@given(content=st.one_of(damaged(IDX), *[unlike(each) for each in IDX[::5]]))
def test_idx(content, scratch):
    scratch.write_bytes(content)
    read = outcome(read_idx, scratch)
    if content.startswith(b"\0\0") and read is not None:
        assert encode_idx(read) == content or np.isnan(read).any()  # copying may quieten a signalling nan


def archive_bytes(cifar_files, tar):
    files = cifar_files(count=1)
    return [tar(files), tar(files, mode="w"), tar(files, mode="w:xz"), lzma.compress(b""), gzip.compress(b"")]


@given(chosen=st.data())
def test_cifar_archives(chosen, scratch, cifar_files, tar):
    wholes = archive_bytes(cifar_files, tar)
    scratch.write_bytes(chosen.draw(st.one_of(damaged(wholes), unlike(wholes[1]))))
    dataset = outcome(lambda path: data.cifar10(path, verify=False, dtype=np.uint8), scratch)
    if dataset is not None:
        assert {leaf.dtype.kind for leaf in tree.leaves(dataset) if isinstance(leaf, np.ndarray)} <= {"u", "i"}


@given(
    content=st.one_of(
        damaged([b"".join(RECORDS)]), unlike(RECORDS[0]), st.lists(st.sampled_from(RECORDS)).map(b"".join)
    )
)
def test_cifar_records(content, tmp_path_factory, cifar_files):
    folder = tmp_path_factory.getbasetemp() / "records"
    folder.mkdir(exist_ok=True)
    for name, whole in cifar_files(count=1).items():
        (folder / name).write_bytes(whole)
    (folder / "data_batch_2.bin").write_bytes(content)
    dataset = outcome(lambda path: data.cifar10(path, verify=False, dtype=np.uint8), folder)
    valid = content and len(content) % 3073 == 0 and max(content[::3073]) < 10
    assert (dataset is not None) == bool(valid)
    if valid:
        assert dataset.train.labels[1:-3].tolist() == list(content[::3073])


@pytest.mark.parametrize("packer", [gzip.compress, lzma.compress])
def test_records_without_end_are_refused_in_bounded_memory(packer, tmp_path, cifar_files, write, monkeypatch):
    monkeypatch.setattr(cifar, "MOST_RECORDS", 1000)
    files = cifar_files(count=1)
    write(tmp_path, files | {"test_batch.bin": packer(bytes(64 << 20))})
    assert outcome(lambda path: data.cifar10(path, verify=False), tmp_path) is None
    with pytest.raises(DataError, match="more than 1,000 records"):
        data.cifar10(tmp_path, verify=False)
