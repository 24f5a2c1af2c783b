"""``tinygrad-np compare``: the networks beside the articles that they come from."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..models import MODELS, Model
from ..training import write_whole
from . import train
from .listing import milliseconds
from .runs import CHECKPOINT, METRICS

_DESCRIPTION = """Train every network that comes from an article by its recipe, measure what a training step takes for
an image, and print a table: what the article claims, what is reached here on the test images, and both times. The
article's own code was measured once, on a machine like this one, with one thread. Runs that are complete are taken as
they are, interrupted ones go on."""
_FIVE = tuple(name for name, model in MODELS.items() if model.published)
_HEADER = ("network", "the article claims", "here", "on test images", "ms an image", "its own code", "times faster")


class Row(NamedTuple):
    """One network trained on one dataset."""

    network: str
    claim: str
    accuracy: float
    test_images: int
    dataset: str
    milliseconds: float
    original_milliseconds: float
    folder: str

    def cells(self) -> tuple[str, ...]:
        """Return what stands in the table."""
        return (
            self.network, self.claim, f"{self.accuracy:.4f}", f"{self.test_images:,} of {self.dataset}",
            f"{self.milliseconds:.3g}", f"{self.original_milliseconds:.3g}",
            f"{self.original_milliseconds / self.milliseconds:.2g}",
        )  # fmt: skip


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare", help="the networks beside their articles", description=_DESCRIPTION
    )
    parser.add_argument("--full", action="store_true", help="on the full datasets (default: on the embedded digits)")
    parser.add_argument("--models", nargs="+", choices=_FIVE, default=_FIVE, metavar="MODEL", help="some of them only")
    parser.add_argument("--out", type=Path, default=Path("runs/compare"), metavar="FOLDER", help="where the runs go")
    return parser


def run(args: argparse.Namespace) -> int:
    """Train, measure, print, and write the table as JSON and Markdown."""
    rows = [
        _row(MODELS[name], source, args.out / f"{name}-{Path(source).name}")
        for name in args.models
        for source in sources(MODELS[name], args.full)
    ]
    table = _markdown(rows)
    write_whole(args.out / "compare.json", (json.dumps([row._asdict() for row in rows], indent=2) + "\n").encode())
    write_whole(args.out / "compare.md", table.encode())
    print(table, end="")
    return 0


def sources(model: Model, full: bool) -> Sequence[str]:
    """Return the names of the datasets to train on."""
    return model.recipe.full_data if full else (model.recipe.data,)


def _row(model: Model, source: str, folder: Path) -> Row:
    """Train, as the command line does, go on with what was begun, and measure."""
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    arguments = [model.name, "--data", source, "--out", str(folder)]
    if (folder / CHECKPOINT).exists():
        arguments.append("--resume")
    if train.run(parser.parse_args(arguments)) != 0:
        raise KeyboardInterrupt
    metrics = json.loads((folder / METRICS).read_text())
    return Row(
        model.name, model.article.claim, metrics["test_accuracy"], metrics["test_images"], metrics["dataset"],
        milliseconds(model, seconds=3), model.article.milliseconds, folder.name,
    )  # fmt: skip


def _markdown(rows: Sequence[Row]) -> str:
    lines = [_HEADER, ("---",) * len(_HEADER), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
