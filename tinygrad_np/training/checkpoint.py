"""Checkpoints: everything that training needs to go on as if nothing had happened."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..optim import GradientTransformation
from .archive import Archive, CheckpointError, StrPath, read_archive, write_archive
from .loop import Progress, Step

_KIND = "checkpoint of tinygrad_np, format 2"
_ARRAYS = ("params", "state", "key")
_FACTS = {"epoch": int, "history": list, "step": int, "examples": int, "sums": dict, "seconds": float}


class Checkpoint(NamedTuple):
    """A checkpoint read from a file: what the run was told, how far it came, and its arrays."""

    settings: dict[str, Any]
    epoch: int
    step: int
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
        return Progress(**self.archive.restore(like), **self.archive.metadata["progress"])


def save_checkpoint(path: StrPath, progress: Progress, settings: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file.
    progress : Progress
        As `fit` gives it to its callbacks, after an epoch or within one.
    settings : dict
        What the run was told, to be compared on resuming: anything that JSON can hold.
    """
    facts = progress._asdict()
    trees = {name: facts.pop(name) for name in _ARRAYS}
    write_archive(path, trees, {"kind": _KIND, "settings": settings, "progress": facts})


def load_checkpoint(path: StrPath) -> Checkpoint:
    """Read a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is damaged, something else, or of an earlier format.
    OSError
        If it is not there or cannot be read.
    """
    archive = read_archive(path, _KIND)
    settings, progress = archive.metadata.get("settings"), archive.metadata.get("progress")
    if not (isinstance(settings, dict) and isinstance(progress, dict) and _is_whole(progress)):
        raise CheckpointError(archive.path, "is damaged: its metadata are not those of a checkpoint")
    return Checkpoint(settings, progress["epoch"], progress["step"], archive)


def _is_whole(progress: dict[str, Any]) -> bool:
    return (
        progress.keys() == _FACTS.keys()
        and all(type(progress[name]) is kind for name, kind in _FACTS.items())
        and min(progress["step"], progress["examples"]) >= 0
        and (progress["examples"] > 0 or progress["step"] == 0)
        and all(_are_numbers(record) for record in [*progress["history"], progress["sums"]])
    )


def _are_numbers(metrics: Any) -> bool:
    return isinstance(metrics, dict) and all(type(value) in (int, float) for value in metrics.values())


def checkpointing(
    path: StrPath, settings: Mapping[str, Any], *, seconds: float = 30.0, steps: int | None = None
) -> Callable[[Step | Progress], None]:
    """Return a callback of `fit` that saves a checkpoint after every epoch, and within one from time to time.

    Parameters
    ----------
    path, settings
        As for `save_checkpoint`.
    seconds : float
        How long after a checkpoint the next step saves one.
    steps : int, optional
        Save after every so many steps of an epoch too.

    Raises
    ------
    TypeError, ValueError
        If JSON cannot hold the settings, or `steps` is below 1: now, not when the first checkpoint is due.
    """
    try:
        json.dumps(settings, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise type(error)(f"checkpointing: settings are no JSON: {error}") from error
    if steps is not None and steps < 1:
        raise ValueError(f"checkpointing: steps={steps} must be 1 or more")
    saved = time.monotonic()

    def save(event: Step | Progress) -> None:
        nonlocal saved
        if isinstance(event, Step):
            due = time.monotonic() - saved >= seconds or (steps is not None and event.step % steps == 0)
            if not due:
                return
            event = event.progress()
        save_checkpoint(path, event, settings)
        saved = time.monotonic()

    return save
