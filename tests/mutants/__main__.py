"""The command: ``python -m tests.mutants`` prints the mutation score of the rules that ship."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys

if "numpy" not in sys.modules:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from . import report, score


def main(argv: list[str] | None = None) -> int:
    """Run the mutants and print the score; 1 if it is not complete."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME", help="operations whose key contains NAME")
    parser.add_argument("--sample", type=int, metavar="N", help="about N mutants, always the same")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", metavar="F", help="write all verdicts to the file F")
    options = parser.parse_args(argv)
    plan = score.Plan(score.keys_like(options.only), options.sample)
    verdicts = score.run(plan, options.jobs, report.tell)
    whole = not options.only and options.sample is None and importlib.util.find_spec("scipy") is not None
    outcome = report.Outcome(verdicts, complete=whole)
    if options.json:
        outcome.write(options.json)
    print(outcome)
    return 0 if outcome.perfect else 1


if __name__ == "__main__":
    sys.exit(main())
