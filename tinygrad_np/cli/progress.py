"""What is seen of training: a bar on a terminal, and one line an epoch."""

from types import TracebackType
from typing import Any

from ..inspect.extras import import_extra
from ..training import Mean, Progress, Step


class ProgressDisplay:
    """A callback of `fit` that shows a bar while an epoch runs, where there is a terminal, and a line after it.

    Parameters
    ----------
    epochs : int
        How many there will be.
    images : int
        Training images an epoch.
    """

    def __init__(self, epochs: int, images: int) -> None:
        self._epochs, self._images = epochs, images
        self._tqdm = import_extra("tqdm").tqdm
        self._bar: Any = None
        self._mean = Mean()

    def __enter__(self) -> "ProgressDisplay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __call__(self, event: Step | Progress) -> None:
        """Show a step or the end of an epoch."""
        if isinstance(event, Step):
            self._advance(event)
        else:
            self._close()
            print(self._line(event.history[-1]), flush=True)

    def _advance(self, step: Step) -> None:
        if self._bar is None:
            label = f"epoch {step.epoch}/{self._epochs}"
            # disable=None: no bar where stderr is a file
            self._bar = self._tqdm(total=self._images, desc=label, unit="img", leave=False, disable=None)
            self._mean = Mean()
        self._mean.add(step.metrics, step.examples)
        self._bar.set_postfix({name: f"{value:.4f}" for name, value in self._mean.values().items()}, refresh=False)
        self._bar.update(step.examples)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _line(self, record: dict[str, float]) -> str:
        parts = [f"epoch {record['epoch']:>{len(str(self._epochs))}}/{self._epochs}"]
        for part in ("train", "validation"):
            parts.append(f"{part} loss {record[f'{part}_loss']:.4f} accuracy {record[f'{part}_accuracy']:.4f}")
        return "   ".join([*parts, f"{record['seconds']:.1f} s"])
