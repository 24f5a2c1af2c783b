"""Files that appear whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

LEFTOVERS = ".*.tmp"  # the pattern of what a killed process may leave in a folder


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file such that at every moment, power failures included, the old or the new one is there in full.

    The bytes go to a temporary file in the same folder, are forced to the disk, and replace the old file in one step.

    Raises
    ------
    OSError
        If the file cannot be written; it names `path`, and the old file stays.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
            del error.filename2  # what os.replace was to make; set to None, it would be printed
        raise


def _sync_folder(folder: Path) -> None:
    """Force the entry that `os.replace` made to the disk; only POSIX lets one open a folder."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
