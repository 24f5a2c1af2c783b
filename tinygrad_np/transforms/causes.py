"""Why an operation gave an infinity or no number, for the well-known cases, and what helps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.recorder import Step
from ..core.stack import shown

_LOG = "keep the argument above 0, as np.log(x + eps); for probabilities use nn.log_softmax or nn.cross_entropy"
_EXP = "subtract the maximum first, as nn.softmax and nn.log_softmax do, or bound the argument with np.clip"
_DIVIDE = "choose the divisor before dividing, x / np.where(y == 0, 1, y), or add a small number to it"
_DOMAIN = "choose the argument first, f(np.where(allowed, x, 1)), or bound it with np.clip or np.maximum"
_POLE = "add a small number, as np.sqrt(x + eps), or choose the argument first, f(np.where(allowed, x, 1))"
_SCALE = "scale the operands down (smaller learning rate, initial weights or inputs)"


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
    if np.isnan(result) and name in SUMS:
        return f"overflow of {result.dtype} within its sums, which add inf and -inf; {_SCALE}{_wider(result)}"
    if np.isnan(result):
        return None
    if name in _POLES:
        return f"{name} is infinite there, at a pole; {_DOMAIN}"
    return f"overflow of {result.dtype}, beyond {np.finfo(result.dtype).max:.2e}; {_SCALE}{_wider(result)}"


def _wider(result: Any) -> str:
    return ", or use float64" if result.dtype.char in "efF" else ""


_DIVISIONS = frozenset(("divide", "floor_divide", "remainder", "reciprocal", "fmod"))
_POLES = frozenset(
    ("log1p", "arctanh", "psi", "logit", "erfinv", "erfcinv", "ndtri", "exp1", "expi", "k0", "k1", "y0", "y1")
)
_EXPONENTIALS = frozenset(("exp", "exp2", "expm1", "sinh", "cosh"))
SUMS = frozenset(("matmul", "einsum", "conv", "conv_input", "conv_kernel", "sum", "mean"))
_DOMAINS = {
    "sqrt": "negative", "power": "negative and the exponent no integer", "log1p": "below -1",
    "arcsin": "outside [-1, 1]", "arccos": "outside [-1, 1]", "arctanh": "outside [-1, 1]", "arccosh": "below 1",
}  # fmt: skip


def _is(at: Sequence[Any], i: int, test: Callable[[Any], bool]) -> bool:
    return bool(at) and at[i] is not None and math.isfinite(abs(at[i])) and bool(test(at[i]))


def masked_by(way: Sequence[Step], values: Sequence[Any], index: tuple[int, ...]) -> str | None:
    """Say if a value that is not finite, or whose derivative is not, is masked later: 0 * inf in a masked branch.

    Parameters
    ----------
    way : sequence of Step
        The operations from the value on, the first of them the one that made it.
    values : sequence
        The values of all places.
    index : tuple of int
        Where in the value.
    """
    shape = np.shape(values[way[0].outputs[0]])
    for before, step in pairwise(way):
        if len(step.outputs) != 1 or np.shape(values[step.outputs[0]]) != shape:
            return None
        operands = _operands(step, values)
        position = next(position for position, place in step.places if place in before.outputs)
        if step.op.name == "where" and position > 0:
            if bool(np.broadcast_to(operands[0], shape)[index]) != (position == 1):
                return f"np.where at {short(step)} leaves it out there, but 0 * inf in its derivative is nan; {_TWICE}"
        elif step.op.name in ("multiply", "masked") and np.broadcast_to(operands[1 - position], shape)[index] == 0:
            return f"the product at {short(step)} leaves it out there, but 0 * inf is nan; {_TWICE}"
    return None


def put_there(step: Step, steps: Sequence[Step], values: Sequence[Any], index: tuple[int, ...]) -> str | None:
    """Say if the operand at fault is a constant that np.where has put there.

    Parameters
    ----------
    step : Step
        The elementwise operation whose value or derivative is not finite.
    steps, values : sequences
        The whole program, and the values of all places.
    index : tuple of int
        Where in the result.
    """
    shape = np.shape(values[step.outputs[0]])
    for position, place in step.places:
        source = next((s for s in steps if place in s.outputs), None)
        if source is None or source.op.name != "where" or np.shape(values[place]) != shape:
            continue
        condition, *branches = _operands(source, values)
        taken = 0 if np.broadcast_to(condition, shape)[index] else 1
        if taken + 1 not in dict(source.places):
            value = np.broadcast_to(branches[taken], shape)[index]
            name = step.op.arrays[position]
            return (
                f"np.where at {short(source)} puts {name} = {value!s} there; let it put a harmless number there, as 1"
            )
    return None


_TWICE = "mask the argument too: f(np.where(mask, x, 1)), and then the result"


def _operands(step: Step, values: Sequence[Any]) -> list[Any]:
    """Return all arguments of a step."""
    given = dict(step.places)
    return [values[given[i]] if i in given else x for i, x in enumerate(step.constants)]


def short(step: Step) -> str:
    """Name a step's line, without the directory."""
    line = step.place and step.place.line
    return shown(line) if line else "an unknown line"
