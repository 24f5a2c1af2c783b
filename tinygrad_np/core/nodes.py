"""The nodes of trees: how containers of each class are taken apart and rebuilt, and what a tree is without leaves."""

import dataclasses
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

Tree = Any
Names = Sequence[Hashable]  # what tells the children of a node apart: keys, field names or a range of positions


class Structure:
    """A tree without its leaves: hashable, comparable (regardless of the order of dictionary keys), printable.

    Attributes
    ----------
    size : int
        The number of leaves.
    flat : bool
        Whether it is a node whose children are all leaves, as most are: the parameters of a layer.
    paths : list of str
        The path of every leaf, in the order of the leaves.
    """

    __slots__ = ("children", "flat", "kind", "names", "size", "static")

    def __init__(
        self, kind: "Kind", names: Names, static: Hashable, children: "list[Structure]", size: int, flat: bool
    ) -> None:
        self.kind, self.names, self.static, self.children = kind, names, static, children
        self.size, self.flat = size, flat

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        return self is other or difference(self, other) is None

    def __hash__(self) -> int:
        return hash((self.kind, self.static, frozenset(zip(self.names, self.children, strict=True))))

    def __repr__(self) -> str:
        labels = (self.kind.label.format(name) for name in self.names)
        parts = [label + repr(child) for label, child in zip(labels, self.children, strict=True)]
        opening, closing = self.kind.brackets
        static = "" if self.static is None else "; " + self.kind.show_static(self.static)
        return opening + ", ".join(parts) + static + closing

    @property
    def paths(self) -> list[str]:
        """The path of every leaf, in the order of the leaves."""
        if self.kind is LEAF:
            return [""]
        named = zip(self.names, self.children, strict=True)
        return [self.kind.entry.format(name) + path for name, child in named for path in child.paths]


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """How one class of nodes is taken apart, rebuilt and written down."""

    flatten: Callable[[Any], tuple[Iterable[Tree], Names, Hashable]]
    unflatten: Callable[[Names, Any, list[Tree]], Tree]
    brackets: tuple[str, str]
    label: str = ""  # stands before a child in the structure's repr
    entry: str = "[{!r}]"  # leads to a child in a path
    show_static: Callable[[Any], str] = repr


class RefusedError(TypeError):
    """Raised where a node cannot be taken apart; the walk that met it knows no paths, `_explained` finds it."""

    def __init__(self, node: Any, reason: str) -> None:
        super().__init__(reason)
        self.node = node


