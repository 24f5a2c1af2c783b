"""``tinygrad-np report RUN``: all about a run on one page."""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import random
from ..core import tree
from ..core.tensor import shape_of
from ..inspect import plots
from ..inspect.activations import feature_maps
from ..inspect.attribution import class_image, grad_cam, occlusion, saliency
from ..inspect.report import Picture, Section, Table, page
from ..models import count_parameters
from ..training import f1_score, precision, recall, write_whole
from .errors import UserError
from .outcome import Outcome
from .runs import FILTERS, METRICS, REPORT, load_data, load_model
from .settings import counted

_MISTAKES = 5
_DESCRIPTION = f"""Write {REPORT}: one page with the numbers of a run, its curves and filters, the confusion matrix,
right and wrong predictions, and what the network goes by. It is self-contained: it opens without a network and can be
sent by mail. The folder needs no checkpoint."""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report", help="make one HTML page of a run", description=_DESCRIPTION
    )
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the folder that train wrote")
    parser.add_argument("--data", metavar="NAME|FOLDER", help="test it on another dataset than it was trained on")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"where the page goes (default: RUN/{REPORT})")
    return parser


class Run(NamedTuple):
    """A run: its folder, what its metrics say, and how it does on the test images."""

    folder: Path
    metrics: dict[str, Any]
    outcome: Outcome

    def score(self, images: Any) -> Any:
        """Return the logits less their mean (N, classes): what a class has more than others, also of two outputs."""
        logits = self.outcome.trained.logits(images)
        return logits - np.mean(logits, axis=1, keepdims=True)


def run(args: argparse.Namespace) -> int:
    """Write the page and say where."""
    out = args.out or args.run_folder / REPORT
    if not out.parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}")
    found = _test(args.run_folder, args.data)
    sections = [
        section(found)
        for section in (_summary, _training, _classes, _predictions, _weights, _maps, _reasons, _favourites, _settings)
    ]
    html = page(found.outcome.title, sections).encode()
    write_whole(out, html)
    print(f"{found.outcome.title}: {len(html) / 1e6:.1f} MB to {out}")
    return 0


def _test(folder: Path, source: str | None) -> Run:
    trained, facts = load_model(folder)
    metrics = _read_metrics(folder / METRICS)
    dataset = load_data(trained.model, source or facts["data"])
    return Run(folder, metrics, Outcome.of(trained, dataset, facts["classes"]))


def _read_metrics(path: Path) -> dict[str, Any]:
    try:
        metrics = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{path.parent} has no {METRICS}: training has not ended; train --resume goes on") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is damaged ({error})") from error
    if not (isinstance(metrics, dict) and _is_history(metrics.get("history")) and _is_number(metrics.get("seconds"))):
        raise UserError(f"{path}: is damaged (it lacks the history or the time of the training)")
    return metrics


