"""The binary version of CIFAR-10: records of one label byte and the red, green and blue planes of a 32 x 32 image."""

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .files import DataError, read_up_to

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILE = "test_batch.bin"
ARCHIVE = "cifar-10-binary.tar.gz"
RECORDS = 10_000  # in every file of the original
MOST_RECORDS = 20 * RECORDS  # in any file: a compressed one of a few kilobytes may go on for ever

_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32


def parse_records(stream: IO[bytes], label: str, *, count: int | None = None) -> NDArray[np.uint8]:
    """Read the records of one file.

    Parameters
    ----------
    stream : binary file
        The decompressed contents.
    label : str
        What error messages call the file.
    count : int, optional
        How many records there must be; None allows any number from one to `MOST_RECORDS`.

    Returns
    -------
    ndarray
        Shape (N, 3073), uint8.

    Raises
    ------
    DataError
        If the size is not that of `count` (or any) whole records, or a label is not in 0..9.
    """
    data = read_up_to(stream, (MOST_RECORDS if count is None else count) * _RECORD + 1)
    if count is None and len(data) > MOST_RECORDS * _RECORD:
        raise DataError(label, f"holds more than {MOST_RECORDS:,} records")
    whole = bool(data) and len(data) % _RECORD == 0
    if not whole or (count is not None and len(data) != count * _RECORD):
        wanted = "a whole number of" if count is None else f"{count:,}"
        raise DataError(label, f"does not hold {wanted} records of {_RECORD} bytes (CIFAR-10, binary version)")
    records = np.frombuffer(data, np.uint8).reshape(-1, _RECORD)
    if records[:, 0].max() >= len(CLASSES):
        raise DataError(label, f"has the label {records[:, 0].max()}, CIFAR-10 has 0 to {len(CLASSES) - 1}")
    return records


def unpack(records: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return images (N, 32, 32, 3) and labels (N,), both uint8, of records (N, 3073)."""
    planes = records[:, 1:].reshape(-1, *_SHAPE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0]
