"""The quick look of ``debug(f, non_finite=True)``: is every value finite? Only if one is not, `nonfinite` asks why.

The look keeps nothing and costs little: one product of each result with itself, which no infinity or nan passes unseen.
When it finds one it stops.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NoReturn

import numpy as np

from ..core import tree
from ..core.calls import Call, handed_on
from ..core.observer import Observer
from ..core.primitive import Primitive
from ..core.stack import user_line
from ..core.tape import Tape
from ..core.tensor import Array, Tensor, name_of, outputs_like
from ..core.trace import weakly
from .arguments import belongs, leave
from .finite import TAME, is_finite, is_inexact, sends_finite
from .forward import Forward


class _FoundError(ArithmeticError):
    """The look has found something."""


class Look(Observer):
    """The looking trace: an observer that records nothing; a Tensor's index is True if nobody else has its array.

    Tapes that are made inside of the function test their values and cotangents for it, and have them without it; those
    outside, and traces of other kinds inside, it sees by what passes through it.

    Attributes
    ----------
    f, args, kwargs
        The call.
    blame : callable
        Called with a `Tested` pullback that has sent a cotangent that is not finite, the number of it among those it
        sends, itself, and the one that arrived.
    captures : bool
        Whether the function has used Tensors of traces outside that are none of its arguments: then it cannot run again
        when these have ended.
    found : bool
        Whether something was found.
    count : int
        How many operations there were: as many as an observer of the same call has steps.
    outside : bool
        Whether traces outside watch the arguments.
    results : set of (int, int)
        Level and place on a tape outside of every result.
    """

    __slots__ = ("args", "blame", "captures", "count", "f", "found", "kwargs", "outside", "results")

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], blame: Callable[..., None]
    ) -> None:
        super().__init__(f"debug({name_of(f)})")
        self.f, self.args, self.kwargs, self.blame = f, args, kwargs, blame
        self.captures, self.found, self.count = False, False, 0
        self.outside = any(type(leaf) is Tensor for leaf in tree.leaves((args, kwargs)))
        self.results: set[tuple[int, int]] = set()

    def conversion_advice(self, target: str) -> str:
        """Say that the function is traced."""
        return f"{self.origin} traces the function as grad does; call debug on the part without {target}()."

    def run(self) -> Any:
        """Call the function; return its result."""
        args, kwargs = tree.map(self.tested, (self.args, self.kwargs))
        result = self.f(*args, **kwargs)
        if self.found:  # the function has caught the error
            raise _FoundError
        return tree.map(self._leave, result)

    def _leave(self, y: Any) -> Any:
        """Take a part of the result out of this trace."""
        y = self.tested(y)
        return y._value if belongs(y, self) and y._index else self.finish(leave(y, self))

    def finish(self, y: Any) -> Any:
        """Note that a result's cotangent comes from outside; return it."""
        x = y
        while type(x) is Tensor:
            if isinstance(x._trace, Tape):
                self.results.add((x._trace.level, x._index))
            x = x._value
        return y

    def tape(self, origin: str) -> Tape:
        """Make a tape that tests; if there are traces outside, this one does, for they have to be seen as well."""
        return Tape(origin) if self.outside else LookedTape(origin, self)

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down and test what it gives."""
        values = self.lower(op, args)
        outside = Tensor in map(type, values)
        if isinstance(op, Call) and not outside:
            inside = self.look_into(op, args)
            if inside is not None:
                return inside
        own = _all_of(self, args)
        if outside:
            if not own and any(type(a) is Tensor and a._trace is not self for a in args):
                self.captures = True
            y = self.applied(op, values, options)
        else:
            y = op.forward(*values, **options)
            if type(y) is np.float64:
                y = weakly(op, y, values)
        self.count += 1
        if own and op.key in TAME:
            return Tensor(y, self, None)
        if isinstance(y, tuple):
            return outputs_like(y, [self.tested(yk) for yk in y])
        return self.tested(y)

    def applied(self, op: Primitive, values: list[Array], options: dict[str, Any]) -> Any:
        """Apply the primitive to values of older traces; have the cotangents tested that it sends on their tapes."""
        tapes = [] if sends_finite(op, options) else self.tapes_of(values)
        if isinstance(op, Call):
            y = handed_on(op, values)
        else:
            top = max([x._trace for x in values if type(x) is Tensor], key=_level)
            y = top.process(op, tuple(values), options)
        self.test_cotangents(tapes, op, values, self.count)
        return y

    def tapes_of(self, values: Sequence[Any]) -> list[tuple[Tape, int]]:
        """Return the tapes outside that watch some values, each with its length so far."""
        tapes: list[Tape] = []
        for x in values:
            while type(x) is Tensor:
                trace, x = x._trace, x._value
                if isinstance(trace, Tape) and trace.level < self.level and trace not in tapes:
                    tapes.append(trace)
        return [(tape, len(tape.entries)) for tape in tapes]

    def test_cotangents(
        self, tapes: list[tuple[Tape, int]], op: Primitive, values: Sequence[Any], number: int
    ) -> None:  # fmt: skip
        """Have the cotangents tested that an operation sends, by what it has written on tapes since."""
        for tape, since in tapes:
            for place in range(since, len(tape.entries)):
                entry, parents, pullback, shape, dtype = tape.entries[place]
                if entry is not None:
                    tested = Tested(pullback, op, values, self, (tape.level, place), number)
                    tape.entries[place] = (entry, parents, tested, shape, dtype)

    def tested(self, x: Any, *, unshared: bool | None = None) -> Any:
        """Return a Tensor of what is finite; what cannot be otherwise, or is one already, as it is."""
        y = x
        while type(y) is Tensor:
            if y._trace is self:
                return x
            if isinstance(y._trace, Forward) and not is_finite(y._index):
                self.raise_found()
            y = y._value
        if not (type(y) is np.ndarray and y.dtype.char in "fd") and not is_inexact(y):
            return x
        if not is_finite(y):
            self.raise_found()
        return Tensor(x, self, unshared)

    def raise_found(self) -> NoReturn:
        """Stop looking."""
        self.found = True
        raise _FoundError


class LookedTape(Tape):
    """A tape made inside of a function that is looked at: it tests, on arrays, for which rules are fastest.

    The cotangents of its inputs are tested in the end, all others when a pullback sends them.
    """

    __slots__ = ("inputs", "look")

    def __init__(self, origin: str, look: Look) -> None:
        super().__init__(origin)
        self.look, self.inputs = look, 0

    def _without_look(self, x: Any) -> Any:
        return x._value if type(x) is Tensor and x._trace is self.look else x

    def watch(self, value: Array) -> Tensor:
        """Watch an array that has been looked at already."""
        if len(self.entries) == self.inputs:
            self.inputs += 1
        return super().watch(self._without_look(value))

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any], y: Any = None) -> Any:
        """Apply the primitive one level down, test what it gives, and have tested what its pullback will give."""
        entries, place, look = self.entries, len(self.entries), self.look
        values, tested, outside = self._sorted(args)
        if outside:
            look.captures, tapes = True, look.tapes_of(values)
            result = super().process(op, tuple(values), options, y)
            look.test_cotangents(tapes, op, values, -1)
        else:
            result = super().process(op, tuple(values), options, y)
        if len(entries) == place:
            return look.tested(result) if not isinstance(result, tuple) else result
        if not (tested and op.key in TAME):
            for y in result if isinstance(result, tuple) else (result,):
                look.tested(y._value if type(y) is Tensor else y)
        entry, parents, pullback, shape, dtype = entries[place]
        last = parents if type(parents) is int else max(parents)
        if last >= self.inputs and not sends_finite(op, options):
            entries[place] = (entry, parents, LookedPullback(pullback, look), shape, dtype)
        return result

    def _sorted(self, args: tuple[Any, ...]) -> tuple[list[Any], bool, bool]:
        """Return the arguments without the look, whether all are this tape's own, and whether traces outside see some.

        In one pass, for it runs at every operation.
        """
        values, tested, outside = [], True, False
        for a in args:
            if type(a) is not Tensor:
                tested = False
            elif a._trace is self:
                outside = outside or type(a._value) is Tensor
            elif a._trace is self.look:
                tested, a = False, a._value
            else:
                tested, outside = False, True
            values.append(a)
        return values, tested, outside

    def backward(self, seeds: list[tuple[int, Array]], inputs: int, *, consume: bool) -> list[Array | None]:
        """Read the tape from its end; what comes out is looked at again when it is used."""
        bars = super().backward([(i, self._without_look(g)) for i, g in seeds], inputs, consume=consume)
        if self.look.closed:
            return bars
        return [g if g is None or type(g) is Tensor else self.look.tested(g, unshared=True) for g in bars]


class LookedPullback:
    """A pullback, or one for each argument, and a test of what it gives."""

    __slots__ = ("look", "pullback")

    def __init__(self, pullback: Any, look: Look) -> None:
        self.pullback, self.look = pullback, look

    def __call__(self, g: Any) -> Any:
        """Run it."""
        pullback = self.pullback
        bars = [pull(g) for pull in pullback] if type(pullback) is tuple else pullback(g)
        if type(bars) is np.ndarray:
            if not is_finite(bars):
                self.blame(0, bars, g)
            return bars
        for i, x_bar in enumerate(bars if isinstance(bars, tuple | list) else (bars,)):
            if x_bar is not None and not is_finite(x_bar):
                self.blame(i, x_bar, g)
        return bars

    def blame(self, i: int, x_bar: Any, g: Any) -> None:
        """Stop looking, if that is not over."""
        if not self.look.closed:
            self.look.raise_found()


def _all_of(trace: Observer | Tape, args: tuple[Any, ...]) -> bool:
    """Whether all arguments are Tensors of a trace, and so were tested."""
    return not [a for a in args if type(a) is not Tensor or a._trace is not trace]


_level = attrgetter("level")


class Tested(LookedPullback):
    """A pullback on a tape outside, with what is known of its operation: its arguments, number and place there."""

    __slots__ = ("line", "number", "op", "place", "values")

    def __init__(
        self, pullback: Any, op: Primitive, values: Sequence[Any], look: Look, place: tuple[int, int], number: int
    ) -> None:
        self.pullback, self.look, self.op, self.values, self.place = pullback, look, op, values, place
        self.number, self.line = number, user_line(sys._getframe(3)) if look.captures else None

    def blame(self, i: int, x_bar: Any, g: Any) -> None:
        """Say what went wrong."""
        self.look.blame(self, i, x_bar, g)
