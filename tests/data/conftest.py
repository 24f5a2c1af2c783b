import gzip
import io
import os
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tinygrad_np.data import locate

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
FULL_DATA = os.environ.get(locate.FOLDER_VARIABLE)


def _idx(array):
    """IDX as its definition has it, written down apart from the package's own encoder."""
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def _tar(files, mode="w:gz", folder="some/folder/"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(folder + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _mnist_files(train=30, test=20, shape=(4, 3)):
    rng = np.random.default_rng(0)
    files = {}
    for part, count in (("train", train), ("t10k", test)):
        files[f"{part}-images-idx3-ubyte"] = _idx(rng.integers(0, 256, (count, *shape), np.uint8))
        files[f"{part}-labels-idx1-ubyte"] = _idx((np.arange(count) % 10).astype(np.uint8))
    return files


def _cifar_files(count=7):
    rng = np.random.default_rng(1)
    files = {}
    for name in [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]:
        records = rng.integers(0, 256, (count, 3073), np.uint8)
        records[:, 0] = np.arange(count) % 10
        files[name] = records.tobytes()
    return files


def _write(folder, files, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.fixture(scope="session")
def idx():
    return _idx


@pytest.fixture(scope="session")
def tar():
    return _tar


@pytest.fixture(scope="session")
def mnist_files():
    return _mnist_files


@pytest.fixture(scope="session")
def cifar_files():
    return _cifar_files


@pytest.fixture(scope="session")
def write():
    return _write


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    """A file that one example of a property after the other may overwrite."""
    return tmp_path_factory.mktemp("scratch") / "file"


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    """A machine on which no dataset is to be found."""
    monkeypatch.delenv(locate.FOLDER_VARIABLE, raising=False)
    monkeypatch.delenv(locate.URL_VARIABLE, raising=False)
    monkeypatch.setattr(locate, "SYSTEM_FOLDER", tmp_path / "usr-share-datasets")


@pytest.fixture
def full_data():
    if not FULL_DATA:
        pytest.skip(f"needs the full datasets: set {locate.FOLDER_VARIABLE}")
    return Path(FULL_DATA)
