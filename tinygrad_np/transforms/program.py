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

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from types import MappingProxyType
from typing import Any

import numpy as np

from ..core.calls import Call
from ..core.recorder import Recorder, Step
from ..core.tensor import Array, Tensor, shape_of
from ..kernels.binding import bound
from ..kernels.scratch import Known, prepared_for
from ..kernels.threads import hold_blas, parallel
from .arguments import own
from .buffers import Pool, can_hold
from .schedule import Region, Schedule

_COPIED = 1 << 18  # bytes up to which a copy costs less than looking up and making anew


class Recording(Recorder):
    """The recorder that keeps the values it saw: a program is laid out for values like them.

    A scalar of NumPy is kept as the array without axes that it will be in a buffer, and remembered as a scalar.
    """

    __slots__ = ("captives", "scalars", "values")

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.values: list[Any] = []
        self.scalars: set[int] = set()
        self.captives: dict[int, Tensor] = {}  # captured arrays, by identity

    def captured(self, x: Array) -> Tensor:
        """Make a Tensor of an array that the function captured; the program reads it where it lies."""
        if id(x) not in self.captives:
            self.captives[id(x)] = self.watch(x)
        return self.captives[id(x)]

    def watch(self, value: Array) -> Tensor:
        """Keep a value and return its Tensor."""
        if isinstance(value, np.generic):
            self.scalars.add(self.size)
            value = np.asarray(value)
        self.values.append(value)
        return super().watch(value)

    def result(self, x: Tensor) -> Any:
        """Return a Tensor's value as the function would."""
        return x._value[()] if x._index in self.scalars else own(x._value)


