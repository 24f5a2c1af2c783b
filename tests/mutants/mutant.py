"""A mutant: a rule of the registry made wrong in one way, for as long as the checks take."""

from __future__ import annotations

import contextlib
import dataclasses
import dis
from collections.abc import Callable, Iterator
from typing import Any

from tinygrad_np.core.primitive import Primitive, Rule

Undo = Callable[[], None]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes
    ----------
    key : str
        The primitive, or the module of a helper that several primitives share.
    rule : str
        Which rule: "vjp of x", "jvp of x", "both of x", "batch", or a function in the source.
    change : str
        What is wrong.
    kind : str
        "vjp", "jvp", "both", "batch" or "source": which promises may break.
    judges : tuple of str
        Primitives whose promises are tried.
    apply : callable
        Puts the mistake in place and returns what takes it away again.
    """

    key: str
    rule: str
    change: str
    kind: str
    judges: tuple[str, ...]
    apply: Callable[[], Undo] = dataclasses.field(compare=False)

    @property
    def name(self) -> str:
        """How the list of equivalents calls it."""
        return f"{self.key.removeprefix('tinygrad_np.')} | {self.rule} | {self.change}"

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Run with the mistake."""
        undo = self.apply()
        try:
            yield
        finally:
            undo()


def swapped_in(owner: dict[Any, Any], place: Any, new: Any) -> Undo:
    """Put something in a dictionary's place; return what puts the old back."""
    old = owner[place]
    owner[place] = new
    return lambda: owner.__setitem__(place, old)


def attribute(op: Primitive, name: str, new: Any) -> Undo:
    """Set an attribute; return what puts the old back."""
    old = getattr(op, name)
    setattr(op, name, new)
    return lambda: setattr(op, name, old)


def together(*undos: Undo) -> Undo:
    """Take several mistakes away, the last first."""

    def undo() -> None:
        for each in reversed(undos):
            each()

    return undo


def uses(rule: Rule, place: int) -> bool:
    """Whether a rule's code reads its parameter at that place at all."""
    code = getattr(rule, "__code__", None)
    if code is None:
        return True
    names = code.co_freevars
    if "partial" in names:  # a family's rule, which of the output reads the shape alone, and hands all on
        return uses(rule.__closure__[names.index("partial")].cell_contents, place)
    if place < code.co_argcount:
        name = code.co_varnames[place]
        return any(i.argval == name and i.opname.startswith("LOAD") for i in dis.get_instructions(code))
    return True
