"""Trees of arrays in files that keep their structure; nothing in a file is ever executed, imported or unpickled."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Literal, overload

import numpy as np

from ..core import tree
from .archive import Archive, CheckpointError, StrPath, read_archive, write_archive

Tree = Any
_KIND = "tree of tinygrad_np, format 1"
_ROOT = "tree"
_LEAF = "*"
_SEQUENCES: dict[str, Any] = {"list": list, "tuple": tuple}
_KEYS = (str, int, float, bool, type(None))
_DEEPEST = 100  # containers within containers, so that neither JSON nor a walk ever reaches Python's limit


def save(path: StrPath, tree: Tree, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a tree of arrays to an ``.npz`` file, whole or not at all; equal trees give equal bytes.

    Parameters
    ----------
    path : path-like
        The file. `numpy.load` reads it too: an array is named as a person would write it, ``tree['conv1']['w']``.
    tree : tree of arrays
        Dictionaries, lists, tuples and None come back by themselves; of namedtuples, dataclasses and other nodes the
        children are saved, and `load` must be shown a tree that has them. Keys are str, int, float, bool or None.
    metadata : dict, optional
        Anything that JSON can hold; tuples come back as lists.

    Raises
    ------
    TypeError
        If a leaf is no array, of a dtype that ``.npz`` does not have, or a key is something else.
    ValueError
        If an array holds Python objects, the metadata hold what is no number, or the tree is deeper than 100.
    OSError
        If the file cannot be written; the old one stays.
    """
    facts = {"kind": _KIND, "structure": _describe(tree, "", 0), "metadata": dict(metadata or {})}
    write_archive(path, {_ROOT: tree}, facts)


@overload
def load(path: StrPath, like: Tree = None) -> Tree: ...
@overload
def load(path: StrPath, like: Tree = None, *, with_metadata: Literal[True]) -> tuple[Tree, dict[str, Any]]: ...
def load(path: StrPath, like: Tree = None, *, with_metadata: bool = False) -> Any:
    """Read what `save` wrote.

    Parameters
    ----------
    path : path-like
        The file.
    like : tree of arrays, optional
        What the tree must look like: containers, keys, shapes and dtypes. Needed where the tree has nodes other than
        dictionaries, lists, tuples and None: a file cannot say what those are made of.
    with_metadata : bool
        Whether to return the metadata too.

    Returns
    -------
    tree of arrays
        With dtypes, byte orders and memory orders as they were. With metadata: (tree, metadata).

    Raises
    ------
    CheckpointError
        If the file is damaged or something else, not like `like`, or needs one.
    OSError
        If it is not there or cannot be read.
    """
    archive = read_archive(path, _KIND)
    structure, metadata = archive.metadata.get("structure", False), archive.fact("metadata", dict)
    restored = _rebuilt(archive, structure) if like is None else _restored(archive, structure, like)
    return (restored, metadata) if with_metadata else restored


def _restored(archive: Archive, structure: Any, like: Tree) -> Tree:
    restored = archive.restore({_ROOT: like})[_ROOT]
    if _unordered(archive, structure) != _unordered(archive, _describe(like, "", 0)):
        raise CheckpointError(archive.path, "holds the arrays of `like` in other containers")
    return restored


def _rebuilt(archive: Archive, structure: Any) -> Tree:
    """Put the arrays into a tree of the structure: first with a number for each leaf, whose path is its name."""
    paths, shape = tree.flatten_with_path(_skeleton(archive, structure, 0))
    names = [_ROOT + path for path, _ in paths]
    if sorted(names) != sorted(archive.arrays):
        raise CheckpointError(archive.path, "is damaged: its arrays are not those of its structure")
    return tree.unflatten(shape, [archive.arrays[name] for name in names])


def _describe(node: Tree, path: str, depth: int) -> Any:
    """Return a structure as JSON: None, "*" for a leaf, [kind, children], [kind, [key, child] pairs, class]."""
    if depth > _DEEPEST:
        raise ValueError(f"save: the tree is deeper than {_DEEPEST} containers at {path[:60]}...")
    children = tree.children(node)
    if children is None:
        return _LEAF
    cls = type(node)
    for key in children:
        if cls is dict and not (type(key) in _KEYS and key == key and abs(key if type(key) is float else 0) < np.inf):
            raise TypeError(f"save: the tree has the key {key!r} at {path or 'its root'}; a key must be a {_allowed()}")
    described = [(key, _describe(child, f"{path}[{key!r}]", depth + 1)) for key, child in children.items()]
    if node is None:
        return None
    if cls.__name__ in _SEQUENCES and cls is _SEQUENCES[cls.__name__]:
        return [cls.__name__, [child for _, child in described]]
    if cls is dict:
        return ["dict", [list(pair) for pair in described]]
    return ["other", [[str(key), child] for key, child in described], cls.__qualname__]


def _allowed() -> str:
    return ", ".join(kind.__name__ for kind in _KEYS[:-1]) + " (finite) or None"


def _skeleton(archive: Archive, structure: Any, depth: int) -> Tree:
    match structure:
        case None:
            return None
        case "*":
            return 0
        case ["list" | "tuple" as kind, list(children)] if depth <= _DEEPEST:
            return _SEQUENCES[kind](_skeleton(archive, child, depth + 1) for child in children)
        case ["dict", list(pairs)] if depth <= _DEEPEST and all(_is_pair(pair) for pair in pairs):
            return {key: _skeleton(archive, child, depth + 1) for key, child in pairs}
        case ["other", _, str(name)]:
            raise CheckpointError(
                archive.path, f"holds a {name[:60]}, which only a program can make: pass like=, a tree that has one"
            )
    raise _damaged(archive)


def _unordered(archive: Archive, structure: Any, depth: int = 0) -> Any:
    """Return a structure without the order of its keys and the names of its classes, to be compared."""
    match structure:
        case None | "*":
            return structure
        case ["list" | "tuple" as kind, list(children)] if depth <= _DEEPEST:
            return kind, [_unordered(archive, child, depth + 1) for child in children]
        case ["dict" | "other" as kind, list(pairs), *_] if depth <= _DEEPEST and all(_is_pair(p) for p in pairs):
            named = [(repr(key), _unordered(archive, child, depth + 1)) for key, child in pairs]
            return kind, sorted(named, key=itemgetter(0))
    raise _damaged(archive)


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and type(pair[0]) in _KEYS


def _damaged(archive: Archive) -> CheckpointError:
    return CheckpointError(archive.path, "is damaged: its structure is none that save() writes")
