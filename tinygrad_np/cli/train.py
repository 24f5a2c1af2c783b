"""``tinygrad-np train MODEL``: train a network, and leave everything about it in a folder."""

import argparse
import json
import math
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .. import __version__, random
from ..core import tree
from ..data import batches
from ..inspect import plots
from ..inspect.extras import import_extra
from ..models import MODELS, Model, random_shift, standardize
from ..training import Progress, Step, classification, evaluate, fit, save_checkpoint, write_whole
from ..training.checkpoint import Checkpoint
from ..training.files import LEFTOVERS
from .errors import INTERRUPTED
from .progress import ProgressDisplay
from .runs import CHECKPOINT, CURVES, FILES, FILTERS, METRICS, TrainedModel, TrainingData, prepare_data, save_model
from .settings import Settings, check_replaceable, check_resumable, choose_settings, find_checkpoint

_DESCRIPTION = f"""Train a network and write {", ".join(FILES)} to a folder. The last sixth of the training images
validates; the test images are looked at once, at the end. A run whose folder holds an unfinished run, or one with other
settings, is refused without --resume or --overwrite; with the same settings it trains again, to the same bits."""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser("train", help="train a network", description=_DESCRIPTION)
    parser.add_argument("model", choices=MODELS, help="which network")
    parser.add_argument("--data", metavar="NAME|FOLDER", help="digits, mnist, fashion, or a folder of IDX files")
    parser.add_argument("--epochs", type=_number(int, 1), help="in all, those before --resume included")
    parser.add_argument("--batch-size", type=_number(int, 1), help="images a step")
    parser.add_argument("--learning-rate", type=_number(float, math.ulp(0.0)), help="at the start; it decays")
    parser.add_argument("--seed", type=_number(int, 0, 2**64 - 1), help="the same one gives the same bits (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the files go (default: runs/MODEL)")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on from the last checkpoint, with its settings")
    again.add_argument("--overwrite", action="store_true", help="start again, whatever the folder holds")
    return parser


def run(args: argparse.Namespace) -> int:
    """Train, evaluate, and write the files."""
    for needed in ("tqdm", "matplotlib.figure"):
        import_extra(needed)  # now, rather than after training
    model, folder = MODELS[args.model], args.out or Path("runs", args.model)
    earlier = find_checkpoint(folder, args.resume)
    told = earlier.settings if earlier and args.resume else {}
    data = prepare_data(model, args.data or told.get("data", model.recipe.data))
    settings = choose_settings(args, told, model, data)
    if args.resume and earlier:
        check_resumable(earlier, settings)
    elif not args.overwrite:
        check_replaceable(folder, earlier, settings)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _train(model, data, settings, folder, earlier if args.resume else None)
    except KeyboardInterrupt:
        command = f"tinygrad-np train {model.name} --out {shlex.quote(str(folder))} --resume"
        print(f"interrupted; all complete epochs are saved. To go on: {command}", file=sys.stderr)
        return INTERRUPTED
    return 0


def _train(model: Model, data: TrainingData, settings: Settings, folder: Path, earlier: Checkpoint | None) -> None:
    init_key, fit_key = random.split(random.key(settings.seed))
    start, optimizer = model.init(init_key), model.recipe.scheduled(settings.learning_rate, settings.batch_size)
    progress = earlier.progress(start, optimizer) if earlier else Progress(start, optimizer.init(start), fit_key, 0, [])

    def save(event: Step | Progress) -> None:
        if isinstance(event, Progress):
            save_checkpoint(folder / CHECKPOINT, event, asdict(settings))

    for leftover in folder.glob(LEFTOVERS):
        leftover.unlink(missing_ok=True)
    if not earlier:
        _clear(folder)
        save(progress)  # from here on there is something to resume
    print(_introduction(start, data, settings, folder), flush=True)
    loss_fn = _loss(model, data)
    with ProgressDisplay(settings.epochs, len(data.train.images)) as display:
        params, _, history = fit(
            loss_fn, start, optimizer, lambda epoch, key: batches(data.train, settings.batch_size, key),
            epochs=settings.epochs, key=fit_key, callbacks=(save, display), resume=progress,
            evaluate=lambda params: evaluate(lambda batch: loss_fn(params, batch), data.validation),
        )  # fmt: skip
    _finish(folder, TrainedModel(model, params, data.statistics), start, data, settings, history)


