"""Archives of named arrays: ``.npz`` files without pickle, which ``numpy.load`` reads too, checked to the last bit."""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from .files import write_whole

Tree = Any
StrPath = str | os.PathLike[str]
_METADATA = "metadata"


class CheckpointError(ValueError):
    """A saved file that is damaged, truncated, or not what it should be; the message names it."""

    def __init__(self, path: StrPath, problem: str) -> None:
        super().__init__(os.fspath(path), problem)
        self.path, self.problem = os.fspath(path), problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class Archive(NamedTuple):
    """What a file holds: its path, its metadata, and its arrays by name."""

    path: str
    metadata: dict[str, Any]
    arrays: dict[str, np.ndarray[Any, Any]]

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
        If a leaf is no array, or the metadata are no JSON.
    OSError
        If the file cannot be written; the old one stays.
    """
    text = json.dumps(metadata, allow_nan=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in {**_flat(trees), _METADATA: np.array(text)}.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())  # a ZipInfo has a fixed date
    write_whole(path, buffer.getvalue())


def read_archive(path: StrPath, kind: str) -> Archive:
    """Read a file that `write_archive` wrote, with every checksum.

    Raises
    ------
    CheckpointError
        If it is damaged, or its metadata name another kind.
    OSError
        If it is not there or cannot be read.
    """
    path = os.fspath(path)
    content = Path(path).read_bytes()
    try:
        # Not np.load: it stops reading where an array's header says, and a wrong header would escape the checksum.
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            arrays = {name.removesuffix(".npy"): _parse(archive.read(name)) for name in archive.namelist()}
        metadata = json.loads(arrays.pop(_METADATA).item())
        found = metadata["kind"]
    except Exception as error:  # zipfile, NumPy and json raise about everything on foreign bytes
        raise CheckpointError(
            path, f"is damaged or no file of tinygrad_np ({error or type(error).__name__})"
        ) from error
    if found != kind:
        raise CheckpointError(path, f"is a {found}, expected a {kind}")
    return Archive(path, metadata, arrays)


def _parse(member: bytes) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)
    return array


def _flat(trees: Mapping[str, Tree]) -> dict[str, Any]:
    """All arrays by name."""
    found = {name + path: leaf for name, each in trees.items() for path, leaf in tree.flatten_with_path(each)[0]}
    for name, leaf in found.items():
        if not isinstance(leaf, np.ndarray):
            raise TypeError(f"{name} is a {type(leaf).__name__}; only arrays can be saved")
    return found
