"""What a user can cause, and how it is told."""

from ..data import DataError
from ..training import CheckpointError, NonFiniteLossError

INTERRUPTED = 130  # what a shell reports for a process ended by Ctrl-C


class UserError(Exception):
    """Something that the user asked for cannot be done; the message is all they see."""


EXPECTED = (UserError, DataError, CheckpointError, NonFiniteLossError, OSError, ModuleNotFoundError, MemoryError)


def one_line(error: BaseException) -> str:
    """Say an error in one line; of what the operating system reports, the file and the reason."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
