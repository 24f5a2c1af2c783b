"""The tape: the trace that is read backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from .guard import Guard
from .primitive import Primitive
from .tensor import PLAIN, Array, Tensor, dtype_of, outputs_like, plain, shape_of
from .trace import Trace, conform, weakly


class Tape(Trace):
    """The reverse trace: a list of entries in the order of creation, which is a topological order.

    An entry is `(op, parents, pullbacks, shape, dtype)`; the Tensor it made has the entry's place as its index. The
    first entries are the inputs, without an op. An operation of n outputs has its entry at the first of n places and
    None at the others. A joint pullback stands alone in `pullbacks` and returns a cotangent for each parent.
    """

    __slots__ = ("entries", "guard")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.entries: list[Any] = []
        self.guard = Guard()

    def watch(self, value: Array) -> Tensor:
        """Make an input: a Tensor of this tape with that value."""
        self.entries.append((None, (), (), shape_of(value), dtype_of(value)))
        return Tensor(value, self, len(self.entries) - 1)

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any], y: Any = None) -> Any:
        """Apply the primitive one level down and write it on the tape with the pullbacks of the watched arguments.

        If the result `y` is known, it is not computed again.
        """
        if self.closed:
            self.refuse_escaped(op)
        values: list[Any] = []
        parents, places, raw, nested, marks = [], [], False, False, self.guard.marks
        for i, a in enumerate(args):  # `lower`, and what the entry needs, in one pass
            if type(a) is Tensor:
                if a._trace is self:
                    parents.append(a._index)
                    places.append(i)
                    a = a._value
                nested = nested or type(a) is Tensor
            elif type(a) is np.ndarray:
                raw = raw or id(a) not in marks
            elif type(a) not in PLAIN:
                a = plain(a, op.name)
            values.append(a)
        if y is None:
            y = op(*values, **options) if nested else op.forward(*values, **options)
            if type(y) is np.float64:
                y = weakly(op, y, values)
        if not op.differentiable:
            return y
        if op.joint is None:
            vjps = op.vjps
            pullbacks = [
                vjps[i](y, *values, **options) if i in vjps else op.pullback(i, y, values, options) for i in places
            ]
        else:
            pullbacks = _joint_pullback(op, places, y, values, options)
        if raw and getattr(pullbacks[0], "__closure__", True):
            self.guard.watch(op, args, pullbacks)
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
        return outputs_like(ys, outputs)

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
        self.guard.check(self.origin, self.entries)
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
                    x_bar = conform(x_bar, shape, dtype, f"The VJP rule of {op.name}", "cotangent")
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


def _own(g: Array) -> Array:
    """Copy a cotangent that may be shared or read-only, so that the user may keep it and write to it."""
    return np.array(g, copy=True) if type(g) is np.ndarray else g
