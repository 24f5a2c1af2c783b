import copy
import dataclasses
import enum
from collections import Counter, OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.core import tree

Norm = namedtuple("Norm", "scale shift")


@dataclasses.dataclass(frozen=True, slots=True)
class Conv:
    w: object
    b: object
    stride: int = dataclasses.field(default=1, metadata={"static": True})

    def __post_init__(self):
        if self.w is None:
            raise AssertionError("the constructor must not run again")


class Pair:
    def __init__(self, left, right, tag):
        self.left, self.right, self.tag = left, right, tag

    def __eq__(self, other):
        return isinstance(other, Pair) and vars(self) == vars(other)

    def __repr__(self):
        return f"Pair({self.left!r}, {self.right!r}, {self.tag!r})"


tree.register(Pair, lambda pair: ((pair.left, pair.right), pair.tag), lambda tag, children: Pair(*children, tag))

leaves = st.one_of(st.integers(), st.floats(allow_nan=False), st.text(max_size=3), st.booleans())
keys = st.one_of(st.text(max_size=3), st.integers(0, 3), st.tuples(st.integers(0, 2)))


def nodes(children):
    items = st.lists(st.tuples(keys, children), max_size=4)
    return st.one_of(
        st.lists(children, max_size=4),
        st.lists(children, max_size=4).map(tuple),
        items.map(dict),
        items.map(OrderedDict),
        items.map(lambda pairs: defaultdict(list, pairs)),
        st.builds(Norm, children, children),
        st.builds(Conv, children.filter(lambda child: child is not None), children, st.integers()),
        st.builds(Pair, children, children, st.text(max_size=2)),
    )


trees = st.recursive(st.one_of(leaves, st.none()), nodes, max_leaves=12)


def reversed_dicts(t):
    """The same tree with the keys of every dict inserted in the opposite order."""
    if isinstance(t, dict):
        turned = copy.copy(t)
        turned.clear()
        turned.update((key, reversed_dicts(t[key])) for key in reversed(t))
        return turned
    if isinstance(t, Norm):
        return Norm(*(reversed_dicts(child) for child in t))
    return type(t)(reversed_dicts(child) for child in t) if isinstance(t, list | tuple) else t


@given(trees)
def test_unflatten_undoes_flatten(t):
    found, structure = tree.flatten(t)
    again = tree.unflatten(structure, found)
    assert again == t
    assert type(again) is type(t)
    assert len(found) == structure.size == len(structure.paths)
    assert tree.structure(again) == structure
    assert hash(tree.structure(again)) == hash(structure)


@given(trees)
def test_a_tree_and_its_reordering_are_one_structure_read_in_one_order(t):
    turned = reversed_dicts(t)
    structure = tree.structure(t)
    assert tree.structure(turned) == structure
    assert hash(tree.structure(turned)) == hash(structure)
    assert tree.flatten_like(structure, turned) == tree.leaves(t)
    assert repr(tree.map(lambda a, b: a, t, turned)) == repr(tree.map(lambda a: a, t))


@given(trees)
def test_a_path_written_after_the_name_of_the_tree_leads_to_its_leaf(t):
    pairs, _ = tree.flatten_with_path(t)
    for path, leaf in pairs:
        if "Pair" not in repr(tree.structure(t)):  # a registered class says nothing about access
            assert eval("t" + path, {"t": t}) is leaf


@given(trees, st.data())
def test_merge_undoes_partition_also_twice(t, data):
    draw = lambda path, leaf: data.draw(st.booleans())
    first, rest = tree.partition(t, draw)
    second, third = tree.partition(rest, draw)
    assert tree.merge(second, third) == rest
    assert tree.merge(third, tree.merge(first, second)) == t
    assert sorted(map(id, tree.leaves(first) + tree.leaves(rest))) == sorted(map(id, tree.leaves(t)))


def test_leaves_and_paths_stand_in_the_order_in_which_they_were_written():
    t = {"z": Conv(1, [2, None], 3), "a": {0: (4,), "n": Norm(5, ())}}
    expected = [("['z'].w", 1), ("['z'].b[0]", 2), ("['a'][0][0]", 4), ("['a']['n'].scale", 5)]
    assert tree.flatten_with_path(t)[0] == expected
    assert tree.flatten_with_path(7)[0] == [("", 7)]
    assert tree.leaves(None) == []


def test_containers_are_new_and_leaves_are_not():
    array = np.ones(2)
    t = {"a": [array], "b": ({},)}
    again = tree.map(lambda x: x, t)
    assert again["a"][0] is array
    assert again is not t
    assert again["a"] is not t["a"]
    assert again["b"][0] is not t["b"][0]


def test_a_defaultdict_and_an_ordered_dict_stay_what_they_are():
    t = {"d": defaultdict(int, a=1), "o": OrderedDict(b=2)}
    again = tree.map(lambda x: -x, t)
    assert (type(again["d"]), again["d"].default_factory, type(again["o"])) == (defaultdict, int, OrderedDict)
    assert tree.structure(defaultdict(int, a=1)) != tree.structure(defaultdict(list, a=1))


def test_none_is_a_node_and_other_objects_are_leaves():
    Colour = enum.IntEnum("Colour", "RED")
    t = [None, Colour.RED, "text", {1, 2}, np.float32(1), Conv]
    assert tree.leaves(t) == t[1:]