class Program:
    """The steps of a recording that its outputs need, as functions without arguments.

    Steps of different micro-batches come in regions: those of one after the other, and several of them at once.

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
        self.plan = Schedule(recording.steps, outputs, self.seen)
        self.pools: dict[int | None, Pool] = defaultdict(Pool)  # one of each group of micro-batches, and one of all
        self.known: Known = {}  # what prepared steps share
        self.slots: list[Any] = [None] * recording.size  # a buffer, a view of one, or what a run has put there
        self.looked_up: set[int] = set()  # the places of the latter
        self.copied: list[tuple[Callable[..., None], int]] = []
        self.fresh: set[int] = set()  # the places of outputs that a run makes and nothing else looks into
        self.perhaps_fresh: set[int] = set()  # of those that may also be a view, which has a base
        for place in range(inputs):
            if place in self.plan.used:
                self._lay_out_input(place)
        for captive in recording.captives.values():
            self.slots[captive._index] = captive._value
        self.given = sorted(self.looked_up)
        self.calls: list[Callable[[], object]] = []
        for region in self.plan.regions:
            self._lay_out_region(region)
        self.results = [self._result(place, place in recording.scalars) for place in outputs]
        del self.seen, self.plan, self.pools, self.known  # of use for laying out only

    def run(self, given: Sequence[Any]) -> list[Any]:
        """Compute the outputs from the inputs. They are fresh arrays."""
        slots = self.slots
        for fill, place in self.copied:
            fill(..., given[place])
        for place in self.given:
            slots[place] = given[place]
        try:
            for call in self.calls:
                call()
            return [leave() for leave in self.results]
        finally:
            for place in self.looked_up:
                slots[place] = None

    def _result(self, place: int, scalar: bool) -> Callable[[], Any]:
        """Return what gives a copy of an output, or the array itself if a run has made it and nobody else has it."""
        if place not in self.looked_up:
            return partial(self.slots[place].__getitem__, ()) if scalar else self.slots[place].copy
        fresh, perhaps = place in self.fresh, place in self.perhaps_fresh

        def leave() -> Any:
            value = self.slots[place]
            if scalar:
                return value[()]
            return value if fresh or (perhaps and value.base is None) else own(value)

        return leave

    # -- laying out ------------------------------------------------------------------------------------------------

    def _lay_out_input(self, place: int) -> None:
        value = self.seen[place]
        if can_hold(value, _COPIED):
            self.slots[place] = self.pools[None].take(value, place)
            self.copied.append((self.slots[place].__setitem__, place))
        else:
            self.looked_up.add(place)

    def _lay_out_region(self, region: Region) -> None:
        """Append the calls of steps that belong to no micro-batch, or one call that runs those of several."""
        if not region.divided:
            for i in region.steps:
                self._lay_out(i, self.pools[None], self.known, self.calls)
            return
        groups: list[list[Callable[[], object]]] = [[] for _ in range(self.plan.groups)]
        for lane, steps in groupby(region.steps, lambda i: self.plan.steps[i].lane):
            group: Any = self.plan.group(lane)
            known: Known = {}  # the next micro-batch has the same memory
            for i in steps:
                self._lay_out(i, self.pools[group], known, groups[group])
            self.pools[group].take_back_kept()

        def run_group(k: int) -> None:
            for call in groups[k]:
                call()

        def run_groups() -> None:
            with hold_blas():  # also where one thread runs them all
                parallel(run_group, len(groups))

        self.calls.append(run_groups)
        self._end(region.ending, self.calls)

    def _lay_out(self, i: int, pool: Pool, known: Known, calls: list[Callable[[], object]]) -> None:
        """Append the calls of a step, and settle where its results lie."""
        step, ending = self.plan.steps[i], self.plan.ending[i]
        first, *others = step.outputs
        fixed = self.looked_up.isdisjoint(step.inputs)
        function = step.function if isinstance(step.op, Call) else step.op.forward
        if isinstance(function, np.ufunc) and not others and not self._is_made_afresh(first):
            if function.signature is None:  # elementwise: it may write over what is used for the last time
                pool.give_back(ending)
            self.slots[first] = pool.take(self.seen[first], first)
            calls.append(self._bound_ufunc(function, step, self.slots[first]))
        elif fixed and (self._make_view(step) or self._prepare(step, pool, known, calls)):
            pass
        elif self._is_view(step) and step.op.views:
            self.looked_up.add(first)
            calls.append(partial(_look_into, self.slots, first, step.inputs[0], partial(function, **step.options)))
        else:
            self._run_forward(function, step, pool, calls)
        self._end(ending, calls)

    def _end(self, sources: set[int], calls: list[Callable[[], object]]) -> None:
        """Give back the buffers of values that are used no more, and forget those that were looked up."""
        for pool in self.pools.values():
            pool.give_back(sources)
        forgotten = [place for place in self.looked_up if self.plan.source[place] in sources]
        if forgotten:
            calls.append(partial(_forget, self.slots, forgotten))

    def _is_made_afresh(self, place: int) -> bool:
        """Whether a value is returned and so large that a copy would cost more than new memory."""
        return place in self.outputs and not can_hold(self.seen[place], _COPIED)

    def _outputs_in(self, place: int) -> list[int]:
        """Return the outputs that lie in the memory of a value."""
        return [out for out in self.outputs if self.plan.source[out] == place]

    def _arguments(self, step: Step) -> list[Any]:
        args = list(step.constants)
        for i, place in step.places:
            args[i] = self.slots[place]
        return args

    def _bound_ufunc(self, function: np.ufunc, step: Step, out: Array) -> Callable[[], Any]:
        """Return the call of a ufunc on buffers; of one with options or arguments to look up as of any function."""
        if step.options or not self.looked_up.isdisjoint(step.inputs):
            return self._bound(function, step, {"out": out})
        return bound(function, *self._arguments(step), out=out)

    def _bound(
        self, function: Callable[..., Any], step: Step, more: Mapping[str, Any] = MappingProxyType({})
    ) -> Callable[[], Any]:
        """Return the call of a function with a step's arguments, those of them looked up that are not fixed."""
        places = [(i, place) for i, place in step.places if place in self.looked_up]
        args, slots, options = self._arguments(step), self.slots, {**step.options, **more}
        if not places:
            return partial(function, *args, **options)
        if len(args) == 1:
            place = places[0][1]
            return lambda: function(slots[place], **options)

        def call() -> Any:
            full = args.copy()
            for i, place in places:
                full[i] = slots[place]
            return function(*full, **options)

        return call

    def _make_view(self, step: Step) -> bool:
        """Make a view of a buffer that stays one, whatever the values."""
        if not self._is_view(step):
            return False
        view = step.op.forward(*self._arguments(step), **step.options)
        if not np.may_share_memory(view, self.slots[step.inputs[0]]):
            return False
        self.slots[step.outputs[0]] = view
        return True

    def _is_view(self, step: Step) -> bool:
        """Whether the result was a view when it was recorded, and is what a linear map of one array returns."""
        one = not isinstance(step.op, Call) and len(step.inputs) == len(step.outputs) == 1
        return one and bool(step.op.linear or step.op.views) and self.plan.source[step.outputs[0]] != step.outputs[0]

    def _prepare(self, step: Step, pool: Pool, known: Known, calls: list[Callable[[], object]]) -> bool:
        """Have the operation bind its calls to buffers; return whether it could."""
        prepare = None if isinstance(step.op, Call) else step.op.prepare
        values = [self.seen[place] for place in step.outputs]
        if prepare is None or not all(map(can_hold, values)) or any(map(self._is_made_afresh, step.outputs)):
            return False
        outs = [pool.take(value, place) for value, place in zip(values, step.outputs, strict=True)]
        with prepared_for(pool, known):
            prepared = prepare(outs[0] if len(outs) == 1 else tuple(outs), *self._arguments(step), **step.options)
        pool.take_back()
        if prepared is None:
            pool.give_back(step.outputs)
            return False
        for place, out in zip(step.outputs, outs, strict=True):
            self.slots[place] = out
        calls += prepared
        return True

    def _run_forward(
        self, function: Callable[..., Any], step: Step, pool: Pool, calls: list[Callable[[], object]]
    ) -> None:
        """Let a step's function run; copy its results into buffers, or keep large ones and views for the run."""
        ufunc, foreign = isinstance(function, np.ufunc), isinstance(step.op, Call)
        # A reshape of an array that lies otherwise than the recorded one may be a view of it, and an item is either.
        may_view = not foreign and (step.op.views or (step.op.linear and len(step.inputs) == 1))
        if (ufunc or step.op.prepare or step.op.views) and len(self._outputs_in(step.outputs[0])) == 1:
            (self.perhaps_fresh if may_view else self.fresh).update(step.outputs)
        call, slots, name, origin = self._bound(function, step), self.slots, step.op.name, self.origin
        shapes = [shape_of(self.seen[place]) for place in step.outputs]
        copied = set()
        for place in step.outputs:
            value = self.seen[place]
            if self.plan.source[place] == place and can_hold(value, _COPIED):
                slots[place] = pool.take(value, place)
                copied.add(place)
            else:
                self.looked_up.add(place)

        def run() -> None:
            y = call()
            for place, value, shape in zip(step.outputs, y if isinstance(y, tuple) else (y,), shapes, strict=True):
                if shape_of(value) != shape:
                    raise _changed(origin, name, shape, shape_of(value))
                if place in copied:
                    np.copyto(slots[place], value)
                else:
                    # a call is any Python code: what it returns may be a view of anything
                    slots[place] = own(value) if foreign and getattr(value, "base", None) is not None else value

        calls.append(run)


def _look_into(slots: list[Any], out: int, place: int, view: Callable[[Any], Any]) -> None:
    slots[out] = view(slots[place])


def _forget(slots: list[Any], places: list[int]) -> None:
    for place in places:
        slots[place] = None


def _changed(origin: str, name: str, recorded: tuple[int, ...], now: tuple[int, ...]) -> TypeError:
    return TypeError(
        f"{origin}: {name} gave an array of shape {recorded} when the call was recorded and one of shape {now} now. A "
        "shape that depends on values cannot be compiled: write it with np.where and masks of fixed shape, or leave "
        "this part outside."
    )
