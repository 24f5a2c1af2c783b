"""Where the time of a training step of ours goes, if it misses its target."""

from __future__ import annotations

import cProfile
import io
import pstats

from .cases import EAGER
from .outcome import Outcome

CALLS, LINES = 50, 15


def of_missed(outcome: Outcome) -> str:
    """Return the functions that take longest, by their own time; nothing for a case that is no training or reached."""
    missed = [said for said, reached in outcome.targets() if not reached and said.startswith(f"{EAGER}:")]
    if outcome.case.group != "training" or not missed:
        return ""
    (program,) = outcome.case.builders[EAGER]()
    program.run()
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(CALLS):
        program.run()
    profile.disable()
    stream = io.StringIO()
    pstats.Stats(profile, stream=stream).sort_stats("tottime").print_stats(LINES)
    return f"  profile of {CALLS} steps:\n{stream.getvalue()}"
