"""A run: the data it needs, what it was told, and its folder of files."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import __version__, data, random
from ..core import tree
from ..core.tensor import Array
from ..data import Dataset, Split
from ..models import MODELS, Model, first, hold_out, scaled, select_labels, standardization, standardize
from ..training import CheckpointError, accuracy, read_archive, write_archive
from ..transforms.stop import stop_gradient
from .errors import UserError

CHECKPOINT, MODEL, METRICS, CURVES, FILTERS, CONFUSION, RIGHT, WRONG = FILES = (
    "checkpoint.npz", "model.npz", "metrics.json", "curves.png", "filters.png", "confusion.png", "right.png",
    "wrong.png",
)  # fmt: skip
BEST, REPORT = "best.npz", "report.html"  # files that a run may have besides
_KIND = "model of tinygrad_np, format 2"


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

    @property
    def name(self) -> str:
        """What titles call it."""
        as_published = MODELS[self.model.name].published is self.model
        return self.model.name + (", as published," if as_published else "")

    def logits(self, images: Array) -> Array:
        """Return logits (N, classes) of images (N, H, W, C) in [0, 1], as a dataset has them."""
        x = standardize(scaled(images, self.model.recipe), self.statistics)
        return self.model.logits(self.model.apply(self.params, x))


def chosen_model(name: str, as_published: bool) -> Model:
    """Return a network by its name.

    Raises
    ------
    UserError
        If it is to be as published, and no article says how.
    """
    model = MODELS[name]
    if not as_published:
        return model
    if model.published is None:
        known = ", ".join(model.name for model in MODELS.values() if model.published)
        raise UserError(f"no article says how {name} was trained, so there is no --as-published; it is for {known}")
    return model.published


def make_loss(model: Model, statistics: dict[str, Any]) -> Callable[..., Any]:
    """Make the function to minimise; without a key it is the one to evaluate, which is not random."""

    def loss_fn(params: Any, batch: Split, key: Any = None) -> Any:
        images, labels = batch
        outputs = model.apply(params, standardize(images, statistics), key=key)
        loss = model.loss(outputs, labels)
        # Accuracy has no gradient: of plain arrays it costs less.
        return loss, {"accuracy": accuracy(model.logits(stop_gradient(outputs)), labels)}

    return loss_fn


def make_prepare(model: Model) -> Callable[[Split, Any], tuple[Split, Any]] | None:
    """Make the function that changes training images at random, and the key for the rest of the step."""
    augment = model.recipe.augment
    if augment is None:
        return None

    def prepare(batch: Split, key: Any) -> tuple[Split, Any]:
        key, augment_key = random.split(key)
        return Split(augment(batch.images, augment_key), batch.labels), key

    return prepare


def load_data(model: Model, source: str) -> Dataset:
    """Load a dataset that the model can take, and of it what the recipe asks for.

    Raises
    ------
    UserError
        If its images are of another shape, or it has more classes or lacks one.
    """
    recipe = model.recipe
    dataset = data.load(source, dtype=recipe.dtype)
    shape = dataset.train.images.shape[1:]
    if shape != model.image_shape:
        raise UserError(f"{source}: the images are {shape}; {model.name} takes {model.image_shape}")
    try:
        if recipe.labels is not None:
            dataset = select_labels(dataset, recipe.labels)
    except ValueError as error:
        raise UserError(f"{source}: {error}; {model.name} tells labels {recipe.labels} apart") from error
    if len(dataset.classes) > model.classes:
        raise UserError(f"{source}: {len(dataset.classes)} classes; {model.name} has {model.classes}")
    return Dataset(dataset.train, first(dataset.test, recipe.test_images), dataset.name, dataset.classes)


def prepare_data(model: Model, source: str) -> TrainingData:
    """Load a dataset, set validation images apart, scale them, and measure the training images."""
    dataset, recipe = load_data(model, source), model.recipe
    try:
        train, validation = hold_out(dataset.train, recipe.validation)
    except ValueError as error:
        raise UserError(f"{source}: {error}") from error
    sha256 = _sha256(dataset)
    train, validation = (
        Split(scaled(part.images, recipe), part.labels) for part in (first(train, recipe.train_images), validation)
    )
    return TrainingData(dataset, train, validation, standardization(train.images, recipe.standardize), sha256)


def save_model(folder: Path, trained: TrainedModel, source: str, as_published: bool, dataset: Dataset) -> None:
    """Write what `load_model` reads."""
    metadata = {
        "kind": _KIND, "version": __version__, "model": trained.model.name, "as_published": as_published,
        "data": source, "dataset": dataset.name, "classes": dataset.classes,
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
    name = archive.fact("model", str)
    for other, kind in (("data", str), ("dataset", str), ("classes", list)):
        archive.fact(other, kind)
    if name not in MODELS:
        raise UserError(f"{path}: the model {name!r} is unknown here; known are {', '.join(MODELS)}")
    model = chosen_model(name, archive.fact("as_published", bool))
    if not _are_names(archive.metadata["classes"], model.classes):
        raise CheckpointError(archive.path, f"is damaged: it does not name 1 to {model.classes} classes")
    no_images = np.zeros((1, *model.image_shape), model.recipe.dtype)
    statistics = standardization(scaled(no_images, model.recipe), model.recipe.standardize)
    trees = archive.restore({"params": model.init(random.key(0)), "input": statistics})
    return TrainedModel(model, trees["params"], trees["input"]), archive.metadata


def _are_names(classes: list[Any], most: int) -> bool:
    return 0 < len(classes) <= most and all(isinstance(each, str) and each.isprintable() for each in classes)


def split_frozen(params: Any, frozen: tuple[str, ...]) -> tuple[Any, Any]:
    """Split parameters into those to train and those of the layers named, which stay as they are.

    Raises
    ------
    UserError
        If there is no such layer, or nothing is left to train.
    """
    if unknown := [name for name in frozen if name not in params]:
        raise UserError(f"--freeze {unknown[0]}: there is no such layer; there are {', '.join(params)}")
    if set(frozen) == set(params):
        raise UserError(f"--freeze {' '.join(frozen)}: nothing is left to train")
    return tree.partition(params, lambda path, _: not path.startswith(tuple(f"['{name}']" for name in frozen)))


def _sha256(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for array in (*dataset.train, *dataset.test):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
