"""The command line, one command a file: a module with ``add_parser(commands)`` and ``run(args) -> exit code``."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from .. import __version__
from ..kernels.threads import hold_blas
from . import check, compare, coverage, derive, evaluate, explain, help, learn, predict, profile, report, train
from .errors import EXPECTED, INTERRUPTED, one_line

COMMANDS = (train, evaluate, predict, report, compare, coverage, check, derive, help, learn, explain, profile)
_CODES = "exit codes: 0 done, 1 what was checked is wrong, 2 an error, told in one line, 3 cannot tell, 130 interrupted"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    result = argparse.ArgumentParser(
        prog="tinygrad-np",
        description="Train convolutional networks written in NumPy and use them; check, explain and profile gradients.",
        epilog=_CODES,
    )
    result.add_argument("--version", action="version", version=f"tinygrad_np {__version__}")
    commands: Any = result.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands).set_defaults(run=command.run)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors that a user can cause are told in one line."""
    args = parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where a terminal has no sign for a Σ, a ? stands
    try:
        with hold_blas():
            code: int = args.run(args)
        if sys.stdout is not None:  # as it is in a process that was started without one
            sys.stdout.flush()
    except BrokenPipeError:  # who reads it has seen enough, as `head` has; nothing is to be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except EXPECTED as error:
        print(f"tinygrad-np: error: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tinygrad-np: interrupted", file=sys.stderr)
        return INTERRUPTED
    return code
