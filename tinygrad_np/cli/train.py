"""``tinygrad-np train MODEL``: train a network, and leave everything about it in a folder."""

import argparse
import math
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..inspect.extras import import_extra
from ..models import MODELS
from . import listing
from .errors import INTERRUPTED
from .runs import FILES, chosen_model, prepare_data
from .session import Session
from .settings import check_replaceable, check_resumable, choose_settings, find_checkpoint

_DESCRIPTION = f"""Train a network and write {", ".join(FILES)} to a folder. The last of the training images (a sixth
with most networks) validate; the test images are looked at once, at the end. A run whose folder holds an unfinished
run, or one with other settings, is refused without --resume or --overwrite; with the same settings it trains again, to
the same bits."""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser("train", help="train a network", description=_DESCRIPTION)
    add_arguments(parser)
    return parser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("model", choices=MODELS, nargs="?", help="which network")
    what.add_argument("--list", action="store_true", help="describe the networks, timing a few steps of each")
    parser.add_argument(
        "--data", metavar="NAME|FOLDER", help="digits, mnist, fashion, cifar10, or a folder of IDX or CIFAR-10 files"
    )
    parser.add_argument("--as-published", action="store_true", help="with the article's own start and settings")
    parser.add_argument(
        "--freeze", metavar="LAYER", action="append", default=[], help="do not train this layer; can be repeated"
    )
    parser.add_argument("--epochs", type=_number(int, 1), help="in all, those before --resume included")
    parser.add_argument("--batch-size", type=_number(int, 1), help="images a step")
    parser.add_argument("--learning-rate", type=_number(float, math.ulp(0.0)), help="at the start; with some it decays")
    parser.add_argument("--seed", type=_number(int, 0, 2**64 - 1), help="the same one gives the same bits (default: 0)")
    parser.add_argument(
        "--patience", type=_number(int, 1), metavar="EPOCHS",
        help="stop when the validation loss has not improved for so many, and keep the best parameters",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the files go (default: runs/MODEL)")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on from the last checkpoint, with its settings")
    again.add_argument("--overwrite", action="store_true", help="start again, whatever the folder holds")


def run(args: argparse.Namespace) -> int:
    """Train, evaluate, and write the files."""
    if args.list:
        print(listing.table())
        return 0
    for needed in ("tqdm", "matplotlib.figure"):
        import_extra(needed)  # now, rather than after training
    folder = args.out or Path("runs", args.model)
    earlier = find_checkpoint(folder, args.resume)
    told = earlier.settings if earlier and args.resume else {}
    args.as_published = args.as_published or told.get("as_published", False)
    args.freeze = args.freeze or told.get("freeze", [])
    model = chosen_model(args.model, args.as_published)
    data = prepare_data(model, args.data or told.get("data", model.recipe.data))
    settings = choose_settings(args, told, model, data)
    if args.resume and earlier:
        check_resumable(earlier, settings)
    elif not args.overwrite:
        check_replaceable(folder, earlier, settings)
    session = Session(model, data, settings, folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        session.train(earlier if args.resume else None)
    except KeyboardInterrupt:
        command = f"tinygrad-np train {model.name} --out {shlex.quote(str(folder))} --resume"
        print(f"interrupted; all complete epochs are saved. To go on: {command}", file=sys.stderr)
        return INTERRUPTED
    return 0


def _number(kind: Callable[[str], Any], low: float, high: float = math.inf) -> Callable[[str], Any]:
    """Return an argparse type: a finite number of a kind within bounds."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not (low <= value <= high and value < math.inf):
            raise argparse.ArgumentTypeError(f"{text} is out of range")
        return value

    parse.__name__ = kind.__name__  # what argparse calls it when kind(text) fails
    return parse
