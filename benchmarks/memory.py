"""Peak memory of a program, in a process of its own: ``python -m benchmarks.memory CASE COMPETITOR NOTE``.

Printed are the bytes that calls need at most beyond what the process had after imports, the making of the data, and a
step of a small network on one image: what a library sets up once does not count. What a first call leaves, compiled
code included, does; what only compiling needed does not (where the system can forget a peak, as Linux can).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CALLS = 3
WARM = "training/lenet5/1"


def peak() -> int:
    """Return the most bytes that this process has had since `forget`."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    import resource  # Windows has none, and nothing in its place

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget() -> None:
    """Let the peak be what there is now, where the system has a way."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        try:
            path.write_text("5")
        except OSError:  # a container may forbid it: then the peak is that of the whole process
            return


def extra(run: Callable[[], object]) -> int:
    """Return the bytes that calls need beyond what there is now."""
    forget()
    before = peak()
    run()
    forget()
    for _ in range(CALLS):
        run()
    return max(peak() - before, 0)


def of_program(case: str, competitor: str, note: str) -> int:
    """Return the bytes that a competitor needs, or raise RuntimeError with the reason why it could not be told."""
    arguments = [sys.executable, "-m", "benchmarks.memory", case, competitor, note]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    if done.returncode:
        raise RuntimeError(done.stderr[-500:])
    return int(done.stdout)


def main() -> None:
    """Build, run, print."""
    from . import limits  # noqa: F401  (before NumPy)
    from .suite import CASES

    name, competitor, note = sys.argv[1:]
    case = next(case for case in CASES if case.name == name)
    programs = case.builders[competitor]()
    program = next(p for p in programs if p.note == note)
    del programs
    small = next(case for case in CASES if case.name == WARM)
    small.builders[competitor]()[0].run()
    print(extra(program.run))


if __name__ == "__main__":
    main()
