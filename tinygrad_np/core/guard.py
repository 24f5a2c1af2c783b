"""The guard: tells when an ndarray that a derivative needs was changed in place before the derivative was taken.

Tensors never change, and what operations compute nobody else holds. But a function may use arrays of its user, and the
user may write into them. So the tape remembers what such an operand looked like, if the operation's pullback holds it:
small arrays completely, large ones by some of their elements, or completely too in `debug(f, mutation=True)`.
"""

from __future__ import annotations

import functools
import math
import types
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from .primitive import Primitive
from .tensor import Tensor

thorough: ContextVar[bool] = ContextVar("thorough", default=False)  # whether new guards compare every element

_SMALL = 64  # elements; of a larger array about so many are compared


class ChangedError(RuntimeError):
    """An array that a derivative needs was changed in place before the derivative was taken."""


class Guard:
    """What the raw operands of one tape looked like when they were used."""

    __slots__ = ("complete", "marks")

    def __init__(self) -> None:
        self.complete = thorough.get()
        self.marks: dict[int, tuple[weakref.ref[Any], bytes, Primitive | None, Any]] = {}

    def watch(self, op: Primitive, args: Sequence[Any], pullback: Any) -> None:
        """Remember those operands of an operation that its pullback holds, or one of its pullbacks."""
        for i, x in enumerate(args):
            if type(x) is np.ndarray and id(x) not in self.marks and _holds(pullback, x, 5):
                self._remember(x, op, op.arrays[0 if op.variadic else i])

    def watch_held(self, op: Primitive, values: Sequence[Any]) -> None:
        """Remember operands that are known to be needed again."""
        for i, x in enumerate(values):
            if type(x) is np.ndarray and id(x) not in self.marks:
                self._remember(x, op, op.arrays[0 if op.variadic else i])

    def watch_inputs(self, leaves: Sequence[Any], name: Callable[[int], str]) -> None:
        """Remember inputs of the function; which they are and whether a pullback holds one is asked if it changes."""
        for i, x in enumerate(leaves):
            if type(x) is np.ndarray:
                self._remember(x, None, functools.partial(name, i))

    def _remember(self, x: Any, op: Primitive | None, name: Any) -> None:
        self.marks[id(x)] = (weakref.ref(x), self._mark(x), op, name)

    def _mark(self, x: Any) -> bytes:
        if self.complete or x.size <= _SMALL:
            return x.tobytes()  # type: ignore[no-any-return]
        return sample(x).tobytes()  # type: ignore[no-any-return]

    def check(self, origin: str, entries: list[Any]) -> None:
        """Raise if an operand has changed, naming the operation."""
        for ref, mark, op, name in list(self.marks.values()):
            x = ref()
            if x is None or self._mark(x) == mark:
                continue
            if op is None:
                holder = next((op for op, _, pullback, _, _ in entries if op and _holds(pullback, x, 5)), None)
                if holder is None:
                    continue
                what = f"the input {name()}, which {holder.name} needs,"
            else:
                what = f"the operand {name!r} of {op.name}"
            raise ChangedError(
                f"{origin}: {what} (shape {x.shape}, {x.dtype}) was changed in place after it was used and before the "
                "derivative was taken, which would be wrong now. Pass a copy, or make a new array instead of writing "
                "into one."
            )


def sample(x: Any) -> Any:
    """Return about 64 elements of an array, from all over every axis: the step divides none of them."""
    return x.flat[:: _step(x.size)]


@functools.lru_cache
def _step(size: int) -> int:
    step = max(1, size // _SMALL)
    while math.gcd(step, size) > 1:
        step += 1
    return step


def _holds(held: Any, x: Any, depth: int) -> bool:
    """Whether an object that a pullback keeps is the array, looks into its memory, or holds such a one."""
    if type(held) is np.ndarray:
        shared = held.base is not None and (held.base is x or held.base is x.base)
        return held is x or (shared and np.may_share_memory(held, x))
    if not depth or not isinstance(held, _HOLDERS):
        return False
    if isinstance(held, types.FunctionType):
        parts = [content_of(cell) for cell in held.__closure__ or ()]
    else:
        parts = list(held.values() if isinstance(held, dict) else held)
    for part in parts:  # before a look into any of them: most often it is the array itself
        if part is x:
            return True
    return any(type(part) not in _ATOMS and _holds(part, x, depth - 1) for part in parts)


_HOLDERS = (types.FunctionType, tuple, list, dict)
_ATOMS = frozenset((int, float, bool, str, type(None), np.dtype, Tensor))


def content_of(cell: Any) -> Any:
    """Return what a closure's cell holds; None if nothing was assigned to it yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None
