"""A run: the data it needs, what it was told, and its folder of files."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import __version__, data, random
from ..data import Dataset, Split
from ..models import MODELS, Model, hold_out, standardization, standardize
from ..training import classification, evaluate, read_archive, write_archive
from .errors import UserError

CHECKPOINT, MODEL, METRICS, CURVES, FILTERS = FILES = (
    "checkpoint.npz", "model.npz", "metrics.json", "curves.png", "filters.png"
)  # fmt: skip
_KIND = "model of tinygrad_np, format 1"


class TrainingData(NamedTuple):
    """A dataset made ready for training."""

    dataset: Dataset
    train: Split
    validation: Split
    statistics: dict[str, Any]
    sha256: str


class TrainedModel(NamedTuple):
    """A network with its parameters and the statistics that standardise its input."""

    model: Model
    params: Any
    statistics: dict[str, Any]

    def logits(self, images: Any) -> Any:
        """Return logits (N, classes) of images (N, H, W, C) in [0, 1]."""
        return self.model.apply(self.params, standardize(images, self.statistics))

    def evaluate(self, split: Split) -> dict[str, float]:
        """Return mean loss and accuracy, in bounded memory."""
        return evaluate(lambda batch: classification(self.logits(batch.images), batch.labels), split)


def load_data(model: Model, source: str) -> Dataset:
    """Load a dataset that the model can take.

    Raises
    ------
    UserError
        If its images are of another shape, or it has more classes.
    """
    dataset = data.load(source)
    shape = dataset.train.images.shape[1:]
    if shape != model.image_shape:
        raise UserError(f"{source}: the images are {shape}; {model.name} takes {model.image_shape}")
    if len(dataset.classes) > model.classes:
        raise UserError(f"{source}: {len(dataset.classes)} classes; {model.name} has {model.classes}")
    return dataset


def prepare_data(model: Model, source: str) -> TrainingData:
    """Load a dataset, set validation images apart, and measure the training images."""
    dataset = load_data(model, source)
    try:
        train, validation = hold_out(dataset.train)
    except ValueError as error:
        raise UserError(f"{source}: {error}") from error
    return TrainingData(dataset, train, validation, standardization(train.images), _sha256(dataset))


def save_model(folder: Path, trained: TrainedModel, source: str, dataset: Dataset) -> None:
    """Write what `load_model` reads."""
    metadata = {
        "kind": _KIND, "version": __version__, "model": trained.model.name, "data": source,
        "dataset": dataset.name, "classes": dataset.classes,
    }  # fmt: skip
    write_archive(folder / MODEL, {"params": trained.params, "input": trained.statistics}, metadata)


def load_model(folder: Path) -> tuple[TrainedModel, dict[str, Any]]:
    """Read the saved model of a run and its metadata.

    Raises
    ------
    UserError
        If there is none, or this version does not know it.
    CheckpointError
        If the file is damaged.
    """
    path = folder / MODEL
    if not path.exists():
        hint = "; its training has not ended: go on with train --resume" if (folder / CHECKPOINT).exists() else ""
        raise UserError(f"{folder} has no trained model ({MODEL}){hint}")
    archive = read_archive(path, _KIND)
    name = archive.metadata["model"]
    if name not in MODELS:
        raise UserError(f"{path}: the model {name!r} is unknown here; known are {', '.join(MODELS)}")
    scalar = np.zeros((), np.float32)
    like = {"params": MODELS[name].init(random.key(0)), "input": {"mean": scalar, "std": scalar}}
    trees = archive.restore(like)
    return TrainedModel(MODELS[name], trees["params"], trees["input"]), archive.metadata


def _sha256(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for array in (*dataset.train, *dataset.test):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
