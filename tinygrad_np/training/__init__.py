"""Training: the loop, metrics, and files that are whole or absent."""

from .archive import CheckpointError, read_archive, write_archive
from .checkpoint import Checkpoint, checkpointing, load_checkpoint, save_checkpoint
from .files import write_whole
from .loop import STOP, Progress, Step, fit
from .metrics import Mean, accuracy, classification, evaluate, top_k_accuracy
from .progress import ProgressBar
from .safetensors import load_safetensors, save_safetensors
from .saving import load, save
from .scores import confusion_matrix, f1_score, precision, recall
from .stopping import Best, best_epoch, early_stopping, keep_best, load_best
from .update import NonFiniteLossError

__all__ = [
    "STOP", "Best", "Checkpoint", "CheckpointError", "Mean", "NonFiniteLossError", "Progress", "ProgressBar", "Step",
    "accuracy", "best_epoch", "checkpointing", "classification", "confusion_matrix", "early_stopping", "evaluate",
    "f1_score", "fit", "keep_best", "load", "load_best", "load_checkpoint", "load_safetensors",
    "precision", "read_archive", "recall", "save", "save_checkpoint", "save_safetensors", "top_k_accuracy",
    "write_archive", "write_whole",
]  # fmt: skip
