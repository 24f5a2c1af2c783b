"""``tinygrad-np profile MODEL | module:function``: where the time and the memory of a step go."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from .. import random
from ..inspect.profiles import Profile, profile
from ..inspect.profiles.result import FORMS
from ..models import MODELS, standardization, standardize
from ..training import write_whole
from .errors import UserError
from .functions import arguments_of, call, load_function
from .runs import chosen_model

_DESCRIPTION = """Run a training step of a network (loss and gradients, on random images) or a function, and print
where the time and the memory go: each operation's time forward and backward, flops and bytes beside what this machine's
matrix product and memory reach, the memory over time, and what bounds the step. A loss is run with its backward pass. A
function is called with the default values of its parameters, or with the tuple that the function given as --args
returns."""
_NOTE = "training runs this step compiled, without most of Python's part of it"


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "profile", help="where the time and the memory of a step go", description=_DESCRIPTION
    )
    add = parser.add_argument
    add("what", metavar="MODEL|MODULE:FUNCTION", help=f"{', '.join(MODELS)}; module:function or file.py:function")
    add("--batch-size", type=int, metavar="N", help="of a network (default: that of its recipe)")
    add("--as-published", action="store_true", help="the network as its article has it")
    add("--args", metavar="MODULE:FUNCTION", help="a function that returns the tuple of arguments of a function")
    add("--repeats", type=int, default=5, metavar="N", help="how many runs at least; the median counts (default: 5)")
    add("--output", type=Path, metavar="FILE", help="write page.html, data.json or text.txt instead of printing")
    return parser


def run(args: argparse.Namespace) -> int:
    """Profile; print, or write a file."""
    if args.output is not None and args.output.suffix not in FORMS:
        raise UserError(f"--output {args.output}: its name ends on none of {', '.join(FORMS)}, which say the form")
    if args.output is not None and not args.output.parent.is_dir():
        raise UserError(f"--output {args.output}: there is no folder {args.output.parent}")
    for name in ("batch_size", "repeats"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise UserError(f"--{name.replace('_', '-')} {getattr(args, name)}: it is a positive integer")
    if args.what in MODELS:
        found = _of_model(args)
    elif ":" in args.what:
        found = _of_function(args)
    else:
        raise UserError(f"{args.what} is no network ({', '.join(MODELS)}), and it names no module:function")
    if args.output is None:
        print(found)
        return 0
    write_whole(args.output, found.in_form(args.output.suffix).encode())
    print(f"profile of {found.name}: {args.output}")
    return 0


def _of_model(args: argparse.Namespace) -> Profile:
    """Profile the loss of a network and its gradients, as training computes them."""
    if args.args is not None:
        raise UserError(f"--args is for functions; {args.what} is a network")
    model = chosen_model(args.what, args.as_published)
    recipe, (params_key, images_key, key) = model.recipe, random.split(random.key(0), 3)
    count = args.batch_size or recipe.batch_size
    shape = (count, *(recipe.resize or model.image_shape[:2]), model.image_shape[2])
    images, labels = random.uniform(images_key, shape, recipe.dtype), np.arange(count) % model.classes
    statistics = standardization(images, recipe.standardize)

    def loss(params: Any, images: Any, labels: Any, key: Any) -> Any:
        return model.loss(model.apply(params, standardize(images, statistics), key=key), labels)

    found = profile(loss, repeats=args.repeats)(model.init(params_key), images, labels, key)
    found.name = f"{model.name}{', as published' * args.as_published}: loss and gradients of {count} images"
    found.notes = (_NOTE,)
    return found


def _of_function(args: argparse.Namespace) -> Profile:
    if args.batch_size is not None or args.as_published:
        raise UserError(f"--batch-size and --as-published are for networks; {args.what} is a function")
    f = load_function(args.what)
    given = arguments_of(f, args.what, args.args)
    return call(profile(f, repeats=args.repeats), args.what, *given)  # type: ignore[no-any-return]
