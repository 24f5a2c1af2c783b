"""Bytes from plain, gzipped and xz-compressed files, folders and tar archives; every damage becomes a `DataError`."""

import gzip
import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeAlias, cast

from numpy.typing import NDArray

StrPath: TypeAlias = str | os.PathLike[str]
Parser: TypeAlias = Callable[[IO[bytes], str], NDArray[Any]]  # the string is what error messages call the file

_CHUNK = 1 << 20
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
_DAMAGE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError,
    ValueError, RecursionError,  # tarfile and NumPy, on headers made to provoke them
)  # fmt: skip


class DataError(ValueError):
    """A data file that is damaged, truncated, or not what it should be.

    Parameters
    ----------
    source : str
        The file, as a path, ``archive:member`` or URL.
    problem : str
        What is wrong with it.
    remedy : str, optional
        What the user can do.
    """

    def __init__(self, source: str, problem: str, remedy: str = "Delete it and fetch it again, or use another") -> None:
        super().__init__(source, problem, remedy)  # all three, so that the error survives pickling
        self.source, self.problem, self.remedy = source, problem, remedy

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}. {self.remedy}."


@contextmanager
def _damage_named(label: str) -> Iterator[None]:
    try:
        yield
    except (DataError, FileNotFoundError):
        raise
    except _DAMAGE as error:
        raise DataError(label, f"cannot be read ({error or type(error).__name__})") from error


@contextmanager
def open_stream(path: Path, label: str | None = None) -> Iterator[IO[bytes]]:
    """Open a file and undo gzip or xz, told by its first bytes, since browsers unpack ``.gz`` and keep the name.

    Raises
    ------
    DataError
        If the file cannot be opened, or its compression turns out damaged inside the ``with`` block.
    FileNotFoundError
        If there is no such file.
    """
    with _damage_named(label or str(path)), path.open("rb") as raw:
        magic = raw.read(len(_XZ))
        raw.seek(0)
        if magic.startswith(_GZIP):
            with gzip.GzipFile(fileobj=raw) as stream:
                yield cast(IO[bytes], stream)  # all of it but its declaration
        elif magic == _XZ:
            with lzma.LZMAFile(raw) as stream:
                yield stream
        else:
            yield raw


def read_up_to(stream: IO[bytes], limit: int) -> bytearray:
    """Return at most `limit` bytes, in chunks: memory follows the bytes that are there, never those a header claims."""
    data = bytearray()
    while len(data) < limit and (chunk := stream.read(min(_CHUNK, limit - len(data)))):
        data += chunk
    return data


class _EndIsError:
    """A stream whose end is an error: beyond it, tarfile would go on skipping a member of absurd size for hours."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if not data:
            raise EOFError("the archive ends too soon")
        return data


def find_file(folder: Path, name: str) -> Path | None:
    """Return ``folder/name`` or ``folder/name.gz``, whichever exists."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def holds_any(container: Path, names: tuple[str, ...]) -> bool:
    """Whether a folder or tar archive holds one of these files, as `read_members` would find it.

    Raises
    ------
    DataError
        If the archive is damaged before the first of them.
    """
    if container.is_dir():
        return any(find_file(container, name) for name in names)
    with open_stream(container) as stream, _members(stream) as archive:
        return any(_name(member) in names for member in archive)


def read_members(container: Path, parsers: Mapping[str, Parser], label: str | None = None) -> dict[str, NDArray[Any]]:
    """Parse named files of a folder (plain or gzipped) or of a tar archive (plain, gzip or xz).

    Parameters
    ----------
    container : Path
        The folder or archive. Folders inside an archive are ignored: only the last part of a member's name counts.
    parsers : mapping of str to callable
        For each wanted file, what turns its stream into an array.
    label : str, optional
        What error messages call the archive.

    Raises
    ------
    DataError
        If a file is damaged, or the archive is or lacks a member.
    FileNotFoundError
        If the folder lacks a file.
    """
    if container.is_dir():
        return {name: _read_file(container, name, parse) for name, parse in parsers.items()}
    label = label or str(container)
    arrays = {}
    with open_stream(container, label) as stream:
        with _members(stream) as archive:
            for member in archive:
                name = _name(member)
                if name in parsers and member.isreg() and not member.issparse():
                    content = cast(IO[bytes], archive.extractfile(member))  # None is for what is no regular file
                    arrays[name] = parsers[name](content, f"{label}:{member.name}")
        while stream.read(_CHUNK):  # the compression's checksum stands at the end and is checked when that is reached
            pass
    if missing := [name for name in parsers if name not in arrays]:
        raise DataError(label, f"has no member named {', '.join(missing)}")
    return arrays


def _members(stream: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast(IO[bytes], _EndIsError(stream)), mode="r|")


def _name(member: tarfile.TarInfo) -> str:
    return PurePosixPath(member.name).name


def _read_file(folder: Path, name: str, parse: Parser) -> NDArray[Any]:
    path = find_file(folder, name)
    if path is None:
        raise FileNotFoundError(f"{folder} has neither {name} nor {name}.gz; put one there or name another folder")
    with open_stream(path) as stream:
        return parse(stream, str(path))
