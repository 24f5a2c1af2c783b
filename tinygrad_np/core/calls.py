"""Calls: a function of trees with rules of its own, as one operation on the leaves of its arguments.

A primitive takes arrays. What takes trees (a user's primitive with a dictionary of parameters, a function with custom
rules) becomes a primitive of leaves for the length of one call, which the traces treat like any other.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import tree
from .primitive import Primitive, Rule
from .tensor import Array, Tensor, dtype_of, shape_of, zeros_of

_SIGNATURE = inspect.signature(lambda *leaves: None)


class Call(Primitive):
    """One call, as an operation on the leaves of the arguments; its outputs are a tuple of leaves.

    Parameters
    ----------
    name : str
        What messages call it.
    args : tuple of trees
        The arguments; Tensors among their leaves.
    """

    def __init__(self, name: str, args: tuple[Any, ...]) -> None:
        self.name = name
        self.key = name
        self.args = args
        self.leaves, self.structure = tree.flatten(args)
        for x in self.leaves:
            if not isinstance(x, np.ndarray | np.generic | Tensor | bool | int | float | complex):
                raise TypeError(
                    f"{name}: an argument is or holds {x!r:.60} of type {type(x).__name__}; it takes arrays and trees "
                    "of them. Give settings in a closure or functools.partial; custom rules have nondiff_argnums."
                )
        self.arrays = self.parameters = ("leaves",)
        self.options = ()
        self.variadic = self.differentiable = True
        self.weak = self.broadcasts = self.fresh = False
        self.vjps, self.jvps, self.linear = {}, {}, frozenset()
        self.__signature__ = _SIGNATURE
        self.__doc__ = None
        self.out_structure: tree.Structure | None = None

    # As properties: a call that held its own methods would be freed by the garbage collector only, which is paused
    # while a transform runs, and so would be what the call holds.

    @property
    def joint(self) -> tuple[tuple[int, ...], Rule]:  # type: ignore[override]
        """The joint VJP rule of all leaves."""
        return tuple(range(self.structure.size)), self._vjp

    @property
    def joint_jvp(self) -> tuple[tuple[int, ...], Rule]:  # type: ignore[override]
        """The joint JVP rule of all leaves."""
        return (-1,), self._jvp

    @property
    def batch(self) -> Rule | None:  # type: ignore[override]
        """The batching rule."""
        return self._batch

    def argument(self, i: int) -> str:
        """Return where the leaf at a position is among the arguments: "[0]['w']"."""
        return self.structure.paths[i]

    def forward(self, *leaves: Array) -> tuple[Any, ...]:
        """Evaluate one level down."""
        return self.evaluate(*leaves)

    def apply(self) -> Any:
        """Have the innermost trace among the leaves process the call; return the tree of outputs."""
        ys = self._process()
        assert self.out_structure is not None
        return tree.unflatten(self.out_structure, ys)

    def again(self, *leaves: Array) -> tuple[Any, ...]:
        """Apply the call to other leaves; return the leaves of its outputs."""
        other = copy.copy(self)
        other.leaves, other.args = list(leaves), tree.unflatten(self.structure, leaves)
        if any(type(x) is Tensor for x in leaves):
            return other._process()
        return tuple(tree.leaves(other.run(*other.args)))

    def _process(self) -> tuple[Any, ...]:
        trace = max((x._trace for x in self.leaves if type(x) is Tensor), key=lambda trace: trace.level)
        ours = lambda x: type(x) is Tensor and x._trace is trace
        self.moving = [i for i, arg in enumerate(self.args) if any(map(ours, tree.leaves(arg)))]
        self.level, leaves = trace.level, tuple(self.leaves)
        self.leaves, self.args = [], ()  # whose trace may keep the call
        return trace.process(self, leaves, {})  # type: ignore[no-any-return]

    def __call__(self, *leaves: Array, **options: Any) -> Any:
        """Evaluate one level down, whatever the leaves are."""
        return self.evaluate(*leaves)

    def inside(self, *args: Any) -> Any:
        """Apply the function itself to trees, without its rules; NotImplemented if that is one operation."""
        return NotImplemented

    # What a kind of call has to define, on trees of values one level down.

    def run(self, *args: Any) -> Any:
        """Return the tree of outputs."""
        raise NotImplementedError

    def pull(self, y: Any, args: tuple[Any, ...], g: Any) -> Sequence[Any]:
        """Return the tree of cotangents of each argument, or None for zero."""
        raise NotImplementedError

    def push(self, y: Any, args: tuple[Any, ...], dots: tuple[Any, ...]) -> Any:
        """Return the tree of tangents of the outputs."""
        raise NotImplementedError

    def run_batch(self, size: int, axes: tuple[Any, ...], args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Return the tree of outputs of all examples, and the tree of its axes or one axis."""
        raise NotImplementedError

    # How the traces use it.

    def evaluate(self, *leaves: Array) -> tuple[Any, ...]:
        """Return the leaves of the outputs."""
        ys, self.out_structure = tree.flatten(self.run(*tree.unflatten(self.structure, leaves)))
        self._refuse_captured(ys)
        return tuple(ys)

    def _refuse_captured(self, ys: Sequence[Any]) -> None:
        for y in ys:
            if type(y) is Tensor and y._trace.level >= self.level:
                raise TypeError(
                    f"{self.name}: its output depends on a Tensor of {y._trace.origin} that is no argument of it but "
                    "captured from an enclosing function. Pass that value as an argument."
                )

    def _vjp(self, ys: tuple[Any, ...], *leaves: Array) -> Callable[[Any], list[Any]]:
        args, structure = tree.unflatten(self.structure, leaves), self.out_structure
        assert structure is not None
        y = tree.unflatten(structure, ys)

        def pullback(gs: tuple[Any, ...]) -> list[Any]:
            bars = self.pull(y, args, tree.unflatten(structure, gs))
            return self.checked(bars, args)

        return pullback

    def checked(self, bars: Any, args: tuple[Any, ...]) -> list[Any]:
        """Return the leaves of the cotangents a rule returned, None for zero; refuse what does not match."""
        rule = f"the VJP rule of {self.name}"
        if not isinstance(bars, tuple | list) or len(bars) != len(args):
            what = f"{len(bars)}" if isinstance(bars, tuple | list) else f"{type(bars).__name__}, not a tuple of"
            raise TypeError(
                f"{rule} returned {what} cotangents for {len(args)} arguments; return a tuple with one each."
            )
        found: list[Any] = []
        for i, (bar, arg) in enumerate(zip(bars, args, strict=True)):
            leaves, structure = tree.flatten(arg)
            given = leaves_like(arg, bar, f"{rule}: argument {i}")
            for x, x_bar, path in zip(leaves, given, structure.paths, strict=True):
                found.append(self.checked_leaf(x, x_bar, f"{rule} returned for argument {i}{path}", "the argument"))
        return found

    def checked_leaf(self, x: Any, d: Any, what: str, of: str) -> Any:
        """Return the derivative a rule returned for a leaf x, None for zero; refuse what does not match x."""
        if d is None or dtype_of(x).kind not in "fc":
            return None
        if type(d) is int:
            d = float(d)
        if not isinstance(d, np.ndarray | np.generic | Tensor | float | int | complex):
            raise TypeError(f"{what} a {type(d).__name__}; expected an array of shape {shape_of(x)}.")
        if shape_of(d) != shape_of(x):
            raise ValueError(f"{what} an array of shape {shape_of(d)}; {of} has shape {shape_of(x)}.")
        if dtype_of(d).kind not in "fc" or (dtype_of(d).kind == "c" and dtype_of(x).kind != "c"):
            raise TypeError(f"{what} an array of {dtype_of(d)}; {of} is {dtype_of(x)}.")
        return d

    def _jvp(self, ys: tuple[Any, ...], *leaves: Array) -> Callable[..., Any]:
        args, structure = tree.unflatten(self.structure, leaves), self.out_structure
        assert structure is not None
        y = tree.unflatten(structure, ys)

        def pushforward(*dots: Any) -> tuple[Any, ...]:
            full = [zeros_of(x) if d is None else d for x, d in zip(leaves, dots, strict=True)]
            y_dot = self.push(y, args, tree.unflatten(self.structure, full))
            rule = f"the JVP rule of {self.name}"
            given = leaves_like(y, y_dot, rule)
            named = zip(ys, given, structure.paths, strict=True)
            return tuple(
                self.checked_leaf(y, d, f"{rule} returned for output{path}", "the output") for y, d, path in named
            )

        return pushforward

    def pushforwards(
        self, dots: dict[int, Any], y: Any, args: list[Array], options: dict[str, Any]
    ) -> list[tuple[str, Any]]:
        """Return the one part of the outputs' tangent."""
        return [(", ".join(self.structure.paths), self._jvp(y, *args)(*[dots.get(i) for i in range(len(args))]))]

    def _batch(self, size: int, axes: tuple[int | None, ...], *leaves: Array) -> tuple[tuple[Any, ...], Any]:
        spread = tree.unflatten(self.structure, axes)
        y, out_axes = self.run_batch(size, spread, tree.unflatten(self.structure, leaves))
        ys, self.out_structure = tree.flatten(y)
        self._refuse_captured(ys)
        each = tuple(out_axes) if isinstance(out_axes, list) else (out_axes,) * len(ys)
        return tuple(ys), each


