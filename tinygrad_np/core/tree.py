"""Trees: nested containers of arrays, taken apart into a flat list of leaves and put together again.

A dict, list, tuple, namedtuple, dataclass and ``None`` (which has no leaves) is a node; anything else is a leaf.
Leaves come in the order in which a person wrote them: the keys of a dictionary keep their insertion order, yet trees
match by key. Two structures that are equal may therefore list their leaves in different orders: a second tree is
read in the order of a first with `flatten_like`, never by zipping two results of `flatten`.

A path is what a user would write after the tree's name: ``['conv1']['w']``, ``[0].scale``, and ``""`` for a bare leaf.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import numpy as np

from .nodes import (
    DECLARED,
    HOLE,
    HOLE_KIND,
    KINDS,
    LEAF,
    LEAF_STRUCTURE,
    Kind,
    Names,
    RefusedError,
    Structure,
    Tree,
    difference,
    hashable,
)  # fmt: skip

__all__ = [
    "HOLE", "Structure", "children", "flatten", "flatten_like", "flatten_with_path", "is_leaf", "leaves",
    "leaves_if_like", "map", "map_with_path", "merge", "partition", "ravel", "register", "structure", "unflatten",
]  # fmt: skip


def register(
    cls: type,
    flatten: Callable[[Any], tuple[Iterable[Tree], Hashable]],
    unflatten: Callable[[Any, list[Tree]], Any],
) -> None:
    """Declare a class (exactly it, not its subclasses) a node.

    Parameters
    ----------
    cls : type
        The class.
    flatten : callable
        ``flatten(node) -> (children, static)``; `static` is hashable and becomes part of the structure.
    unflatten : callable
        ``unflatten(static, children) -> node``; must accept children of any type (tensors, holes).

    Raises
    ------
    ValueError
        If the class has been declared before.
    """
    if cls in DECLARED:
        raise ValueError(f"tree.register: {cls.__name__} is already a node; register a new class")

    def take_apart(node: Any) -> tuple[list[Tree], Names, Hashable]:
        children, static = flatten(node)
        children = list(children)
        return children, range(len(children)), hashable(node, static)

    brackets = (cls.__name__ + "(", ")")
    KINDS[cls] = Kind(take_apart, lambda _, static, children: unflatten(static, children), brackets)
    DECLARED.add(cls)


def flatten(tree: Tree) -> tuple[list[Any], Structure]:
    """Take a tree apart into its leaves and its structure; `unflatten` is the inverse.

    Raises
    ------
    TypeError
        Where a leaf would be an np.matrix or a masked array, or a container cannot be rebuilt; names the path.

    Examples
    --------
    >>> flatten({"w": 1.0, "b": [2.0, None]})
    ([1.0, 2.0], {'w': *, 'b': [*, None]})
    """
    found: list[Any] = []
    try:
        return found, _flatten(tree, found)
    except RefusedError as refusal:
        raise _explained(refusal, tree) from None


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Tree:
    """Put leaves into a structure, in new containers.

    Raises
    ------
    ValueError
        If the number of leaves is not ``structure.size``.
    """
    leaves = list(leaves)
    if len(leaves) != structure.size:
        raise ValueError(f"tree.unflatten: got {len(leaves)} leaves for the {structure.size} places of {structure}")
    return _unflatten(structure, leaves)


def flatten_like(structure: Structure, tree: Tree, name: str = "tree.flatten_like: the tree") -> list[Any]:
    """Leaves of a tree that has the given structure, in the order of that structure.

    Parameters
    ----------
    structure : Structure
        What the tree must look like.
    tree : tree
        The tree.
    name : str
        What an error calls the tree.

    Raises
    ------
    ValueError
        If the structures differ; names the first path where they do.
    """
    found: list[Any] = []
    try:
        if _gather(structure, tree, found):
            return found
        raise ValueError(f"{name} does not match: {difference(structure, _flatten(tree, []))}")
    except RefusedError as refusal:
        raise _explained(refusal, tree) from None


def leaves_if_like(structure: Structure, tree: Tree) -> list[Any] | None:
    """Leaves of a tree as `flatten_like` has them, or None if it has another structure."""
    found: list[Any] = []
    return found if _gather(structure, tree, found) else None


def leaves(tree: Tree) -> list[Any]:
    """Leaves of a tree."""
    return flatten(tree)[0]


def structure(tree: Tree) -> Structure:
    """Structure of a tree."""
    return flatten(tree)[1]


def flatten_with_path(tree: Tree) -> tuple[list[tuple[str, Any]], Structure]:
    """As `flatten`, with the path of each leaf beside it.

    Examples
    --------
    >>> flatten_with_path({"conv": [2.0]})[0]
    [("['conv'][0]", 2.0)]
    """
    found, shape = flatten(tree)
    return list(zip(shape.paths, found, strict=True)), shape


def map(f: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """Tree of ``f(leaf, *leaves of the rest at the same place)``, like `tree` in structure and order.

    Raises
    ------
    ValueError
        If a tree of the rest differs from the first in structure; names the first path where it does.

    Examples
    --------
    >>> map(max, {"a": 1, "b": 2}, {"b": 0, "a": 5})
    {'a': 5, 'b': 2}
    """
    found, shape = flatten(tree)
    others = _rest(shape, rest, "tree.map")
    return _unflatten(shape, [f(*each) for each in zip(found, *others, strict=True)])


def map_with_path(f: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """As `map`, with ``f(path, leaf, ...)``."""
    found, shape = flatten(tree)
    others = _rest(shape, rest, "tree.map_with_path")
    return _unflatten(shape, [f(*each) for each in zip(shape.paths, found, *others, strict=True)])


def is_leaf(tree: Tree) -> bool:
    """Whether x is a leaf, and so no container."""
    return KINDS[type(tree)] is LEAF


def children(tree: Tree) -> dict[Hashable, Tree] | None:
    """Return the children of a node by key, field name or position; None for a leaf."""
    kind = KINDS[type(tree)]
    if kind is LEAF:
        return None
    nodes, names, _ = kind.flatten(tree)
    return dict(zip(names, nodes, strict=True))


def ravel(tree: Tree) -> tuple[Any, Callable[[Any], Tree]]:
    """Join all leaves to one vector, and return it with the function that makes a tree of such a vector again.

    Parameters
    ----------
    tree : tree of arrays
        Of one dtype, or of several that NumPy promotes to one.

    Returns
    -------
    flat : array (n,)
        The elements of all leaves, in the order of `flatten`, in C order each.
    unravel : callable
        ``unravel(v)`` is a tree like the first one for any array v (n,). Leaves get their own dtypes back if v has
        the dtype of `flat`; from another dtype (SciPy's optimisers work in float64) they keep v's. Differentiable.

    Examples
    --------
    >>> flat, unravel = ravel({"w": np.ones((1, 2)), "b": np.zeros(1)})
    >>> unravel(2 * flat)
    {'w': array([[2., 2.]]), 'b': array([0.])}
    """
    found, shape = flatten(tree)
    shapes = [np.shape(leaf) for leaf in found]
    sizes = [math.prod(s) for s in shapes]
    dtypes = [leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype for leaf in found]
    for path, dtype in zip(shape.paths, dtypes, strict=True):
        if dtype.kind not in "biufc":
            raise TypeError(f"tree.ravel: {path or 'the tree'} is no array of numbers but {dtype}.")
    rows = [np.reshape(leaf, (n,)) for leaf, n in zip(found, sizes, strict=True)]
    flat = np.concatenate(rows) if rows else np.zeros(0)

    def unravel(vector: Any) -> Tree:
        if np.shape(vector) != (sum(sizes),):
            raise ValueError(f"tree.ravel: expected a vector of {sum(sizes)} elements, got shape {np.shape(vector)}.")
        parts, start = [], 0
        for s, n, dtype in zip(shapes, sizes, dtypes, strict=True):
            part = np.reshape(vector[start : start + n], s)
            parts.append(part if dtype == part.dtype or vector.dtype != flat.dtype else part.astype(dtype))
            start += n
        return unflatten(shape, parts)

    return flat, unravel


def partition(tree: Tree, predicate: Callable[[str, Any], bool]) -> tuple[Tree, Tree]:
    """Split a tree in two that have its form, each with holes where the leaf went to the other.

    The gradient of ``lambda chosen: loss(merge(chosen, rest))`` leaves the rest frozen.

    Parameters
    ----------
    tree : tree
        Any tree; holes that it already has stay in both parts.
    predicate : callable
        ``predicate(path, leaf)``, true for a leaf that goes to the first part.

    Examples
    --------
    >>> partition({"w": 1, "b": 2}, lambda path, leaf: path == "['w']")
    ({'w': 1, 'b': <hole>}, {'w': <hole>, 'b': 2})
    """
    found, shape = flatten_with_path(tree)
    taken = [bool(predicate(path, leaf)) for path, leaf in found]
    halves = [
        unflatten(shape, [leaf if take is side else HOLE for take, (_, leaf) in zip(taken, found, strict=True)])
        for side in (True, False)
    ]
    return halves[0], halves[1]


def merge(chosen: Tree, rest: Tree) -> Tree:
    """Undo `partition`: the leaf of either tree where the other has a hole.

    Raises
    ------
    ValueError
        If both have a leaf at one place or the trees differ otherwise; names the path.
    """
    try:
        return _merge(chosen, rest, "")
    except RefusedError as refusal:
        raise _explained(refusal, chosen, rest) from None


def _flatten(tree: Tree, found: list[Any]) -> Structure:
    kind = KINDS[type(tree)]
    if kind is LEAF:
        found.append(tree)
        return LEAF_STRUCTURE
    before, flat = len(found), True
    children, names, static = kind.flatten(tree)
    parts = []
    for child in children:
        if KINDS[type(child)] is LEAF:  # without a call, for most children are leaves
            found.append(child)
            parts.append(LEAF_STRUCTURE)
        else:
            parts.append(_flatten(child, found))
            flat = False
    return Structure(kind, names, static, parts, len(found) - before, flat)


def _unflatten(structure: Structure, leaves: list[Any], start: int = 0) -> Tree:
    """Put the leaves from `start` on into a structure."""
    if structure.flat:
        children = leaves[start : start + structure.size]
    elif structure.kind is LEAF:
        return leaves[start]
    else:
        children = []
        for child in structure.children:
            children.append(_unflatten(child, leaves, start))
            start += child.size
    return structure.kind.unflatten(structure.names, structure.static, children)


def _gather(structure: Structure, tree: Tree, found: list[Any]) -> bool:
    """Collect the leaves of a tree in the order of a structure; false where the two differ."""
    kind = KINDS[type(tree)]
    if kind is not structure.kind:
        return False
    if kind is LEAF:
        found.append(tree)
        return True
    children, names, static = kind.flatten(tree)
    aligned = children if names == structure.names else _aligned(structure.names, names, children)
    if aligned is None or static != structure.static:
        return False
    for part, child in zip(structure.children, aligned, strict=True):
        if part is LEAF_STRUCTURE and KINDS[type(child)] is LEAF:
            found.append(child)
        elif not _gather(part, child, found):
            return False
    return True


def _aligned(order: Names, names: Names, children: Iterable[Any]) -> list[Any] | None:
    """Children in the given order of their names; None if the names are not the same ones."""
    by_name = dict(zip(names, children, strict=True))
    return [by_name[name] for name in order] if by_name.keys() == set(order) else None


def _rest(shape: Structure, rest: tuple[Tree, ...], operation: str) -> list[list[Any]]:
    return [flatten_like(shape, tree, f"{operation}: tree {i} of the rest") for i, tree in enumerate(rest)]


def _merge(a: Tree, b: Tree, path: str) -> Tree:
    kind, other = KINDS[type(a)], KINDS[type(b)]
    if other is HOLE_KIND and kind in (LEAF, HOLE_KIND):
        return a
    if kind is HOLE_KIND and other is LEAF:
        return b
    if kind is other is LEAF:
        raise ValueError(f"tree.merge: both trees have a leaf at {path or 'the root'}; one of the two must be a hole")
    children, names, static = kind.flatten(a)
    others, other_names, other_static = other.flatten(b)
    aligned = _aligned(names, other_names, others)
    if kind is not other or static != other_static or aligned is None:
        raise ValueError(f"tree.merge: the trees do not match {difference(structure(a), structure(b), path)}")
    steps = [path + kind.entry.format(name) for name in names]
    return kind.unflatten(names, static, [_merge(*each) for each in zip(children, aligned, steps, strict=True)])


def _explained(refusal: RefusedError, *trees: Tree) -> TypeError:
    path = next(path for tree in trees for path, node in _walk(tree, "") if node is refusal.node)
    return TypeError(f"tree: {path or 'the tree itself'} {refusal}")


def _walk(tree: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    yield path, tree
    kind = KINDS[type(tree)]
    try:
        children, names, _ = kind.flatten(tree)
    except RefusedError:
        return
    for name, child in zip(names, children, strict=True):
        yield from _walk(child, path + kind.entry.format(name))
