"""Archives of named arrays: ``.npz`` files without pickle, which ``numpy.load`` reads too, checked to the last bit."""

import io
import json
import math
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ..core import tree
from .files import write_whole

Tree = Any
StrPath = str | os.PathLike[str]
_METADATA = "metadata"
_LONGEST_PROBLEM = 500  # characters
_LONGEST = 2**16 - 5  # bytes of a name, without ".npy"


class CheckpointError(ValueError):
    """A saved file that is damaged, truncated, or not what it should be; the message names it."""

    def __init__(self, path: StrPath, problem: str) -> None:
        # Names in a foreign file may be long, and may hold what steers a terminal.
        problem = "".join(char if char.isprintable() else "\ufffd" for char in problem[:_LONGEST_PROBLEM])
        super().__init__(os.fspath(path), problem)
        self.path, self.problem = os.fspath(path), problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class Archive(NamedTuple):
    """What a file holds: its path, its metadata, and its arrays by name."""

    path: str
    metadata: dict[str, Any]
    arrays: dict[str, np.ndarray[Any, Any]]

    def fact(self, name: str, kind: type) -> Any:
        """Return what the metadata hold by a name.

        Raises
        ------
        CheckpointError
            If they hold nothing there or something of another type, which a damage does not do but a forgery may.
        """
        value = self.metadata.get(name)
        if type(value) is not kind:
            raise CheckpointError(self.path, f"is damaged: its metadata hold no {name} as they should")
        return value

    def restore(self, like: Mapping[str, Tree]) -> dict[str, Tree]:
        """Put the arrays into trees.

        Parameters
        ----------
        like : dict of trees of arrays
            What each tree must look like: structure, shapes and dtypes.

        Raises
        ------
        CheckpointError
            If an array is missing, left over, or of another shape or dtype; names it.
        """
        wanted = _flat(like)
        if odd := sorted(wanted.keys() ^ self.arrays.keys()):
            verb = "lacks" if odd[0] in wanted else "has the unexpected"
            raise CheckpointError(self.path, f"{verb} array {odd[0]}; it was saved by another model or optimiser")
        for name, leaf in wanted.items():
            got = self.arrays[name]
            if (got.shape, got.dtype) != (leaf.shape, leaf.dtype):
                expected = f"{leaf.dtype} {leaf.shape}"
                raise CheckpointError(self.path, f"array {name} is {got.dtype} {got.shape}, expected {expected}")
        return {
            name: tree.map_with_path(lambda path, _, name=name: self.arrays[name + path], each)
            for name, each in like.items()
        }


def write_archive(path: StrPath, trees: Mapping[str, Tree], metadata: Mapping[str, Any]) -> None:
    """Write trees of arrays and JSON metadata to a file, whole or not at all; equal contents give equal bytes.

    Parameters
    ----------
    path : path-like
        The file.
    trees : dict of trees of arrays
        An array is named as a person would write it: ``params['conv1']['w']``.
    metadata : dict
        Anything that JSON can hold, and ``kind``, for `read_archive`.

    Raises
    ------
    TypeError
        If a leaf is no array or of a dtype that the format does not have, or the metadata are no JSON.
    ValueError
        If two arrays would have one name, a name is too long, or an array holds Python objects.
    OSError
        If the file cannot be written; the old one stays.
    """
    text = json.dumps(metadata, allow_nan=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in {**_flat(trees), _METADATA: np.array(text)}.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            entry = zipfile.ZipInfo()  # it has a fixed date
            entry.filename = f"{name}.npy"  # the constructor would make every backslash a slash on Windows
            archive.writestr(entry, member.getvalue())
    write_whole(path, buffer.getvalue())


def read_archive(path: StrPath, kind: str) -> Archive:
    """Read a file that `write_archive` wrote, with every checksum.

    Raises
    ------
    CheckpointError
        If it is damaged, compressed, or its metadata name another kind.
    OSError
        If it is not there or cannot be read.
    """
    path = os.fspath(path)
    content = Path(path).read_bytes()
    try:
        arrays = _members(content)
        metadata = json.loads(arrays.pop(_METADATA).item())
        found = metadata["kind"]
        if not isinstance(found, str):
            raise TypeError("its kind is no text")
    except Exception as error:  # zipfile, NumPy and json raise about everything on foreign bytes
        raise CheckpointError(
            path, f"is damaged or no file of tinygrad_np ({error or type(error).__name__})"
        ) from error
    if found != kind:
        raise CheckpointError(path, f"is a {found[:80]}, expected a {kind}")
    return Archive(path, metadata, arrays)


def _members(content: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """All arrays of a zip file by name, in memory of about twice the file's size."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("it is compressed")  # a small file could claim to hold a large one
        if sum(entry.file_size for entry in entries) > len(content):
            raise ValueError("its members are larger than the file")
        names = [entry.orig_filename.removesuffix(".npy") for entry in entries]
        if len(set(names)) < len(names):
            raise ValueError("two members have one name")
        return {name: _parse(archive.read(entry)) for name, entry in zip(names, entries, strict=True)}


# What NumPy writes before an array: magic number, version, length, then this. Not np.lib.format.read_array, which
# evaluates the header as Python, allocates what that claims, and stops where it says, short of the checksum.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?s:(..))\{'descr': '([<>|][biufcSUVMm]\d+(?:\[\w+\])?)', 'fortran_order': (True|False), "
    rb"'shape': \(([\d, ]*)\), \} *\n"
)


def _parse(member: bytes) -> np.ndarray[Any, Any]:
    header = _HEADER.match(member)
    if header is None or int.from_bytes(header[1], "little") != header.end() - 10:
        raise ValueError("a member is no array in NumPy's format")
    dtype = np.dtype(header[2].decode())
    shape = tuple(int(size) for size in header[4].replace(b",", b" ").split())
    if math.prod(shape) * dtype.itemsize != len(member) - header.end():
        raise ValueError("the size of an array is not that of its shape")
    order: Literal["F", "C"] = "F" if header[3] == b"True" else "C"
    return np.ndarray(shape, dtype, member, header.end(), order=order).copy("K")


def _flat(trees: Mapping[str, Tree]) -> dict[str, Any]:
    """All arrays by name."""
    found: dict[str, Any] = {}
    for prefix, each in trees.items():
        for path, leaf in tree.flatten_with_path(each)[0]:
            name = prefix + path
            if name in found or name == _METADATA:
                raise ValueError(f"two arrays would be named {name}; give a tree another name")
            if len(name.encode()) > _LONGEST:
                raise ValueError(f"the name {name[:60]}... is too long for a zip file")
            _check_leaf(name, leaf)
            found[name] = leaf
    return found


def _check_leaf(name: str, leaf: Any) -> None:
    if not isinstance(leaf, np.ndarray):
        raise TypeError(f"{name} is a {type(leaf).__name__}; only arrays can be saved")
    try:
        known = np.dtype(leaf.dtype.str) == leaf.dtype
    except TypeError:
        known = False
    if not known:  # a structured one, or one that another package has added
        raise TypeError(f"{name} is {leaf.dtype}, which .npz files do not have; save it as another dtype")
