"""Transformations of some of the parameters, chosen by path: masks, partitions, frozen parameters.

A mask or a function of labels is asked about the gradients at every update and about the parameters at the start, so it
may look at paths, shapes and dtypes, which these have in common, and not at values.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.tensor import Array, shape_of
from .base import GradientTransformation, Tree, check_state, check_transformation, copied

Mask = Tree | Callable[[str, Any], bool]


class MaskedState(NamedTuple):
    """State of the inner transformation, of the chosen parameters only."""

    inner_state: Tree


class PartitionState(NamedTuple):
    """States by label, each of its own parameters only."""

    inner_states: dict[Any, Tree]


def masked(inner: GradientTransformation, mask: Mask) -> GradientTransformation:
    """Transform some of the gradients; the others pass as they are.

    Parameters
    ----------
    inner : GradientTransformation
        For the chosen ones; in its state the others are holes (see `tinygrad_np.tree.partition`).
    mask : tree of bool or callable
        A tree like the parameters, true where a parameter is chosen; or ``mask(path, leaf)``.

    Raises
    ------
    ValueError, TypeError
        From ``init`` and ``update``, if the mask has another structure or says anything but true or false; names the
        path.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser = optim.masked(optim.clip(1.0), lambda path, leaf: path.startswith("['conv"))
    """
    check_transformation("masked", inner)

    def split(values: Tree, keep: list[bool]) -> tuple[Tree, Tree]:
        found, shape = tree.flatten(values)
        return _only(shape, found, keep), _only(shape, found, [not each for each in keep])

    def init(params: Tree) -> MaskedState:
        return MaskedState(inner.init(split(params, _chosen(mask, params))[0]))

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("masked", state, MaskedState)
        keep = _chosen(mask, grads)
        chosen, rest = split(grads, keep)
        some = None if params is None else _only_like(grads, params, keep, "optim.masked: params")
        updates, inner_state = inner.update(chosen, state.inner_state, some)
        return tree.merge(updates, copied(rest)), MaskedState(inner_state)

    return GradientTransformation(init, update)


def partition(
    optimisers: Mapping[Any, GradientTransformation], labels: Tree | Callable[[str, Any], Any]
) -> GradientTransformation:
    """Give every parameter the optimiser of its label.

    Parameters
    ----------
    optimisers : mapping of label to GradientTransformation
        A label may be without parameters.
    labels : tree of labels or callable
        A tree like the parameters; or ``labels(path, leaf)``.

    Raises
    ------
    ValueError
        From ``init`` and ``update``, if a label has no optimiser, or the labels have another structure; names the path.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> label = lambda path, leaf: "frozen" if path.startswith("['conv']") else "trained"
    >>> optimiser = optim.partition({"trained": optim.sgd(0.1), "frozen": optim.set_to_zero()}, label)
    >>> optimiser.update({"conv": 1.0, "dense": 1.0}, optimiser.init({"conv": 0.0, "dense": 0.0}))[0]
    {'conv': 0.0, 'dense': -0.1}
    """
    if not isinstance(optimisers, Mapping) or not optimisers:
        raise TypeError(f"optim.partition: optimisers must be a mapping by label, with one or more, got {optimisers!r}")
    for each in optimisers.values():
        check_transformation("partition", each)

    def init(params: Tree) -> PartitionState:
        found, shape = tree.flatten(params)
        given = _labels(labels, params, optimisers)
        return PartitionState(
            {name: each.init(_only(shape, found, [x == name for x in given])) for name, each in optimisers.items()}
        )

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("partition", state, PartitionState)
        if state.inner_states.keys() != optimisers.keys():
            raise ValueError(f"optim.partition: state is of {list(state.inner_states)}, not of {list(optimisers)}")
        found, shape = tree.flatten(grads)
        given = _labels(labels, grads, optimisers)
        parts, states = [], {}
        for name, each in optimisers.items():
            keep = [x == name for x in given]
            some = None if params is None else _only_like(grads, params, keep, "optim.partition: params")
            part, states[name] = each.update(_only(shape, found, keep), state.inner_states[name], some)
            parts.append(part)
        return functools.reduce(tree.merge, parts), PartitionState(states)

    return GradientTransformation(init, update)


def not_bias(path: str, leaf: Array) -> bool:
    """Whether a parameter has two axes or more: a matrix or a kernel, and no bias, scale or single number.

    The usual mask of weight decay.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser = optim.adamw(1e-3, weight_decay=0.01, mask=optim.not_bias)
    """
    return len(shape_of(leaf)) >= 2


def _chosen(mask: Mask, values: Tree) -> list[bool]:
    """Answers of a mask, leaf by leaf."""
    paths, answers = _answers("optim.masked: mask", mask, values)
    for path, answer in zip(paths, answers, strict=True):
        if not isinstance(answer, bool | np.bool_):
            raise TypeError(f"optim.masked: mask must say True or False, at {path or 'the root'} it says {answer!r}")
    return [bool(answer) for answer in answers]


def _labels(labels: Any, values: Tree, known: Mapping[Any, Any]) -> list[Any]:
    paths, answers = _answers("optim.partition: labels", labels, values)
    for path, answer in zip(paths, answers, strict=True):
        if answer not in known:
            raise ValueError(
                f"optim.partition: the label at {path or 'the root'} is {answer!r}; optimisers are for {list(known)}"
            )
    return answers


def _answers(name: str, question: Any, values: Tree) -> tuple[list[str], list[Any]]:
    found, shape = tree.flatten(values)
    paths = shape.paths
    if callable(question):
        return paths, [question(path, leaf) for path, leaf in zip(paths, found, strict=True)]
    return paths, tree.flatten_like(shape, question, name)


def _only(shape: tree.Structure, found: list[Any], keep: list[bool]) -> Tree:
    return tree.unflatten(shape, [leaf if kept else tree.HOLE for leaf, kept in zip(found, keep, strict=True)])


def _only_like(reference: Tree, values: Tree, keep: list[bool], name: str) -> Tree:
    """Leaves to keep of a tree, in the structure of another."""
    shape = tree.structure(reference)
    return _only(shape, tree.flatten_like(shape, values, name), keep)
