"""What a run is told, and whether that goes with what its folder holds."""

import argparse
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..models import Model
from ..training import CheckpointError, best_epoch, load_checkpoint
from ..training.checkpoint import Checkpoint
from .errors import UserError
from .runs import CHECKPOINT, FILES, METRICS, TrainingData


@dataclass(frozen=True)
class Settings:
    """All that the result of a run depends on."""

    model: str
    as_published: bool
    freeze: tuple[str, ...]
    data: str
    data_sha256: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    patience: int | None


_KINDS = {
    "model": (str,), "as_published": (bool,), "freeze": (list,), "data": (str,), "data_sha256": (str,),
    "epochs": (int,), "batch_size": (int,), "learning_rate": (float,), "seed": (int,), "patience": (int, type(None)),
}  # fmt: skip


def as_json(settings: Settings) -> dict[str, Any]:
    """Return the settings as they come back from a file of JSON."""
    return {**asdict(settings), "freeze": list(settings.freeze)}


def counted(count: int, thing: str) -> str:
    """Return "1 epoch", "2 epochs"."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def find_checkpoint(folder: Path, required: bool) -> Checkpoint | None:
    """Read the checkpoint in the folder; one that is damaged or absent matters only if it is required."""
    path = folder / CHECKPOINT
    if not path.exists():
        if required:
            raise UserError(f"{folder} has no {CHECKPOINT} to resume; to start, leave out --resume")
        return None
    try:
        checkpoint = load_checkpoint(path)
        if not (_are_settings(checkpoint.settings) and _is_history(_history(checkpoint), checkpoint.epoch)):
            raise CheckpointError(path, "is damaged: its settings or its history are not those of a run")
    except CheckpointError as error:
        if required:
            raise UserError(f"{error}; train --overwrite starts again") from error
        return None
    return checkpoint


def _are_settings(told: dict[str, Any]) -> bool:
    """Whether a command line can have said this; a damage does not change it, but a forgery may."""
    return (
        all(type(told.get(name)) in kinds for name, kinds in _KINDS.items())
        and all(isinstance(layer, str) for layer in told["freeze"])
        and all(told[name] is None or told[name] >= 1 for name in ("epochs", "batch_size", "patience"))
        and 0 < told["learning_rate"] < math.inf
        and 0 <= told["seed"] < 2**64
    )


def _is_history(records: list[dict[str, Any]], epochs: int) -> bool:
    return len(records) == epochs and all(type(record.get("validation_loss")) is float for record in records)


def _history(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = checkpoint.archive.metadata["progress"]["history"]
    return history


def choose_settings(args: argparse.Namespace, told: dict[str, Any], model: Model, data: TrainingData) -> Settings:
    """What the user says now comes first, then what the run to resume was told, then the recipe."""
    recipe = model.recipe
    usual = {
        "data": recipe.data, "epochs": recipe.epochs(len(data.train.images)), "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate, "seed": 0, "patience": None,
    }  # fmt: skip
    given = {name: value for name in usual if (value := getattr(args, name)) is not None}
    chosen: dict[str, Any] = {name: told.get(name, value) for name, value in usual.items()} | given
    return Settings(
        model=model.name, as_published=args.as_published, freeze=tuple(args.freeze), data_sha256=data.sha256, **chosen
    )


def check_resumable(earlier: Checkpoint, now: Settings) -> None:
    """Refuse what would not be the same run; it may be prolonged, and its data may have moved."""
    then = earlier.settings
    if differences := _differences(then, {**as_json(now), "epochs": then.get("epochs")}):
        raise UserError(f"cannot resume: {differences}")
    if now.epochs < earlier.epoch:
        done = counted(earlier.epoch, "epoch")
        raise UserError(f"cannot resume: {done} are done already, {now.epochs} would be less")


def _differences(then: dict[str, Any], now: dict[str, Any]) -> str:
    """Say what is different; data are different if their contents are, wherever they lie."""
    changed = [name for name in now if name not in ("data", "data_sha256") and now[name] != then.get(name)]
    said = [f"{name.replace('_', '-')} was {then.get(name)} and is {now[name]} now" for name in changed]
    if now["data_sha256"] != then.get("data_sha256"):
        said.append(f"the images or labels of {then.get('data')} then are not those of {now['data']} now")
    return ", ".join(said)


def check_replaceable(folder: Path, earlier: Checkpoint | None, settings: Settings) -> None:
    """Refuse to lose anything: only a finished run with the same settings comes again bit by bit."""
    if not any((folder / name).exists() for name in FILES):
        return
    if earlier is None:
        raise UserError(f"{folder} holds files of a run without a usable checkpoint; say --overwrite, or another --out")
    if differences := _differences(earlier.settings, as_json(settings)):
        raise UserError(f"{folder} holds a run with other settings ({differences}); say --overwrite, or another --out")
    if not (_is_over(earlier, settings) and (folder / METRICS).exists()):
        state = f"an unfinished run, {counted(earlier.epoch, 'epoch')} long"
        raise UserError(f"{folder} holds {state}; say --resume to go on, --overwrite to start again, or another --out")
    print(f"{folder} holds a run with the same settings; training again, to the same result")


def _is_over(earlier: Checkpoint, settings: Settings) -> bool:
    """Whether all epochs are done, or patience has ended training before."""
    if earlier.epoch >= settings.epochs:
        return True
    if settings.patience is None or earlier.epoch == 0:
        return False
    return earlier.epoch - best_epoch(_history(earlier), "validation_loss") >= settings.patience
