"""Summary: the table of a network's layers, found by watching the network run.

Any function apply(params, x) will do. `counting` tells what each step of its run costs, forward and backward; here the
steps are put together to rows, by two marks:

- the call: steps made by one call of a function of `nn`, `ops` or NumPy belong together (`nn.avg_pool` is a sum and a
  product), and are called after it;
- the parameters that enter: steps of one group of parameters, one after the other, are a layer and are called after
  the group ("conv1" for params["conv1"]["w"] and ["b"]). What is made of parameters alone counts as they do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.tensor import Tensor, dtype_of, name_of, shape_of
from ..core.trace import QuietCollector

if TYPE_CHECKING:
    from .counting import Counted


class Row(NamedTuple):
    """A layer, or an operation without parameters.

    Attributes
    ----------
    name : str
        The group of parameters, or the operation if there is none.
    operations : tuple of str
        The calls that make the layer.
    shape : tuple of int
        Of the output.
    parameters : int
        How many numbers; they count where they are first used.
    flops, flops_backward : int
        Floating-point operations; see `tinygrad_np.ops.costs` for what counts.
    bytes, bytes_backward : int
        Size of all arrays that the operations make; a view of another array is none.
    """

    name: str
    operations: tuple[str, ...]
    shape: tuple[int, ...]
    parameters: int
    flops: int
    flops_backward: int
    bytes: int
    bytes_backward: int


class Summary:
    """The table that `summary` makes: it prints as text, and as a table in a notebook.

    Attributes
    ----------
    rows : tuple of Row
        In the order of the run; parameters that are not used stand in a last row, "(unused)".
    total : Row
        The sums, with the shape of the last row that has an output.
    """

    _HEAD = ("layer", "operations", "output", "parameters", "flops", "flops back", "bytes", "bytes back")

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)
        sums = [sum(numbers) for numbers in zip(*[row[3:] for row in self.rows], strict=True)] or [0] * 5
        used = [row.shape for row in self.rows if row.operations]
        self.total = Row("total", (), used[-1] if used else (), *sums)

    def _cells(self) -> list[tuple[str, ...]]:
        lines = []
        for row in (*self.rows, self.total):
            operations = " ".join(row.operations) if row.operations != (row.name,) else ""
            shape = str(row.shape) if row.operations else ""
            lines.append((row.name, operations, shape, *[f"{n:,}" for n in row[3:]]))
        return lines

    def __repr__(self) -> str:
        lines = [self._HEAD, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        sides = "<<<>>>>>"
        text = [
            "  ".join(f"{c:{s}{w}}" for c, s, w in zip(line, sides, widths, strict=True)).rstrip() for line in lines
        ]
        rule = "-" * max(map(len, text))
        return "\n".join([text[0], rule, *text[1:-1], rule, text[-1]])

    def _repr_html_(self) -> str:
        import html

        def line(cells: Sequence[str], tag: str) -> str:
            styles = ["left"] * 3 + ["right"] * 5
            each = zip(cells, styles, strict=True)
            return (
                "<tr>" + "".join(f'<{tag} style="text-align:{s}">{html.escape(c)}</{tag}>' for c, s in each) + "</tr>"
            )

        *body, total = [line(cells, "td") for cells in self._cells()]
        head, foot = line(self._HEAD, "th"), total.replace("td", "th")
        return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody><tfoot>{foot}</tfoot></table>"


def summary(apply: Callable[[Any, Any], Any], params: Any, x: Any) -> Summary:
    """Return the table of a network's layers: shapes, parameters, flops and bytes, forward and backward.

    Parameters
    ----------
    apply : callable
        ``apply(params, x)`` returns an array or a tree of arrays: any function made of differentiable operations.
    params : tree of arrays
        Parameters. Those in one dictionary, list or tuple are a group and make a layer.
    x : array, or anything with a shape and a dtype, or a tree of these
        A batch of inputs; zeros are taken for what has no values.

    Returns
    -------
    Summary
        Print it, or read its `rows`.

    Notes
    -----
    The network is run once, forward and backward, on x. The backward pass is that of all floating-point parameters (x
    needs no gradient), from a cotangent of ones for each output; sums of cotangents count where they are made.
    Operations on constants alone, neither parameters nor x, are not seen.

    Examples
    --------
    >>> params = {"hidden": {"w": np.ones((4, 3)), "b": np.zeros(3)}}
    >>> table = summary(lambda p, x: np.tanh(x @ p["hidden"]["w"] + p["hidden"]["b"]), params, np.ones((5, 4)))
    >>> [(row.name, row.shape, row.parameters, row.flops) for row in table.rows]
    [('hidden', (5, 3), 15, 135), ('tanh', (5, 3), 0, 15)]
    """
    from ..core.observer import new_tape  # most programs never need them
    from .counting import Counter

    origin = f"summary({name_of(apply)})"
    leaves, structure = tree.flatten(params)
    counter = Counter(origin)
    with counter, QuietCollector():
        tape = new_tape(origin)
        watched = counter.enter_parameters(leaves)
        moving = [dtype_of(leaf).kind in "fc" for leaf in leaves]
        tensors = [tape.watch(t) if moves else t for t, moves in zip(watched, moving, strict=True)]
        data = counter.enter_data(tree.map(_values, x))
        try:
            outputs = tree.leaves(apply(tree.unflatten(structure, tensors), data))
        finally:
            tape.closed = True
        ends = [y for y in outputs if type(y) is Tensor and y._trace is tape]
        seeds = [(y._index, counter.enter_data(np.ones(shape_of(y), dtype_of(y)))) for y in ends]
        tape.backward(seeds, sum(moving), consume=True)
    return Summary(_rows(counter.counted, leaves, [_group(path) for path in _paths(params)]))


def _values(x: Any) -> Any:
    """Return zeros for what has a shape and a dtype but no values, and everything else as it is."""
    if isinstance(x, np.ndarray | np.generic | Tensor) or not (hasattr(x, "shape") and hasattr(x, "dtype")):
        return x
    return np.zeros(x.shape, x.dtype)


# -- the table -------------------------------------------------------------------------------------------------------


def _paths(params: Any) -> list[tuple[tuple[str, bool], ...]]:
    """Return for each leaf the steps that lead to it: a name, and whether a field's rather than a key or a place."""
    children = tree.children(params)
    if children is None:
        return [()]
    is_field = not isinstance(params, dict | list) and (not isinstance(params, tuple) or hasattr(params, "_fields"))
    return [((str(key), is_field), *rest) for key, child in children.items() for rest in _paths(child)]