def _is_history(records: Any) -> bool:
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        return False
    return bool(records) and all(
        {"epoch", "train_loss"} <= record.keys() and all(map(_is_number, record.values())) for record in records
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e300  # JSON may hold nan, infinity and endless integers


def _summary(run: Run) -> Section:
    metrics, outcome = run.metrics, run.outcome
    facts = [
        ("accuracy", f"{outcome.accuracy:.4f} of {len(outcome.test.images):,} test images"),
        ("loss", f"{outcome.loss:.4f}"),
        ("parameters", f"{count_parameters(outcome.trained.params):,}"),
        ("training time", f"{metrics['seconds']:.1f} s for {counted(len(metrics['history']), 'epoch')}"),
    ]
    return Section("Result", [Table(("", "value"), facts)])


def _training(run: Run) -> Section:
    history = run.metrics["history"]
    columns = [name for name in history[0] if name != "epoch"]
    rows = [[record["epoch"], *[_figure(record.get(name)) for name in columns]] for record in history]
    curves = plots.training_curves(history, "")
    return Section("Training", [
        Picture(plots.png(curves), "Curves of loss and accuracy of training and validation over the epochs."),
        Table(["epoch", *[name.replace("_", " ") for name in columns]], rows),
    ])  # fmt: skip


def _figure(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "" if value is None else str(value)


def _classes(run: Run) -> Section:
    matrix, names = run.outcome.confusion, run.outcome.names
    scores = (score(matrix) for score in (recall, precision, f1_score))
    rows = [
        (name, f"{count:,}", *[f"{score:.4f}" for score in each])
        for name, count, *each in zip(names, matrix.sum(axis=1), *scores, strict=True)
    ]
    figure = plots.confusion_matrix(matrix, names, "")
    return Section("Classes", [
        Picture(plots.png(figure), "Confusion matrix: how often each class was taken for each."),
        Table(("images of class", "taken for", "how often"), _confused(matrix, names), "Confused most often"),
        Table(
            ("class", "test images", "recall", "precision", "F1"), rows,
            "Recall: the share of a class's images that are found. Precision: the share right of what is taken for it. "
            "F1: their harmonic mean.",
        ),
    ])  # fmt: skip


def _confused(matrix: Any, names: list[str]) -> list[tuple[str, str, int]]:
    """Return the most frequent mistakes: true class, predicted class, count."""
    mistakes = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:_MISTAKES]
    places = zip(*np.unravel_index(order, matrix.shape), strict=True)
    return [(names[i], names[j], int(mistakes[i, j])) for i, j in places if mistakes[i, j]]


def _predictions(run: Run) -> Section:
    parts: list[str | Picture] = []
    for right, said in ((True, "Right: the first ones."), (False, "Wrong: those of which it was surest.")):
        chosen = run.outcome.examples(right)
        if not len(chosen):
            parts.append(f"None of the test images was predicted {'right' if right else 'wrong'}.")
            continue
        labels, predicted = run.outcome.test.labels[chosen], run.outcome.predicted[chosen]
        pairs = zip(labels, predicted, strict=True)
        names = run.outcome.names
        listed = "; ".join(f"{names[label]} taken for {names[guess]}" for label, guess in pairs)
        picture = plots.png(run.outcome.grid(right))
        parts.append(Picture(picture, f"Test images: {listed}.", said))
    return Section("Right and wrong predictions", parts)


def _weights(run: Run) -> Section:
    path = run.folder / FILTERS
    if not path.exists():
        return Section("Filters", [f"The folder has no {FILTERS}."])
    caption = "Weights before and after training."
    return Section("Filters", [Picture(path.read_bytes(), "Filters of the first convolution.", caption)])


def _maps(run: Run) -> Section:
    images = run.outcome.test.images[:1]
    layers = [(name, maps[0]) for name, maps in feature_maps(run.outcome.trained.logits, images)]
    if not layers:
        return Section("Feature maps", ["The network has no convolution or pooling."])
    figure = plots.feature_maps(images[0], layers, "")
    caption = "What each layer makes of the first test image: how many maps, of what size, by which operations."
    return Section("Feature maps", [Picture(plots.png(figure), "Feature maps of the first test image.", caption)])


def _reasons(run: Run) -> Section:
    chosen = np.concatenate([run.outcome.examples(True, 3), run.outcome.examples(False, 2)])
    images, labels, f = run.outcome.test.images[chosen], run.outcome.predicted[chosen], run.score
    maps = {"saliency": saliency(f, images, labels), "occlusion": occlusion(f, images, labels)}
    if any(name.startswith("conv") for name, _ in feature_maps(f, images[:1])):
        maps["Grad-CAM"] = grad_cam(f, images, labels)
    figure = plots.overlays(images, maps, "", names=[f"taken for {run.outcome.names[label]}" for label in labels])
    alt = f"For {len(chosen)} test images, maps of the pixels that matter: {', '.join(maps)}."
    return Section("What it goes by", [
        "Saliency: by how much each pixel moves the score of the class predicted, its logit less the mean of all. "
        "Occlusion: by how much its probability drops when a patch is covered (red), or rises (blue). Grad-CAM: where "
        "the feature maps of the last convolution speak for it. Each map has its own scale.",
        Picture(plots.png(figure), alt),
    ])  # fmt: skip


def _favourites(run: Run) -> Section:
    labels = np.arange(min(len(run.outcome.names), 10))
    shape = (len(labels), *run.outcome.test.images.shape[1:])
    start = random.uniform(random.key(0), shape, run.outcome.test.images.dtype, high=0.1)
    images, path = class_image(run.score, labels, start, l2=0.01, variation=0.02)
    names = [run.outcome.names[label] for label in labels]
    figure = plots.class_images(images, names, "")
    rows = [(name, f"{first:.3g}", f"{last:.3g}") for name, first, last in zip(names, path[0], path[-1], strict=True)]
    return Section("What each class looks like to it", [
        "Images that gradient ascent makes from faint noise, so that the score of a class grows.",
        Picture(plots.png(figure), f"An image for each of {', '.join(names)}."),
        Table(("class", "score at the start", "at the end"), rows),
    ])  # fmt: skip


def _settings(run: Run) -> Section:
    leaves, structure = tree.flatten(run.outcome.trained.params)
    told = [
        (name.replace("_", " "), value if isinstance(value, str) else json.dumps(value))
        for name, value in run.metrics.items()
        if name != "history"
    ]
    shapes = [
        (path, " × ".join(map(str, shape_of(leaf))) or "one number", f"{leaf.size:,}")
        for path, leaf in zip(structure.paths, leaves, strict=True)
    ]
    return Section("Settings", [
        Table(("setting or figure", "value"), told, f"What {METRICS} says"),
        Table(("parameters", "shape", "numbers"), shapes, "What was learned"),
    ])  # fmt: skip
