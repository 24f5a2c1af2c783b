"""The IDX format of the MNIST files: a magic number that names type and rank, the sizes, then the elements."""

import hashlib
import math
import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .files import DataError, StrPath, open_stream, read_up_to

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CODES = {np.dtype(name): code for code, name in _TYPES.items()}


def read_idx(path: StrPath, *, sha256: str | None = None) -> NDArray[Any]:
    """Read an IDX file, plain, gzipped or xz-compressed.

    Parameters
    ----------
    path : path-like
        The file. Compression is told by its content, not by its name.
    sha256 : str, optional
        The expected checksum, in hexadecimal, of the *decompressed* contents.

    Returns
    -------
    ndarray
        Of the file's rank and shape; uint8, int8, int16, int32, float32 or float64 in the machine's byte order.

    Raises
    ------
    DataError
        If the file is not IDX, shorter or longer than its header says, damaged, or of another checksum.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    with open_stream(path) as stream:
        return parse_idx(stream, str(path), sha256=sha256)


def parse_idx(stream: IO[bytes], label: str, *, sha256: str | None = None) -> NDArray[Any]:
    """Do as `read_idx`, on a decompressed stream which errors call `label`."""
    magic = read_up_to(stream, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise DataError(label, f"is not an IDX file: it begins with the bytes '{magic.hex(' ')}'")
    dtype, rank = np.dtype(_TYPES[magic[2]]), magic[3]
    sizes = read_up_to(stream, 4 * rank)
    if len(sizes) < 4 * rank:
        raise DataError(label, "is truncated: it ends within its header")
    shape = struct.unpack(f">{rank}I", sizes)
    claimed = math.prod(shape) * dtype.itemsize
    # One byte more than claimed finds trailing bytes, and the end of the stream, where gzip's checksum is checked.
    payload = read_up_to(stream, claimed + 1)
    if len(payload) != claimed:
        held = f"only {len(payload):,}" if len(payload) < claimed else "more"
        raise DataError(label, f"is truncated or damaged: its shape {shape} takes {claimed:,} bytes, it holds {held}")
    if sha256 is not None and hashlib.sha256(magic + sizes + payload).hexdigest() != sha256:
        raise DataError(
            label, "is intact but not the original: its contents have another sha256", "Or pass verify=False"
        )
    return np.frombuffer(payload, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def encode_idx(array: NDArray[Any]) -> bytes:
    """Return an array as the contents of an IDX file.

    Raises
    ------
    KeyError
        If the format has no code for the array's dtype.
    """
    dtype = array.dtype.newbyteorder(">")
    header = struct.pack(f">HBB{array.ndim}I", 0, _CODES[dtype], array.ndim, *array.shape)
    return header + array.astype(dtype).tobytes()
