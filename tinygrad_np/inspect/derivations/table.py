"""The table of entries: for each primitive what its docstring does not say, and a tiny example to work on the spot."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

_OPS = "tinygrad_np.ops."


@dataclasses.dataclass(frozen=True)
class Convention:
    """A statement about ties, kinks, poles or edges that can be checked: a call and what it returns.

    Attributes
    ----------
    text : str
        The statement, in words.
    call : str
        A Python expression that shows it; `np`, `nn`, `tg` (tinygrad_np), `sp` (scipy.special), `grad`, `vjp` and `jvp`
        are at hand.
    value : number, nested lists and tuples of numbers, or a class of exceptions
        What the expression returns, or raises.
    """

    text: str
    call: str
    value: Any


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is written about a primitive beside its docstring; see `entry`."""

    key: str
    formula: str = ""
    why: str = ""
    at: tuple[Any, ...] | None = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    conventions: tuple[Convention, ...] = ()
    derivation: str = ""
    see: str = ""
    source: str = ""
    cost: str = ""


ENTRIES: dict[str, Entry] = {}  # by the primitive's key


def entry(
    key: str,
    formula: str = "",
    why: str = "",
    *,
    at: tuple[Any, ...],
    options: dict[str, Any] | None = None,
    conventions: Sequence[tuple[str, str, Any]] = (),
    derivation: str = "",
    see: str = "",
    source: str = "",
    cost: str = "",
) -> None:
    """Enter a primitive.

    Parameters
    ----------
    key : str
        Its place in the registry; "arithmetic.add" is short for "tinygrad_np.ops.arithmetic.add".
    formula : str
        "y = tanh(x)"; left out where the docstring has a sentence of that form.
    why : str
        The steps from the formula to what the docstring states about the derivatives, in index notation. A blank line
        separates paragraphs. For an operation without a derivative: why there is none.
    at : tuple
        The arguments of the example: tiny nested lists, which become arrays, or arrays, numbers and None.
    options : dict, optional
        Its static options.
    conventions : sequence of (text, call, value)
        See `Convention`.
    derivation : str
        In place of the whole derivation, where nothing should be taken from the docstring.
    see : str
        The public function whose docstring has the Notes to take: "convolution.conv".
    source : str
        Author and title, where the docstring has no References.
    cost : str
        Formulas of the flops, where the docstring has no sentence "Cost: ...".
    """
    place = key if key.startswith("tinygrad_np.") else _OPS + key
    if place in ENTRIES:
        raise ValueError(f"two derivations of {place}; merge them.")
    found = tuple(Convention(*each) for each in conventions)
    if see and not see.startswith("tinygrad_np."):
        see = _OPS + see
    ENTRIES[place] = Entry(place, formula, why, at, options or {}, found, derivation, see, source, cost)
