"""One run of a function, and of its pullback, under the eyes of a watcher."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...core import tree
from ...core.tensor import Tensor, dtype_of, name_of, shape_of
from ...core.trace import QuietCollector
from ...transforms.arguments import NUMERIC, Argnums, argument_name, as_kind_of, describe, own, resolve
from ...transforms.reverse import linear_part
from .recording import Watcher

Key = int | str


class Input(NamedTuple):
    """A leaf of the arguments.

    Attributes
    ----------
    path : str
        "params['conv1']['w']".
    place : int
        Its place among the program's values.
    value : array
        What it is.
    gradient : array or None
        Its gradient, if it is differentiated and there was a backward pass.
    differentiated : bool
        Whether it is.
    """

    path: str
    place: int
    value: Any
    gradient: Any
    differentiated: bool


class Run:
    """A run of f and of its pullback, watched.

    Attributes
    ----------
    watcher : Watcher
        What it saw.
    value, aux, gradient : tree
        What f returned, and the gradient of the arguments that argnums names, None if there was no backward pass.
    note : str
        Why there was none.
    results : list of int
        The places of what f returned.
    """

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums, has_aux: bool
    ) -> None:
        self.f, self.has_aux, self.note = f, has_aux, ""
        self.given: dict[Key, Any] = dict(enumerate(args))
        self.given.update(kwargs)
        self.watcher = Watcher(f"explain({name_of(f)})")
        self.keys: list[Key] = []
        self.one = True
        if self.given:
            self.keys, self.one = resolve(f, argnums, args, kwargs, self.watcher.origin)
        self.value: Any = None
        self.aux: Any = None
        self.gradient: Any = None
        self.gradients: dict[Key, Any] = {}
        self.results: list[int] = []
        self.places: dict[Key, list[int | None]] = {}

    def evaluate(self, cotangent: Any) -> None:
        """Evaluate f and, if that makes sense, its pullback."""
        watcher = self.watcher
        with watcher, QuietCollector():
            watched = {key: self._enter(key, argument) for key, argument in self.given.items()}
            some = any(_is_inexact(leaf) for key in self.keys for leaf in tree.leaves(self.given[key]))
            moving = self.keys if some else []
            value, pullback, aux = self._forward(watched, moving)
            watcher.forward = len(watcher.steps)
            leaves = tree.leaves(value)
            self.results = [x._index for x in leaves if type(x) is Tensor]
            self.note = self._note(leaves, moving, cotangent)
            if not self.note:
                g = dtype_of(value).type(1) if cotangent is None else cotangent
                bars = watcher.release(pullback(watcher.enter(g, numbers=True)))
                self._keep(dict(zip(moving, bars, strict=True)))
            self.value, self.aux = tree.map(own, watcher.release(value)), tree.map(own, watcher.release(aux))

    @property
    def inputs(self) -> list[Input]:
        """The leaves of the arguments that were watched."""
        found = []
        for key, argument in self.given.items():
            leaves, structure = tree.flatten(argument)
            gradients = tree.leaves(self.gradients[key]) if key in self.gradients else [None] * len(leaves)
            name = argument_name(self.f, key)
            for place, path, leaf, g in zip(self.places[key], structure.paths, leaves, gradients, strict=True):
                if place is not None:
                    found.append(Input(name + path, place, leaf, g, key in self.keys and _is_inexact(leaf)))
        return found

    def _enter(self, key: Key, argument: Any) -> Any:
        """Make inputs of an argument's leaves, and note their places."""
        leaves, structure = tree.flatten(argument)
        watched, places = [], []
        for leaf in leaves:
            place = self.watcher.size
            watched.append(self.watcher.enter(leaf, numbers=True))
            places.append(place if self.watcher.size > place else None)
        self.places[key] = places
        return tree.unflatten(structure, watched)

    def _forward(self, watched: dict[Key, Any], moving: Sequence[Key]) -> Any:
        """Return the value, its pullback to the arguments that are differentiated, and the auxiliary data."""

        @functools.wraps(self.f, updated=())
        def f(*arguments: Any) -> Any:
            full = {**watched, **dict(zip(moving, arguments, strict=True))}
            keywords = {key: x for key, x in full.items() if isinstance(key, str)}
            return self.f(*[full[key] for key in full if isinstance(key, int)], **keywords)

        kind = inspect.Parameter.POSITIONAL_ONLY  # so that messages name the arguments
        names = [argument_name(self.f, key) for key in moving]
        f.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind) for name in names if name.isidentifier()]
        )
        if moving:
            return linear_part(f, tuple(watched[key] for key in moving), self.has_aux)
        y = f()
        if self.has_aux and not (isinstance(y, tuple) and len(y) == 2):
            raise TypeError(
                f"{self.watcher.origin}: with has_aux=True the function returns (value, aux), got {describe(y)}."
            )
        return (y[0], None, y[1]) if self.has_aux else (y, None, None)

    def _note(self, leaves: Sequence[Any], moving: Sequence[Key], cotangent: Any) -> str:
        """Say why there is no backward pass, if there is none."""
        if not moving:
            names = ", ".join(argument_name(self.f, key) for key in self.keys) or "no arguments"
            return f"No backward pass: nothing can be differentiated ({names}); choose other argnums."
        if cotangent is not None:
            return ""
        if len(leaves) != 1 or shape_of(leaves[0]) != ():
            what = describe(leaves[0]) if len(leaves) == 1 else f"a tree of {len(leaves)} arrays" if leaves else "None"
            return f"No backward pass: the value is {what}, and only a scalar has a gradient; give cotangent=."
        if dtype_of(leaves[0]).kind != "f":
            what = "which has no derivative" if dtype_of(leaves[0]).kind != "c" else "not real; give cotangent="
            return f"No backward pass: the value is {dtype_of(leaves[0])}, {what}."
        return ""

    def _keep(self, bars: dict[Key, Any]) -> None:
        """Keep the gradients, of the kind that `grad` gives."""
        for key, x_bar in bars.items():
            leaves, structure = tree.flatten(self.given[key])
            owned = [own(as_kind_of(x, g)) for x, g in zip(leaves, tree.leaves(x_bar), strict=True)]
            self.gradients[key] = tree.unflatten(structure, owned)
        each = tuple(self.gradients[key] for key in self.keys)
        self.gradient = each[0] if self.one else each


def _is_inexact(x: Any) -> bool:
    return isinstance(x, NUMERIC) and dtype_of(x).kind in "fc"
