"""``tinygrad-np derive``: formula, derivation, conventions, cost and a worked example of an operation."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ..core.primitive import Primitive
from .errors import UserError
from .functions import load_function

_DESCRIPTION = """Explain an operation: its formula, the derivation of its derivatives, what happens at ties, kinks and
poles, what it costs, and a tiny example that is worked out on the spot, with finite differences beside it. A function
that is made of several operations is shown as these. Without a name, list the operations by family."""

_FORMS = "conv2d, np.tanh, linalg.solve, scipy.special.erf, softmax_cross_entropy; or module:function, file.py:function"


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "derive", help="the derivation of an operation, with numbers", description=_DESCRIPTION
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help=_FORMS)
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the page of an operation, or the list of all."""
    print("\n".join(lines(args.name)))
    return 0


def lines(name: str | None) -> Iterator[str]:
    """Yield the lines of the page of an operation, or those of the list."""
    from ..inspect.derivations import text  # not before it is asked for: it imports SciPy where that is installed
    from ..inspect.derivations.names import UnknownNameError, find

    if name is None:
        yield from text.listing()
        return
    if ":" in name:
        function = load_function(name)
        title, op = name.rpartition(":")[2], function if isinstance(function, Primitive) else None
    else:
        try:
            title, function, op = find(name)
        except UnknownNameError as error:
            raise UserError(str(error)) from None
    if op is not None:
        yield from text.page_of_primitive(op, title)
    else:
        yield from text.page_of_composition(title, function)
