"""The picture's data: nodes of inputs and operations, what connects them, and the groups that they form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...core.primitive import Primitive
from .numbers import Numbers

Kind = Literal["parameter", "input", "operation"]


@dataclass(slots=True)
class Operand:
    """An argument of an operation.

    Attributes
    ----------
    name : str
        As the operation calls it.
    node, output : int or None, int
        Which node it comes from and which of its outputs it is; no node if it is a constant.
    numbers : Numbers or None
        Of a constant; those of others are their node's. None for an argument left out.
    sent : Numbers or None
        The cotangent that the operation sent to it.
    """

    name: str
    node: int | None
    output: int = 0
    numbers: Numbers | None = None
    sent: Numbers | None = None


@dataclass(slots=True)
class Node:
    """An input of the function, or an operation.

    Attributes
    ----------
    number : int
        Its place in the list of nodes.
    kind : {"parameter", "input", "operation"}
        A parameter is differentiated, other inputs are not.
    name : str
        Of the operation, or the path of the input: "params['conv1']['w']".
    op : Primitive or None
        The operation.
    call : str
        The function that the user's line called, which the operation is a part of.
    call_number : int
        Tells calls apart.
    line : str or None
        The user's line, "/path/model.py:12".
    direction : str
        "forward"; "backward" or "tangent" for steps of a derivative that the function takes itself.
    operands : list of Operand
        The arguments.
    options : str
        The static options.
    values, cotangents : list of Numbers
        One an output. A cotangent is None if none arrived.
    seconds, seconds_back : float
        What it took forward and backward; zero for an input.
    flops, flops_back : int
        Floating-point operations, see `tinygrad_np.ops.costs`.
    kept : int
        The bytes that its pullback keeps alive.
    rule : str
        The function with rules of its own whose pullback ran for it, if one did.
    layer : str
        The group of parameters that enter it.
    group : int
        The group that it is drawn in; -1 for an input that is drawn beside the operations that use it.
    row, column : int
        Where it stands within its group.
    """

    number: int
    kind: Kind
    name: str
    op: Primitive | None = None
    call: str = ""
    call_number: int = 0
    line: str | None = None
    direction: str = "forward"
    operands: list[Operand] = field(default_factory=list)
    options: str = ""
    values: list[Numbers] = field(default_factory=list)
    cotangents: list[Numbers | None] = field(default_factory=list)
    seconds: float = 0.0
    seconds_back: float = 0.0
    flops: int = 0
    flops_back: int = 0
    kept: int = 0
    rule: str = ""
    layer: str = ""
    group: int = -1
    row: int = 0
    column: int = 0

    @property
    def cotangent(self) -> Numbers | None:
        """The cotangent of the first output to which one arrived."""
        return next((g for g in self.cotangents if g is not None), None)


@dataclass(slots=True)
class Group:
    """Nodes that are drawn together, and can be folded: a layer, a call, or a stretch of a long tape.

    Attributes
    ----------
    name : str
        What it is called.
    nodes : list of int
        Its nodes, in the order of the tape.
    result : int
        The one that stands for it: the last that others use.
    row, column : int
        Where it stands.
    """

    name: str
    nodes: list[int]
    result: int
    row: int = 0
    column: int = 0
