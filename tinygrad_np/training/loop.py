"""The training loop: a fold of gradient steps over batches, watched by callbacks."""

import enum
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import random
from ..optim import GradientTransformation
from ..transforms.arguments import describe
from .metrics import Metrics, add_to, count_examples
from .update import REMEDY, NonFiniteLossError, Update, diagnose, diagnose_params

Tree = Any
_CHUNK = 256  # keys made at a time: making one costs as much as a small network's step


class Signal(enum.Enum):
    """What a callback may return."""

    STOP = "stop"


STOP = Signal.STOP


class Progress(NamedTuple):
    """Where training stands: all that is needed to go on.

    Attributes
    ----------
    params, state : tree
        Parameters and state of the optimiser.
    key : array (2,), uint64
        The key that training began with.
    epoch : int
        How many whole epochs are done.
    history : list of dict
        A record an epoch: epoch, train_* (means over the epoch, while the parameters changed), validation_* (after
        it) and seconds.
    step : int
        How many batches of the epoch after these are done; 0 at an epoch's end.
    examples, sums, seconds
        Of that epoch so far: how many examples, the sum of each metric over them, and how long it took.
    """

    params: Tree
    state: Tree
    key: Any
    epoch: int
    history: list[Metrics]
    step: int = 0
    examples: int = 0
    sums: Metrics = {}  # noqa: RUF012  (never written to)
    seconds: float = 0.0

    def means(self) -> Metrics:
        """Return the means of the metrics over the running epoch so far."""
        return {name: total / self.examples for name, total in self.sums.items()}


class Step(NamedTuple):
    """One update made: epoch and step count from 1, metrics are the loss and the others of this batch.

    ``progress()`` returns the `Progress` at the moment of the call, in the middle of an epoch, so that it can be saved.
    """

    epoch: int
    step: int
    examples: int
    metrics: Metrics
    progress: Callable[[], Progress]


Callback = Callable[[Step | Progress], object]
Batches = Callable[[int, Any], Iterable[Any]]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the check of the loss says it better
def fit(
    loss_fn: Callable[[Tree, Any, Any], Any],
    params: Tree,
    optimizer: GradientTransformation,
    batches: Batches,
    *,
    epochs: int,
    key: Any,
    evaluate: Callable[[Tree], Metrics] | None = None,
    callbacks: Sequence[Callback] = (),
    resume: Progress | None = None,
    prepare: Callable[[Any, Any], tuple[Any, Any]] | None = None,
    compile: bool = False,
) -> tuple[Tree, Tree, list[Metrics]]:
    """Minimise a loss over batches.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch, key)`` returns a scalar, the mean over the batch, or (scalar, aux). The key is for what
        is random within a step, such as dropout. aux is a dictionary of further scalars, and may have an entry
        "state": a dictionary like the parameters, or like some of them, whose leaves replace theirs after the update.
        So the statistics of `nn.batch_norm` live among the parameters, and no part of the optimiser moves them. (Those
        that a loss leaves out of "state" are parameters like the others: mask them if weights decay.)
    params : tree of arrays
        The start.
    optimizer : GradientTransformation
        See `tinygrad_np.optim`.
    batches : callable
        ``batches(epoch, key)`` gives the batches of an epoch, 1, 2, ...: trees of arrays whose first axis is that of
        examples. The same arguments must give the same batches.
    epochs : int
        How many epochs in all, those done before `resume` included.
    key : array (2,), uint64
        Everything random follows from it: epoch e has ``order, steps = split(fold_in(key, e))``, `batches` gets the
        first, and the keys of its steps are those of ``split(fold_in(steps, c), 256)`` for c = 0, 1, ... one after
        another. So a resumed run has the same bits as one that was never interrupted.
    evaluate : callable, optional
        ``evaluate(params)`` returns a dictionary of numbers, after each epoch.
    callbacks : sequence of callable
        Each is called with a `Step` after every update and with the `Progress` after every epoch. A run resumed between
        two epochs calls them with that Progress again, for it may have been killed before all had been called: what
        they do must bear repetition. One that returns `STOP` for a Progress ends training, once all have been called.
    resume : Progress, optional
        Go on from here; `params` is not used then.
    prepare : callable, optional
        ``prepare(batch, key)`` returns the batch and the key for `loss_fn`: what is done to a batch in plain NumPy
        before the step, such as augmentation.
    compile : bool
        Record the step once and run the recording, see `tinygrad_np.compile`: the same result in less time, if the loss
        goes the same way for all values.

    Returns
    -------
    params, state : tree
        Parameters and state of the optimiser at the end.
    history : list of dict
        See `Progress`.

    Raises
    ------
    NonFiniteLossError
        If the loss or another metric of a step or of `evaluate` is infinite or nan, or a parameter at the end of an
        epoch. It names epoch and step, what of the batch and the parameters was not finite before, and the first
        operation that went wrong: for this the step is run again, as `debug(..., non_finite=True)`. An update that
        spoils the parameters is found at the next step, which keeps the one before (parameters, batch) alive.
    ValueError
        If `key` is not the one of `resume`, an epoch has no batches or fewer than `resume` has seen, the state in aux
        does not match the parameters, the metrics have not the same names in every batch, or a callback returns `STOP`
        for a Step.
    TypeError
        If an argument, or what a function among them returned, is not what it should be.

    Examples
    --------
    >>> from tinygrad_np import data, optim
    >>> loss = lambda w, batch, key: np.mean((batch["x"] * w - batch["y"]) ** 2)
    >>> points = {"x": np.arange(8.0), "y": 3 * np.arange(8.0)}
    >>> batches = lambda epoch, key: data.batches(points, 4, key)
    >>> w, _, history = fit(loss, np.zeros(()), optim.sgd(0.01), batches, epochs=50, key=random.key(0))
    >>> round(float(w), 3), len(history)
    (3.0, 50)
    """
    _check(optimizer, batches, epochs, key, callbacks, resume)
    progress = resume or Progress(params, optimizer.init(params), key, 0, [])
    update = Update(loss_fn, optimizer, prepare=prepare, compiled=compile)
    done = progress.epoch > 0 and progress.step == 0 and _tell(callbacks, progress)
    while progress.epoch < epochs and not done:
        progress = _finished(_epoch(progress, update, batches, callbacks), evaluate)
        done = _tell(callbacks, progress)
    return progress.params, progress.state, progress.history


