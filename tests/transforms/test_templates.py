"""Trees read and built by a template are those that `tree` takes apart and puts together."""

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field

import pytest

from tinygrad_np.core import tree
from tinygrad_np.transforms.templates import builder, reader

Pair = namedtuple("Pair", "a b")


@dataclass
class Layer:
    """With a part that is no leaf."""

    w: object
    name: str = field(default="layer", metadata={"static": True})


TREES = {
    "leaf": 1.0,
    "none": None,
    "nothing": {},
    "dictionary": {"w": 1.0, "b": 2.0},
    "other order": {"b": 1.0, "w": 2.0},
    "other keys": {"w": 1.0, "c": 2.0},
    "more keys": {"w": 1.0, "b": 2.0, "c": 3.0},
    "one key": {"w": 1.0},
    "of dictionaries": {"w": {"w": 1.0, "b": 2.0}, "b": {"w": 3.0}},
    "as many leaves as nodes": [{"w": 1.0, "b": 2.0}, None],
    "list": [1.0, 2.0],
    "longer list": [1.0, 2.0, 3.0],
    "tuple": (1.0, 2.0),
    "arguments": (({"w": 1.0, "b": [2.0]}, None, 3.0), {"key": 4.0}),
    "named": Pair(1.0, {"w": 2.0}),
    "dataclass": Layer([1.0]),
    "another": Layer([1.0], "another"),
    "ordered": OrderedDict(w=1.0, b=2.0),
    "default": defaultdict(list, w=1.0, b=2.0),
    "hole": [tree.HOLE, 1.0],
}


@pytest.mark.parametrize("expected", TREES)
@pytest.mark.parametrize("given", TREES)
def test_leaves_are_those_of_trees_with_the_structure(expected, given):
    structure, found = tree.structure(TREES[expected]), []
    same = reader(structure)(TREES[given], found)
    leaves = tree.leaves_if_like(structure, TREES[given])
    if leaves is not None:
        assert same and found == leaves
    elif same:  # it takes a container for a leaf, which it hands on as it is
        assert any(not tree.is_leaf(x) for x in found) and len(found) == structure.size


@pytest.mark.parametrize("name", TREES)
def test_trees_are_built_from_their_leaves(name):
    leaves, structure = tree.flatten(TREES[name])
    rest = iter([*leaves, "more"])
    built = builder(structure)(rest)
    assert built == TREES[name] and tree.structure(built) == structure and type(built) is type(TREES[name])
    assert next(rest) == "more"
