"""Checkpointing: recompute instead of keep. checkpoint, save policies, checkpoint_chain."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tree
from ..core.calls import Call
from ..core.guard import sample
from ..core.primitive import Primitive
from ..core.recorder import Recorder
from ..core.tape import Tape
from ..core.tensor import Array, Tensor, dtype_of, name_of, outputs_like
from ..core.trace import Trace
from .arguments import floats_of
from .batch import Batch, on_examples
from .forward import jvp
from .micro_batches import MicroBatches
from .reverse import linear_part

Function = Callable[..., Any]
Policy = Callable[[Primitive], bool]


def checkpoint(f: Function, policy: Policy | None = None) -> Function:
    """Have reverse mode recompute what f computes, instead of keeping it until the backward pass.

    Parameters
    ----------
    f : callable
        A pure function of trees of arrays that returns a tree of arrays. Values it captures from enclosing functions
        are seen; random numbers must come from keys (`tinygrad_np.random`), so that they come out the same again.
    policy : callable, optional
        ``policy(primitive)`` says whether the results of an operation are kept all the same: `save_only("conv")`,
        `save_products`, or your own. By default nothing but the arguments of f is kept.

    Returns
    -------
    callable
        Computes what f does, with the same derivatives to the last bit.

    Raises
    ------
    RuntimeError
        In the backward pass, if f gives another result than before.

    Notes
    -----
    One more evaluation of f, for the memory of what f keeps. Works under every transform and at every order.

    References
    ----------
    A. Griewank and A. Walther, Algorithm 799: revolve, 2000.

    Examples
    --------
    >>> from tinygrad_np import grad
    >>> grad(checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    1.0
    """

    @functools.wraps(f, updated=())
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        g, captured = hoisted(f)
        return _call(f"checkpoint({name_of(f)})", g, policy, captured, args, kwargs)

    return checkpointed


def _call(name: str, f: Function, policy: Policy | None, *args: Any) -> Any:
    if not any(type(leaf) is Tensor for leaf in tree.leaves(args)):
        return f(*args)
    return _Checkpoint(name, f, policy, args).apply()


def save_only(*names: str) -> Policy:
    """Return the policy that keeps the results of the primitives of these names: ``save_only("conv", "matmul")``."""
    return lambda op: op.name in names


def save_products(op: Primitive) -> bool:
    """Policy that keeps the results of matrix products and convolutions, which cost most to recompute."""
    return op.name in ("conv", "conv_input", "conv_kernel", "affine", "matmul", "einsum")


class _Checkpoint(Call):
    """One checkpointed call. Each transform hands the recomputation on to the older ones."""

    def __init__(self, name: str, f: Function, policy: Policy | None, args: tuple[Any, ...]) -> None:
        super().__init__(name, args)
        self.f, self.policy = f, policy
        self.saved: list[Any] | None = None

    def run(self, *args: Any) -> Any:
        """Evaluate, keeping what the policy says."""
        if self.policy is None:
            return self._hand_on(self.f, *args)
        saver = _Saver(self.name, self.policy)
        try:
            y = self.f(*saver.watch(args))
        finally:
            saver.closed = True
        self.saved = saver.saved
        return saver.release(y)

    def inside(self, *args: Any) -> Any:
        """Evaluate."""
        return self.f(*args)

    def _vjp(self, ys: tuple[Any, ...], *leaves: Array) -> Callable[[Any], list[Any]]:
        args, structure, marks = tree.unflatten(self.structure, leaves), self.out_structure, [_mark(y) for y in ys]
        assert structure is not None

        def pullback(gs: tuple[Any, ...]) -> list[Any]:
            return self.checked(self._recompute(args, tree.unflatten(structure, gs), marks), args)

        return pullback

    def _recompute(self, args: tuple[Any, ...], g: Any, marks: list[Any]) -> Any:
        def pull(args: Any, g: Any) -> Any:
            moving, rest = floats_of(args)
            again = lambda x: floats_of(self._again(*tree.merge(x, rest)))
            y, pullback, y_rest = linear_part(again, (moving,), True, once=True)
            for before, after in zip(marks, map(_mark, tree.leaves(tree.merge(y, y_rest))), strict=True):
                if before is not None and after is not None and not _agree(before, after):
                    raise RuntimeError(
                        f"{self.name}: recomputing it gave another result, so its derivative would be wrong. It must "
                        "be a function of its arguments: take random numbers from keys, change nothing outside."
                    )
            del y  # so that the pullback can free it
            return tree.merge(pullback(floats_of(g)[0])[0], rest)

        return self._hand_on(pull, args, g)

    def _again(self, *args: Any) -> Any:
        """Evaluate once more, with what was kept in the places of its operations."""
        if self.saved is None:
            return self.f(*args)
        player = _Player(self.name, self.policy, list(self.saved))
        try:
            return player.release(self.f(*player.watch(args)))
        finally:
            player.closed = True

    def push(self, y: Any, args: tuple[Any, ...], dots: tuple[Any, ...]) -> Any:
        """Push tangents through f; older transforms checkpoint that."""

        def push(args: Any, dots: Any) -> Any:
            moving, rest = floats_of(args)
            run = lambda x: floats_of(self.f(*tree.merge(x, rest)))
            _, y_dot, y_rest = jvp(run, (moving,), (floats_of(dots)[0],), has_aux=True)
            return tree.merge(y_dot, y_rest)

        return self._hand_on(push, args, dots)

    def run_batch(self, size: int, axes: tuple[Any, ...], args: tuple[Any, ...]) -> tuple[Any, int]:
        """Checkpoint the function of all examples."""
        f = lambda *args: on_examples(self.f, self.name, size, axes, args)
        return _call(self.name, f, self.policy, *args), 0

    def _hand_on(self, f: Function, *args: Any) -> Any:
        """Call f, checkpointed for older transforms; but what a policy kept is theirs to differentiate."""
        return _call(self.name, f, None, *args) if self.policy is None else f(*args)


def _mark(y: Array) -> Any:
    """Return a few elements of an array, by which another result is told; None where the value may be another one.

    Under `vmap` the order of axes may differ, and a recording is run for other values.
    """
    while type(y) is Tensor:
        if isinstance(y._trace, Batch | Recorder | MicroBatches):
            return None
        y = y._value
    return sample(np.asarray(y))


def _agree(before: Any, after: Any) -> bool:
    """Whether elements are equal but for rounding: NumPy on arrays may sum in another order than we do on a tape."""
    if before.dtype != after.dtype or before.shape != after.shape:
        return False
    if before.dtype.kind not in "fc":
        return bool(np.array_equal(before, after))
    size = np.max(np.abs(before), initial=0, where=np.isfinite(before))
    return bool(np.allclose(before, after, rtol=0, atol=np.finfo(before.dtype).eps ** 0.5 * size, equal_nan=True))


class _Saver(Trace):
    """Sees the operations of a checkpointed function as it runs, and keeps the results of those the policy names."""

    def __init__(self, origin: str, policy: Policy | None) -> None:
        super().__init__(origin)
        self.policy = policy
        self.saved: list[Any] = []

    def watch(self, args: Any) -> Any:
        """Make Tensors of this trace."""
        return tree.map(lambda x: Tensor(x, self, None) if dtype_of(x).kind in "fc" else x, args)

    def release(self, y: Any) -> Any:
        """Take the outputs out of it."""
        return tree.map(lambda x: x._value if type(x) is Tensor and x._trace is self else x, y)

    def process(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Apply the primitive one level down."""
        y = self.apply(op, self.lower(op, args), options)
        if not op.differentiable:
            return y
        if not isinstance(y, tuple):
            return Tensor(y, self, None)
        outputs = [Tensor(yk, self, None) for yk in y]
        return outputs_like(y, outputs)

    def apply(self, op: Primitive, values: list[Any], options: dict[str, Any]) -> Any:
        """Compute the result, and keep it if the policy says so."""
        y = op(*values, **options)
        if self.keeps(op):
            self.saved.append(y)
        return y

    def keeps(self, op: Primitive) -> bool:
        """Whether the policy keeps the results of an operation; a call has its own way to recompute."""
        return self.policy is not None and not isinstance(op, Call) and self.policy(op)


class _Player(_Saver):
    """Sees the same operations when they run again, and puts in the results that were kept."""

    def __init__(self, origin: str, policy: Policy | None, saved: list[Any]) -> None:
        super().__init__(origin, policy)
        self.saved = saved[::-1]

    def apply(self, op: Primitive, values: list[Any], options: dict[str, Any]) -> Any:
        """Have the tape write the operation with the result that was kept, or compute it."""
        if not self.keeps(op):
            return op(*values, **options)
        y = self.saved.pop()
        tapes = [x._trace for x in values if type(x) is Tensor]
        tape = max(tapes, key=lambda trace: trace.level, default=None)
        return tape.process(op, tuple(values), options, y) if isinstance(tape, Tape) else y


def hoisted(f: Function) -> tuple[Function, list[Any]]:
    """Return f as a function `g(captured, args, kwargs)` of the Tensors it captured, and these."""
    captured: list[Any] = []
    remake = _remaker(f, captured, set())
    if remake is None:
        return lambda captured, args, kwargs: f(*args, **kwargs), []
    return lambda captured, args, kwargs: remake(captured)(*args, **kwargs), captured


Remaker = Callable[[list[Any]], Any]


def _remaker(x: Any, captured: list[Any], seen: set[int]) -> Remaker | None:
    """Add the Tensors that x holds to the list; return a function that makes x anew with others, None if it holds none.

    Looks into functions, partial functions and trees.
    """
    if type(x) is Tensor:
        captured.append(x)
        place = len(captured) - 1
        return lambda new: new[place]
    if isinstance(x, functools.partial):
        parts = _remaker((x.func, x.args, x.keywords), captured, seen)
        return parts and (lambda new: (lambda p: functools.partial(p[0], *p[1], **p[2]))(parts(new)))
    if isinstance(x, types.FunctionType):
        return None if id(x) in seen else _function_remaker(x, captured, seen | {id(x)})
    if tree.is_leaf(x):
        return None
    leaves, structure = tree.flatten(x)
    makers = [_remaker(leaf, captured, seen) for leaf in leaves]
    if not any(makers):
        return None
    full = [make or _constantly(leaf) for make, leaf in zip(makers, leaves, strict=True)]
    return lambda new: tree.unflatten(structure, [make(new) for make in full])


def _constantly(x: Any) -> Remaker:
    return lambda new: x


def _function_remaker(f: types.FunctionType, captured: list[Any], seen: set[int]) -> Remaker | None:
    cells = f.__closure__ or ()
    makers = [_remaker(cell.cell_contents, captured, seen) if _is_full(cell) else None for cell in cells]
    defaults = _remaker((f.__defaults__, f.__kwdefaults__), captured, seen)
    if defaults is None and not any(makers):
        return None

    full = [_cell(make) if make else _constantly(cell) for make, cell in zip(makers, cells, strict=True)]
    of_defaults = defaults or _constantly((f.__defaults__, f.__kwdefaults__))
    code, names, name = f.__code__, f.__globals__, f.__name__

    def remake(new: list[Any]) -> Any:  # holds no Tensor, for its tape will hold this function
        positional, by_keyword = of_defaults(new)
        g = types.FunctionType(code, names, name, positional, tuple(make(new) for make in full) or None)
        g.__kwdefaults__ = by_keyword
        return g

    return remake


def _cell(make: Remaker) -> Remaker:
    return lambda new: types.CellType(make(new))


def _is_full(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True
