"""Checkpoints: everything that training needs to go on as if nothing had happened."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..optim import GradientTransformation
from .archive import Archive, StrPath, read_archive, write_archive
from .loop import Progress

_KIND = "checkpoint of tinygrad_np, format 1"


class Checkpoint(NamedTuple):
    """A checkpoint read from a file: what the run was told, how far it came, and its arrays."""

    settings: dict[str, Any]
    epoch: int
    archive: Archive

    def progress(self, params: Any, optimizer: GradientTransformation) -> Progress:
        """Return the progress, for `fit`.

        Parameters
        ----------
        params : tree of arrays
            Parameters of the same structure, shapes and dtypes; their values do not matter.
        optimizer : GradientTransformation
            The optimiser that the run has.

        Raises
        ------
        CheckpointError
            If the arrays in the file are others.
        """
        like = {"params": params, "state": optimizer.init(params), "key": np.zeros(2, np.uint64)}
        return Progress(**self.archive.restore(like), epoch=self.epoch, history=self.archive.metadata["history"])


def save_checkpoint(path: StrPath, progress: Progress, settings: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file.
    progress : Progress
        As `fit` gives it to its callbacks.
    settings : dict
        What the run was told, to be compared on resuming: anything that JSON can hold.
    """
    trees = {"params": progress.params, "state": progress.state, "key": progress.key}
    facts = {"kind": _KIND, "settings": settings, "epoch": progress.epoch, "history": progress.history}
    write_archive(path, trees, facts)


def load_checkpoint(path: StrPath) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is damaged or something else.
    OSError
        If it is not there or cannot be read.
    """
    archive = read_archive(path, _KIND)
    return Checkpoint(archive.metadata["settings"], archive.metadata["epoch"], archive)
