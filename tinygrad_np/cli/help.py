"""``tinygrad-np help``: the commands, what one of them does, or the derivation of an operation."""

from __future__ import annotations

import argparse
from typing import Any

from . import derive

_DESCRIPTION = """List the commands. With the name of one, tell what it does and which options it has; with the name of
an operation, show its page as `tinygrad-np derive` does."""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "help", help="what a command does, or an operation", description=_DESCRIPTION
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="a command, or an operation: conv2d")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the help of a command, else the page of an operation."""
    from . import COMMANDS, parser  # which know this command

    if args.name is None:
        parser().print_help()
        return 0
    declared = _Declared()
    for command in COMMANDS:
        command.add_parser(declared)
    if args.name in declared.parsers:
        declared.parsers[args.name].print_help()
        return 0
    return derive.run(args)


class _Declared:
    """What commands declare themselves to, in place of the parser of the whole command line."""

    def __init__(self) -> None:
        self.parsers: dict[str, argparse.ArgumentParser] = {}

    def add_parser(self, name: str, *, help: str = "", **options: Any) -> argparse.ArgumentParser:
        """Make the parser of a command."""
        self.parsers[name] = argparse.ArgumentParser(prog=f"tinygrad-np {name}", **options)
        return self.parsers[name]
