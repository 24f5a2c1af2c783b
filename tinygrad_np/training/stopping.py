"""When to stop, and which parameters to keep: callbacks of `fit` that are functions of the history alone.

So a run that is resumed decides as the uninterrupted one did, and nothing of theirs has to be saved.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from .archive import CheckpointError, StrPath, read_archive, write_archive
from .loop import STOP, Progress, Signal, Step
from .metrics import Metrics

Mode = Literal["min", "max"]
_KIND = "best parameters of tinygrad_np, format 1"


def early_stopping(
    metric: str = "validation_loss", *, patience: int, min_delta: float = 0.0, mode: Mode = "min"
) -> Callable[[Step | Progress], Signal | None]:
    """Return a callback of `fit` that ends training when a metric has not improved for some epochs.

    Parameters
    ----------
    metric : str
        An entry of the records in the history.
    patience : int
        How many epochs in a row may pass without improvement; the last of them ends training.
    min_delta : float
        An epoch improves if it is better than the best before by more than this.
    mode : {"min", "max"}
        Whether a smaller or a larger value is better.

    Raises
    ------
    ValueError
        If an argument is out of range; at the end of the first epoch, if there is no such metric.
    """
    if patience < 1 or not min_delta >= 0:
        raise ValueError(f"early_stopping: patience={patience} must be 1 or more and min_delta={min_delta} 0 or more")
    _check_mode("early_stopping", mode)

    def stop(event: Step | Progress) -> Signal | None:
        if isinstance(event, Step):
            return None
        best = best_epoch(event.history, metric, mode, min_delta)
        return STOP if len(event.history) - best >= patience else None

    return stop


def best_epoch(history: Sequence[Metrics], metric: str, mode: Mode = "min", min_delta: float = 0.0) -> int:
    """Return the epoch, 1, 2, ..., in which a metric improved last: the first of several that are equally good.

    Raises
    ------
    ValueError
        If `mode` is unknown, the history is empty or has no such metric.
    """
    _check_mode("best_epoch", mode)
    if not history or metric not in history[-1]:
        known = ", ".join(history[-1]) if history else "no epochs at all"
        raise ValueError(f"best_epoch: the history has no metric {metric!r}; it has {known}")
    sign = 1 if mode == "min" else -1
    values = [sign * record[metric] for record in history]
    best = 0
    for epoch, value in enumerate(values):
        if value < values[best] - min_delta:
            best = epoch
    return best + 1


class Best(NamedTuple):
    """What `keep_best` kept: the parameters, their epoch and the metric's value."""

    params: Any
    epoch: int
    value: float


def keep_best(
    path: StrPath, metric: str = "validation_loss", *, mode: Mode = "min"
) -> Callable[[Step | Progress], None]:
    """Return a callback of `fit` that keeps the best parameters so far in a file, for `load_best`.

    Parameters
    ----------
    path : path-like
        The file. It is written, whole or not at all, after an epoch that is better than all before. Beside checkpoints
        it is right even after a process was killed between the two: `fit` calls its callbacks again on resuming.
    metric, mode
        As for `early_stopping`.
    """
    _check_mode("keep_best", mode)

    def keep(event: Step | Progress) -> None:
        if isinstance(event, Progress) and best_epoch(event.history, metric, mode) == event.epoch:
            facts = {"kind": _KIND, "epoch": event.epoch, "metric": metric, "value": event.history[-1][metric]}
            write_archive(path, {"params": event.params}, facts)

    return keep


def load_best(path: StrPath, params: Any) -> Best:
    """Read what `keep_best` kept.

    Parameters
    ----------
    path : path-like
        The file.
    params : tree of arrays
        Parameters of the same structure, shapes and dtypes; their values do not matter.

    Raises
    ------
    CheckpointError
        If the file is damaged or holds something else.
    OSError
        If it is not there or cannot be read.
    """
    archive = read_archive(path, _KIND)
    epoch, value = archive.metadata.get("epoch"), archive.metadata.get("value")
    if not (isinstance(epoch, int) and isinstance(value, float)):
        raise CheckpointError(archive.path, "is damaged: it lacks the epoch or the value of the metric")
    return Best(archive.restore({"params": params})["params"], epoch, value)


def _check_mode(function: str, mode: str) -> None:
    if mode not in ("min", "max"):
        raise ValueError(f"{function}: mode must be 'min' or 'max', got {mode!r}")
