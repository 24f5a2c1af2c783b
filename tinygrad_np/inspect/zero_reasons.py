"""What makes a derivative zero, by kinds of operations: what `why_zero` says of the operation where a change dies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..core.recorder import Step
from ..core.stack import shown
from ..core.tensor import dtype_of


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LISTED = 8  # units
_DEAD = _names("relu relu6 leaky_relu")
_SATURATED = _names(
    "tanh sigmoid softmax log_softmax logsumexp erf erfc arctan softsign softplus tanh_shrink exp exp2 logaddexp "
    "softmax_cross_entropy sigmoid_cross_entropy"
)
_MASKED = _names("where masked")
_ELEMENTWISE = _names("multiply divide power square absolute")
_PRODUCTS = _ELEMENTWISE | _names("matmul conv conv_input conv_kernel affine einsum")
_SELECTING = _names("max_pool max min maximum minimum fmax fmin clip getitem window_gather set multiply_at")
_TESTS = _names(
    "greater greater_equal less less_equal equal not_equal isnan isinf isfinite logical_and logical_or logical_not "
    "isneginf isposinf any all allclose isclose sign argsort argmax argmin searchsorted"
)


@dataclass(frozen=True)
class Stop:
    """An operation that takes changes and gives none, at least in some units.

    Attributes
    ----------
    step : Step
        The operation.
    operands : list
        Its arguments.
    dots : dict
        The changes of some of them, by position.
    moved : list
        The changes of its outputs, None where there is no derivative.
    """

    step: Step
    operands: list[Any]
    dots: dict[int, Any]
    moved: Sequence[Any]

    @property
    def whole(self) -> bool:
        """Whether no change goes on."""
        return not any(d is not None and np.any(d) for d in self.moved)

    @property
    def is_test(self) -> bool:
        """Whether it gives booleans, as x > 0 does, or indices, as argsort does."""
        return not self.step.op.differentiable and all(d is None for d in self.moved) and self.step.op.name in _TESTS

    @cached_property
    def changed(self) -> Any:
        """Where an operand changes, that one with most elements."""
        return max((np.asarray(d) != 0 for d in self.dots.values()), key=np.size)

    def dead_units(self) -> Any:
        """Indices along the last axis in which all changes die while others go on; None if there are none."""
        y_dot = self.moved[0]
        if self.step.op.name not in _DEAD | _MASKED | _SATURATED or y_dot is None or not np.ndim(y_dot):
            return None
        if self.changed.shape != np.shape(y_dot):
            return None
        axes = tuple(range(np.ndim(y_dot) - 1))
        dead = np.flatnonzero(self.changed.any(axes) & ~(np.asarray(y_dot) != 0).any(axes))
        return dead if dead.size else None

    @property
    def count(self) -> str:
        """How many elements: "all 64 elements that depend on it, in 2 of 8 units (1, 5)"."""
        changed = self.changed
        if not changed.ndim:
            return "the value that depends on it"
        units = self.dead_units() if not self.whole else np.flatnonzero(changed.any(tuple(range(changed.ndim - 1))))
        n = int((changed if self.whole else changed[..., units]).sum())
        told = f"all {n} elements that depend on it" if n != 1 else "the element that depends on it"
        if changed.ndim == 1:
            return told
        which = f" ({', '.join(map(str, units))})" if len(units) <= _LISTED and len(units) < changed.shape[-1] else ""
        return f"{told}, in {len(units)} of {changed.shape[-1]} units{which}"


def called(step: Step) -> str:
    """Name what the user's line called."""
    if step.op.name == "_constant":
        return "stop_gradient"
    return step.place.call if step.place and step.op.differentiable else step.op.name


def say(stop: Stop) -> tuple[str, str]:
    """Return the kind of a reason and a sentence."""
    step, name = stop.step, stop.step.op.name
    line = step.place and step.place.line
    call = called(step)
    at = f"{call} at {shown(line)}" if line else call
    if name == "_constant":
        return "stopped", f"{at} makes it a constant"
    if name == "astype" and stop.moved[0] is None:
        return "not differentiable", f"the cast to {step.options['dtype']}{at.removeprefix(call)} ends the derivative"
    if not step.op.differentiable or all(d is None for d in stop.moved):
        return "not differentiable", f"{at} has no derivative: its result does not change with small changes"
    if not step.op.key.startswith("tinygrad_np."):
        return "zero rule", f"the derivative rule of {at} gives 0 for {stop.count}"
    if name in _DEAD:
        return "dead", f"{at} is 0 for {stop.count}: its argument is not positive there, {_span(stop)}"
    if name in _SATURATED:
        return "saturated", f"{at} is saturated for {stop.count}: its slope rounds to 0 there, {_span(stop)}"
    if name in _MASKED:
        return "masked", f"{at} leaves out {stop.count}"
    if name in _SELECTING:
        return "not selected", f"{at} never selects {stop.count.removeprefix('all ')}"
    if name in _PRODUCTS and _is_times_zero(stop):
        return "times zero", f"{at} takes {stop.count} times 0"
    if name in _ELEMENTWISE:
        return "underflow", f"in {at} the changes of {stop.count} are too small for {dtype_of(stop.operands[0])}"
    return "cancelled", f"in {at} the changes of {stop.count} cancel, or do not count"


def _is_times_zero(stop: Stop) -> bool:
    """Whether the other operands of a product are zero where they meet a change; of a function of one, that one."""
    others = [x for i, x in enumerate(stop.operands[:2]) if i not in stop.dots]
    rest = stop.operands[:1] if stop.step.op.name in ("power", "square", "absolute") else others
    if not rest:  # both change
        return True
    x = np.asarray(rest[0])
    if stop.step.op.name in _ELEMENTWISE and x.shape:
        shape = np.broadcast_shapes(x.shape, stop.changed.shape)
        return not np.any(np.broadcast_to(x, shape)[np.broadcast_to(stop.changed, shape)]) or bool((x == 0).any())
    return bool((x == 0).any())


def _span(stop: Stop) -> str:
    """Say between what values the changing operand lies."""
    i = max(stop.dots, key=lambda i: np.size(stop.dots[i]))
    changing = np.asarray(stop.dots[i]) != 0
    if not stop.whole and changing.ndim:
        kept = np.zeros(changing.shape[-1], bool)
        kept[stop.dead_units()] = True
        changing = changing & kept
    x = np.asarray(stop.operands[i])[changing]
    if not x.size or dtype_of(x).kind == "c":
        return "complex"
    return f"{x.min():.3g} to {x.max():.3g}" if x.size > 1 else f"{x[0]:.3g}"
