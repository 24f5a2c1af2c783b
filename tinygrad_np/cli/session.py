"""The training of one run, from the first step to the files in its folder."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__, random
from ..core import tree
from ..data import batches
from ..inspect import plots
from ..models import Model, count_parameters, first_filters
from ..training import (
    Progress,
    ProgressBar,
    Step,
    checkpointing,
    early_stopping,
    evaluate,
    fit,
    keep_best,
    load_best,
    save_checkpoint,
    write_whole,
)
from ..training.checkpoint import Checkpoint
from ..training.files import LEFTOVERS
from . import runs
from .outcome import Outcome
from .runs import CHECKPOINT, FILES, METRICS, TrainedModel, TrainingData
from .settings import Settings, as_json, counted


@dataclass
class Session:
    """A network, its data, what the run was told, and where its files go."""

    model: Model
    data: TrainingData
    settings: Settings
    folder: Path

    def __post_init__(self) -> None:
        settings = self.settings
        init_key, self.key = random.split(random.key(settings.seed))
        self.start = self.model.init(init_key)
        self.trainable, self.frozen = runs.split_frozen(self.start, settings.freeze)
        self.optimizer = self.model.recipe.scheduled(settings.learning_rate, settings.batch_size)

    def train(self, earlier: Checkpoint | None) -> dict[str, Any]:
        """Train, from a checkpoint or from the start, and write the files; return the metrics."""
        progress = earlier.progress(self.trainable, self.optimizer) if earlier else self.begin()
        for leftover in self.folder.glob(LEFTOVERS):
            leftover.unlink(missing_ok=True)
        print(self.introduction(), flush=True)
        # A loss of the trained part alone: the gradient of the frozen one is not computed.
        whole = runs.make_loss(self.model, self.data.statistics)

        def loss_fn(params: Any, batch: Any, key: Any = None) -> Any:
            return whole(tree.merge(params, self.frozen), batch, key)

        count, every = len(self.data.train.images), self.model.recipe.report_every
        with ProgressBar(self.settings.epochs, count, "img", every=every) as display:
            params, _, history = fit(
                loss_fn, self.trainable, self.optimizer, self.batches, epochs=self.settings.epochs, key=self.key,
                callbacks=(*self.keepers(), display), resume=progress,
                prepare=runs.make_prepare(self.model), compile=True,
                evaluate=lambda params: evaluate(lambda batch: loss_fn(params, batch), self.data.validation),
            )  # fmt: skip
        if self.settings.patience:
            best = load_best(self.folder / runs.BEST, params)
            print(f"the parameters of epoch {best.epoch} are kept: validation loss {best.value:.4f}")
            params = best.params
        return self.finish(tree.merge(params, self.frozen), history)

    def begin(self) -> Progress:
        """Remove what an earlier run left, its sign of completion first, and save that nothing is done yet."""
        for name in (METRICS, *FILES, runs.BEST, runs.REPORT):
            (self.folder / name).unlink(missing_ok=True)
        progress = Progress(self.trainable, self.optimizer.init(self.trainable), self.key, 0, [])
        save_checkpoint(self.folder / CHECKPOINT, progress, as_json(self.settings))  # there is something to resume
        return progress

    def keepers(self) -> list[Callable[[Step | Progress], Any]]:
        """Return the callbacks that save, and that stop early."""
        saving = checkpointing(self.folder / CHECKPOINT, as_json(self.settings))
        if not self.settings.patience:
            return [saving]
        return [saving, keep_best(self.folder / runs.BEST), early_stopping(patience=self.settings.patience)]

    def batches(self, epoch: int, key: Any) -> Any:
        """Give the batches of an epoch."""
        order = self.model.recipe.order(len(self.data.train.images), epoch, key)
        return batches(self.data.train, self.settings.batch_size, None, order=order)

    def introduction(self) -> str:
        """Say in one line what will be done."""
        settings = self.settings
        counts = [len(part.images) for part in (self.data.train, self.data.validation, self.data.dataset.test)]
        images = "{:,} training, {:,} validation, {:,} test images".format(*counts)
        name = settings.model + (", as published" if settings.as_published else "")
        frozen = f", {' and '.join(settings.freeze)} frozen" if settings.freeze else ""
        return (
            f"{name}: {count_parameters(self.start):,} parameters{frozen}; {self.data.dataset.name}: {images}; "
            f"{counted(settings.epochs, 'epoch')}, batch {settings.batch_size}, "
            f"learning rate {settings.learning_rate:g}, seed {settings.seed}; to {self.folder}"
        )

    def finish(self, params: Any, history: list[dict[str, float]]) -> dict[str, Any]:
        """Test once, and write the files; the metrics come last, as the sign that all is there."""
        settings, dataset = self.settings, self.data.dataset
        trained = TrainedModel(self.model, params, self.data.statistics)
        outcome = Outcome.of(trained, dataset, dataset.classes)
        (self.folder / METRICS).unlink(missing_ok=True)
        runs.save_model(self.folder, trained, settings.data, settings.as_published, dataset)
        for name, figure in self.pictures(outcome, history).items():
            write_whole(self.folder / name, plots.png(figure))
        metrics = self.metrics(outcome, history)
        write_whole(self.folder / METRICS, (json.dumps(metrics, indent=2) + "\n").encode())
        figures = f"test accuracy {outcome.accuracy:.4f}   test loss {outcome.loss:.4f}   {metrics['seconds']:.1f} s"
        print(f"{figures}   all files in {self.folder}")
        return metrics

    def pictures(self, outcome: Outcome, history: list[dict[str, float]]) -> dict[str, Any]:
        """Draw what a run leaves: file names and figures."""
        title, params = outcome.title, outcome.trained.params
        before, after = (first_filters(each) for each in (self.start, params))
        return {
            runs.CURVES: plots.training_curves(history, f"{title}, test accuracy {outcome.accuracy:.4f}"),
            runs.FILTERS: plots.filters(before, after, f"First convolution of {title}"),
            runs.CONFUSION: plots.confusion_matrix(outcome.confusion, outcome.names, f"{title}, test images"),
            runs.RIGHT: outcome.grid(True, f"{title}: right, the first ones"),
            runs.WRONG: outcome.grid(False, f"{title}: wrong, the surest ones"),
        }

    def metrics(self, outcome: Outcome, history: list[dict[str, float]]) -> dict[str, Any]:
        """Return what was done and what came of it, for a file of JSON."""
        seconds = sum(record["seconds"] for record in history)
        return {
            **as_json(replace(self.settings, epochs=len(history))),
            "dataset": self.data.dataset.name,
            "version": __version__,
            "parameters": count_parameters(self.start),
            "train_images": len(self.data.train.images),
            "validation_images": len(self.data.validation.images),
            "test_images": len(self.data.dataset.test.images),
            "test_loss": outcome.loss,
            "test_accuracy": outcome.accuracy,
            "seconds": round(seconds, 3),
            "seconds_per_epoch": round(seconds / len(history), 3),
            "history": history,
        }
