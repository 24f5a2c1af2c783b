"""``tinygrad-np check``: whether a function's derivatives are right, at inputs that it takes."""

import argparse
import ast
from typing import Any

from .errors import UserError
from .functions import load, load_function
from .tidy import tidy_hypothesis

_DESCRIPTION = """Check a function of arrays, or a primitive, at inputs drawn by Hypothesis: VJP, JVP and second
derivatives against differences whose error is estimated and against each other, the linearity of the pullback, vmap
against a loop, shapes and dtypes, that nothing is changed, shared or random. What the function takes is found by trying
shapes, or told with --shapes or --strategy. A failure is shrunk, and printed with a table, a guess at the cause and a
test to paste."""
_CODES = "exit codes: 0 pass, 1 fail, 2 an error, told in one line, 3 cannot tell (kinks, rounding, no input taken)"
CANNOT_TELL = 3


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check", help="whether a function's derivatives are right", description=_DESCRIPTION, epilog=_CODES
    )
    add = parser.add_argument
    add("function", metavar="MODULE:FUNCTION", help="module:function or file.py:function")
    add("--strategy", metavar="MODULE:NAME", help="a Hypothesis strategy of tuples of arguments, or what returns one")
    add(
        "--shapes", action="append", type=_shapes, metavar="SHAPES",
        help='a shape for each argument, "(3,4),(4,)"; may be given several times',
    )  # fmt: skip
    add("--dtypes", type=lambda text: tuple(text.split(",")), help="float64,float32,complex128: those to draw")
    add(
        "--option", action="append", type=_option, default=[], metavar="NAME=VALUE",
        help="a keyword argument to call the function with, a Python literal; may be given several times",
    )  # fmt: skip
    add("--examples", type=_positive, default=50, metavar="N", help="how many calls to check (default: 50)")
    add("--seed", type=int, default=0, help="the same seed, the same calls (default: 0)")
    add("--order", type=_positive, default=2, metavar="N", help="up to which derivative (default: 2)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Check and print the verdict."""
    from ..testing import check  # not before it is asked for: it needs Hypothesis

    with tidy_hypothesis():
        result = check(
            load_function(args.function),
            None if args.strategy is None else _strategy(args.strategy),
            shapes=args.shapes, dtypes=args.dtypes, options=dict(args.option), examples=args.examples, seed=args.seed,
            order=args.order, origin=args.function,
        )  # fmt: skip
    print(result)
    return 0 if result.passed else 1 if result.failure else CANNOT_TELL


def _strategy(spec: str) -> Any:
    """Return the strategy that has a name, or that a function of that name returns."""
    from hypothesis.strategies import SearchStrategy

    try:
        found: Any = load(spec)
    except UserError as error:
        raise UserError(f"--strategy {error}") from error
    found = found() if callable(found) and not isinstance(found, SearchStrategy) else found
    if not isinstance(found, SearchStrategy):
        raise UserError(f"--strategy {spec} is of type {type(found).__name__}; a Hypothesis strategy is wanted")
    return found


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _shapes(text: str) -> Any:
    """Read "(3,4),(4,)", or "(3,4)" for one argument."""
    found = _literal(text)
    some = (found,) if isinstance(found, tuple) and all(isinstance(n, int) for n in found) else found
    if not isinstance(some, tuple) or not all(
        isinstance(shape, tuple) and all(isinstance(n, int) and n >= 0 for n in shape) for shape in some
    ):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of shapes; write a tuple for each argument: (3,4),(4,)")
    return some


def _option(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, as in axis=0")
    return name, _literal(value)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)
