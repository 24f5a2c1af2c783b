"""The tables: for the terminal, as Markdown and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from .cases import COMPILED, EAGER, OURS
from .growth import summary as growth_summary
from .outcome import Outcome, Timing, geometric_mean
from .peers import NAMES
from .settings import THREADS

Outcomes = Mapping[str, Outcome]
TRAINING_MEAN = 0.8
TITLES = {
    "training": "Training steps: forward, backward and the SGD update",
    "operations": "Operations",
    "tape": "The tape",
    "growth": "Growth",
}


def scale(seconds: float) -> tuple[float, str]:
    """Return the factor and the unit in which it reads well."""
    return next(((f, u) for f, u in ((1, "s"), (1e3, "ms"), (1e6, "us")) if seconds * f >= 1), (1e9, "ns"))


def figure(seconds: float) -> str:
    """Write a time with three digits and its unit."""
    factor, unit = scale(seconds)
    return f"{seconds * factor:.3g} {unit}" if seconds * factor < 1000 else f"{seconds * factor:.0f} {unit}"


# Before anything is run. Libraries with threads of their own lose most on a busy machine: their threads wait in turn.
LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
BUSY = 0.7
# Names the processor whose kernels NumPy's OpenBLAS takes, in place of the one that it finds.
CORETYPE = "OPENBLAS_CORETYPE"


def environment() -> dict[str, str]:
    """Return the machine, the versions and the day."""
    found = {"date": date.today().isoformat(), "processor": _processor(), "threads": str(THREADS),
             "load": f"{LOAD:.1f}", "OpenBLAS": _openblas(), CORETYPE: os.environ.get(CORETYPE) or "unset",
             "Python": platform.python_version()}  # fmt: skip
    for package in ("numpy", "torch", "jax", "mygrad", "autograd", "threadpoolctl"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _openblas() -> str:
    """Return the processors whose kernels the OpenBLAS of this process takes: what a product's speed depends on."""
    try:
        from threadpoolctl import threadpool_info
    except ModuleNotFoundError:
        return "unknown"
    found = {info.get("architecture", "unknown") for info in threadpool_info() if info["internal_api"] == "openblas"}
    return ", ".join(sorted(found)) or "none"


def cautions() -> list[str]:
    """Return why the figures of this run are not to be trusted."""
    found = []
    if LOAD > BUSY:
        found.append("The machine is busy: no figure of this run is to be trusted, least of all those of PyTorch.")
    if core := os.environ.get(CORETYPE):
        found.append(
            f"{CORETYPE}={core}: NumPy's products take the kernels of that processor, up to twice as slow as those of "
            "this one; unset it for figures that count."
        )
    return found


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in path.read_text().splitlines() if line.startswith("model name")] \
        if path.exists() else []  # fmt: skip
    return names[0] if names else platform.processor() or platform.machine()


def text(outcome: Outcome) -> str:
    """One case for the terminal."""
    case = outcome.case
    lines = [f"\n{case.name}: {case.title}"]
    for name, t in outcome.timings.items():
        ratio = outcome.ratio(name)
        lines.append(
            f"  {name:20} min {figure(t.least / case.per):>9}  median {figure(t.median / case.per):>9}"
            + (f"  {ratio:7.2f}" if ratio is not None else "")
            + (f"  {outcome.memory[name] / 2**20:7.1f} MiB" if name in outcome.memory else "")
            + (f"  ({t.note})" if t.note else "")
        )
    if outcome.yardstick:
        rate = case.flops / outcome.yardstick.least / 1e9
        shares = ", ".join(f"{n} {outcome.share_of_yardstick(n):.0%}" for n in OURS if n in outcome.timings)
        lines.append(f"  bare product of the same flops: {figure(outcome.yardstick.least)}, {rate:.0f} GF/s; {shares}")
    lines += [f"  {name:20} - {reason}" for name, reason in outcome.missing.items()]
    lines += [f"  {'reached' if reached else 'NOT REACHED'}: {said}" for said, reached in outcome.targets()]
    return "\n".join(lines)


def as_json(outcomes: Outcomes) -> str:
    """Everything, times in seconds."""
    means = {name: geometric_mean(outcomes, name) for name in OURS}
    return json.dumps(
        {"environment": environment(), "geometric mean of training steps": means, "growth": growth_summary(outcomes),
         "cases": [o.as_json() for o in outcomes.values()]}, indent=1,
    )  # fmt: skip


def table(outcomes: list[Outcome], ratios: bool = True) -> list[str]:
    """Rows of medians (minima), our ratios to the best peer, and whether the targets are reached."""
    names = [n for n in NAMES if any(n in o.timings for o in outcomes)]
    ours = [n for n in OURS if n in names] if ratios else []
    head = ["", *names, *(f"{n} / best peer" for n in ours), *(["targets"] if ratios else [])]
    rows = [head, ["---"] * len(head)]
    for o in outcomes:
        cells = [o.case.title, *(_cell(o.timings.get(n), o.case.per) for n in names)]
        cells += ["" if (r := o.ratio(n)) is None else f"{r:.2f}" for n in ours]
        if ratios:
            missed = [said for said, reached in o.targets() if not reached]
            cells.append("missed: " + "; ".join(missed) if missed else "reached" if o.targets() else "")
        rows.append(cells)
    return ["| " + " | ".join(row) + " |" for row in rows]


