"""The training loop: a fold of gradient steps over batches, watched by callbacks."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import random
from ..optim import GradientTransformation, apply_updates
from ..transforms.reverse import value_and_grad
from .metrics import Mean, Metrics, count_examples, named

Tree = Any


class NonFiniteLossError(ArithmeticError):
    """The loss became infinite or not a number; the message says where."""


class Step(NamedTuple):
    """One update made: epoch and step count from 1, metrics are the loss and the others of this batch."""

    epoch: int
    step: int
    examples: int
    metrics: Metrics


class Progress(NamedTuple):
    """Where training stands after a number of whole epochs: all that is needed to go on.

    Attributes
    ----------
    params, state : tree
        Parameters and state of the optimiser.
    key : array (2,), uint64
        The key that training began with.
    epoch : int
        How many epochs are done.
    history : list of dict
        A record an epoch: epoch, train_* (means over the epoch, while the parameters changed), validation_* (after
        it) and seconds.
    """

    params: Tree
    state: Tree
    key: Any
    epoch: int
    history: list[Metrics]


Callback = Callable[[Step | Progress], None]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the check of the loss says it better
def fit(
    loss_fn: Callable[[Tree, Any, Any], Any],
    params: Tree,
    optimizer: GradientTransformation,
    batches: Callable[[int, Any], Iterable[Any]],
    *,
    epochs: int,
    key: Any,
    evaluate: Callable[[Tree], Metrics] | None = None,
    callbacks: Sequence[Callback] = (),
    resume: Progress | None = None,
) -> tuple[Tree, Tree, list[Metrics]]:
    """Minimise a loss over batches.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch, key)`` returns a scalar, the mean over the batch, or (scalar, dictionary of further
        scalars). The key is for what is random within a step, such as dropout.
    params : tree of arrays
        The start.
    optimizer : GradientTransformation
        See `tinygrad_np.optim`.
    batches : callable
        ``batches(epoch, key)`` gives the batches of an epoch, 1, 2, ...: trees of arrays whose first axis is that of
        examples.
    epochs : int
        How many epochs in all, those done before `resume` included.
    key : array (2,), uint64
        Everything random follows from it. An epoch's key is folded in with its number, so a resumed run has the same
        bits as one that was never interrupted.
    evaluate : callable, optional
        ``evaluate(params)`` returns a dictionary of numbers, after each epoch.
    callbacks : sequence of callable
        Each is called with a `Step` after every update and with the `Progress` after every epoch.
    resume : Progress, optional
        Go on from here; `params` is not used then.

    Returns
    -------
    params, state : tree
        Parameters and state of the optimiser at the end.
    history : list of dict
        See `Progress`.

    Raises
    ------
    NonFiniteLossError
        If the loss of a step or a result of `evaluate` is infinite or nan; names epoch and step.
    ValueError
        If `key` is not the one of `resume`, or an epoch has no batches.
    """
    if resume is not None and not np.array_equal(key, resume.key):
        raise ValueError(f"fit: key {key} is not the one that the run to resume began with, {resume.key}")
    progress = resume or Progress(params, optimizer.init(params), key, 0, [])
    step = _step(loss_fn, optimizer)
    while progress.epoch < epochs:
        progress = _epoch(progress, step, batches, evaluate, callbacks)
        for callback in callbacks:
            callback(progress)
    return progress.params, progress.state, progress.history


def _step(loss_fn: Callable[[Tree, Any, Any], Any], optimizer: GradientTransformation) -> Callable[..., Any]:
    """Make the function that does one update: (params, state, batch, key) -> (params, state, metrics)."""

    def with_metrics(params: Tree, batch: Any, key: Any) -> Any:
        result = loss_fn(params, batch, key)
        return result if isinstance(result, tuple) else (result, {})

    loss_and_gradient = value_and_grad(with_metrics, has_aux=True)

    def step(params: Tree, state: Tree, batch: Any, key: Any) -> tuple[Tree, Tree, Metrics]:
        result, gradient = loss_and_gradient(params, batch, key)
        updates, state = optimizer.update(gradient, state, params)
        return apply_updates(params, updates), state, named(result)

    return step


def _epoch(
    progress: Progress,
    step: Callable[..., Any],
    batches: Callable[[int, Any], Iterable[Any]],
    evaluate: Callable[[Tree], Metrics] | None,
    callbacks: Sequence[Callback],
) -> Progress:
    """One pass over the batches, and what came of it."""
    params, state, key, epoch, history = progress
    epoch += 1
    order_key, steps_key = random.split(random.fold_in(key, epoch))
    mean, start = Mean(), time.perf_counter()
    for number, batch in enumerate(batches(epoch, order_key), 1):
        params, state, metrics = step(params, state, batch, random.fold_in(steps_key, number))
        _check("loss", metrics["loss"], f"at step {number} of epoch {epoch}")
        mean.add(metrics, count := count_examples(batch))
        for callback in callbacks:
            callback(Step(epoch, number, count, metrics))
    record = {f"train_{name}": value for name, value in mean.values().items()}
    if not record:
        raise ValueError(f"fit: epoch {epoch} has no batches")
    for name, value in (evaluate(params) if evaluate else {}).items():
        _check(f"validation {name}", value, f"after epoch {epoch}")
        record[f"validation_{name}"] = value
    record |= {"epoch": epoch, "seconds": time.perf_counter() - start}
    return Progress(params, state, key, epoch, [*history, record])


def _check(name: str, value: float, place: str) -> None:
    if not math.isfinite(value):
        raise NonFiniteLossError(f"the {name} is {value} {place}; try a smaller learning rate")
