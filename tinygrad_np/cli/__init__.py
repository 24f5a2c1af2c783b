"""The command line, one command a file: a module with ``add_parser(commands)`` and ``run(args) -> exit code``."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..kernels.threads import hold_blas
from . import compare, coverage, evaluate, predict, report, train
from .errors import EXPECTED, INTERRUPTED, one_line

_COMMANDS = (train, evaluate, predict, report, compare, coverage)
_CODES = "exit codes: 0 done, 2 an error, told in one line, 130 interrupted"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    result = argparse.ArgumentParser(
        prog="tinygrad-np",
        description="Train convolutional networks written in NumPy, use them, and see what of NumPy is differentiable.",
        epilog=_CODES,
    )
    result.add_argument("--version", action="version", version=f"tinygrad_np {__version__}")
    commands: Any = result.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands).set_defaults(run=command.run)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors that a user can cause are told in one line."""
    args = parser().parse_args(argv)
    try:
        with hold_blas():
            code: int = args.run(args)
    except EXPECTED as error:
        print(f"tinygrad-np: error: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinygrad-np: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code
