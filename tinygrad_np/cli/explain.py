"""``tinygrad-np explain RUN | module:function``: the tape of a call as one page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..inspect.explain import Explanation, explain
from ..models import scaled, standardize
from ..training import write_whole
from .errors import UserError
from .functions import arguments_of, call, load_function
from .runs import MODEL, load_data, load_model

PAGE = "explain.html"
_IMAGES = 4
_DESCRIPTION = f"""Write {PAGE}: one self-contained page that shows the tape of a call as a picture, with what every
operation computed, the cotangent that came back to it, times, bytes, flops, its line and its derivation; and the
backward pass step by step. RUN is a folder that train wrote: its loss on the first test images is explained. A function
is called with the default values of its parameters, or with the tuple that the function given as --args returns; its
gradient is that of the first argument."""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "explain", help="show the tape of a call as a page", description=_DESCRIPTION
    )
    add = parser.add_argument
    add("what", metavar="RUN|MODULE:FUNCTION", help="a folder of train, module:function or file.py:function")
    add("--args", metavar="MODULE:FUNCTION", help="a function that returns the tuple of arguments")
    add("--data", metavar="NAME|FOLDER", help="another dataset than the one that the run was trained on")
    add("--images", type=int, default=_IMAGES, metavar="N", help=f"how many test images (default: {_IMAGES})")
    add("--output", type=Path, metavar="FILE", help=f"where the page goes (default: RUN/{PAGE}, or {PAGE} here)")
    add("--text", action="store_true", help="print a table and write no page")
    return parser


def run(args: argparse.Namespace) -> int:
    """Explain, and write the page."""
    folder = Path(args.what)
    is_run = folder.is_dir()
    output = args.output or (folder / PAGE if is_run else Path(PAGE))
    if not args.text and not output.parent.is_dir():
        raise UserError(f"{output}: there is no folder {output.parent}")
    if not args.text and output.is_dir():
        raise UserError(f"{output}: it is a folder; name a file, {output / PAGE}")
    if not is_run and ":" not in args.what:
        raise UserError(f"{args.what}: there is no such folder, and it names no module:function; {_runs()}")
    seen = _of_run(folder, args) if is_run else _of_function(args.what, args.args)
    if args.text:
        print(seen)
        return 0
    page = seen.html().encode()
    write_whole(output, page)
    print(f"{seen.name}: {len(page) / 1e6:.1f} MB to {output}")
    return 0


def _runs() -> str:
    """Say which runs there are."""
    found = sorted(
        str(path.parent) for pattern in ("*", "runs/*", "runs/*/*") for path in Path().glob(f"{pattern}/{MODEL}")
    )
    return f"there are the runs {', '.join(found[:8])}" if found else "there are no runs here or in runs/; train one"


def _of_run(folder: Path, args: argparse.Namespace) -> Explanation:
    """Explain the loss of a trained network on a few test images."""
    if args.images < 1:
        raise UserError(f"--images {args.images}: at least one image is needed")
    trained, facts = load_model(folder)
    model, dataset = trained.model, load_data(trained.model, args.data or facts["data"])
    chosen = dataset.test.images[: args.images].copy()  # a view keeps all images alive, and the page says so
    images = standardize(scaled(chosen, model.recipe), trained.statistics)

    def loss(params: Any, images: Any, labels: Any) -> Any:
        return model.loss(model.apply(params, images), labels)

    seen = explain(loss)(trained.params, images, dataset.test.labels[: args.images])
    seen.name = f"{trained.name} on {dataset.name}"
    return seen


def _of_function(spec: str, arguments: str | None) -> Explanation:
    f = load_function(spec)
    return call(explain(f), spec, *arguments_of(f, spec, arguments))  # type: ignore[no-any-return]
