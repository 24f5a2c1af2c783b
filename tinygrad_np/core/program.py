"""A recorded call as a list of NumPy calls on buffers: what is left when everything static is settled beforehand.

The operations' results lie in buffers that are made once and used again in every run. So

- a view (a reshape, a transpose, a slice) is made once, with the program: in a run it costs nothing;
- a ufunc is one call, its arguments and its output bound;
- an operation with a `prepare` rule is the few NumPy calls that the rule returns;
- any other is its forward function, its result copied into the buffer if that is small.

Two values share a buffer where the first is used for the last time before the second is made. Arguments of more than a
megabyte are not copied into buffers and such results of the program are made afresh; these are looked up in each run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .calls import Call
from .recorder import Recorder, Step
from .tensor import Array, Tensor, shape_of

_COPIED = 1 << 20  # bytes up to which a copy costs less than looking up and making anew
_LINE = 64  # bytes of a line of the cache


class Recording(Recorder):
    """The recorder that keeps the values it saw: a program is laid out for values like them."""

    __slots__ = ("values",)

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.values: list[Any] = []

    def watch(self, value: Array) -> Tensor:
        """Keep a value and return its Tensor."""
        self.values.append(value)
        return super().watch(value)


class Program:
    """The steps of a recording that its outputs need, as functions without arguments.

    Parameters
    ----------
    recording : Recording
        A closed one.
    inputs : int
        How many of its values are given: the first ones.
    outputs : sequence of int
        The places of those that are wanted.

    Attributes
    ----------
    calls : list of callable
        What `run` calls, in order.
    """

    def __init__(self, recording: Recording, inputs: int, outputs: Sequence[int]) -> None:
        self.origin, self.outputs = recording.origin, list(outputs)
        self.seen: list[Any] = recording.values
        steps = _needed(recording.steps, outputs)
        self.source, self.end = _lives(steps, outputs, self.seen)
        self.pool = _Pool()
        self.slots: list[Any] = [None] * recording.size  # a buffer, a view of one, or what a run has put there
        self.looked_up: set[int] = set()  # the places of the latter
        self.copied: list[int] = []
        for place in range(inputs):
            if place in self.end:
                self._lay_out_input(place)
        self.given = sorted(self.looked_up)
        self.calls: list[Callable[[], object]] = []
        for i, step in enumerate(steps):
            self._lay_out(i, step)
        self.scalars = [not isinstance(self.seen[place], np.ndarray) for place in self.outputs]
        del self.seen, self.source, self.end, self.pool  # of use for laying out only

    def run(self, given: Sequence[Any]) -> list[Any]:
        """Compute the outputs from the inputs. They are fresh arrays."""
        slots = self.slots
        for place in self.copied:
            slots[place][...] = given[place]
        for place in self.given:
            slots[place] = given[place]
        for call in self.calls:
            call()
        results = [self._own(place, scalar) for place, scalar in zip(self.outputs, self.scalars, strict=True)]
        for place in self.looked_up:
            slots[place] = None
        return results

    def _own(self, place: int, scalar: bool) -> Any:
        value = self.slots[place]
        if scalar:
            return value[()] if isinstance(value, np.ndarray) else value
        fresh = place in self.looked_up and place not in self.given and value.flags.owndata
        return value if fresh and self.outputs.count(place) == 1 else value.copy()

    # -- laying out ------------------------------------------------------------------------------------------------

    def _lay_out_input(self, place: int) -> None:
        value = self.seen[place]
        if value.nbytes <= _COPIED and self.pool.can_hold(value):
            self.slots[place] = self.pool.take(value, place)
            self.copied.append(place)
        else:
            self.looked_up.add(place)

    def _lay_out(self, i: int, step: Step) -> None:
        """Append the calls of a step, and settle where its results lie."""
        first, *others = step.outputs
        ending = [place for place in {self.source[p] for p in step.inputs} if self.end[place] == i]
        fixed = self.looked_up.isdisjoint(step.inputs)
        function = step.function if isinstance(step.op, Call) else step.op.forward
        if isinstance(function, np.ufunc) and not others and not self._is_made_afresh(first):
            if function.signature is None:  # elementwise: it may write over what is used for the last time
                self.pool.give_back(ending)
            self.slots[first] = self.pool.take(self.seen[first], first)
            self.calls.append(self._bound(function, step, (self.slots[first],)))
        elif fixed and not others and self.source[first] != first:
            self.slots[first] = function(*self._arguments(step), **step.options)
        elif not (fixed and self._prepare(step)):
            self._run_forward(function, step)
        self.pool.give_back(ending)
        forgotten = [p for p in self.looked_up.intersection(self.end) if self.end[self.source[p]] == i]
        if forgotten:
            self.calls.append(partial(_forget, self.slots, forgotten))

    def _is_made_afresh(self, place: int) -> bool:
        """Whether a value is returned and so large that a copy would cost more than new memory."""
        return place in self.outputs and self.seen[place].nbytes > _COPIED

    def _arguments(self, step: Step) -> list[Any]:
        args = list(step.constants)
        for i, place in step.places:
            args[i] = self.slots[place]
        return args

    def _bound(self, function: Callable[..., Any], step: Step, more: tuple[Any, ...] = ()) -> Callable[[], Any]:
        """Return the call of a function with a step's arguments, those of them looked up that are not fixed."""
        places = [(i, place) for i, place in step.places if place in self.looked_up]
        args, slots, options = self._arguments(step), self.slots, step.options
        if not places:
            return partial(function, *args, *more, **options)

        def call() -> Any:
            full = [*args, *more]
            for i, place in places:
                full[i] = slots[place]
            return function(*full, **options)

        return call

    def _prepare(self, step: Step) -> bool:
        """Have the operation bind its calls to buffers; return whether it could."""
        prepare = None if isinstance(step.op, Call) else step.op.prepare
        values = [self.seen[place] for place in step.outputs]
        if prepare is None or not all(map(self.pool.can_hold, values)) or any(map(self._is_made_afresh, step.outputs)):
            return False
        outs = [self.pool.take(value, place) for value, place in zip(values, step.outputs, strict=True)]
        calls = prepare(outs[0] if len(outs) == 1 else tuple(outs), *self._arguments(step), **step.options)
        if calls is None:
            self.pool.give_back(step.outputs)
            return False
        for place, out in zip(step.outputs, outs, strict=True):
            self.slots[place] = out
        self.calls += calls
        return True

    def _run_forward(self, function: Callable[..., Any], step: Step) -> None:
        """Let a step's function run; copy its results into buffers, or keep large ones and views for the run."""
        call, slots, name, origin = self._bound(function, step), self.slots, step.op.name, self.origin
        shapes = [shape_of(self.seen[place]) for place in step.outputs]
        copied = set()
        for place in step.outputs:
            value = self.seen[place]
            if self.source[place] == place and value.nbytes <= _COPIED and self.pool.can_hold(value):
                slots[place] = self.pool.take(value, place)
                copied.add(place)
            else:
                self.looked_up.add(place)

        def run() -> None:
            y = call()
            for place, value, shape in zip(step.outputs, y if isinstance(y, tuple) else (y,), shapes, strict=True):
                if shape_of(value) != shape:
                    raise _changed(origin, name, shape, shape_of(value))
                if place in copied:
                    slots[place][...] = value
                else:
                    slots[place] = value

        self.calls.append(run)


