"""``tinygrad-np evaluate RUN``: test a trained network."""

import argparse
from pathlib import Path
from typing import Any

from .outcome import Outcome
from .runs import load_data, load_model


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    about = "Print loss and accuracy of a trained network on all test images."
    parser: argparse.ArgumentParser = commands.add_parser("evaluate", help="test a trained network", description=about)
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the folder that train wrote")
    parser.add_argument("--data", metavar="NAME|FOLDER", help="another dataset than the one it was trained on")
    return parser


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    trained, facts = load_model(args.run_folder)
    dataset = load_data(trained.model, args.data or facts["data"])
    outcome = Outcome.of(trained, dataset, facts["classes"])
    figures = f"test accuracy {outcome.accuracy:.4f}   test loss {outcome.loss:.4f}"
    print(f"{outcome.title}: {figures}   {len(dataset.test.images):,} images")
    return 0
