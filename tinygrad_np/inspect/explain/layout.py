"""A layered layout: which row and column each box of an acyclic graph takes."""

from __future__ import annotations

from collections.abc import Sequence

WIDEST = 6


def place(sources: Sequence[Sequence[int]], widest: int = WIDEST) -> list[tuple[int, int]]:
    """Place boxes so that every one stands below all that it is computed from.

    Parameters
    ----------
    sources : sequence of sequence of int
        For each box the boxes before it that it is computed from.
    widest : int
        How many boxes may stand side by side; more go to the next rows.

    Returns
    -------
    list of (int, int)
        Row and column of each box. It takes the first row below its sources that has room, and there the free column
        that is nearest to them.

    Examples
    --------
    >>> place([[], [0], [0], [1, 2]])
    [(0, 0), (1, 0), (1, 1), (2, 0)]
    """
    places: list[tuple[int, int]] = []
    taken: dict[int, set[int]] = {}
    first_free = 0  # no row before has room
    for before in sources:
        row = max((places[i][0] + 1 for i in before), default=0)
        row = max(row, first_free)
        while len(taken.setdefault(row, set())) >= widest:
            row += 1
        while len(taken.get(first_free, ())) >= widest:
            first_free += 1
        wished = sum(places[i][1] for i in before) / len(before) if before else 0
        column = min((c for c in range(widest) if c not in taken[row]), key=lambda c: (abs(c - wished), c))
        taken[row].add(column)
        places.append((row, column))
    return places