def _cell(t: Timing | None, per: int) -> str:
    return "" if t is None else f"{figure(t.median / per)} ({figure(t.least / per)})"


def memory_table(outcomes: list[Outcome]) -> list[str]:
    """Peak memory of calls in MiB."""
    names = [n for n in NAMES if any(n in o.memory for o in outcomes)]
    rows = [["peak memory of a call, MiB", *names], ["---"] * (len(names) + 1)]
    rows += [
        [o.case.title, *(f"{o.memory[n] / 2**20:.0f}" if n in o.memory else "" for n in names)]
        for o in outcomes if o.memory
    ]  # fmt: skip
    return ["| " + " | ".join(row) + " |" for row in rows]


def means(outcomes: Outcomes) -> str:
    """The geometric means of the training steps' ratios in words."""
    found = [f"{name} {m:.2f}" for name in OURS if (m := geometric_mean(outcomes, name)) is not None]
    if not found:
        return ""
    return (
        f"Geometric mean of the training steps' ratios to the best peer: {', '.join(found)} (target {TRAINING_MEAN})."
    )


def operations(outcomes: Outcomes) -> str:
    """The operations in two sentences."""
    found = [(r, o.case.title) for o in outcomes.values() if o.case.group == "operations" and (r := o.ratio(EAGER))]
    if not found:
        return ""
    mean = float(np.exp(np.mean([np.log(r) for r, _ in found])))
    ahead, (worst, title) = sum(r < 1 for r, _ in found), max(found)
    return (
        f"Of {len(found)} operations, {EAGER} is ahead of every peer in {ahead}; geometric mean of the ratios "
        f"{mean:.2f}. The worst, {title}, has {worst:.2f}."
    )


def conclusion(outcomes: Outcomes) -> str:
    """How many targets are reached, and which are not."""
    every = [(o.case.name, said, reached) for o in outcomes.values() for said, reached in o.targets()]
    missed = [f"  {name}: {said}" for name, said, reached in every if not reached]
    lines = [
        means(outcomes),
        operations(outcomes),
        f"{len(every) - len(missed)} of {len(every)} targets reached; missed:",
        *missed,
    ]
    return "\n".join(line for line in [*lines, *growth_summary(outcomes)] if line)


def heading() -> str:
    """What was measured where."""
    found = environment()
    told = ("date", "processor", "threads", "load", "OpenBLAS", CORETYPE)
    versions = ", ".join(f"{k} {v}" for k, v in found.items() if k not in told)
    machine = f"{found['processor']}, {found['threads']} threads, load before {found['load']}"
    blas = f"OpenBLAS's kernels: {found['OpenBLAS']} ({CORETYPE} {found[CORETYPE]})"
    return f"Measured {found['date']} on {machine}; {versions}; {blas}."


def markdown(outcomes: Outcomes) -> str:
    """All tables."""
    lines = [heading(), "", "Medians, in brackets minima; a ratio is ours to the best peer's, below 1 is ahead.", ""]
    for group, title in TITLES.items():
        found = [o for o in outcomes.values() if o.case.group == group]
        if not found:
            continue
        lines += [f"## {title}", "", *table(found, group != "growth"), ""]
        if any(o.memory for o in found):
            lines += [*memory_table(found), ""]
        if group == "training":
            lines += [means(outcomes), ""]
        if group == "growth":
            lines += [*growth_summary(outcomes), ""]
    missing = [f"- {o.case.name}, {n}: {why}" for o in outcomes.values() for n, why in o.missing.items()]
    return "\n".join(lines + (["Left out:", "", *missing, ""] if missing else []))


BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def readme_block(outcomes: Outcomes) -> str:
    """The README's table: the training steps and the tape."""
    lines = [heading(), "", "Medians of one run a case; the ratio is ours to the best peer's, below 1 is ahead.", ""]
    for groups in (("training",), ("tape",)):
        found = [o for o in outcomes.values() if o.case.group in groups]
        names = [n for n in NAMES if any(n in o.timings for o in found)]
        ours = [n for n in OURS if n in names]
        rows = [["", *names, *("ratio" if n == EAGER else f"ratio, {COMPILED.split()[1]}" for n in ours)]]
        rows.append(["---"] * len(rows[0]))
        for o in found:
            times = [figure(o.timings[n].median / o.case.per) if n in o.timings else "" for n in names]
            rows.append([o.case.title, *times, *("" if (r := o.ratio(n)) is None else f"{r:.2f}" for n in ours)])
        if found:
            lines += ["| " + " | ".join(row) + " |" for row in rows] + [""]
    lines += [line for line in (means(outcomes), operations(outcomes)) if line]
    return "\n".join([BEGIN, *lines, *growth_summary(outcomes), END])


def write_readme(path: Path, outcomes: Outcomes) -> None:
    """Replace what is between the two markers.

    Raises
    ------
    ValueError
        Without the markers.
    """
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} has no lines {BEGIN} and {END}")
    path.write_text(before + readme_block(outcomes) + after, encoding="utf-8")
