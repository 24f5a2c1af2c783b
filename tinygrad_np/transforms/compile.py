"""compile: a function recorded once and run again as a program, without Python's dispatch."""

from __future__ import annotations

import _thread
import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..core import tree
from ..core.primitive import Primitive
from ..core.tensor import Tensor, name_of
from ..core.trace import QuietCollector
from .arguments import belongs, own
from .micro_batches import MicroBatches
from .program import Program, Recording
from .templates import builder, reader

_MANY = 16  # recordings of one function after which it is told that it is recorded again and again


class _Compiling(Recording):
    """The recorder of `compile`, which refuses what a program cannot do."""

    __slots__ = ()

    def conversion_advice(self, target: str) -> str:
        """Say that a program has no values."""
        return f"{self.origin} records operations, not values: return the Tensor, and convert the result of the call."

    def bool_of(self, x: Tensor) -> NoReturn:
        """Refuse a path that depends on values."""
        raise TypeError(
            f"{self.origin}: the truth of a Tensor decides which way the function goes (if, while, and, or), but a "
            "program goes one way for all values. Write np.where(condition, a, b), pass what decides as a Python "
            "number or bool, which is part of the recording, or leave the branch outside."
        )

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive to the values and write down how."""
        for a in args:
            if type(a) is Tensor and a._trace is not self:
                raise TypeError(
                    f"{self.origin}: {op.name} uses a Tensor of {a._trace.origin} that is no argument of the function "
                    "but captured from an enclosing one. Pass that value as an argument."
                )
        return super().process(op, args, options)


class _Batch(NamedTuple):
    """Which arguments hold a batch, and how many examples are computed together."""

    argnums: tuple[int, ...]
    micro_batch: int

    def divide(self, trace: _Compiling, arguments: list[Any]) -> MicroBatches | None:
        """Cut these arguments, in their list, along their first axis; return the trace of the micro-batches."""
        if max(self.argnums) >= len(arguments):
            raise ValueError(
                f"{trace.origin}: batch_argnums={self.argnums} needs more than the {len(arguments)} positional "
                "arguments of this call."
            )
        arrays = [x for i in self.argnums for x in tree.leaves(arguments[i]) if type(x) is Tensor]
        if not arrays:
            raise ValueError(
                f"{trace.origin}: the arguments {self.argnums}, which batch_argnums names, hold no array; those of a "
                "batch are as long as each other along their first axis."
            )
        sizes = {x.shape[0] if x.shape else None for x in arrays}
        if len(sizes) != 1 or None in sizes:
            shapes = ", ".join(str(x.shape) for x in arrays)
            raise ValueError(
                f"{trace.origin}: the arrays in the arguments {self.argnums} have the shapes {shapes}; those of a "
                "batch are as long as each other along their first axis."
            )
        size = arrays[0].shape[0]
        if size <= self.micro_batch:
            return None
        parts = MicroBatches(trace.origin, trace, size, self.micro_batch)
        for i in self.argnums:
            arguments[i] = tree.map(lambda x: parts.cut(x, 0) if type(x) is Tensor else x, arguments[i])
        return parts


class _Recorded:
    """One recording of a function: for which arguments it is good, its program, and what the results are made of."""

    def __init__(self, f: Callable[..., Any], args: Any, origin: str, batch: _Batch | None) -> None:
        leaves, self.structure = tree.flatten(args)
        trace = _Compiling(origin)
        self.likes = [(x.shape, x.dtype) if _is_array(x) else None for x in leaves]
        self.static = [None if _is_array(x) else x for x in leaves]
        watched = [trace.watch(x) if _is_array(x) else x for x in _apart(leaves)]
        positional, keywords = tree.unflatten(self.structure, watched)
        arguments = list(positional)
        arrays = trace.size
        parts = None if batch is None else batch.divide(trace, arguments)
        try:
            with QuietCollector():
                y = f(*arguments, **keywords)
                if parts is not None:
                    y = tree.map(parts.join, y)
        finally:
            trace.closed = True
            if parts is not None:
                parts.closed = True
        results, self.results = tree.flatten(y)
        for x, path in zip(results, self.results.paths, strict=True):
            if type(x) is Tensor and x._trace is not trace:
                raise TypeError(f"{origin}: the result{path} is a Tensor of {x._trace.origin}, captured from outside.")
        self.read, self.build = reader(self.structure), builder(self.results)
        self.first = tree.unflatten(self.results, [trace.result(x) if belongs(x, trace) else own(x) for x in results])
        self.computed = [belongs(x, trace) for x in results]
        self.constants = [None if belongs(x, trace) else x for x in results]
        self.program = Program(trace, arrays, [x._index for x in results if belongs(x, trace)])
        self.busy = _thread.allocate_lock()

    def arguments_of(self, args: Any) -> list[Any] | None:
        """Return the arrays among arguments if the recording is good for these."""
        leaves: list[Any] = []
        if not self.read(args, leaves):
            return None
        given = []
        for x, like, static in zip(leaves, self.likes, self.static, strict=True):
            if like is None:
                if not _same(x, static):
                    return None
            elif (type(x) is np.ndarray or _is_array(x)) and x.shape == like[0] and x.dtype == like[1]:
                given.append(x)
            else:
                return None
        return given

    def run(self, given: list[Any]) -> Any:
        """Run the program."""
        with QuietCollector():
            values = iter(self.program.run(given))
        if not all(self.computed):
            values = iter([next(values) if c else own(x) for c, x in zip(self.computed, self.constants, strict=True)])
        return self.build(values)


def compile(
    f: Callable[..., Any], *, batch_argnums: int | Sequence[int] | None = None, micro_batch: int = 32
) -> Callable[..., Any]:
    """Return a function that computes what f does, from a recording, with less time between NumPy's calls.

    The first call with arguments of some structure, shapes and dtypes runs f and records every operation; further
    calls run these operations again, on buffers that are kept. It pays most for small arrays, and for a whole training
    step: ``compile(value_and_grad(loss))``.

    Parameters
    ----------
    f : callable
        A function of trees of arrays, pure: what it does besides returning (printing, counting, writing to an array)
        it does while it is recorded only. Derivatives may be taken inside.
    batch_argnums : int or sequence of int, optional
        Positions of arguments whose arrays have the examples of a batch on their first axis. What f computes from
        them is then computed for some examples after the others, forward and backward, while that is in the cache, and
        on as many threads as there are while it is recorded (`set_num_threads`). What mixes the examples (batch
        normalisation, a sort) is still right.
    micro_batch : int
        The largest number of examples that are computed together then. What LeNet-5 needs for 32 fits a core's cache;
        layers of hundreds of channels, and networks without convolutions, are as fast or faster undivided.

    Returns
    -------
    callable
        Of f's arguments. Arrays among them may change from call to call. Everything else (Python numbers, strings,
        None) is part of the recording, and a new value makes a new one: pass what changes, a learning rate or a step
        count, as an array. An object that is none of these counts as unchanged while it equals the recorded one.
        Inside of other transforms it is f itself.

    Raises
    ------
    TypeError
        While f is recorded: where its path depends on values (`if`, float(), an index read out), and for captured
        Tensors. Later: where a shape turns out to depend on values.

    Warns
    -----
    RuntimeWarning
        When f has been recorded many times for arguments that differ in Python values.

    Notes
    -----
    Arrays that f captures are read in each call if an operation takes them together with an argument; what f computes
    from captured arrays alone is computed once, while recording. Random functions use the keys they are given.
    Results are those of f, with `batch_argnums` up to the order of summation; for any number of threads they have the
    same bits. The buffers, about the memory that one call of f needs, stay until the
    compiled function is dropped; a call in a second thread, while one runs, runs f itself.

    Examples
    --------
    >>> from tinygrad_np import grad
    >>> slope = compile(grad(lambda x: np.sum(x**3)))
    >>> slope(np.array([1.0, 2.0])), slope(np.array([3.0, 4.0]))
    (array([ 3., 12.]), array([27., 48.]))
    """
    origin = f"compile({name_of(f)})"
    batch = _batch_of(batch_argnums, micro_batch, origin)
    recordings: list[_Recorded] = []
    told = False

    @functools.wraps(f, updated=())
    def compiled(*args: Any, **kwargs: Any) -> Any:
        nonlocal told
        for i, recorded in enumerate(recordings):
            given = recorded.arguments_of((args, kwargs))
            if given is None:
                continue
            if i:
                recordings.insert(0, recordings.pop(i))
            if not recorded.busy.acquire(blocking=False):
                return f(*args, **kwargs)
            try:
                return recorded.run(given)
            finally:
                recorded.busy.release()
        if any(type(leaf) is Tensor for leaf in tree.leaves((args, kwargs))):
            return f(*args, **kwargs)
        recorded = _Recorded(f, (args, kwargs), origin, batch)
        recordings.insert(0, recorded)
        if len(recordings) > _MANY:
            recordings.pop()
            if not told:
                told = True
                warnings.warn(_advice(origin, recordings), RuntimeWarning, stacklevel=2)
        first, recorded.first = recorded.first, None
        return first

    return compiled


def _batch_of(argnums: Any, micro_batch: Any, origin: str) -> _Batch | None:
    """Check the options that divide a batch."""
    if isinstance(micro_batch, bool) or not isinstance(micro_batch, int) or micro_batch < 1:
        raise ValueError(f"{origin}: micro_batch={micro_batch!r}; it is a positive integer.")
    if argnums is None:
        return None
    numbers = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)
    if not numbers or any(isinstance(i, bool) or not isinstance(i, int) or i < 0 for i in numbers):
        raise ValueError(f"{origin}: batch_argnums={argnums!r}; it is a position or a sequence of them, from 0 on.")
    return _Batch(numbers, micro_batch)


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "biufc" and tree.is_leaf(x)


def _apart(leaves: list[Any]) -> list[Any]:
    """Copy arrays that share memory with earlier ones, for the next call's may not: what is a view of which is told."""
    given: list[Any] = []
    for x in leaves:
        overlaps = isinstance(x, np.ndarray) and any(
            isinstance(y, np.ndarray) and np.may_share_memory(x, y) for y in given
        )
        given.append(x.copy(order="K") if overlaps else x)
    return given


def _same(x: Any, static: Any) -> bool:
    """Whether a static argument is the recorded one; 1, 1.0 and True are different, and so are 0.0 and -0.0."""
    if x is static or type(x) is not type(static):
        return x is static
    if isinstance(x, float | complex):
        return repr(x) == repr(static)  # which is exact, and the same for every nan
    try:
        return (x == static) is True
    except Exception:  # an object of which equality cannot be told counts as another one
        return False


def _advice(origin: str, recordings: list[_Recorded]) -> str:
    """Say that a function is recorded again and again, and for which Python values if they differ."""
    newest, older = recordings[:2]
    paths = newest.structure.paths
    differing = [
        f"{path} ({before!r}, then {now!r})"
        for path, before, now in zip(paths, older.static, newest.static, strict=False)
        if not _same(before, now)
    ]
    why = f" Python values differ: {', '.join(differing)}; pass what changes as an array." if differing else ""
    return (
        f"{origin}: recorded for more than {_MANY} kinds of arguments, of which the latest are kept.{why} Recording "
        "costs many times a call."
    )
