"""``tinygrad-np predict RUN IMAGE...``: say what is on pictures."""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from .errors import UserError
from .images import INVERSIONS, read_image
from .outcome import all_names
from .runs import TrainedModel, load_model

_DESCRIPTION = """Print the most likely class of each picture and the probabilities of all. Pictures may have any size,
colours and transparency; they are scaled to what the network takes, and turned grey unless it takes colours. Networks
for grey pictures have seen white on black: a picture whose border is bright (median above one half) is inverted, which
is said. Of pictures that cannot be read, the error is told, the others are still done, and the exit code is 2."""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "predict", help="say what is on pictures", description=_DESCRIPTION
    )
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the folder that train wrote")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="PNG files, or others that Pillow reads")
    parser.add_argument("--invert", choices=INVERSIONS, default="auto", help="black on white (default: see above)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Predict picture by picture and print."""
    trained, facts = load_model(args.run_folder)
    classes, code = all_names(trained, facts["classes"]), 0
    for path in args.images:
        try:
            print(_answer(trained, classes, path, args.invert))
        except UserError as error:
            print(f"tinygrad-np: error: {error}", file=sys.stderr)
            code = 2
    return code


def _answer(trained: TrainedModel, classes: list[str], path: Path, invert: str) -> str:
    height, width, channels = trained.model.image_shape
    image, inverted = read_image(path, (height, width), invert, colour=channels == 3)
    probabilities = nn.softmax(trained.logits(image[np.newaxis]))[0]
    best = int(np.argmax(probabilities))
    table = "  ".join(f"{name} {p:.3f}" for name, p in zip(classes, probabilities, strict=True))
    note = " (inverted)" if inverted else ""
    return f"{path}: {classes[best]}{note}\n    {table}"
