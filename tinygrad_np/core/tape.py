"""The tape: the trace that is read backwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from .families import unbroadcast
from .guard import Guard
from .primitive import Primitive
from .tensor import PLAIN, Array, Tensor, dtype_of, outputs_like, plain, shape_of
from .trace import Trace, capture, conform, weakly


class Tape(Trace):
    """The reverse trace: a list of entries in the order of creation, which is a topological order.

    An entry is `(op, parents, pullback, shape, dtype)`; the Tensor it made has the entry's place as its index. If there
    is one parent, it stands there bare, with its pullback. Of several there is a tuple, and a tuple of their pullbacks
    or one joint pullback, which returns a cotangent for each.

    The first entries are the inputs, which have no op. An operation of several outputs has an entry without a shape,
    and after it one without an op for each output.
    """

    __slots__ = ("entries", "guard")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.entries: list[Any] = []
        self.guard = Guard()

    def watch(self, value: Array) -> Tensor:
        """Make a Tensor of this tape with that value: an input, or one of several outputs."""
        self.entries.append((None, (), (), shape_of(value), dtype_of(value)))
        return Tensor(value, self, len(self.entries) - 1)

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any], y: Any = None) -> Any:
        """Apply the primitive one level down and write it on the tape with the pullbacks of the watched arguments.

        If the result `y` is known, it is not computed again.
        """
        if self.closed:
            self.refuse_escaped(op)
        values, marks = list(args), self.guard.marks
        places, unseen, nested = [], False, False
        for i, a in enumerate(args):  # `lower`, and what the entry needs, in one pass
            kind = type(a)
            if kind is Tensor:
                if a._trace is self:
                    places.append(i)
                    a = values[i] = a._value
                nested = nested or type(a) is Tensor
            elif kind is np.ndarray:
                unseen = unseen or id(a) not in marks
            elif kind not in PLAIN:
                values[i] = plain(a, op.name)
        if nested:
            values = capture(values)
        if y is None:
            y = op(*values, **options) if nested else op.forward(*values, **options)
            if type(y) is np.float64:
                y = weakly(op, y, values)
        if not op.differentiable:
            return y
        if len(places) == 1 and op.joint is None:
            i = places[0]
            rule = op.vjps.get(i)
            pullback = rule(y, *values, **options) if rule else op.pullback(i, y, values, options)
            parents = args[i]._index
        else:
            parents, pullback = _several(op, places, args, y, values, options)
        if unseen and getattr(pullback, "__closure__", True):
            self.guard.watch(op, args, pullback)
        if type(y) is np.ndarray:
            shape, dtype = y.shape, y.dtype
        elif isinstance(y, tuple):
            self.entries.append((op, parents, pullback, None, None))
            return outputs_like(y, [t if t.dtype.kind in "fc" else t._value for t in map(self.watch, y)])
        else:
            shape, dtype = shape_of(y), dtype_of(y)
        if dtype.kind not in "fc":
            return y
        entries = self.entries
        entries.append((op, parents, pullback, shape, dtype))
        return Tensor(y, self, len(entries) - 1)

    def backward(self, seeds: list[tuple[int, Array]], inputs: int, *, consume: bool) -> list[Array | None]:
        """Read the tape from its end and return the cotangents of the first `inputs` places, None for zero.

        A cotangent is freed once it has been used, and with `consume` so is the entry. Only sums that were allocated
        here, and what a fresh operation gave to an input, are ever written to or handed out: what comes from another
        pullback may be shared with anything.
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
        outputs: list[Any] = []  # the cotangents of the operation with several outputs that comes next, last first
        while len(entries) > inputs:
            op, parents, pullback, shape, dtype = entries.pop()
            g = cotangents.pop()
            if op is None:
                outputs.append((g, shape, dtype))
                continue
            if shape is None:
                g = _joined(outputs)
                outputs.clear()
            if g is None:
                continue
            if type(parents) is int:
                _arrive(op, pullback(g), parents, entries, cotangents, owned, inputs)
                continue
            bars = [pull(g) for pull in pullback] if type(pullback) is tuple else pullback(g)
            for parent, x_bar in zip(parents, bars, strict=True):
                _arrive(op, x_bar, parent, entries, cotangents, owned, inputs)
            bars = x_bar = None  # and so keep no cotangent alive
        return [c if c is None or i in owned else _own(c) for i, c in enumerate(cotangents)]


def _arrive(
    op: Primitive,
    x_bar: Any,
    place: int,
    entries: list[Any],
    cotangents: list[Any],
    owned: set[int],
    inputs: int,
) -> None:
    """Take up what the pullback of an operation gave for the value at a place."""
    if x_bar is None:
        return
    _, _, _, shape, dtype = entries[place]
    if type(x_bar) is not np.ndarray or x_bar.shape != shape or x_bar.dtype is not dtype:
        x_bar = _conform(op, x_bar, shape, dtype)
    if cotangents[place] is not None:
        _add(cotangents, owned, place, x_bar)
    else:
        cotangents[place] = x_bar
        if place < inputs and op.fresh and type(x_bar) is np.ndarray and x_bar.base is None:
            owned.add(place)


def _several(
    op: Primitive, places: list[int], args: tuple[Any, ...], y: Any, values: list[Array], options: dict[str, Any]
) -> tuple[Any, Any]:
    """Return the parents at some places and their pullbacks, or the joint one, as an entry has them."""
    parents = tuple([args[i]._index for i in places])
    positions, rule = op.joint or ((), None)
    if rule is None or not all(i in positions for i in places):
        rules = op.vjps
        return parents, tuple(
            [rules[i](y, *values, **options) if i in rules else op.pullback(i, y, values, options) for i in places]
        )
    pullback, wanted = rule(y, *values, **options), [positions.index(i) for i in places]
    if len(wanted) == 1:
        return parents[0], lambda g: pullback(g)[wanted[0]]

    def joint_pullback(g: Any) -> list[Any]:
        bars = pullback(g)
        return [bars[i] for i in wanted]

    return parents, joint_pullback


def _joined(outputs: list[Any]) -> tuple[Any, ...] | None:
    """Return the cotangents of several outputs as a pullback takes them, None if nothing arrived at all."""
    if all(g is None for g, _, _ in outputs):
        return None
    return tuple([np.zeros(shape, dtype) if g is None else g for g, shape, dtype in reversed(outputs)])


def _conform(op: Primitive, x_bar: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Undo broadcasting for an operation that broadcasts; then conform, see there."""
    if op.broadcasts:
        x_bar = unbroadcast(x_bar, shape)
    return conform(x_bar, shape, dtype, f"The VJP rule of {op.name}", "cotangent")


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
    return g.copy("K") if type(g) is np.ndarray else g
