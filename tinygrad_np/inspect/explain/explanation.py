"""`explain`: a call of a function as a picture of its tape."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401  (for the example)

from ...core.tensor import name_of
from ...transforms.arguments import Argnums
from .building import build
from .grouping import group
from .running import Run


class Explanation:
    """What `explain` saw of a run. It prints as a table, and is a picture in a notebook.

    Attributes
    ----------
    name : str
        Of the function.
    value : tree
        What the function returned.
    aux
        Its auxiliary data, with `has_aux`.
    gradient : tree or None
        As `grad` gives it, or `vjp` for the cotangent given; None if there was no backward pass.
    note : str
        Why there was none.
    nodes : list of Node
        The inputs, then the operations in the order of the tape.
    order : list of int
        The numbers of the nodes whose pullbacks ran, in that order.
    groups : list of Group
        The layers and calls that nodes belong to.
    kept : int
        The bytes that all pullbacks together keep alive; an array that several keep counts once.
    """

    def __init__(self, run: Run) -> None:
        self.name = name_of(run.f)
        self.value, self.aux, self.gradient, self.note = run.value, run.aux, run.gradient, run.note
        self.nodes, self.order = build(run.watcher, run.inputs, run.results)
        self.groups = group(self.nodes)
        self.kept = sum({i: size for each in run.watcher.pulled.values() for i, size in each.kept.items()}.values())

    def __str__(self) -> str:
        from .text import table

        return table(self)

    def __repr__(self) -> str:
        operations = sum(node.kind == "operation" for node in self.nodes)
        return f"<explanation of {self.name}: {operations} operations, {len(self.order)} pullbacks>"

    def svg(self) -> str:
        """Return the picture as an SVG element; of a long tape its groups."""
        from .svg import drawing

        return drawing(self)

    def _repr_html_(self) -> str:
        from .svg import for_notebook

        return for_notebook(self)

    def html(self) -> str:
        """Return the page: one HTML document that needs nothing else."""
        from .page import page

        return page(self)

    def save(self, path: str | Path) -> None:
        """Write the page to a file."""
        Path(path).write_text(self.html(), encoding="utf-8")


def explain(
    f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, cotangent: Any = None
) -> Callable[..., Explanation]:
    """Return a function that calls f, takes its gradient, and explains both.

    Parameters
    ----------
    f : callable
        A function of trees of arrays. If it returns a real scalar, the backward pass of its gradient is explained too.
    argnums : int, str or sequence of them
        Which arguments to differentiate, as for `grad`. If they hold nothing that can be differentiated, or nothing
        is given, only the forward pass is explained.
    has_aux : bool
        f returns a pair (value, auxiliary data).
    cotangent : tree, optional
        Like the value of f: what the backward pass begins with. Without it the value must be a real scalar, whose
        cotangent is 1; otherwise there is no backward pass.

    Returns
    -------
    callable
        Of f's arguments. It returns an `Explanation`: print it, show it in a notebook, or `save` the page.

    Raises
    ------
    TypeError, ValueError
        What f raises; what `vjp` raises for an output that is no array, or a cotangent unlike the output.

    Notes
    -----
    f runs once, on Tensors, on the recording trace of the core: values and gradients have the bits that f and `grad`
    give. Operations on constants alone are not seen. The times are those of this one call; a pullback's include what
    it takes to record its operations.

    Examples
    --------
    >>> seen = explain(lambda x: np.sum(np.exp(x)))(np.zeros(3))
    >>> [node.name for node in seen.nodes], seen.gradient
    (['x', 'exp', 'sum'], array([1., 1., 1.]))
    """

    @functools.wraps(f, updated=())
    def explain_f(*args: Any, **kwargs: Any) -> Explanation:
        run = Run(f, args, kwargs, argnums, has_aux)
        run.evaluate(cotangent)
        return Explanation(run)

    return explain_f
