"""The dividing trace: arrays of a whole batch as several micro-batches, on each of which an operation runs by itself.

A Tensor of this trace is cut along one of its axes. What a primitive makes of such arguments, its dividing rule says
(see `core.dividing`); without one the micro-batches are joined and the operation runs on whole arrays, so the result is
always the right one. The parts of different micro-batches meet only where they are summed or joined. So a program can
run one after the other while it is in the cache, and several at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.dividing import Division
from ..core.primitive import Primitive
from ..core.recorder import Recorder
from ..core.tensor import Array, Tensor, dtype_of, outputs_like, shape_of
from ..core.trace import Trace
from .schedule import SUMS


class MicroBatches(Trace):
    """The dividing trace; a Tensor's index is its parts, the axis along which they lie, and the whole if it was cut.

    Parameters
    ----------
    origin : str
        For messages.
    recorder : Recorder
        The trace below, which is told the micro-batch that each step belongs to.
    size, most : int
        The number of examples, and of those in a micro-batch at most.
    """

    __slots__ = ("ranges", "recorder", "size")

    def __init__(self, origin: str, recorder: Recorder, size: int, most: int) -> None:
        super().__init__(origin)
        self.recorder, self.size = recorder, size
        count = -(-size // most)
        edges = [size * k // count for k in range(count + 1)]
        self.ranges = list(pairwise(edges))

    def shape_of(self, x: Tensor) -> tuple[int, ...]:
        """Shape of the whole."""
        parts, axis, _ = x._index
        shape = shape_of(parts[0])
        return (*shape[:axis], self.size, *shape[axis + 1 :])

    def conversion_advice(self, target: str) -> str:
        """Leave it to the trace below."""
        return self.recorder.conversion_advice(target)

    def bool_of(self, x: Tensor) -> bool:
        """Ask the trace below."""
        return self.recorder.bool_of(x._value)

    def cut(self, x: Array, axis: int) -> Tensor:
        """Make a Tensor of this trace of a whole array.

        Parts of a Tensor of numbers are copies: so each lies where it did in the last run, and calls can be bound to
        it. Those of a captured array are views, which are read where it lies.
        """
        before, parts = (slice(None),) * axis, []
        copies = type(x) is Tensor and dtype_of(x).kind in "iufc"
        for k, edges in enumerate(self.ranges):
            with self._lane(k):
                part = x[(*before, slice(*edges))]
                parts.append(np.positive(part) if copies else part)
        return self._tensor(parts, axis, x)

    def join(self, x: Any) -> Any:
        """Return the whole array, of the trace below."""
        if not self._is_ours(x):
            return x
        parts, axis, whole = x._index
        return np.concatenate(parts, axis=axis) if whole is None else whole

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive to each micro-batch, or to whole arrays."""
        if self.closed:
            self.refuse_escaped(op)
        axes = tuple(a._index[1] if self._is_ours(a) else None for a in args)
        division = None if op.divide is None else op.divide(self.size, axes, *args, **options)
        if division is None:
            return op(*map(self.join, args), **options)
        if not isinstance(division, Division):
            return division
        divided = [self._parts(a, axis) for a, axis in zip(args, division.axes, strict=True)]
        results = []
        for k, (start, stop) in enumerate(self.ranges):
            own = options if division.options is None else division.options(stop - start)
            with self._lane(k):
                results.append(op(*[parts[k] for parts in divided], **own))
        if not isinstance(results[0], tuple):
            return self._whole(results, division.axis)
        outputs = zip(zip(*results, strict=True), division.axis, strict=True)
        return outputs_like(results[0], [self._whole(list(each), axis) for each, axis in outputs])

    def _is_ours(self, x: Any) -> bool:
        return type(x) is Tensor and x._trace is self

    def _tensor(self, parts: list[Any], axis: int, whole: Array | None = None) -> Tensor:
        return Tensor(parts[0], self, (parts, axis, whole))

    def _parts(self, x: Array, axis: int | None) -> list[Array]:
        if axis is None:
            return [self.join(x)] * len(self.ranges)
        if self._is_ours(x) and x._index[1] != axis:
            x = self.join(x)
        return (x if self._is_ours(x) else self.cut(x, axis))._index[0]  # type: ignore[no-any-return]

    def _whole(self, results: list[Any], axis: int | None) -> Any:
        if axis is not None:
            return self._tensor(results, axis)
        sums = results[:SUMS]
        for k, part in enumerate(results[SUMS:], SUMS):
            with self._lane(k):
                sums[k % SUMS] = sums[k % SUMS] + part
        total = sums[0]
        for each in sums[1:]:
            total = total + each
        return total

    @contextmanager
    def _lane(self, k: int) -> Iterator[None]:
        """Record what is done as a step of this micro-batch."""
        self.recorder.lane = k
        try:
            yield
        finally:
            self.recorder.lane = None
