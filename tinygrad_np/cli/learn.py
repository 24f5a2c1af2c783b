"""``tinygrad-np learn``: write the VJP of six operations, and have it judged."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UserError
from .tidy import tidy_hypothesis

if TYPE_CHECKING:
    from ..testing.exercises import Exercise

_DESCRIPTION = """Six exercises that build upon each other: write the VJP of multiply, matmul, max_pool, conv2d,
cross_entropy and batch_norm. Without an exercise, list them with their state. With one, write a file with the forward
function, the task and what to think about, for you to fill in. With --check, judge the file, with the checks that the
library's own rules pass: the answer is a pass, or the smallest point at which it is wrong, the entries that differ, and
a question to think about. Your file is Python and runs as you run this command."""
_WIDTH = 100


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "learn",
        help="write the VJPs of six operations, and have them judged",
        description=_DESCRIPTION,
        epilog="exit codes: 0 done or passed, 1 the answer is wrong or not begun, 2 an error, told in one line",
    )
    parser.add_argument("exercise", nargs="?", metavar="EXERCISE", help="multiply, for a start")
    parser.add_argument(
        "--folder", type=Path, default=Path(), metavar="DIR", help="where your files are (default: here)"
    )
    parser.add_argument(
        "--check", nargs="?", const=True, metavar="FILE", help="judge your answer, in EXERCISE.py of the folder or FILE"
    )
    parser.add_argument("--hint", action="store_true", help="say how to begin; with --check, what to do")
    parser.add_argument("--solution", action="store_true", help="print an answer with its derivation")
    parser.add_argument("--overwrite", action="store_true", help="write a new stub over a file that is there")
    return parser


def run(args: argparse.Namespace) -> int:
    """List the exercises, hand one out, or judge one."""
    if args.exercise is None:
        if args.check or args.hint or args.solution or args.overwrite:
            raise UserError("say which exercise: tinygrad-np learn multiply --check")
        return _list(args.folder)
    exercise = _exercise(args.exercise)
    if args.check:
        return _check(
            exercise, args.folder / f"{exercise.name}.py" if args.check is True else Path(args.check), args.hint
        )
    if args.solution:
        print(exercise.solution_text(), end="")
    if args.hint:
        print(_wrapped(f"Hint: {exercise.steps}"))
    if not (args.hint or args.solution):
        _hand_out(exercise, args.folder, args.overwrite)
    return 0


def _exercise(name: str) -> Exercise:
    from ..testing.exercises import EXERCISES

    if name in EXERCISES:
        return EXERCISES[name]
    near = get_close_matches(name, EXERCISES, 1)
    raise UserError(
        f"there is no exercise {name!r}"
        + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(EXERCISES)}")
    )


def _hand_out(exercise: Exercise, folder: Path, overwrite: bool) -> None:
    """Write the stub; a file that is there is only replaced if that was said."""
    path = folder / f"{exercise.name}.py"
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(exercise.stub())
    except FileExistsError:
        raise UserError(f"{path} is there already; --check judges it, --overwrite begins anew") from None
    where = "" if folder == Path() else f" --folder {folder}"
    print(
        f"{path} is written: read it and fill in {exercise.vjp_name}, then\n"
        f"    tinygrad-np learn {exercise.name} --check{where}"
    )


def _check(exercise: Exercise, path: Path, more: bool) -> int:
    from ..testing.exercises import EXERCISES, AnswerError, judge, load_answer
    from ..testing.exercises.telling import tell

    if not path.is_file():
        raise UserError(f"there is no file {path}; tinygrad-np learn {exercise.name} writes one to begin with")
    try:
        with tidy_hypothesis():
            verdict = judge(exercise, load_answer(exercise, path))
    except AnswerError as error:
        raise UserError(str(error)) from error
    print(_wrapped(tell(exercise, verdict, more=more)))
    if verdict.state == "passes":
        later = list(EXERCISES)[list(EXERCISES).index(exercise.name) + 1 :]
        print(
            f"Next: tinygrad-np learn {later[0]}"
            if later
            else "That was the last one. All of backpropagation is made so."
        )
        return 0
    if not more:
        print("--hint says more.")
    return 1


def _list(folder: Path) -> int:
    from ..testing.exercises import EXERCISES

    for number, exercise in enumerate(EXERCISES.values(), 1):
        print(
            f"{number}  {exercise.name:<15}{_state(exercise, folder / f'{exercise.name}.py'):<11}{exercise.title}",
            flush=True,
        )
    print("\nBegin with: tinygrad-np learn multiply")
    return 0


def _state(exercise: Exercise, path: Path) -> str:
    from ..testing.exercises import AnswerError, judge, load_answer

    if not path.is_file():
        return "no file"
    try:
        with tidy_hypothesis():
            return judge(exercise, load_answer(exercise, path)).state
    except AnswerError:
        return "fails"


def _wrapped(text: str) -> str:
    """Wrap lines of prose to the terminal; indented lines are code and tables."""
    width = min(_WIDTH, shutil.get_terminal_size(fallback=(_WIDTH, 0)).columns)
    lines = text.split("\n")
    return "\n".join(line if line.startswith(" ") else textwrap.fill(line, width) for line in lines)
