"""Whether values are finite, quickly, and where they are not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import tree
from ..core.primitive import Primitive
from ..core.tape import Tape
from ..core.tensor import Array, Tensor, bottom, dtype_of
from .forward import Forward

_TAME = {"elementary": "tanh tanh_gradient", "activations": "relu relu_gradient", "shaping": "reshape_op transpose_op"}
# Operations that give finite values, and send finite cotangents, for all that is finite: these are not tested.
TAME = frozenset(f"tinygrad_np.ops.{module}.{name}" for module, names in _TAME.items() for name in names.split())
_POOL = "tinygrad_np.ops.pooling.sum_pool"

_INEXACT = (np.ndarray, np.generic, Tensor, complex)


def is_inexact(x: Any) -> bool:
    """Whether x is a value that can be infinite or nan."""
    return type(x) is float or (isinstance(x, _INEXACT) and dtype_of(x).kind in "fc")


def is_finite(x: Array) -> bool:
    """Whether all elements are finite.

    Σ x² is not if one element is not, and costs a tenth of a test of each; it may overflow, so then each is tested.
    """
    if type(x) is Tensor:
        x = bottom(x)
    if type(x) is np.ndarray and x.dtype.char in "fd":
        if x.flags.c_contiguous:
            quick = np.vdot(x, x)
        elif x.flags.f_contiguous:
            quick = np.vdot(x.T, x.T)
        else:
            return bool(np.isfinite(x).all())
        if math.isfinite(quick):
            return True
    elif isinstance(x, float | np.floating):
        return math.isfinite(x)
    return bool(np.isfinite(x).all())


def first_non_finite(x: Any, *, of_tangents: bool = False) -> str:
    """Say where a tree holds its first value that is not finite: "['w'] holds nan at [0, 2]"; "" if it holds none."""
    leaves, structure = tree.flatten(x)
    for i, leaf in enumerate(leaves):
        if is_inexact(leaf):
            for value in tangents_of(leaf) if of_tangents else (leaf,):
                if not is_finite(value):
                    return f"{structure.paths[i]} holds {what_at(*first(value))}"
    return ""


def first(x: Any) -> tuple[tuple[int, ...], Any]:
    """Index and value of the first element that is not finite."""
    x = np.asarray(bottom(x))
    place = np.unravel_index(int(np.argmin(np.isfinite(x))), x.shape) if x.shape else ()
    index = tuple([int(i) for i in place])
    return index, x[index]


def what_at(index: tuple[int, ...], value: Any) -> str:
    """Say what was found: "nan at [0, 2]"."""
    return f"{value!s}" + (f" at {list(index)}" if index else "")


def tangents_of(x: Any) -> Iterator[Any]:
    """Give the tangents that forward traces outside carry with a value."""
    while type(x) is Tensor:
        if isinstance(x._trace, Forward):
            yield x._index
        x = x._value


def is_taped(x: Any) -> bool:
    """Whether a tape watches a value."""
    while type(x) is Tensor:
        if isinstance(x._trace, Tape):
            return dtype_of(x).kind in "fc"
        x = x._value
    return False


def is_on(x: Any, level: int) -> bool:
    """Whether the trace of that level watches a value."""
    while type(x) is Tensor:
        if x._trace.level == level:
            return True
        x = x._value
    return False


def sends_finite(op: Primitive, options: dict[str, Any]) -> bool:
    """Whether an operation sends finite cotangents for all that is finite; a mean is one, a sum need not be."""
    return op.key in TAME or (op.key == _POOL and options["scale"] * math.prod(options["kernel_size"]) <= 1)
