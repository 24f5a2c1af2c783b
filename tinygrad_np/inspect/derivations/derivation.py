"""The derivation of a primitive: its docstring, what the table of entries adds, and what follows from its family."""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...core.primitive import Primitive
from .reading import Notes, notes_of
from .table import ENTRIES, Convention, Entry


@dataclasses.dataclass(frozen=True)
class Derivation:
    """What is known of a primitive's mathematics.

    Attributes
    ----------
    name, key : str
        Of the primitive.
    formula : str
        "y = tanh(x) = sinh(x) / cosh(x)"; empty if a user's primitive has a docstring without one.
    derivation : str
        From the formula to the VJP and the JVP; paragraphs are separated by blank lines.
    kept, cost : str
        What the backward pass keeps, and a formula of the flops, where the docstring tells.
    conventions : tuple of Convention
        At ties, kinks, poles and edges.
    at, options
        The arguments and options of the example; `at` is None if there is none.
    remarks : str
        What else the docstring's Notes say, about how it is computed, say.
    source : str
        Where it comes from.
    """

    name: str
    key: str
    formula: str
    derivation: str
    kept: str = ""
    cost: str = ""
    conventions: tuple[Convention, ...] = ()
    at: tuple[Any, ...] | None = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    remarks: str = ""
    source: str = ""


@functools.cache
def entries() -> dict[str, Entry]:
    """Return the table, with all its modules read."""
    importlib.import_module(".entries", __package__)
    return ENTRIES


def derivation_of(op: Primitive) -> Derivation | None:
    """Return the derivation of a primitive, one of a user's own too; None if nothing is written about it.

    Parameters
    ----------
    op : Primitive
        The operation. For one without an entry the docstring alone is read: its sentence "y = ..." is the formula,
        the others and the section Notes are the derivation.

    Returns
    -------
    Derivation or None
        Nothing is computed for it.

    Examples
    --------
    >>> from tinygrad_np.core.primitive import registry
    >>> derivation_of(registry["tinygrad_np.ops.elementary.sin"]).formula
    'y = sin(x)'
    """
    written = entries().get(op.key)
    notes = notes_of(op.__doc__ if written is None or op.differentiable else None)  # NumPy's own of a constant
    if written is None:
        if not (notes.formula or notes.derivation):
            return None
        written = Entry(op.key)
    if written.see:
        notes = _merged(notes_of(_find(written.see).__doc__), notes)
    return Derivation(
        name=op.name,
        key=op.key,
        formula=written.formula or notes.formula,
        derivation=written.derivation or _paragraphs(written.why, notes.derivation, _frame(op)),
        kept=notes.kept,
        cost=written.cost or notes.cost,
        conventions=written.conventions,
        at=written.at,
        options=written.options,
        remarks=notes.remarks,
        source=written.source or notes.references,
    )


def _merged(public: Notes, own: Notes) -> Notes:
    """Take the notes of the public function, and from the primitive's own docstring what they leave out."""
    return Notes(*[a or b for a, b in zip(public, own, strict=True)])


def _find(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(filter(None, texts))


class Symbols(NamedTuple):
    """What a page calls an operation's output and its cotangent: by other letters than its arguments."""

    y: str
    g: str


def symbols(arguments: Sequence[str], formula: str = "") -> Symbols:
    """Return the symbols that suit a formula and arguments of these names: y and g unless these are taken."""
    free = [
        letter for letter in ("z" if formula.startswith("z") else "y", "y", "z", "result") if letter not in arguments
    ]
    return Symbols(free[0], "h" if "g" in arguments else "g")


def _frame(op: Primitive) -> str:
    """Say what follows from the kind of operation alone."""
    if not op.differentiable:
        return "No cotangent flows back: to grad, vjp and jvp the result is a constant."
    if op.weak and len(op.arrays) == 1:
        x = op.arrays[0]
        return (
            f"y_i depends on {x}_i alone: dy_i = y'_i d{x}_i. <g, dy> = Σ_i g_i y'_i d{x}_i, so {x}_bar = g y'; "
            f"in the other direction y_dot = y' {x}_dot."
        )
    if op.weak:
        return _broadcasting(op)
    if op.linear:
        return _linear(op)
    if op.jvps and op.vjps and all(op.jvps[i] is rule for i, rule in op.vjps.items() if i in op.jvps):
        return "The Jacobian is symmetric, so the pushforward is the same map: y_dot is x_bar with x_dot for g."
    return ""


def _broadcasting(op: Primitive) -> str:
    names = [name for i, name in enumerate(op.arrays) if i in op.vjps]
    z, g = "y" if "z" in op.arrays else "z", symbols(op.arrays).g
    total = " + ".join(f"∂{name} d{name}" for name in names)
    bars = ", ".join(f"{name}_bar = {g} ∂{name}" for name in names)
    dots = " + ".join(f"∂{name} {name}_dot" for name in names)
    return (
        f"Each element depends on its own arguments alone: d{z} = {total}. So <{g}, d{z}> gives {bars}, summed over "
        f"axes along which the argument was broadcast; in the other direction {z}_dot = {dots}."
    )


def _linear(op: Primitive) -> str:
    names = [op.arrays[i] for i in sorted(op.linear)]
    if op.variadic:
        xs = op.arrays[0]
        return (
            f"Linear in each of the {xs}, so the JVP is a sum of the operation itself: y_dot = Σ_k {op.name}(..., "
            f"{xs}_dot_k, ...), with {xs}_dot_k in the place of {xs}_k."
        )
    if len(names) == 1:
        return f"Linear in {names[0]}, so the JVP is the operation itself: y_dot = {op.name}({names[0]}_dot)."
    each = " + ".join(
        f"{op.name}({', '.join(a + '_dot' if a == moving else a for a in op.arrays)})" for moving in names
    )
    return f"Linear in each of {', '.join(names)}, so the JVP is a sum of the operation itself: y_dot = {each}."
