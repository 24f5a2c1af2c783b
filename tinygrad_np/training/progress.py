"""What is seen of training: a bar on a terminal or in a notebook, lines in a log."""

import importlib.util
import sys
import time
from types import TracebackType
from typing import Any, Self

from .loop import Progress, Step
from .metrics import Mean, Metrics

_REDRAW, _REPORT = 0.1, 30.0  # seconds from one bar, or line within an epoch, to the next


class ProgressBar:
    """A callback of `fit` that shows where training stands: rate, time left in the epoch, metrics; a line an epoch.

    On a terminal, and in a notebook with ipywidgets, a bar of tqdm shows the running epoch. Elsewhere, as in a log
    file, a line says every 30 seconds how far it is. Use it in a ``with`` block, so that the bar goes if something
    fails.

    Parameters
    ----------
    epochs : int
        How many there will be.
    examples : int
        How many there are in an epoch.
    unit : str
        What an example is called.
    every : int, optional
        Also print a line after every so many steps of an epoch, with the means of these steps.

    Raises
    ------
    ValueError
        If a number is below 1.
    ModuleNotFoundError
        If tqdm is not installed.

    Examples
    --------
    >>> bar = ProgressBar(epochs=3, examples=60_000)  # fit(..., callbacks=[bar])
    """

    def __init__(self, epochs: int, examples: int, unit: str = "ex", *, every: int | None = None) -> None:
        if min(epochs, examples, 1 if every is None else every) < 1:
            raise ValueError(f"ProgressBar: epochs={epochs}, examples={examples} and every={every} must be 1 or more")
        self._epochs, self._examples, self._unit, self._every = epochs, examples, unit, every
        self._tqdm, self._options = _find_tqdm()
        self._bar: Any = None  # None between two epochs
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __call__(self, event: Step | Progress) -> None:
        """Show a step, if it is time for it, or the end of an epoch."""
        if isinstance(event, Step):
            if self._bar is None:
                self._open(event)
            if time.monotonic() >= self._next:
                self._show(event)
            if self._every is not None:
                self._take_in(event, self._every)
        elif self._bar is not None:  # else nothing was done: it is where a run was resumed
            self._close()
            print(self._line(event.history[-1]), flush=True)

    def _open(self, step: Step) -> None:
        self._first = step.progress().examples  # what was done before the clock starts
        self._began = time.monotonic()
        self._recent = Mean()
        self._bar = self._tqdm(
            total=self._examples, desc=self._name(step.epoch), unit=self._unit, leave=False, initial=self._first,
            mininterval=0, miniters=0, **self._options,
        )  # fmt: skip
        self._next = self._began + (_REPORT if self._bar.disable else 0)

    def _show(self, step: Step) -> None:
        progress = step.progress()
        if self._bar.disable:
            print(self._report(step.epoch, progress), flush=True)
            self._next = time.monotonic() + _REPORT
        else:
            self._bar.set_postfix({name: _number(value) for name, value in progress.means().items()}, refresh=False)
            self._bar.update(progress.examples - self._bar.n)
            self._next = time.monotonic() + _REDRAW

    def _take_in(self, step: Step, every: int) -> None:
        self._recent.add(step.metrics, step.examples)
        if step.step % every == 0:
            means = _listed(self._recent.values())
            self._bar.write(f"{self._name(step.epoch)}   step {step.step:,}   mean of {every}: {means}")
            self._recent = Mean()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _name(self, epoch: float) -> str:
        return f"epoch {epoch:>{len(str(self._epochs))}}/{self._epochs}"

    def _report(self, epoch: int, progress: Progress) -> str:
        rate = (progress.examples - self._first) / (time.monotonic() - self._began)
        left = max(0, self._examples - progress.examples) / rate
        share = f"{min(1.0, progress.examples / self._examples):4.0%}"
        time_left = f"{int(left) // 60}:{int(left) % 60:02d} left"
        return "   ".join(
            [self._name(epoch), share, f"{rate:,.0f} {self._unit}/s", time_left, _listed(progress.means())]
        )

    def _line(self, record: Metrics) -> str:
        parts = [self._name(record["epoch"])]
        for part in ("train", "validation"):
            metrics = {name.removeprefix(f"{part}_"): v for name, v in record.items() if name.startswith(f"{part}_")}
            if metrics:
                parts.append(f"{part} {_listed(metrics)}")
        return "   ".join([*parts, f"{record['seconds']:.1f} s"])


def _listed(metrics: Metrics) -> str:
    return " ".join(f"{name} {_number(value)}" for name, value in metrics.items())


def _number(value: float) -> str:
    """Four decimals, or four digits of what is too small for them."""
    return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.3e}"


def _find_tqdm() -> tuple[Any, dict[str, Any]]:
    """Return the kind of bar that suits where this runs, and its options: disabled where none does.

    ``tqdm.auto`` would warn in a notebook without ipywidgets.
    """
    try:
        from tqdm import tqdm
    except ModuleNotFoundError as error:
        message = 'ProgressBar needs tqdm, which is not installed: pip install "tinygrad_np[train]"'
        raise ModuleNotFoundError(message, name=error.name) from error
    if _in_notebook() and importlib.util.find_spec("ipywidgets"):
        from tqdm.notebook import tqdm

        return tqdm, {}
    return tqdm, {"disable": not sys.stderr.isatty()}


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"