def _forget(slots: list[Any], places: list[int]) -> None:
    for place in places:
        slots[place] = None


def _changed(origin: str, name: str, recorded: tuple[int, ...], now: tuple[int, ...]) -> TypeError:
    return TypeError(
        f"{origin}: {name} gave an array of shape {recorded} when the call was recorded and one of shape {now} now. A "
        "shape that depends on values cannot be compiled: write it with np.where and masks of fixed shape, or leave "
        "this part outside."
    )


def _needed(steps: Sequence[Step], outputs: Sequence[int]) -> list[Step]:
    """Return the steps that the outputs depend on."""
    wanted, needed = set(outputs), []
    for step in reversed(steps):
        if not wanted.isdisjoint(step.outputs):
            needed.append(step)
            wanted.update(step.inputs)
    return needed[::-1]


def _lives(steps: Sequence[Step], outputs: Sequence[int], seen: list[Any]) -> tuple[dict[int, int], dict[int, int]]:
    """Return for each place that of the value whose memory it lies in, and for those the last step that uses it."""
    source = {place: place for place in range(len(seen))}
    end: dict[int, int] = {}
    for i, step in enumerate(steps):
        for out in step.outputs:
            viewed = [place for place in step.inputs if np.may_share_memory(seen[out], seen[place])]
            if viewed:
                source[out] = source[viewed[0]]
            end[source[out]] = i  # one that nobody uses
        end.update((source[place], i) for place in step.inputs)
    end.update((source[place], len(steps)) for place in outputs)
    return source, end


class _Pool:
    """Buffers, each lent to one value at a time."""

    def __init__(self) -> None:
        self.lent: dict[int, Any] = {}
        self.free: list[Any] = []

    def can_hold(self, value: Any) -> bool:
        """Whether an array like the value, strides included, takes at most twice its bytes and no element twice."""
        return all(step > 0 for step in value.strides) and _extent(value) <= 2 * value.nbytes

    def take(self, value: Any, place: int) -> Any:
        """Lend a buffer for the value at a place: an array of its shape, dtype and strides."""
        size = _extent(value)
        fitting = [b for b in self.free if size <= b.nbytes <= 2 * size + 1024]
        if fitting:
            block = min(fitting, key=lambda b: b.nbytes)
            self.free = [b for b in self.free if b is not block]
        else:
            block = _aligned(size)
        self.lent[place] = block
        return np.ndarray(value.shape, value.dtype, block, strides=value.strides)

    def give_back(self, places: Sequence[int]) -> None:
        """Take back the buffers of values that are not used any more."""
        self.free += [self.lent.pop(place) for place in places if place in self.lent]


def _extent(value: Any) -> int:
    """Bytes from the first to the last of an array of positive strides."""
    if not value.size:
        return 0
    return int(sum((n - 1) * step for n, step in zip(value.shape, value.strides, strict=True)) + value.itemsize)


def _aligned(size: int) -> Any:
    block = np.empty(size + _LINE, np.uint8)
    start = -block.ctypes.data % _LINE
    return block[start : start + size]