def _check(optimizer: Any, batches: Any, epochs: Any, key: Any, callbacks: Any, resume: Any) -> None:
    """Refuse arguments of `fit` that would fail later, with less to say, or do something else than is meant."""
    if not isinstance(optimizer, GradientTransformation):
        raise TypeError(
            f"fit: optimizer is {describe(optimizer)}; expected one of tinygrad_np.optim, as optim.sgd(0.1)"
        )
    if not callable(batches):
        raise TypeError(f"fit: batches is {describe(batches)}; expected a function (epoch, key) that gives the batches")
    if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer):
        raise TypeError(f"fit: epochs is {describe(epochs)}; expected an integer")
    if epochs < 0:
        raise ValueError(f"fit: epochs={epochs} must be 0 or more")
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise TypeError(f"fit: callbacks is {describe(callbacks)}; expected a list of functions")
    if not isinstance(resume, Progress | None):
        hint = "; of a checkpoint take checkpoint.progress(params, optimizer)" if hasattr(resume, "progress") else ""
        raise TypeError(f"fit: resume is of type {type(resume).__name__}, expected Progress{hint}")
    if resume is not None and not np.array_equal(key, resume.key):
        raise ValueError(f"fit: key {key} is not the one that the run to resume began with, {resume.key}")


def _tell(callbacks: Sequence[Callback], progress: Progress) -> bool:
    """Call all callbacks; return whether one wants to stop."""
    answers = [callback(progress) for callback in callbacks]
    return any(answer is STOP for answer in answers)


def _epoch(start: Progress, update: Update, batches: Batches, callbacks: Sequence[Callback]) -> Progress:
    """Do what is left of an epoch; return where that leads, before its end is recorded."""
    params, state, key, done, history, step, examples, sums, seconds = start
    sums, began, before, epoch = dict(sums), time.perf_counter() - seconds, None, done + 1
    order_key, steps_key = random.split(random.fold_in(key, epoch))

    def progress() -> Progress:
        spent = time.perf_counter() - began
        return Progress(params, state, key, done, history, step, examples, dict(sums), spent)

    left = _from(step, batches(epoch, order_key), epoch)
    for batch, step_key in zip(left, _keys(steps_key, step), strict=False):
        inputs = params, batch, step_key
        params, state, metrics = update(params, state, batch, step_key)
        step += 1
        if not math.isfinite(sum(metrics.values())):
            diagnose(update.loss_fn, metrics, inputs, before, f"at step {step} of epoch {epoch}")
        before, count = inputs, count_examples(batch)
        examples += count
        add_to(sums, metrics, count)
        if callbacks:
            event = Step(epoch, step, count, metrics, progress)
            for callback in callbacks:
                if callback(event) is STOP:
                    raise ValueError(
                        "fit: a callback returned STOP for a Step; only at an epoch's end, for a Progress, can it stop"
                    )
    return progress()


def _finished(progress: Progress, evaluate: Callable[[Tree], Metrics] | None) -> Progress:
    """Record the end of an epoch."""
    params, state, key, done, history, *_ = progress
    epoch, began = done + 1, time.perf_counter()
    if not progress.step:
        raise ValueError(f"fit: epoch {epoch} has no batches")
    diagnose_params(params, f"after epoch {epoch}")
    record = {f"train_{name}": value for name, value in progress.means().items()}
    metrics = evaluate(params) if evaluate else {}
    if not isinstance(metrics, dict):
        raise TypeError(f"fit: evaluate returned {describe(metrics)}; expected a dictionary of numbers")
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"the validation {name} is {value} after epoch {epoch}, while the parameters are finite; look at the "
                f"data that evaluate has, or {REMEDY}"
            )
        record[f"validation_{name}"] = float(value)
    record |= {"epoch": epoch, "seconds": progress.seconds + time.perf_counter() - began}
    return Progress(params, state, key, epoch, [*history, record])


def _from(step: int, batches: Iterable[Any], epoch: int) -> Iterator[Any]:
    """Leave out the batches that are done already."""
    left = iter(batches)
    skipped = sum(1 for _ in itertools.islice(left, step))
    if skipped < step:
        raise ValueError(f"fit: epoch {epoch} has {skipped} batches, but the run to resume had done {step} of them")
    return left


def _keys(key: Any, step: int) -> Iterator[Any]:
    """Give the keys of the steps after so many, without end."""
    for chunk in itertools.count(step // _CHUNK):
        keys = random.split(random.fold_in(key, chunk), _CHUNK)
        yield from keys[max(0, step - chunk * _CHUNK) :]
