"""Traces, and the one that reads backwards: the tape.

A trace is what a transform puts behind the Tensors it hands to a function. There are four kinds, and they share one
slot, `Trace.process`: a reverse trace writes a tape, a forward trace carries a tangent beside the value, a batching
trace an axis of the value, a recorder every primitive with its arguments and options. Levels count up for ever, so the
highest level among the arguments is the innermost transform, and a Tensor that outlived its transform matches no other.
"""

from __future__ import annotations

import gc
import itertools
import threading
from types import TracebackType
from typing import Any

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
        return shape_of(x._value)

    def bool_of(self, x: Tensor) -> bool:
        """Truth of a Tensor of this trace, as `if` asks for it."""
        return bool(x._value)

    def lower(self, op: Primitive, args: tuple[Any, ...]) -> list[Array]:
        """Return the arguments one level down: this trace's Tensors give their values, others stay."""
        if self.closed:
            raise RuntimeError(
                f"{op.name}: a Tensor of {self.origin} was used after that call ended. It escaped through a global, "
                "an attribute, a list or a closure; return what you need from the function instead (has_aux=True)."
            )
        return [
            (a._value if a._trace is self else a) if type(a) is Tensor else a if type(a) in PLAIN else plain(a, op.name)
            for a in args
        ]


class Tape(Trace):
    """The reverse trace: a list of entries in the order of creation, which is a topological order.

    An entry is `(op, parents, pullbacks, shape, dtype)`; the Tensor it made has the entry's place as its index. The
    first entries are the inputs, without an op. An operation of n outputs has its entry at the first of n places and
    None at the others. A joint pullback stands alone in `pullbacks` and returns a cotangent for each parent.
    """

    __slots__ = ("entries",)

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.entries: list[Any] = []

    def watch(self, value: Array) -> Tensor:
        """Make an input: a Tensor of this tape with that value."""
        self.entries.append((None, (), (), shape_of(value), dtype_of(value)))
        return Tensor(value, self, len(self.entries) - 1)

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down and write it on the tape with the pullbacks of the watched arguments."""
        values = self.lower(op, args)
        y = op(*values, **options) if Tensor in map(type, values) else op.forward(*values, **options)
        if not op.differentiable:
            return y
        if op.weak and type(y) is np.float64 and all(type(v) is float or type(v) is int for v in values):
            y = float(y)  # Python numbers stay weakly typed, as under Python's own operators
        parents, places = [], []
        for i, a in enumerate(args):
            if type(a) is Tensor and a._trace is self:
                parents.append(a._index)
                places.append(i)
        if op.joint is None:
            pullbacks = [op.pullback(i, y, values, options) for i in places]
        else:
            pullbacks = _joint_pullback(op, places, y, values, options)
        if type(y) is np.ndarray:
            shape, dtype = y.shape, y.dtype
        elif isinstance(y, tuple):
            return self._append_outputs(op, parents, pullbacks, y)
        else:
            shape, dtype = shape_of(y), dtype_of(y)
        if dtype.kind not in "fc":
            return y
        entries = self.entries
        entries.append((op, parents, pullbacks, shape, dtype))
        return Tensor(y, self, len(entries) - 1)

    def _append_outputs(self, op: Primitive, parents: list[int], pullbacks: list[Any], ys: tuple[Any, ...]) -> Any:
        first = len(self.entries)
        self.entries.append((op, parents, pullbacks, [shape_of(y) for y in ys], [dtype_of(y) for y in ys]))
        self.entries.extend([None] * (len(ys) - 1))
        outputs = [Tensor(y, self, first + k) if dtype_of(y).kind in "fc" else y for k, y in enumerate(ys)]
        return type(ys)(*outputs) if hasattr(ys, "_fields") else tuple(outputs)

    def like(self, place: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of the value at a place of the tape."""
        first = place
        while self.entries[first] is None:
            first -= 1
        shape, dtype = self.entries[first][3:]
        return (shape[place - first], dtype[place - first]) if isinstance(shape, list) else (shape, dtype)

    def backward(self, seeds: list[tuple[int, Array]], inputs: int, *, consume: bool) -> list[Array | None]:
        """Read the tape from its end and return the cotangents of the first `inputs` places, None for zero.

        A cotangent is freed once it has been used, and with `consume` so is the entry. Only sums that were allocated
        here are ever written to; what comes from a pullback may be shared with anything.
        """
        entries = self.entries if consume else self.entries.copy()
        cotangents: list[Any] = [None] * len(entries)
        owned: set[int] = set()
        for place, seed in seeds:
            if cotangents[place] is None:
                cotangents[place] = seed
            else:
                _add(cotangents, owned, place, seed)
        later: list[Any] = []  # the cotangents of an operation's second and further outputs, last first
        while len(entries) > inputs:
            entry = entries.pop()
            g = cotangents.pop()
            if entry is None:
                later.append(g)
                continue
            op, parents, pullbacks, shape, dtype = entry
            if type(shape) is list:
                gs = (g, *reversed(later))
                later.clear()
                if all(gk is None for gk in gs):
                    continue
                g = tuple(np.zeros(s, d) if gk is None else gk for gk, s, d in zip(gs, shape, dtype, strict=True))
            elif g is None:
                continue
            bars = [pull(g) for pull in pullbacks] if len(parents) == len(pullbacks) else pullbacks[0](g)
            for parent, x_bar in zip(parents, bars, strict=True):
                if x_bar is None:
                    continue
                like = entries[parent]
                if like is None or type(like[3]) is list:
                    shape, dtype = self.like(parent)
                else:
                    shape, dtype = like[3], like[4]
                if type(x_bar) is not np.ndarray or x_bar.shape != shape or x_bar.dtype is not dtype:
                    x_bar = _conform(op, x_bar, shape, dtype)
                if cotangents[parent] is None:
                    cotangents[parent] = x_bar
                else:
                    _add(cotangents, owned, parent, x_bar)
        return [c if c is None or i in owned else _own(c) for i, c in enumerate(cotangents)]