@pytest.mark.parametrize(
    ("t", "text"),
    [
        ({"w": 1, "b": [2, None]}, "{'w': *, 'b': [*, None]}"),
        ((Norm(1, 2), Conv(1, (), 3)), "(Norm(scale=*, shift=*), Conv(w=*, b=(); stride=3))"),
        (Pair(1, tree.HOLE, "tag"), "Pair(*, <hole>; 'tag')"),
        (OrderedDict(a=1), "OrderedDict{'a': *}"),
        (5, "*"),
    ],
)
def test_a_structure_reads_as_the_tree_does(t, text):
    assert repr(tree.structure(t)) == text


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"c": {"w": 1}}, {"c": {"w": [1]}}, r"at \['c'\]\['w'\]: expected a leaf, got \[\*\]"),
        ({"a": 1, "b": 2}, {"b": 2}, r"at \['a'\]: expected a leaf, got nothing"),
        ({"a": 1}, {"a": 1, "b": [2]}, r"at \['b'\]: expected nothing, got \[\*\]"),
        ([1, 2], [1], r"at \[1\]: expected a leaf, got nothing"),
        ([1], (1,), r"at the root: expected \[\*\], got \(\*\)"),
        ([Norm(1, 2)], [Norm(1, None)], r"at \[0\].shift: expected a leaf, got None"),
        (Conv(1, 2, 3), Conv(1, 2, 4), r"expected Conv\(w=\*, b=\*; stride=3\), got Conv\(w=\*, b=\*; stride=4\)"),
        (Pair(1, 2, "x"), Pair(1, 2, "y"), r"expected Pair\(\*, \*; 'x'\), got Pair\(\*, \*; 'y'\)"),
        ({"a": 1}, OrderedDict(a=1), r"expected {'a': \*}, got OrderedDict{'a': \*}"),
    ],
)
def test_trees_that_differ_are_told_apart_at_the_first_difference(first, second, message):
    assert tree.structure(first) != tree.structure(second)
    with pytest.raises(ValueError, match="tree.map: tree 1 of the rest does not match: .*" + message):
        tree.map(lambda *_: None, first, first, second)


@pytest.mark.parametrize(
    ("chosen", "rest", "message"),
    [
        ({"w": 1}, {"w": 2}, r"both trees have a leaf at \['w'\]; one of the two must be a hole"),
        ([tree.HOLE], [[1]], r"do not match at \[0\]: expected <hole>, got \[\*\]"),
        ({"a": 1}, {"b": 1}, r"do not match at \['a'\]: expected a leaf, got nothing"),
        (Conv(1, 2, 3), Conv(tree.HOLE, tree.HOLE, 4), "do not match at the root: .*stride=3.*stride=4"),
    ],
)
def test_merge_needs_one_leaf_in_a_place_and_no_other_difference(chosen, rest, message):
    with pytest.raises(ValueError, match="tree.merge: .*" + message):
        tree.merge(chosen, rest)


def test_long_structures_are_cut_short_in_messages():
    with pytest.raises(ValueError, match=r"got \{'k0': \*, .*\.\.\.$") as caught:
        tree.map(max, 1, {f"k{i}": i for i in range(50)})
    assert len(str(caught.value)) < 200


def test_map_with_path_hands_over_paths_and_all_leaves():
    assert tree.map_with_path(lambda path, a, b: (path, a + b), {"x": [1]}, {"x": [2]}) == {"x": [("['x'][0]", 3)]}


def test_unflatten_counts_its_leaves():
    with pytest.raises(ValueError, match=r"got 3 leaves for the 2 places of \[\*, \*\]"):
        tree.unflatten(tree.structure([1, 2]), [1, 2, 3])


def test_merge_matches_by_key_and_keeps_the_order_of_the_first():
    assert list(tree.merge({"a": 1, "b": tree.HOLE}, {"b": 2, "a": tree.HOLE}).items()) == [("a", 1), ("b", 2)]


def test_a_dataclass_is_rebuilt_without_its_constructor():
    assert tree.map(lambda _: None, Conv(1, 2)).w is None
    assert tree.partition(Conv(1, 2, 5), lambda path, _: path == ".w")[1].stride == 5


MATRIX = np.ones((1, 1)).view(np.matrix)  # the constructor itself warns


@pytest.mark.parametrize(
    ("culprit", "reason"),
    [
        (MATRIX, "is an np.matrix"),
        (np.ma.masked_array([1.0]), "is a masked array"),
        (np.ma.masked, "is a masked array"),
        (Counter("ab"), "is a Counter, a subclass .* tree.register"),
        (Conv(1, 2, np.ones(2)), "has static data that cannot be hashed"),
        (Pair(1, 2, []), "has static data that cannot be hashed"),
    ],
)
def test_what_cannot_be_a_leaf_is_refused_with_its_path(culprit, reason):
    t = {"a": [0.0, culprit]}
    for attempt in (
        lambda: tree.flatten(t),
        lambda: tree.map(max, {"a": [0.0, 1.0]}, t),
        lambda: tree.merge({"a": [tree.HOLE, culprit]}, t),
    ):
        with pytest.raises(TypeError, match=r"tree: \['a'\]\[1\] " + reason):
            attempt()
    with pytest.raises(TypeError, match="tree: the tree itself " + reason):
        tree.leaves(culprit)


def test_a_class_is_registered_once():
    for cls in (Pair, dict):
        with pytest.raises(ValueError, match=f"{cls.__name__} is already a node"):
            tree.register(cls, lambda node: ((), None), lambda static, children: None)


def test_a_class_met_as_a_leaf_can_still_be_registered():
    class Late:
        pass

    late = Late()
    assert tree.leaves([late]) == [late]
    tree.register(Late, lambda node: ((), None), lambda static, children: late)
    assert tree.leaves([late]) == []


def test_structures_do_not_equal_other_things():
    assert tree.structure([1]) != [1]
