"""One step of training, and what is said when it fails."""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..core import tree
from ..core.tensor import dtype_of, shape_of
from ..optim import GradientTransformation, apply_updates
from ..transforms.arguments import describe
from ..transforms.compile import compile
from ..transforms.debug import debug
from ..transforms.finite import first_non_finite
from ..transforms.nonfinite import NonFiniteError
from ..transforms.reverse import value_and_grad
from .metrics import Metrics, named

Tree = Any
REMEDY = "try a smaller learning rate"


class NonFiniteLossError(ArithmeticError):
    """The loss became infinite or not a number; the message says where, and where it began.

    ``__cause__`` is the `NonFiniteError` of the operation, if one was found.
    """


class Update:
    """The function that does one update: (params, state, batch, key) -> (params, state, metrics).

    `prepare(batch, key)`, if there is one, comes first and is not compiled.
    """

    def __init__(
        self, loss_fn: Callable[[Tree, Any, Any], Any], optimizer: GradientTransformation, *,
        prepare: Callable[[Any, Any], tuple[Any, Any]] | None = None, compiled: bool = False,
    ) -> None:  # fmt: skip
        self._prepare = prepare or (lambda batch, key: (batch, key))

        def with_aux(params: Tree, batch: Any, key: Any) -> Any:
            result = loss_fn(params, batch, key)
            return result if isinstance(result, tuple) else (result, {})

        self.loss_fn = lambda params, batch, key: with_aux(params, *self._prepare(batch, key))
        loss_and_gradient = value_and_grad(with_aux, has_aux=True)

        def step(params: Tree, state: Tree, batch: Any, key: Any) -> tuple[Tree, Tree, Any, Any]:
            (loss, aux), gradient = loss_and_gradient(params, batch, key)
            updates, state = optimizer.update(gradient, state, params)
            params = apply_updates(params, updates)
            if isinstance(aux, dict) and "state" in aux:
                params = _replaced(params, aux["state"], "")
                aux = {name: value for name, value in aux.items() if name != "state"}
            return params, state, loss, aux

        self._step = compile(step) if compiled else step

    def __call__(self, params: Tree, state: Tree, batch: Any, key: Any) -> tuple[Tree, Tree, Metrics]:
        """Do it."""
        params, state, loss, aux = self._step(params, state, *self._prepare(batch, key))
        return params, state, named("fit", loss, aux)


def _replaced(params: Tree, new: Tree, path: str) -> Tree:
    """Return the parameters with the new leaves, of some of them, in place of the old."""
    if isinstance(params, dict) and isinstance(new, dict):
        if unknown := new.keys() - params.keys():
            name = f"{path}[{min(unknown, key=str)!r}]"
            known = ", ".join(map(repr, params))
            raise ValueError(f"fit: the state in aux has {name}; the parameters have {known} there")
        return params | {name: _replaced(params[name], part, f"{path}[{name!r}]") for name, part in new.items()}
    leaves, structure = tree.flatten(params)
    given = tree.flatten_like(structure, new, f"fit: the state in aux at {path or 'the root'}")
    for x, y, inner in zip(leaves, given, structure.paths, strict=True):
        if (shape_of(x), dtype_of(x)) != (shape_of(y), dtype_of(y)):
            raise ValueError(
                f"fit: the state in aux has {describe(y)} at {path + inner}; the parameter there is {describe(x)}"
            )
    arrays = zip(leaves, given, strict=True)
    return tree.unflatten(structure, [np.asarray(y) if isinstance(x, np.ndarray) else y for x, y in arrays])


def diagnose(
    loss_fn: Callable[..., Any], metrics: Metrics, inputs: tuple[Any, Any, Any], before: Any, place: str
) -> None:
    """Raise for a metric that is not finite, and say where that began; do nothing if only their sum is not finite.

    Parameters
    ----------
    loss_fn : callable
        Returns (loss, aux).
    metrics : dict
        Of the step.
    inputs, before : (params, batch, key)
        What the step had, and the step before it, None if there is none.
    place : str
        "at step 3 of epoch 1".
    """
    bad = {name: value for name, value in metrics.items() if not math.isfinite(value)}
    if not bad:
        return
    name, value = next(iter(bad.items()))
    problem = f"the {name} is {value} {place}"
    if not (found := first_non_finite(inputs[0])):
        _explain(loss_fn, inputs, f"{problem}; the batch", "run again, all of its operations were finite")
    spoilt = f"{problem}; params{found} since"
    if before and not first_non_finite(before[0]):
        _explain(loss_fn, before, f"{spoilt} the step before, whose batch", "the gradient was finite, the update not")
    raise NonFiniteLossError(f"{spoilt} an earlier step; {REMEDY}")


def diagnose_params(params: Tree, place: str) -> None:
    """Raise if a parameter is not finite."""
    if found := first_non_finite(params):
        raise NonFiniteLossError(f"params{found} {place}, while the loss was finite; {REMEDY}")


def _explain(loss_fn: Callable[..., Any], inputs: tuple[Any, Any, Any], problem: str, nothing: str) -> NoReturn:
    """Run a step again and raise with the first operation that went wrong in it, or with what `nothing` says."""
    params, batch, key = inputs
    if found := first_non_finite(batch):
        raise NonFiniteLossError(f"{problem}{found}")
    origin: Exception | None = None
    try:  # the batch stays as it is: what a loss function does to it before the parameters come in need not be traced
        debug(lambda params: value_and_grad(loss_fn, has_aux=True)(params, batch, key), non_finite=True)(params)
    except NonFiniteError as error:
        origin, first = error, f"first: {error}"
    except Exception as error:
        origin, first = error, f"the operation was not found ({type(error).__name__}: {error})"
    else:
        first = nothing
    message = f"{problem} is finite ({_summary(batch)}); {first}; {REMEDY}"
    raise NonFiniteLossError(message) from origin


def _summary(batch: Any) -> str:
    """Say what a batch holds."""
    leaves, structure = tree.flatten(batch)
    return ", ".join(map(_leaf_summary, structure.paths, leaves))


def _leaf_summary(path: str, x: Any) -> str:
    small, large = (f"{f(x):.4g}" if np.size(x) and dtype_of(x).kind in "biuf" else "?" for f in (np.min, np.max))
    return f"{path} {dtype_of(x)} {shape_of(x)} from {small} to {large}".strip()
