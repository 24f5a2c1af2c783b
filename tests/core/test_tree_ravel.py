"""tree.ravel, tree.children, tree.is_leaf."""

import dataclasses
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest

from tinygrad_np import grad, hessian, tree, vmap


class Norm(NamedTuple):
    scale: Any
    shift: Any


@dataclasses.dataclass
class Layer:
    w: Any
    stride: int = dataclasses.field(default=1, metadata={"static": True})


TREE = {
    "b": np.array([1.0, 2.0]),
    "a": [Layer(np.arange(6.0).reshape(2, 3), 2), None],
    "n": Norm(np.float64(7), np.zeros((0, 2))),
}


def test_ravel_and_back():
    flat, unravel = tree.ravel(TREE)
    np.testing.assert_array_equal(flat, [1, 2, 0, 1, 2, 3, 4, 5, 7])
    back = unravel(2 * flat)
    assert tree.structure(back) == tree.structure(TREE) and back["a"][0].stride == 2
    tree.map(lambda a, b: np.testing.assert_array_equal(a, 2 * b), back, TREE)
    assert back["n"].shift.shape == (0, 2)


def test_the_flat_vector_is_a_copy_in_the_order_of_flatten():
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    flat, _ = tree.ravel(x)
    np.testing.assert_array_equal(flat, np.arange(6))
    flat[0] = 9
    assert x[0, 0] == 0
    np.testing.assert_array_equal(tree.ravel({"z": 1.0, "a": 2.0})[0], [1, 2])


def test_dtypes_come_back_unless_another_precision_is_asked_for():
    flat, unravel = tree.ravel({"w": np.ones(2, np.float32), "b": np.ones(1)})
    assert flat.dtype == np.float64
    assert [leaf.dtype for leaf in tree.leaves(unravel(flat))] == [np.float32, np.float64]
    flat, unravel = tree.ravel({"w": np.ones(2, np.float32), "b": np.float32(1)})
    assert flat.dtype == np.float32
    assert unravel(flat.astype(np.float64))["w"].dtype == np.float64  # SciPy works in float64


def test_ravel_of_no_leaves_and_of_one():
    flat, unravel = tree.ravel({"a": None})
    assert flat.shape == (0,) and unravel(flat) == {"a": None}
    flat, unravel = tree.ravel(3.0)
    assert flat.tolist() == [3.0] and unravel(flat) == 3.0


def test_ravel_is_differentiable_and_batched():
    flat, unravel = tree.ravel({"w": np.ones((1, 2)), "b": 2.0})
    f = lambda v: (lambda p: np.sum(p["w"] ** 2) * p["b"])(unravel(v))
    np.testing.assert_array_equal(grad(f)(flat), [4, 4, 2])
    np.testing.assert_array_equal(hessian(f)(flat), [[4, 0, 2], [0, 4, 2], [2, 2, 0]])
    g = grad(lambda p: np.sum(tree.ravel(p)[0] ** 2))({"w": np.ones((1, 2)), "b": 2.0})
    assert g["b"] == 4.0 and g["w"].tolist() == [[2, 2]]
    rows = vmap(lambda p: tree.ravel(p)[0])({"w": np.ones((4, 2, 2)), "b": np.arange(4.0)})
    assert rows.shape == (4, 5) and rows[3, 4] == 3
    assert vmap(unravel)(np.ones((5, 3)))["w"].shape == (5, 1, 2)


def test_ravel_refuses_wrong_vectors_and_leaves():
    _, unravel = tree.ravel({"w": np.ones((1, 2))})
    for wrong in (np.ones(3), np.ones((1, 2)), 1.0):
        with pytest.raises(ValueError, match=r"tree\.ravel: expected a vector of 2 elements, got shape"):
            unravel(wrong)
    with pytest.raises(TypeError, match=r"tree\.ravel: \['name'\] is no array of numbers"):
        tree.ravel({"w": 1.0, "name": "net"})


def test_children():
    assert tree.children({"b": 1, "a": [2]}) == {"b": 1, "a": [2]}
    assert list(tree.children(OrderedDict(z=1, a=2))) == ["z", "a"]
    assert tree.children([5, (6,)]) == {0: 5, 1: (6,)}
    assert tree.children(Norm(1, 2)) == {"scale": 1, "shift": 2}
    assert tree.children(Layer(1, 2)) == {"w": 1}  # static fields are no children
    assert tree.children(None) == {} == tree.children(())
    for leaf in (1.0, "text", np.ones(2), tree.HOLE if tree.is_leaf(tree.HOLE) else 1):
        assert tree.children(leaf) is None


def test_is_leaf():
    assert all(map(tree.is_leaf, (1, 2.0, "text", np.ones(2), np.float32(1), object(), {1, 2})))
    assert not any(map(tree.is_leaf, ([], (), {}, None, Norm(1, 2), Layer(1), [1])))