class _Hole:
    """The place of a leaf that went to the other part of a partition: a node without children."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hole>"


HOLE = _Hole()


def _childless(node: Any, name: str) -> Kind:
    return Kind(lambda _: ((), (), None), lambda *_: node, (name, ""))


def _mapping(rebuild: Callable[[Any, Any], Tree], prefix: str, extra: Callable[[Any], Hashable]) -> Kind:
    return Kind(
        lambda node: (node.values(), tuple(node), extra(node)),
        lambda keys, static, children: rebuild(static, zip(keys, children, strict=True)),
        (prefix + "{", "}"),
        "{!r}: ",
    )


def _sequence(cls: Callable[[list[Tree]], Tree], brackets: tuple[str, str]) -> Kind:
    return Kind(lambda node: (node, range(len(node)), None), lambda _, __, children: cls(children), brackets)


def _namedtuple(cls: Any) -> Kind:
    fields = cls._fields
    make = cls._make
    brackets = (cls.__name__ + "(", ")")
    return Kind(lambda node: (node, fields, None), lambda _, __, children: make(children), brackets, "{}=", ".{}")


def _dataclass(cls: Any) -> Kind:
    """Rebuild without the constructor: ``__post_init__`` was written for arrays, not for tensors and holes."""
    fields = dataclasses.fields(cls)
    static = tuple(field.name for field in fields if field.metadata.get("static", False))
    dynamic = tuple(field.name for field in fields if field.name not in static)

    def flatten(node: Any) -> tuple[list[Tree], Names, Hashable]:
        children = [getattr(node, name) for name in dynamic]
        return children, dynamic, hashable(node, tuple([getattr(node, name) for name in static])) if static else None

    def unflatten(names: Any, fixed: Any, children: list[Tree]) -> Tree:
        node = object.__new__(cls)
        for name, value in (*zip(names, children, strict=True), *zip(static, fixed or (), strict=True)):
            object.__setattr__(node, name, value)  # a frozen dataclass refuses setattr
        return node

    def show_static(fixed: Any) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in zip(static, fixed, strict=True))

    return Kind(flatten, unflatten, (cls.__name__ + "(", ")"), "{}=", ".{}", show_static)


def _refusing(reason: str) -> Kind:
    def refuse(node: Any) -> NoReturn:
        raise RefusedError(node, reason)

    return dataclasses.replace(_childless(None, ""), flatten=refuse)


def hashable(node: Any, static: Hashable) -> Hashable:
    """Return the static data of a node, or refuse the node for data that cannot be hashed."""
    try:
        hash(static)
    except TypeError as error:
        reason = f"has static data that cannot be hashed ({error}); let arrays be leaves and static data be hashable"
        raise RefusedError(node, reason) from None
    return static


class _Kinds(dict[type, Kind]):
    """The kind of every class met so far; one that is new is looked at once and remembered."""

    def __missing__(self, cls: Any) -> Kind:
        if issubclass(cls, tuple) and hasattr(cls, "_fields"):
            kind = _namedtuple(cls)
        elif dataclasses.is_dataclass(cls):
            kind = _dataclass(cls)
        elif issubclass(cls, np.matrix):
            kind = _refusing("is an np.matrix, whose * and indexing mean something else: pass np.asarray(it)")
        elif issubclass(cls, np.ma.MaskedArray):
            kind = _refusing("is a masked array, whose mask would be lost: pass it.filled(value) and it.mask apart")
        elif issubclass(cls, dict | list | tuple):
            kind = _refusing(
                f"is a {cls.__name__}, a subclass that its items alone may not rebuild: pass a plain container, "
                f"or say how with tree.register({cls.__name__}, flatten, unflatten)"
            )
        else:
            kind = LEAF
        self[cls] = kind
        return kind


LEAF = _childless(None, "*")
HOLE_KIND = _childless(HOLE, repr(HOLE))
LEAF_STRUCTURE = Structure(LEAF, (), None, [], 1, False)
_BUILT_IN: dict[type, Kind] = {
    dict: Kind(  # as `_mapping` has it, but in one call, for there are many
        lambda node: (node.values(), tuple(node), None),
        lambda keys, _, children: dict(zip(keys, children, strict=True)),
        ("{", "}"),
        "{!r}: ",
    ),
    OrderedDict: _mapping(lambda _, items: OrderedDict(items), "OrderedDict", lambda _: None),
    defaultdict: _mapping(defaultdict, "defaultdict", lambda node: node.default_factory),
    list: _sequence(list, ("[", "]")),
    tuple: _sequence(tuple, ("(", ")")),
    type(None): _childless(None, "None"),
    _Hole: HOLE_KIND,
}
KINDS = _Kinds(_BUILT_IN)
DECLARED = set(_BUILT_IN)


def difference(expected: Structure, actual: Structure, path: str = "") -> str | None:
    """Where two structures first differ and how; None if they do not."""
    if expected.kind is not actual.kind or expected.static != actual.static:
        return f"at {path or 'the root'}: expected {_short(expected)}, got {_short(actual)}"
    entry = expected.kind.entry.format
    others = dict(zip(actual.names, actual.children, strict=True))
    for name, child in zip(expected.names, expected.children, strict=True):
        if name not in others:
            return f"at {path + entry(name)}: expected {_short(child)}, got nothing"
        if found := difference(child, others.pop(name), path + entry(name)):
            return found
    for name, other in others.items():
        return f"at {path + entry(name)}: expected nothing, got {_short(other)}"
    return None


def _short(structure: Structure, limit: int = 80) -> str:
    text = "a leaf" if structure.kind is LEAF else repr(structure)
    return text if len(text) <= limit else text[: limit - 3] + "..."
