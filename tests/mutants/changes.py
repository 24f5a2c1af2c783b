"""What can go wrong with a cotangent, a tangent or a batch, as functions of it that leave its shape and dtype.

They are written with NumPy's functions alone, so that they act on Tensors too: a wrong rule is differentiated and
batched like a right one. Digits are lost, never gained: what a rule returns in double where single is due the engine
casts, so nobody could tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
Change = Callable[[Array], Array]


def _kind(x: Array) -> str:
    return str(np.dtype(x.dtype).kind) if hasattr(x, "dtype") else "f"


def _shape(x: Array) -> tuple[int, ...]:
    return tuple(x.shape) if hasattr(x, "shape") else ()


def _masked(x: Array, weights: np.ndarray) -> Array:
    return x * weights.astype(x.dtype)


def _first_dropped(x: Array) -> Array:
    weights = np.ones(_shape(x))
    if weights.ndim:
        weights[:1] = 0
        return _masked(x, weights)
    return x


def _last_dropped(x: Array) -> Array:
    weights = np.ones(_shape(x))
    if weights.ndim:
        weights[..., -1:] = 0
        return _masked(x, weights)
    return x


def _one_element(x: Array) -> Array:
    weights = np.ones(_shape(x))
    if weights.size:
        weights.flat[weights.size * 7 // 9] = 1.001
    return x * (weights.astype(x.dtype) if hasattr(x, "dtype") else float(weights))


def _shifted(axis: int) -> Change:
    def change(x: Array) -> Array:
        if not _shape(x) or not _shape(x)[axis]:
            return x
        weights = np.ones(_shape(x))
        np.moveaxis(weights, axis, 0)[0] = 0
        return _masked(np.roll(x, 1, axis), weights)

    return change


def _reversed(axis: int) -> Change:
    return lambda x: np.flip(x, axis) if _shape(x) else x


def _transposed(x: Array) -> Array:
    return np.reshape(np.swapaxes(x, -1, -2), _shape(x)) if len(_shape(x)) > 1 else x


def _averaged(x: Array) -> Array:
    if not _shape(x) or not _shape(x)[0]:
        return x
    return np.broadcast_to(np.mean(x, 0, keepdims=True), _shape(x)).astype(x.dtype)


def _rounded(real: type, complex_: type) -> Change:
    def change(x: Array) -> Array:
        return x.astype(complex_ if _kind(x) == "c" else real).astype(x.dtype) if hasattr(x, "astype") else real(x)

    return change


def _divided_by_size(x: Array) -> Array:
    return x / max(1, int(np.prod(_shape(x))))


ELEMENTWISE: dict[str, Change] = {
    "doubled": lambda x: x * 2,
    "times 1.001": lambda x: x * 1.001,
    "negated": lambda x: -x,
    "zeroed": lambda x: x * 0,
    "plus one": lambda x: x + 1,
    "not linear": lambda x: x * np.absolute(x),
    "rounded to float32": _rounded(np.float32, np.complex64),
    "rounded to float16": _rounded(np.float16, np.complex64),
}
ARRANGED: dict[str, Change] = {
    "divided by its size": _divided_by_size,
    "first row dropped": _first_dropped,
    "last column dropped": _last_dropped,
    "one element times 1.001": _one_element,
    "shifted by one along the first axis": _shifted(0),
    "shifted by one along the last axis": _shifted(-1),
    "reversed along the first axis": _reversed(0),
    "reversed along the last axis": _reversed(-1),
    "transposed": _transposed,
    "averaged along the first axis": _averaged,
}
COMPLEX: dict[str, Change] = {
    "conjugated": np.conj,
    "times i": lambda x: x * 1j,
    "real part only": lambda x: (x.real + 0j).astype(x.dtype) if _kind(x) == "c" else x,
}
CHANGES = ELEMENTWISE | ARRANGED
