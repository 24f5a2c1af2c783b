"""Speed against the peers that are installed (extra `bench`): ``python -m benchmarks``.

Competitors run in turn, on the same data, in the same dtype, in one process, with two threads, after a check that all
compute the same loss and the same gradients. Trust the ratios of one run, on a machine that does nothing else. That
tinygrad_np asks the C library to keep freed memory serves the peers in its process as well; memory is measured apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import limits  # noqa: F401  (before NumPy)

from . import peers, profiling, report  # isort: skip
from .outcome import Outcome
from .running import run_case
from .suite import selected

QUICK = 0.3


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--cases",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="of names, as --list gives them: lenet5/1, conv2d*, training/*",
    )
    parser.add_argument("--peers", nargs="+", default=[], metavar="NAME", help=f"of {', '.join(peers.NAMES)}")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="time for a training step's case; others take a third"
    )
    parser.add_argument(
        "--repeat", type=int, default=1, help="run everything so many times; the best run of each counts"
    )
    parser.add_argument("--quick", action="store_true", help="a fraction of a second each, no memory, no growth")
    parser.add_argument("--list", action="store_true", help="print the cases and what they aim at")
    parser.add_argument("--profile", action="store_true", help="profile our training steps that miss their target")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    parser.add_argument(
        "--readme", type=Path, metavar="FILE", help="replace the table between the markers in this file"
    )
    return parser.parse_args()


def write(options: argparse.Namespace, outcomes: dict[str, Outcome]) -> None:
    """Write the files asked for."""
    for path, text in ((options.json, report.as_json), (options.markdown, report.markdown)):
        if path:
            path.write_text(text(outcomes) + "\n", encoding="utf-8")


def main() -> None:
    """Run the cases."""
    options = parse()
    cases = [c for c in selected(options.cases) if not (options.quick and c.group == "growth")]
    if options.list:
        for case in cases:
            aims = ", ".join(f"{name} {most:.2f}" for name, most in case.targets.items())
            print(f"{case.name:40} {case.title}" + (f"  [{aims}]" if aims else ""))
        return
    names = [n for n in peers.installed() if not options.peers or n in options.peers or n == "tinygrad_np"]
    print(report.heading())
    for caution in report.cautions():
        print(caution)
    outcomes: dict[str, Outcome] = {}
    for _ in range(options.repeat):
        for case in cases:
            seconds = QUICK if options.quick else options.seconds / (1 if case.group == "training" else 3)
            outcome = run_case(case, names, seconds, measure_memory=not options.quick)
            outcomes[case.name] = outcome.better(outcomes.get(case.name))
            print(report.text(outcome), flush=True)
            if options.profile:
                print(profiling.of_missed(outcome))
            write(options, outcomes)  # as far as it has come: a run that is stopped is not lost
    print("\n" + report.conclusion(outcomes))
    if options.readme:
        report.write_readme(options.readme, outcomes)


if __name__ == "__main__":
    main()
