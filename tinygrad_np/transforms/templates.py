"""Trees of one structure, taken apart and put together again and again: what a compiled function does in each call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from operator import call, itemgetter
from typing import Any

from ..core import tree
from ..core.nodes import KINDS, LEAF, Names, Structure

Reader = Callable[[Any, list[Any]], bool]
_PLAIN = {KINDS[cls]: cls for cls in (dict, list, tuple)}


def reader(structure: Structure) -> Reader:
    """Return ``read(x, found)``, which appends the leaves of a tree that has the structure, or else returns False.

    Whatever stands in the place of a leaf counts as one: who wants arrays looks at what they are anyway.
    """
    if structure.kind is LEAF:
        return _read_leaf
    cls = _PLAIN.get(structure.kind)
    if structure.kind is KINDS[type(None)]:
        return lambda x, found: x is None
    if cls is None:
        return lambda x, found: _read_any(structure, x, found)
    size, children = len(structure.children), _picker(structure.names) if cls is dict else tuple
    flat = all(child.kind is LEAF for child in structure.children)
    readers = [reader(child) for child in structure.children]

    def read(x: Any, found: list[Any]) -> bool:
        if type(x) is not cls or len(x) != size:
            return False
        try:
            inside = children(x)
        except KeyError:
            return False
        if flat:
            found += inside
            return True
        return all(map(call, readers, inside, repeat(found)))

    return read


def builder(structure: Structure) -> Callable[[Iterator[Any]], Any]:
    """Return a function that makes a tree of the structure from an iterator over its leaves."""
    if structure.kind is LEAF:
        return next
    unflatten, names, static = structure.kind.unflatten, structure.names, structure.static
    builders = [builder(child) for child in structure.children]
    if structure.kind is KINDS[dict] and all(build is next for build in builders):
        return lambda leaves: dict(zip(names, leaves, strict=False))
    return lambda leaves: unflatten(names, static, [build(leaves) for build in builders])


def _read_leaf(x: Any, found: list[Any]) -> bool:
    found.append(x)
    return True


def _read_any(structure: Structure, x: Any, found: list[Any]) -> bool:
    leaves = tree.leaves_if_like(structure, x)
    found += leaves or ()
    return leaves is not None


def _picker(names: Names) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gives the values of a dictionary for some keys, or raises KeyError."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda x: tuple([x[name] for name in names])
