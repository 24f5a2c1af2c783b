"""Why an operation loses digits, and how to write it instead: what `precision` says of a row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.recorder import Step
from .program import Program, widen

_SQUARES = frozenset(("square", "power", "multiply"))
_AVERAGES = frozenset(("mean", "sum", "divide", "multiply"))
_LOOK_BACK = 3  # operations
_LARGE = 0.1  # a relative error beyond mere rounding
_SUMS = frozenset(("add", "subtract", "sum", "mean", "cumsum", "matmul", "conv", "conv_input", "conv_kernel", "einsum"))
_MOVING = frozenset(("getitem", "window_gather"))
_MAGNIFYING = frozenset(("sin", "cos", "tan", "exp", "exp2", "sinh", "cosh"))


def cause_of_loss(program: Program, step: Step, rounding: float, error: float) -> str | None:
    """Return what makes an operation lose digits, with a remedy for the well-known cases.

    Parameters
    ----------
    program : Program
        All steps, with their values.
    step : Step
        The operation.
    rounding, error : float
        The relative error that it makes itself, and that of its result.
    """
    name, operands = step.op.name, program.operands(step)
    if range_left := _range(program, step, rounding):
        return range_left
    if rounding > error / 2:
        return "it rounds itself: many terms, or a dtype that is too narrow for their sum; use a wider dtype there"
    if name in ("add", "subtract", "sum", "mean"):
        ratio = _cancellation(name, operands, step.options)
        if ratio > 3:
            rewritten = _rewritten(program, step)
            advice = f"write {rewritten}" if rewritten else "subtract what the terms have in common first"
            return f"catastrophic cancellation: terms {ratio:.2g} times as large as the result; {advice}"
    if name in ("log", "log2", "log10"):
        return _of_logarithm(program, step)
    if name in _MAGNIFYING:
        size = float(np.max(np.abs(operands[0]), initial=0))
        return f"{name} multiplies an error by the size of its argument, up to {size:.2g}; bound or reduce it first"
    if name in _MOVING:
        return "what it takes out is small beside the rest of its operand, whose error, made before, is large for it"
    return None


def _range(program: Program, step: Step, rounding: float) -> str | None:
    """Say if results leave the range of their dtype, which those in float64 do not."""
    if rounding < _LARGE:
        return None
    for y in (np.asarray(program.values[place]) for place in step.outputs):
        if y.dtype.kind not in "fc":
            continue
        limits = np.finfo(y.dtype)
        if not np.isfinite(y).all():
            return f"overflow of {y.dtype}, beyond {limits.max:.2e}; scale its operands down, or use a wider dtype"
        if np.any(y == 0) and step.op.name not in _SUMS:
            return (
                f"underflow of {y.dtype}: below {limits.smallest_subnormal:.1e} is 0; scale its operands up, or use a "
                "wider dtype there"
            )
    return None


def _cancellation(name: str, operands: list[Any], options: dict[str, Any]) -> float:
    """Return how much larger the terms of a sum are than the sum, in norm."""
    x: list[Any] = [widen(np.asarray(o)) for o in operands]
    if name in ("add", "subtract"):
        terms, total = abs(x[0]) + abs(x[1]), x[0] + x[1] if name == "add" else x[0] - x[1]
    else:
        axis = options.get("axis")
        terms, total = np.sum(abs(x[0]), axis=axis), np.sum(x[0], axis=axis)
    norm = float(np.linalg.norm(np.ravel(total)))
    return float(np.linalg.norm(np.ravel(terms))) / norm if norm else math.inf


def _maker(program: Program, step: Step, position: int) -> Step | None:
    """Return the step that made an argument, past what only moves data."""
    place = dict(step.places).get(position)
    found = next((s for s in program.steps if place in s.outputs), None) if place is not None else None
    if found is not None and found.op.name in ("reshape", "transpose", "broadcast", "getitem", "astype"):
        return _maker(program, found, found.places[0][0])
    return found


def _is_one(program: Program, step: Step, position: int) -> bool:
    return bool(np.all(np.asarray(program.operands(step)[position]) == 1))


def _rewritten(program: Program, step: Step) -> str | None:
    """Return a form of a difference that does not cancel."""
    if step.op.name not in ("add", "subtract"):
        return None
    left, right = _maker(program, step, 0), _maker(program, step, 1)
    names = (left.op.name if left else "", right.op.name if right else "")
    if "cos" in names and any(_is_one(program, step, i) for i in (0, 1)):
        return "2 * np.sin(x / 2) ** 2 for 1 - np.cos(x)"
    if "exp" in names and any(_is_one(program, step, i) for i in (0, 1)):
        return "np.expm1(x) for np.exp(x) - 1"
    if "sigmoid" in names and any(_is_one(program, step, i) for i in (0, 1)):
        return "nn.sigmoid(-x) for 1 - nn.sigmoid(x)"
    if "sqrt" in names:
        return "(a - b) / (np.sqrt(a) + np.sqrt(b)) for np.sqrt(a) - np.sqrt(b)"
    if names == ("log", "log"):
        return "np.log1p((a - b) / b) for np.log(a) - np.log(b)"
    if left and right and right.op.name in _SQUARES and _is_mean_of_squares(program, left):
        return "np.var(x), or np.mean((x - np.mean(x)) ** 2), for the mean of squares less the square of the mean"
    return None


def _is_mean_of_squares(program: Program, step: Step) -> bool:
    """Whether a value is an average, not many operations back, of squares."""
    at: Step | None = step
    averaged = False
    for _ in range(_LOOK_BACK + 1):
        if at is None:
            return False
        if averaged and at.op.name in _SQUARES:
            return True
        if at.op.name in _AVERAGES:
            averaged = averaged or at.op.name in ("mean", "sum")
            at = _maker(program, at, at.places[0][0])
        else:
            return False
    return False


def _of_logarithm(program: Program, step: Step) -> str | None:
    """Say what the logarithm of a number near 1, or of a probability, does to an error."""
    made = _maker(program, step, 0)
    name = made.op.name if made else ""
    if name in ("add", "subtract") and made is not None and any(_is_one(program, made, i) for i in (0, 1)):
        return "1 + x loses the digits of a small x, which log magnifies near 1; write np.log1p(x) for np.log(1 + x)"
    if name in ("softmax", "sigmoid"):
        better = "nn.log_softmax(x)" if name == "softmax" else "-nn.softplus(-x)"
        return f"the logarithm of a {name} near 1 magnifies its rounding; write {better}"
    return "a logarithm magnifies the relative error of an argument near 1; subtract 1 exactly and use np.log1p"