def _group(path: tuple[tuple[str, bool], ...]) -> tuple[str, bool]:
    """Name the group of a leaf: the dictionary, list or tuple it is in. A leaf of the root is a group of its own.

    Tell too whether it is such a leaf.
    """
    keys = list(path)
    while keys and keys[-1][1]:
        keys.pop()  # a namedtuple in a group, like the state of batch_norm, is part of it
    names = [name for name, _ in keys[:-1]] or [name for name, _ in path[:1]]
    return ".".join(names) or "params", len(path) < 2


@dataclass
class _Draft:
    """A row in the making: its steps' numbers, and the leaves and the groups that entered."""

    steps: list[int]
    leaves: set[int]
    groups: list[str]


def _rows(steps: list[Counted], leaves: list[Any], groups: list[tuple[str, bool]]) -> list[Row]:
    rows, counted = [], set[int]()
    for draft in _drafts(steps, groups):
        own = [steps[i] for i in draft.steps]
        names = {s.call: s.name for s in own}
        new = draft.leaves - counted
        counted |= new
        forward, backward = (np.sum([getattr(s, way) for s in own], axis=0).tolist() for way in ("forward", "backward"))
        name = ", ".join(draft.groups) or names[own[0].call]
        numbers = (_count(leaves, new), forward[0], backward[0], forward[1], backward[1])
        rows.append(Row(name, tuple(names.values()), steps[_result(draft, steps)].shape, *numbers))
    unused = set(range(len(leaves))) - counted
    return rows + ([Row("(unused)", (), (), _count(leaves, unused), 0, 0, 0, 0)] if unused else [])


def _result(draft: _Draft, steps: list[Counted]) -> int:
    """Return the last step of a layer that others use; after it a batch normalisation computes its new state."""
    own = set(draft.steps)
    used = {source for i, step in enumerate(steps) if i not in own for source in step.sources}
    return max(own & used, default=draft.steps[-1])


def _count(leaves: list[Any], chosen: set[int]) -> int:
    return sum(math.prod(shape_of(leaves[i])) for i in chosen)


def _drafts(steps: list[Counted], groups: list[tuple[str, bool]]) -> list[_Draft]:
    """Put the steps of a call together, then the calls of a layer that follow each other."""
    calls: dict[int, _Draft] = {}
    for i, step in enumerate(steps):
        draft = calls.setdefault(step.call, _Draft([], set(), []))
        draft.steps.append(i)
        draft.leaves |= step.leaves
    drafts: list[_Draft] = []
    for draft in calls.values():
        draft.groups = list(dict.fromkeys(groups[i][0] for i in sorted(draft.leaves)))
        before = drafts[-1] if drafts else None
        if before and draft.groups and (before.groups == draft.groups or _is_bias(draft, before, steps, groups)):
            before.groups = list(dict.fromkeys(before.groups + draft.groups))
            before.steps += draft.steps
            before.leaves |= draft.leaves
        else:
            drafts.append(draft)
    return drafts


def _is_bias(draft: _Draft, before: _Draft, steps: list[Counted], groups: list[tuple[str, bool]]) -> bool:
    """Whether a call adds a parameter that is no group's to the output of the layer before: its bias."""
    step = steps[draft.steps[0]]
    alone = all(groups[i][1] for i in draft.leaves | before.leaves)
    return (
        len(draft.steps) == 1
        and step.op.name == "add"
        and alone
        and before.steps[-1] in step.sources
        and bool(before.leaves)
    )
