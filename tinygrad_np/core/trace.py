"""Traces: what a transform puts behind the Tensors it hands to a function.

There are four kinds, and they share one slot, `Trace.process`: a reverse trace writes a tape, a forward trace carries a
tangent beside the value, a batching trace an axis of the value, a recorder every primitive with its arguments and
options. Levels count up for ever, so the highest level among the arguments is the innermost transform, and a Tensor
that outlived its transform matches no other.
"""

from __future__ import annotations

import gc
import itertools
import threading
from contextlib import nullcontext
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from .primitive import Primitive
from .tensor import PLAIN, Array, Tensor, dtype_of, plain, shape_of

_levels = itertools.count(1)


class Trace:
    """One run of a transform: what `process` does with a primitive defines the kind of trace.

    Parameters
    ----------
    origin : str
        The transform and the function, for messages: "grad(loss)".
    """

    __slots__ = ("closed", "level", "origin")

    def __init__(self, origin: str) -> None:
        self.level = next(_levels)
        self.origin = origin
        self.closed = False

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply a primitive; at least one argument is a Tensor of this trace, none of a newer one."""
        raise NotImplementedError

    def shape_of(self, x: Tensor) -> tuple[int, ...]:
        """Shape of a Tensor of this trace, as the user sees it."""
        value = x._value
        return value.shape if type(value) is np.ndarray else shape_of(value)

    def conversion_advice(self, target: str) -> str:
        """Say what to do instead of float(t), int(t) and so on, of a Tensor of this trace."""
        return f"If it is what you want, say so: {target}(tinygrad_np.stop_gradient(t))."

    def bool_of(self, x: Tensor) -> bool:
        """Truth of a Tensor of this trace, as `if` asks for it."""
        return bool(x._value)

    def lower(self, op: Primitive, args: tuple[Any, ...]) -> list[Array]:
        """Return the arguments one level down: this trace's Tensors give their values, others stay."""
        if self.closed:
            self.refuse_escaped(op)
        values = [
            (a._value if a._trace is self else a) if type(a) is Tensor else a if type(a) in PLAIN else plain(a, op.name)
            for a in args
        ]
        return capture(values) if Tensor in map(type, values) else values

    def captured(self, x: Array) -> Array:
        """Return an array that a function captured as its operations are to see it."""
        return x

    def refuse_escaped(self, op: Primitive) -> NoReturn:
        """Raise for a Tensor that is used after its trace was closed."""
        raise RuntimeError(
            f"{op.name}: a Tensor of {self.origin} was used after that call ended. It escaped through a global, "
            "an attribute, a list or a closure; return what you need from the function instead (has_aux=True)."
        )


def capture(values: list[Array]) -> list[Array]:
    """Let the lowest trace below one level say what captured arrays are.

    A recording makes Tensors of them, so that what derivative rules compute from them is recorded like all else.
    """
    for x in values:
        if type(x) is Tensor:
            while type(x._value) is Tensor:
                x = x._value
            return [x._trace.captured(a) if type(a) is np.ndarray else a for a in values]
    return values


def compute(op: Primitive, values: list[Array], options: dict[str, Any]) -> Any:
    """Apply an operation to values one level down."""
    y = op(*values, **options) if Tensor in map(type, values) else op.forward(*values, **options)
    return weakly(op, y, values) if type(y) is np.float64 else y


def weakly(op: Primitive, y: np.float64, values: list[Array]) -> float:
    """Make the result a Python number if all arguments were: they stay weakly typed, as under Python's operators."""
    return float(y) if op.weak and all(type(v) is float or type(v) is int for v in values) else y


def conform(x: Any, shape: tuple[int, ...], dtype: np.dtype[Any], rule: str, what: str) -> Array:
    """Bring the cotangent or tangent that a rule returned to the dtype it must have; refuse another shape.

    A real value to which a complex one is due takes the real part: the imaginary part pairs with nothing.
    """
    x = plain(x, rule)
    if shape_of(x) != shape:
        raise ValueError(f"{rule} returned a {what} of shape {shape_of(x)} for {_ADVICE[what].format(shape)}")
    given = dtype_of(x)
    if given == dtype:
        return x
    if given.kind not in "fc" and type(x) is not int:
        raise TypeError(f"{rule} returned a {what} of dtype {given}; for {dtype} it must be floating-point or complex.")
    if given.kind == "c" and dtype.kind != "c":
        x = x.real
    return x.astype(dtype) if hasattr(x, "astype") else dtype.type(x)


_ADVICE = {
    "cotangent": "an argument of shape {}. A pullback returns its argument's shape; sum over broadcast axes.",
    "tangent": "an output of shape {}. A pushforward returns its output's shape; broadcast it.",
}


class _Pauses:
    """How many transforms run that want the cyclic garbage collector paused."""

    __slots__ = ("count", "lock", "was_enabled")

    def __init__(self) -> None:
        self.count, self.was_enabled, self.lock = 0, False, threading.Lock()


_pauses = _Pauses()  # not on the class below: to write an attribute of a class makes Python forget what it cached of it


class QuietCollector:
    """Pause the cyclic garbage collector and NumPy's floating-point warnings while a transform runs.

    The collector doubles the cost of a long tape, which makes many objects and no cycles. It is paused in a counted
    way: threads and nested transforms may overlap, the last to leave puts it back as the first found it.

    Floating-point *warnings* are off inside a transform, as in JAX and PyTorch: an overflow shows in the values. What
    you set to "raise", "call", "print" or "log" with np.errstate stays as you set it.
    """

    __slots__ = ("_errstate",)

    def __enter__(self) -> None:
        with _pauses.lock:
            if _pauses.count == 0:
                _pauses.was_enabled = gc.isenabled()
                gc.disable()
            _pauses.count += 1
        kinds = {kind: "ignore" for kind, now in np.geterr().items() if now == "warn"}
        self._errstate = np.errstate(**kinds) if kinds else nullcontext()  # type: ignore[arg-type]
        self._errstate.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._errstate.__exit__(kind, value, traceback)
        with _pauses.lock:
            _pauses.count -= 1
            if _pauses.count == 0 and _pauses.was_enabled:
                gc.enable()
