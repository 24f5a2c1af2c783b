"""From the name of an operation, as users know it, to the operation: "conv2d", "np.tanh", "scipy.special.erf"."""

from __future__ import annotations

import importlib
import importlib.util
import types
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from ...core.primitive import Primitive, registry
from ...core.tensor import constants, implementations, refusals
from ...ops.scipy_table import enter
from ..surface import EXAMPLES, UNREACHABLE

# Where a name without a dot is looked for, in this order, and what the places are called.
PLACES = {
    "nn": "tinygrad_np.nn",
    "np": "numpy",
    "np.linalg": "numpy.linalg",
    "np.fft": "numpy.fft",
    "special": "tinygrad_np.special",
    "tg": "tinygrad_np",
    "random": "tinygrad_np.random",
    "scipy.special": "scipy.special",
}
_ALIASES = {
    "numpy": "np", "tinygrad_np": "tg", "tinygrad_np.nn": "nn", "tinygrad_np.special": "special", "tg.nn": "nn",
    "tg.special": "special", "tg.random": "random", "tinygrad_np.random": "random", "numpy.linalg": "np.linalg",
    "numpy.fft": "np.fft", "linalg": "np.linalg", "fft": "np.fft",
}  # fmt: skip


class UnknownNameError(LookupError):
    """No operation has the name; the message suggests near ones."""


class Found(NamedTuple):
    """What a name stands for.

    Attributes
    ----------
    name : str
        With its place: "nn.conv2d".
    function : callable
        What users call.
    op : Primitive or None
        The operation, if the function is one with its own rules and nothing around it.
    """

    name: str
    function: Callable[..., Any]
    op: Primitive | None


def find(name: str) -> Found:
    """Return what a name stands for.

    Parameters
    ----------
    name : str
        A function of NumPy ("np.linalg.solve", "tanh"), of `tinygrad_np.nn` ("conv2d"), `tinygrad_np.special`,
        `tinygrad_np.random` or scipy.special, or a primitive ("softmax_cross_entropy", "pooling.max_pool").

    Raises
    ------
    UnknownNameError
        If there is none.

    Examples
    --------
    >>> find("conv2d").name
    'nn.conv2d'
    >>> find("tanh").op
    <primitive tinygrad_np.ops.elementary.tanh>
    """
    place, _, last = name.rpartition(".")
    place = _ALIASES.get(place, place)
    places = [place] if place in PLACES else [] if place else list(PLACES)
    for each in places:
        function = _functions(each).get(last)
        if function is not None:
            return _found(f"{each}.{last}", function)
    op = _primitive(name)
    if op is not None:
        return Found(op.name, op, op)
    raise UnknownNameError(_no_such(name, places, last))


def enter_scipy() -> bool:
    """Make the functions of scipy.special primitives, if SciPy is there; return whether it is."""
    there = importlib.util.find_spec("scipy") is not None
    if there:
        importlib.import_module("scipy.special")
        enter()
    return there


def _found(name: str, function: Callable[..., Any]) -> Found:
    behind = implementations.get(function, function)
    if function in constants:
        behind = _primitive(f"nondifferentiable.{name.rpartition('.')[2]}") or behind
    return Found(name, function, behind if isinstance(behind, Primitive) else None)


def _functions(place: str) -> dict[str, Callable[..., Any]]:
    """Return the public functions of a place that are operations, or made of such."""
    if place == "scipy.special" and not enter_scipy():
        return {}
    module = importlib.import_module(PLACES[place])
    names = _OURS[place] if place in _OURS else getattr(module, "__all__", None) or vars(module)
    found = {name: getattr(module, name) for name in names if not name.startswith("_")}
    functions = {name: f for name, f in found.items() if isinstance(f, _CALLABLE) and name not in _NO_OPERATIONS}
    if place in _OURS or place == "special" or place == "nn":
        return functions
    return {name: f for name, f in functions.items() if f in implementations or f"{PLACES[place]}.{name}" in EXAMPLES}


# Of the top level and of the random numbers only these are operations.
_OURS = {
    "tg": ("put_along_axis", "stop_gradient"),
    "random": ("bernoulli", "bits", "fold_in", "normal", "permutation", "randint", "split", "uniform"),
}
_NO_OPERATIONS = {
    "batch_norm_state", "fan_in_concat", "fan_in_sum", "fan_out", "parallel", "residual", "serial", "shape_dependent",
    "summary",
}  # fmt: skip
_CALLABLE = (types.FunctionType, np.ufunc, Primitive, type(np.dot))


def _primitive(name: str) -> Primitive | None:
    for key in (name, f"tinygrad_np.ops.{name}", f"tinygrad_np.ops.{name}_op"):
        if key in registry:
            return registry[key]
    return next((op for op in registry.values() if op.name == name and op.key.startswith("tinygrad_np.")), None)


def all_names() -> Iterator[str]:
    """Yield every name that `find` knows, with its place."""
    for place in PLACES:
        yield from (f"{place}.{name}" for name in _functions(place))
    yield from (key.removeprefix("tinygrad_np.ops.") for key in registry if key.startswith("tinygrad_np."))


def _no_such(name: str, places: list[str], last: str) -> str:
    for place in places:
        module = PLACES[place]
        reason = _refused(module, last) if module.startswith("numpy") else None
        if reason is not None:
            return f"{place}.{last} has no derivative here: {reason}"
    if callable(getattr(importlib.import_module("tinygrad_np"), name, None)):
        return f"tinygrad_np.{name} is no operation but works on functions; read help(tinygrad_np.{name}) in Python."
    whole = list(all_names())
    ends = {each.rpartition(".")[2]: each for each in reversed(whole)}
    near = [ends.get(each, each) for each in get_close_matches(name, [*ends, *whole], 5, 0.7)]
    advice = f"did you mean {', '.join(dict.fromkeys(near))}?" if near else "`tinygrad-np derive` lists all."
    return f"there is no operation {name!r}; {advice}"


def _refused(module: str, name: str) -> str | None:
    function = getattr(importlib.import_module(module), name, None)
    if f"{module}.{name}" in UNREACHABLE:
        return "{} Instead: {}".format(*UNREACHABLE[f"{module}.{name}"])
    try:
        return refusals.get(function)  # type: ignore[arg-type]
    except TypeError:  # what cannot be a key
        return None
