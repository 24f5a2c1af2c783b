"""Training: the loop, metrics, and files that are whole or absent."""

from .archive import CheckpointError, read_archive, write_archive
from .checkpoint import load_checkpoint, save_checkpoint
from .files import write_whole
from .loop import NonFiniteLossError, Progress, Step, fit
from .metrics import Mean, accuracy, classification, evaluate
from .threads import one_blas_thread

__all__ = [
    "CheckpointError", "Mean", "NonFiniteLossError", "Progress", "Step", "accuracy", "classification", "evaluate",
    "fit", "load_checkpoint", "one_blas_thread", "read_archive", "save_checkpoint", "write_archive", "write_whole",
]  # fmt: skip
