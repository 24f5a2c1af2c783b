"""vmap against a loop."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tree
from ..core.primitive import Primitive
from ..core.tensor import dtype_of, name_of
from ..transforms.batch import vmap
from .vectors import Broken, is_float


def hold_vmap(f: Callable[..., Any], g: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """Run a batch of three as one and in a loop: all arguments batched, then each alone, along the last axis."""
    declared = isinstance(f, Primitive)
    if isinstance(f, Primitive) and f.batch is None:
        return ["vmap not tried: no batching rule is declared"]
    places = [i for i, arg in enumerate(args) if isinstance(arg, np.ndarray | np.generic | float)]
    batches: list[dict[int, int]] = [dict.fromkeys(places, 0)]
    batches += [{i: -1} for i in places] if len(places) > 1 else []
    for axes in filter(None, batches):
        examples = _examples(g, args, axes)
        together = [
            np.stack([np.asarray(e[i]) for e in examples], axes[i]) if i in axes else arg for i, arg in enumerate(args)
        ]
        in_axes = tuple(axes.get(i) for i in range(len(args)))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that an operation runs in a loop is no mistake
                batched = vmap(g, in_axes=in_axes)(*together)
        except Exception as error:
            if not declared:
                return [f"vmap not tried: it raised {type(error).__name__}: {str(error).split('. ')[0]}"]
            raise _vmap_broken(f, in_axes, f"it raised {type(error).__name__}: {error}") from error
        _hold_like_loop(f, in_axes, batched, [g(*e) for e in examples])
    return []


def _examples(g: Callable[..., Any], args: tuple[Any, ...], axes: dict[int, int]) -> list[tuple[Any, ...]]:
    """Three calls of the same shapes: as given, the elements moved round by one, and scaled, if g takes them so."""

    def moved(x: Any) -> Any:
        return np.roll(x, 1)

    def scaled(x: Any) -> Any:
        return x * dtype_of(x).type(1.125) if dtype_of(x).kind in "fc" else x

    examples = [args]
    for change in (moved, scaled):
        changed = tuple(change(arg) if i in axes else arg for i, arg in enumerate(args))
        try:
            g(*changed)
        except Exception:
            changed = args
        examples.append(changed)
    return examples


def _hold_like_loop(f: Callable[..., Any], in_axes: tuple[Any, ...], batched: Any, each: list[Any]) -> None:
    if tree.structure(batched) != tree.structure(each[0]):
        raise _vmap_broken(f, in_axes, f"it returns {tree.structure(batched)}, the loop {tree.structure(each[0])}.")
    for path, a, *rest in zip(
        tree.structure(batched).paths, tree.leaves(batched), *[tree.leaves(y) for y in each], strict=True
    ):
        b = np.stack([np.asarray(leaf) for leaf in rest])
        if (np.shape(a), dtype_of(a)) != (b.shape, b.dtype):
            found = f"{np.shape(a)} {dtype_of(a)}, the loop's {b.shape} {b.dtype}"
            raise _vmap_broken(f, in_axes, f"its output{path} is {found}.")
        if not is_float(b):
            same = np.array_equal(a, b)
        else:
            eps = 2**12 * np.finfo(b.dtype).eps
            same = np.allclose(a, b, eps, eps * np.max(np.abs(b[np.isfinite(b)]), initial=0), equal_nan=True)
        if not same:
            at = np.unravel_index(int(np.argmax(np.nan_to_num(np.abs(np.subtract(a, b, dtype=complex))))), b.shape)
            index = ", ".join(map(str, at))
            told = f"its output{path}[{index}] is {np.asarray(a)[at]:.6g}, the loop's {b[at]:.6g}"
            raise _vmap_broken(f, in_axes, f"{told} (axis 0 counts the examples).")


def _vmap_broken(f: Callable[..., Any], in_axes: tuple[Any, ...], message: str) -> Broken:
    return Broken("vmap", f"vmap of {name_of(f)} with in_axes={in_axes} differs from a loop: {message}")