def handed_on(call: Call, leaves: Sequence[Array]) -> tuple[Any, ...]:
    """Apply a call to leaves one level down, and have older traces process it: they use its rules, not its code."""
    if Tensor not in map(type, leaves):
        return call.forward(*leaves)
    again = copy.copy(call)
    again.leaves, again.args = list(leaves), tree.unflatten(call.structure, leaves)
    y = again.apply()
    call.out_structure = again.out_structure
    return tuple(tree.leaves(y))


def leaves_like(tree_: Any, derivative: Any, what: str) -> list[Any]:
    """Return the derivatives of a tree's leaves: of a tree like it, in which None stands for zero in any place."""
    if derivative is None:
        return [None] * len(tree.leaves(tree_))
    parts, given = tree.children(tree_), tree.children(derivative)
    if parts is None or given is None or type(tree_) is not type(derivative) or parts.keys() != given.keys():
        return tree.flatten_like(tree.structure(tree_), derivative, what)
    return [d for name, part in parts.items() for d in leaves_like(part, given[name], f"{what}[{name!r}]")]


class OnTrees(Call):
    """A call of a primitive whose arguments are trees: its rules see the trees too."""

    def __init__(self, op: Primitive, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.op, self.given = op, options
        super().__init__(op.name, args)
        self.key, self.differentiable = op.key, op.differentiable

    @property
    def batch(self) -> Rule | None:  # type: ignore[override]
        """The batching rule; without it vmap runs the call in a loop."""
        return self.op.batch and self._batch

    def run(self, *args: Any) -> Any:
        """Apply the primitive one level down."""
        return self.op(*args, **self.given)

    def pull(self, y: Any, args: tuple[Any, ...], g: Any) -> Sequence[Any]:
        """Collect what the rules of the arguments return."""
        joint, rule = self.op.joint or ((), None)
        bars: list[Any] = [None] * len(args)
        if rule is not None and not set(joint).isdisjoint(self.moving):
            for i, bar in zip(joint, rule(y, *args, **self.given)(g), strict=True):
                bars[i] = bar
        for i in set(self.moving) - set(joint):
            bars[i] = self.op.pullback(i, y, list(args), self.given)(g)
        return bars

    def push(self, y: Any, args: tuple[Any, ...], dots: tuple[Any, ...]) -> Any:
        """Sum what the rules of the arguments return."""
        parts = self.op.pushforwards({i: dots[i] for i in self.moving}, y, list(args), self.given)
        return tree.map(lambda *each: sum(each[1:], each[0]), *[part for _, part in parts])

    def run_batch(self, size: int, axes: tuple[Any, ...], args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Apply the primitive's batching rule, with trees of axes."""
        assert self.op.batch is not None
        y, axis = self.op.batch(size, axes, *args, **self.given)
        return y, list(axis) if isinstance(axis, tuple) else axis