def _joint_pullback(
    op: Primitive, places: list[int], y: Any, values: list[Array], options: dict[str, Any]
) -> list[Any]:
    """Return the pullback of a joint rule for the cotangents at some places, or for the only one."""
    positions, rule = op.joint  # type: ignore[misc]
    if not all(i in positions for i in places):
        return [op.pullback(i, y, values, options) for i in places]
    pullback, wanted = rule(y, *values, **options), [positions.index(i) for i in places]
    if len(wanted) == 1:
        return [lambda g: pullback(g)[wanted[0]]]

    def joint_pullback(g: Any) -> list[Any]:
        bars = pullback(g)
        return [bars[i] for i in wanted]

    return [joint_pullback]


def _add(cotangents: list[Any], owned: set[int], place: int, g: Array) -> None:
    """Add to a cotangent: in place if the sum so far was allocated here."""
    old = cotangents[place]
    if place in owned and type(g) is np.ndarray:
        np.add(old, g, out=old)
    else:
        total = cotangents[place] = old + g
        (owned.add if type(total) is np.ndarray else owned.discard)(place)


def _conform(op: Primitive, x_bar: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Bring what a pullback returned to its argument's dtype; refuse another shape."""
    x_bar = plain(x_bar, f"the VJP rule of {op.name}")
    if shape_of(x_bar) != shape:
        raise ValueError(
            f"The VJP rule of {op.name} returned a cotangent of shape {shape_of(x_bar)} for an argument of shape "
            f"{shape}. A pullback returns an array of its argument's shape; sum over broadcast axes."
        )
    given = dtype_of(x_bar)
    if given == dtype:
        return x_bar
    if given.kind == "c" and dtype.kind != "c":
        x_bar = x_bar.real
    return x_bar.astype(dtype) if hasattr(x_bar, "astype") else dtype.type(x_bar)


def _own(g: Array) -> Array:
    """Copy a cotangent that may be shared or read-only, so that the user may keep it and write to it."""
    return np.array(g, copy=True) if type(g) is np.ndarray else g


class QuietCollector:
    """Pause the cyclic garbage collector and NumPy's floating-point warnings while a transform runs.

    The collector doubles the cost of a long tape, which makes many objects and no cycles. It is paused in a counted
    way: threads and nested transforms may overlap, the last to leave puts it back as the first found it.

    Floating-point *warnings* are off inside a transform, as in JAX and PyTorch: an overflow shows in the values. What
    you set to "raise", "call", "print" or "log" with np.errstate stays as you set it.
    """

    _lock = threading.Lock()
    _count = 0
    _was_enabled = False

    def __enter__(self) -> None:
        cls = QuietCollector
        with cls._lock:
            if cls._count == 0:
                cls._was_enabled = gc.isenabled()
                gc.disable()
            cls._count += 1
        kinds = {kind: "ignore" for kind, now in np.geterr().items() if now == "warn"}
        self._errstate = np.errstate(**kinds)  # type: ignore[arg-type]
        self._errstate.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._errstate.__exit__(kind, value, traceback)
        cls = QuietCollector
        with cls._lock:
            cls._count -= 1
            if cls._count == 0 and cls._was_enabled:
                gc.enable()