def _clear(folder: Path) -> None:
    """Remove what an earlier run left, its sign of completion first."""
    for name in (METRICS, *FILES):
        (folder / name).unlink(missing_ok=True)


def _introduction(params: Any, data: TrainingData, settings: Settings, folder: Path) -> str:
    counts = [len(part.images) for part in (data.train, data.validation, data.dataset.test)]
    images = "{:,} training, {:,} validation, {:,} test images".format(*counts)
    return (
        f"{settings.model}: {_count(params):,} parameters; {data.dataset.name}: {images}; {settings.epochs} epochs, "
        f"batch {settings.batch_size}, learning rate {settings.learning_rate:g}, seed {settings.seed}; to {folder}"
    )


def _count(params: Any) -> int:
    return sum(leaf.size for leaf in tree.leaves(params))


def _loss(model: Model, data: TrainingData) -> Callable[..., Any]:
    """Make the function to minimise; without a key it is the one to evaluate, which leaves images where they are."""

    def loss_fn(params: Any, batch: Any, key: Any = None) -> Any:
        images = batch.images if key is None else random_shift(batch.images, model.recipe.shift, key)
        return classification(model.apply(params, standardize(images, data.statistics)), batch.labels)

    return loss_fn


def _finish(
    folder: Path, trained: TrainedModel, start: Any, data: TrainingData, settings: Settings,
    history: list[dict[str, float]],
) -> None:  # fmt: skip
    """Test once, and write the files; the metrics come last, as the sign that all is there."""
    test = trained.evaluate(data.dataset.test)
    (folder / METRICS).unlink(missing_ok=True)
    save_model(folder, trained, settings.data, data.dataset)
    title = f"{settings.model} on {data.dataset.name}"
    accuracy = f"test accuracy {test['accuracy']:.4f}"
    curves = plots.training_curves(history, f"{title}, {accuracy}")
    before, after = (trained.model.first_filters(params) for params in (start, trained.params))
    filters = plots.filters(before, after, f"First convolution of {title}")
    write_whole(folder / CURVES, plots.png(curves))
    write_whole(folder / FILTERS, plots.png(filters))
    metrics = _metrics(data, replace(settings, epochs=len(history)), trained.params, test, history)
    write_whole(folder / METRICS, (json.dumps(metrics, indent=2) + "\n").encode())
    print(f"{accuracy}   test loss {test['loss']:.4f}   {metrics['seconds']:.1f} s   all files in {folder}")


def _metrics(
    data: TrainingData, settings: Settings, params: Any, test: dict[str, float], history: list[dict[str, float]]
) -> dict[str, Any]:
    seconds = sum(record["seconds"] for record in history)
    return {
        **asdict(settings),
        "dataset": data.dataset.name,
        "version": __version__,
        "parameters": _count(params),
        "train_images": len(data.train.images),
        "validation_images": len(data.validation.images),
        "test_images": len(data.dataset.test.images),
        "test_loss": test["loss"],
        "test_accuracy": test["accuracy"],
        "seconds": round(seconds, 3),
        "seconds_per_epoch": round(seconds / len(history), 3),
        "history": history,
    }


def _number(kind: Callable[[str], Any], low: float, high: float = math.inf) -> Callable[[str], Any]:
    """Return an argparse type: a finite number of a kind within bounds."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not (low <= value <= high and value < math.inf):
            raise argparse.ArgumentTypeError(f"{text} is out of range")
        return value

    parse.__name__ = kind.__name__  # what argparse calls it when kind(text) fails
    return parse
