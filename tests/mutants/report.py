"""What the run found: per operation while it runs, then a table by family, survivors, and the total."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable
from pathlib import Path

from . import equivalent
from .score import Verdict

COLUMNS = {"vjp": "VJP", "jvp": "JVP", "both": "both", "batch": "batching", "source": "source"}


def family_of(key: str) -> str:
    """The file an operation stands in: "arithmetic"; all of scipy.special is one family."""
    parts = key.removeprefix("tinygrad_np.").split(".")
    name = parts[1] if parts[0] in ("ops", "core", "optim", "transforms") and len(parts) > 1 else parts[0]
    return "scipy.special" if name.startswith("scipy_") else name


def tell(key: str, verdicts: list[Verdict]) -> None:
    """Print one operation's line."""
    outcome = Outcome(verdicts, complete=False)
    print(f"{key.removeprefix('tinygrad_np.'):50} {outcome.killed:4} / {outcome.counted:4}", flush=True)
    for verdict in outcome.survivors:
        print(f"    survived: {verdict.name}", flush=True)


class Outcome:
    """Verdicts, sorted: who was noticed, who survived, and who is listed as equivalent.

    Attributes
    ----------
    survivors, listed, wrongly_listed : list of Verdict
        Mutants that no check noticed; equivalent ones; listed ones that a check noticed.
    troubles : list of str
        Checks that fail without a mutant.
    unused : list of str
        Patterns of the list that fit no mutant, if the run was complete.
    """

    def __init__(self, verdicts: list[Verdict], *, complete: bool) -> None:
        self.verdicts = verdicts
        equivalents = {v.name for v in verdicts if equivalent.reason_of(v.name)}
        self.listed = [v for v in verdicts if v.noticed is None and v.name in equivalents]
        self.survivors = [v for v in verdicts if v.noticed is None and v.name not in equivalents]
        self.wrongly_listed = [v for v in verdicts if v.noticed is not None and v.name in equivalents]
        self.troubles = sorted({v.trouble for v in verdicts if v.trouble})
        self.unused = equivalent.unused([v.name for v in verdicts]) if complete else []

    @property
    def killed(self) -> int:
        """How many mutants were noticed."""
        return sum(v.noticed is not None for v in self.verdicts)

    @property
    def counted(self) -> int:
        """How many mutants there are that could be noticed."""
        return len(self.verdicts) - len(self.listed)

    @property
    def perfect(self) -> bool:
        """Whether all was noticed that can be, and the list is true."""
        return not (self.survivors or self.wrongly_listed or self.unused or self.troubles) and self.counted > 0

    def __str__(self) -> str:
        lines = [self.table(), ""]
        lines += [f"survived: {v.name}" for v in self.survivors]
        lines += [f"listed as equivalent, but noticed by {v.noticed}: {v.name}" for v in self.wrongly_listed]
        lines += [f"the suite fails: {trouble}" for trouble in self.troubles]
        lines += [f"listed as equivalent, but there is no such mutant: {words}" for words in self.unused]
        share = 100 * self.killed / max(1, self.counted)
        shown = "100" if self.killed == self.counted else f"{min(share, 99.99):.2f}"
        operations = len({v.key for v in self.verdicts})
        total = f"mutation score {shown} %: {self.killed} of {self.counted} mutants of {operations} operations killed"
        return "\n".join([*lines, f"{total}; {len(self.listed)} equivalent ones are listed"])

    def table(self) -> str:
        """Killed / all by family and kind of rule, in Markdown."""
        equivalents = {v.name for v in self.listed}
        cells: dict[str, collections.Counter[tuple[str, bool]]] = collections.defaultdict(collections.Counter)
        for v in self.verdicts:
            if v.name not in equivalents:
                for row in (family_of(v.key), "all"):
                    cells[row][v.kind, v.noticed is not None] += 1
        rows = [*sorted(row for row in cells if row != "all"), *(["all"] if cells else [])]
        equal = collections.Counter(family_of(v.key) for v in self.listed) + collections.Counter(all=len(self.listed))
        lines = [_row(["family", *COLUMNS.values(), "total", "equivalent"]), "|---|" + "--:|" * (len(COLUMNS) + 2)]
        for row in rows:
            counts = [_share(cells[row], [kind]) for kind in COLUMNS]
            lines.append(_row([row, *counts, _share(cells[row], COLUMNS), str(equal[row])]))
        return "\n".join(lines)

    def write(self, path: str) -> None:
        """Write every verdict to a file, as JSON."""
        equivalents = {v.name: equivalent.reason_of(v.name) for v in self.listed}
        rows = [
            {"operation": v.key, "kind": v.kind, "mutant": v.name, "noticed": v.noticed, "equivalent": equivalents.get(v.name)}
            for v in self.verdicts
        ]  # fmt: skip
        Path(path).write_text(
            json.dumps({"killed": self.killed, "of": self.counted, "mutants": rows}, indent=1), "utf-8"
        )


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _share(counts: collections.Counter[tuple[str, bool]], kinds: Iterable[str]) -> str:
    killed = sum(counts[kind, True] for kind in kinds)
    alive = sum(counts[kind, False] for kind in kinds)
    return f"{killed} / {killed + alive}" if killed + alive else ""
