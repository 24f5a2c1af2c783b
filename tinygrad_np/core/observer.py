"""The observer: a recorder that also sees where each operation comes from, and for whose derivative it runs.

It lies below the transforms inside of the function that it watches. So it sees every primitive that the function calls
and every one that a derivative rule calls, forward and backward, with their values; and nobody has to tell it, but for
one thing: which rule is running. That is what the tapes and forward traces tell which are made while it watches.

Whatever looks into a computation is an observer with some of its hooks filled in: `compute` runs an operation,
`observe` sees its result, `pull` runs a pullback.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import FrameType
from typing import Any

import numpy as np

from . import tree
from .calls import Call, handed_on
from .primitive import Primitive
from .recorder import Place, Recorder, Step
from .stack import user_and_called
from .tape import Tape
from .tensor import Array, Tensor, bottom, dtype_of, outputs_like
from .trace import compute

_VALUES = (np.ndarray, np.generic, Tensor)
_NAME = __name__.split(".")[0] + "."
_RULES = (__file__, sys.modules[Tape.__module__].__file__)  # whose functions call rules
_NAMELESS = ("facing", "<lambda>")  # functions that stand for the operation that they call
_active: ContextVar[Observer | None] = ContextVar("active", default=None)


class Observer(Recorder):
    """The observing trace. The function runs inside of it: ``with observer: y = f(*observer.enter(args))``.

    As with `grad`, only floating-point and complex results become Tensors, so that whatever can be differentiated can
    be observed. Integer and boolean arrays (labels, masks, indices) stay as they are, and are known again where an
    operation takes them together with a Tensor.

    Attributes
    ----------
    all_kinds : bool
        Of the class: whether integer and boolean arrays become Tensors too. Then what is computed from them alone is
        seen, and functions that take them where only arrays can stand (``array[mask]``) are refused.
    steps : list of Step
        The operations, each with its `Place`.
    """

    all_kinds = False
    __slots__ = ("_call", "_discrete", "_frame", "_rule", "_token")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self._rule: Place | None = None  # the one that is running
        self._discrete: dict[int, tuple[int, Any]] = {}  # of results that are no Tensors, by identity
        self._call = 0
        self._frame: FrameType | None = None
        self._token: Token[Observer | None] | None = None

    def __enter__(self) -> Observer:
        self._token = _active.set(self)
        return self

    def __exit__(self, *error: object) -> None:
        assert self._token is not None
        _active.reset(self._token)
        self.closed, self._rule, self._frame = True, None, None  # and so hold no frame of the user's
        self._discrete.clear()

    # What an observer may do besides recording.

    def compute(self, op: Primitive, values: list[Array], options: dict[str, Any]) -> Any:
        """Run an operation, one level down."""
        return handed_on(op, values) if isinstance(op, Call) else compute(op, values, options)

    def observe(self, number: int, step: Step, values: list[Array], y: Any) -> None:
        """See a step that has run: its arguments and its result."""

    def pull(self, rule: Place, positions: tuple[int, ...], pullback: Callable[[Any], Any], g: Any) -> Any:
        """Run a pullback of a rule for the cotangent that arrives; it gives those of the arguments at `positions`.

        The rule's place is that of the steps that it makes: `rule.of` is the operation's step.
        """
        return pullback(g)

    def look_into(self, call: Call, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Run the function itself that a call is of; return the leaves of its result, or None to have one operation."""
        y = call.inside(*tree.unflatten(call.structure, args))
        if y is NotImplemented:
            return None
        ys, call.out_structure = tree.flatten(y)
        return tuple(ys)

    def tape(self, origin: str) -> Tape:
        """Make the tape of a derivative that is taken inside of the function."""
        return ObservedTape(origin, self)

    # Recording.

    def enter(self, x: Any, *, numbers: bool = False) -> Any:
        """Make inputs of the arrays in a tree, Tensors of those that can be differentiated.

        With `numbers` Python's floating-point and complex numbers are inputs too.
        """
        kinds = (*_VALUES, float, complex) if numbers else _VALUES
        return tree.map(lambda leaf: self.follow(leaf) if isinstance(leaf, kinds) else leaf, x)

    def follow(self, value: Any) -> Any:
        """Give a value the next place; return its Tensor, or itself if it is discrete."""
        if self.all_kinds or dtype_of(value).kind in "fc":
            self.size += 1
            return Tensor(value, self, self.size - 1)
        if isinstance(value, np.ndarray):  # not True, 0 and the like, which are the same object wherever they occur
            self._discrete[id(value)] = (self.size, value)
        self.size += 1
        return value

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down and write down how, and where."""
        values = self.lower(op, args)
        if isinstance(op, Call) and Tensor not in map(type, values):
            inside = self.look_into(op, args)  # for its rules are with the traces above
            if inside is not None:
                return inside
        place = self._rule if self._rule is not None and self._rule.line is not None else self._place(op)
        y = self.compute(op, values, options)
        places, constants, discrete = [], list(values), self._discrete
        for i, a in enumerate(args):
            if type(a) is Tensor:
                if a._trace is self:
                    places.append((i, a._index))
                    constants[i] = None
            elif type(a) is np.ndarray and (known := discrete.get(id(a))) is not None:
                places.append((i, known[0]))
                constants[i] = None
        start = self.size
        result = outputs_like(y, [self.follow(yk) for yk in y]) if isinstance(y, tuple) else self.follow(y)
        step = Step(op, constants, places, options, range(start, self.size), self.lane, place)
        self.steps.append(step)
        self.observe(len(self.steps) - 1, step, values, y)
        return result

    def release(self, x: Any) -> Any:
        """Take the Tensors of this trace out of a tree."""
        return tree.map(lambda leaf: leaf._value if type(leaf) is Tensor and leaf._trace is self else leaf, x)

    # Places.

    def _place(self, op: Primitive) -> Place:
        """Return where the operation runs that is being processed, by the stack."""
        rule = self._rule
        if rule is not None:  # one of the user's, with lines of its own
            line, _ = user_and_called(sys._getframe(2), _RULES)
            if line is None and rule.of is not None:
                line = self._place_of(rule.of).line
            return rule._replace(line=line)
        line, called = user_and_called(sys._getframe(2))
        if called is None or called is not self._frame:
            self._call += 1
        self._frame = called
        name = called.f_code.co_name.strip("_").removesuffix("_op") if called else op.name
        return Place(line, op.name if name in _NAMELESS else name, self._call)

    def _place_of(self, number: int) -> Place:
        place = self.steps[number].place
        assert place is not None
        return place

    def begin(self, op: Primitive, since: int, direction: str) -> Place:
        """Return the place of a rule, of the last of the steps made since there were so many.

        It has no line, to be found by the stack, if it is none of the library's.
        """
        of = len(self.steps) - 1
        if of < since:
            return Place(None, op.name, 0, None, op.name, direction)
        line, call, number, *_ = self._place_of(of)
        return Place(line if op.key.startswith(_NAME) else None, call, number, of, op.name, direction)

    @contextmanager
    def running(self, op: Primitive, since: int, direction: str) -> Iterator[None]:
        """Run a rule in the block; arguments as for `begin`."""
        before, self._rule = self._rule, self.begin(op, since, direction)
        try:
            yield
        finally:
            self._rule = before


class Keeper(Observer):
    """An observer that keeps every value.

    Attributes
    ----------
    values : list of array
        Of all places.
    """

    __slots__ = ("values",)

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.values: list[Any] = []

    def follow(self, value: Any) -> Any:
        """Keep a value."""
        self.values.append(bottom(value))
        return super().follow(value)

    def operands(self, step: Step) -> list[Any]:
        """Return all arguments of a step."""
        given = dict(step.places)
        return [self.values[given[i]] if i in given else x for i, x in enumerate(step.constants)]


class ObservedTape(Tape):
    """A tape that tells an observer below it which rule is running."""

    __slots__ = ("observer",)

    def __init__(self, origin: str, observer: Observer) -> None:
        super().__init__(origin)
        self.observer = observer

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any], y: Any = None) -> Any:
        """Apply the primitive; then write it on the tape, while the observer knows whose rules run."""
        observer = self.observer
        since, place, before = len(observer.steps), len(self.entries), observer._rule
        if y is None:
            y = compute(op, self.lower(op, args), options)
        rule = observer._rule = observer.begin(op, since, "backward")
        try:
            result = super().process(op, args, options, y)
        finally:
            observer._rule = before
        if len(self.entries) > place:
            op, parents, pullback, shape, dtype = self.entries[place]
            positions = tuple([i for i, a in enumerate(args) if type(a) is Tensor and a._trace is self])
            if type(pullback) is tuple:
                told: Any = tuple([self._told(rule, (i,), p) for i, p in zip(positions, pullback, strict=True)])
            else:
                told = self._told(rule, positions, pullback)
            self.entries[place] = (op, parents, told, shape, dtype)
        return result

    def _told(self, rule: Place, positions: tuple[int, ...], pullback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a pullback that tells the observer."""
        observer = self.observer

        def told(g: Any) -> Any:
            if observer.closed:
                return pullback(g)
            observer._rule = rule  # and so it stays: the tape adds what comes out to other cotangents
            return observer.pull(rule, positions, pullback, g)

        return told

    def backward(self, seeds: list[tuple[int, Array]], inputs: int, *, consume: bool) -> list[Array | None]:
        """Read the tape from its end; see there."""
        before, self.observer._frame = self.observer._rule, None  # of a call that has ended, and whose arrays it holds
        try:
            return super().backward(seeds, inputs, consume=consume)
        finally:
            self.observer._rule = before


def observer() -> Observer | None:
    """Return the observer that watches now, if one does."""
    return _active.get()


def new_tape(origin: str) -> Tape:
    """Make a tape, which tells the observer that watches, if one does."""
    watching = _active.get()
    return Tape(origin) if watching is None or watching.closed else watching.tape(origin)
