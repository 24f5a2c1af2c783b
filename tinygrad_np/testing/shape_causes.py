"""A guess at the cause of an error that names two shapes."""

from __future__ import annotations

import re

import numpy as np

_SHAPE = re.compile(r"\((?:\d+(?:, ?\d+)*,?)?\)")


def cause_of_shapes(message: str) -> str:
    """Guess at the cause of an error that names two shapes, the gradient's and the argument's; "" without a guess."""
    found = [tuple(int(n) for n in re.findall(r"\d+", s)) for s in _SHAPE.findall(message)]
    if len(found) < 2:
        return ""
    got, wanted = found[0], found[1]
    if len(got) > 1 and got == wanted[::-1]:
        return "transposed"
    if sorted(got) == sorted(wanted) and got != wanted and len(got) == len(wanted):
        return "transposed: axes are exchanged"
    try:
        if np.broadcast_shapes(got, wanted) == got:
            return "broadcast axes not summed"
    except ValueError:
        pass
    if len(got) == len(wanted) and all(a >= b for a, b in zip(got, wanted, strict=True)):
        return "padding that is not cropped"
    if len(got) == len(wanted) and all(a <= b for a, b in zip(got, wanted, strict=True)):
        return "elements at the border dropped: padding or a remainder of the stride"
    return "summed over the wrong axis" if len(got) <= len(wanted) else ""
