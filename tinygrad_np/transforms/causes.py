"""Why an operation gave an infinity or no number, for the well-known cases, and what helps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_LOG = "keep the argument above 0, as np.log(x + eps); for probabilities use nn.log_softmax or nn.cross_entropy"
_EXP = "subtract the maximum first, as nn.softmax and nn.log_softmax do, or bound the argument with np.clip"
_DIVIDE = "choose the divisor before dividing, x / np.where(y == 0, 1, y), or add a small number to it"
_DOMAIN = "choose the argument first, f(np.where(allowed, x, 1)), or bound it with np.clip or np.maximum"
_POLE = "add a small number, as np.sqrt(x + eps), or choose the argument first, f(np.where(allowed, x, 1))"
_SCALE = "scale the operands down (smaller learning rate, initial weights or inputs), or use float64"


def cause_of(name: str, rule: str | None, at: Sequence[Any], result: Any) -> str | None:
    """Return the class of cause and a remedy.

    Parameters
    ----------
    name : str
        The operation; "" if only the rule is known.
    rule : str or None
        The operation whose derivative was being computed, if any.
    at : sequence of scalars or None
        The operands' elements, where one belongs to the result.
    result : scalar
        What came out.
    """
    divided = name in _DIVISIONS and _is(at, -1, lambda y: y == 0)
    if rule is not None and (not name or divided or (name == "power" and _is(at, 0, lambda x: x == 0))):
        if rule in _DIVISIONS:
            return f"the derivative of a division by 0; {_DIVIDE}"
        return f"the derivative {rule}' is infinite or undefined there; {_POLE}"
    if divided:
        return f"division by 0; {_DIVIDE}"
    if name in ("log", "log2", "log10"):
        return f"log of {'0' if _is(at, 0, lambda x: x == 0) else 'a negative number'}; {_LOG}"
    if name in _EXPONENTIALS and not np.isnan(result):
        return f"overflow of {name}; {_EXP}"
    if name == "power" and _is(at, 0, lambda x: x == 0):
        return f"0 to a negative power, a division by 0; {_DIVIDE}"
    if name in _DOMAINS and np.isnan(result):
        return f"the argument of {name} is {_DOMAINS[name]}; {_DOMAIN}"
    if np.isnan(result) and name in _SUMS:
        return f"overflow of {result.dtype} within its sums, which add inf and -inf; {_SCALE}"
    if np.isnan(result):
        return None
    return f"overflow of {result.dtype}, beyond {np.finfo(result.dtype).max:.2e}; {_SCALE}"


_DIVISIONS = frozenset(("divide", "floor_divide", "remainder", "reciprocal", "fmod"))
_EXPONENTIALS = frozenset(("exp", "exp2", "expm1", "sinh", "cosh"))
_SUMS = frozenset(("matmul", "einsum", "conv", "conv_input", "conv_kernel", "sum", "mean"))
_DOMAINS = {
    "sqrt": "negative", "power": "negative and the exponent no integer", "log1p": "below -1",
    "arcsin": "outside [-1, 1]", "arccos": "outside [-1, 1]", "arctanh": "outside [-1, 1]", "arccosh": "below 1",
}  # fmt: skip


def _is(at: Sequence[Any], i: int, test: Callable[[Any], bool]) -> bool:
    return bool(at) and at[i] is not None and math.isfinite(abs(at[i])) and bool(test(at[i]))
