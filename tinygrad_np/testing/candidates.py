"""Shapes to try on a function of which nothing is known but how many arrays it takes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]

LARGEST = 96  # elements of all arguments together, while sides are short


def candidates(count: int, longest: int, rng: np.random.Generator) -> Iterator[Shapes]:
    """Yield combinations of shapes without end, of all families in turn."""
    while True:
        for family in (_alike, _broadcast, _pooled, _chain, _windows, _layer):
            shapes = family(count, longest, rng)
            if sum(math.prod(s) for s in shapes) <= LARGEST * max(1, longest - 2):
                yield shapes


def _sides(rng: np.random.Generator, count: int, longest: int, shortest: int = 1) -> list[int]:
    return [int(n) for n in rng.integers(shortest, longest + 1, count)]


def _alike(count: int, longest: int, rng: np.random.Generator) -> Shapes:
    shape = tuple(_sides(rng, int(rng.integers(0, 5)), longest, shortest=int(rng.integers(6) > 0)))
    return (shape,) * count


def _broadcast(count: int, longest: int, rng: np.random.Generator) -> Shapes:
    full = _sides(rng, int(rng.integers(0, 4)), longest, shortest=int(rng.integers(6) > 0))
    cuts = [full[int(rng.integers(0, len(full) + 1)) :] for _ in range(count)]
    return tuple(tuple(1 if rng.integers(4) == 0 else n for n in cut) for cut in cuts)


def _pooled(count: int, longest: int, rng: np.random.Generator) -> Shapes:
    pool = _sides(rng, 2, longest)
    return tuple(tuple(int(n) for n in rng.choice(pool, int(rng.integers(0, 4)))) for _ in range(count))


def _chain(count: int, longest: int, rng: np.random.Generator) -> Shapes:
    """(a, b), (b, c), (c, d); sometimes square; the last sometimes a vector."""
    sides = _sides(rng, 1, longest) * (count + 1) if rng.integers(3) == 0 else _sides(rng, count + 1, longest)
    shapes: list[Shape] = list(itertools.pairwise(sides))
    if count > 1 and rng.integers(2):
        shapes[-1] = shapes[-1][:1]
    return tuple(shapes)


def _layer(count: int, longest: int, rng: np.random.Generator) -> Shapes:
    """An input (batch, a), then weights and biases (a, b), (b,), (b, c), (c,)."""
    batch, a, b, c = _sides(rng, 4, longest)
    return ((batch, a), (a, b), (b,), (b, c), (c,), (b,))[:count] if count <= 6 else ((batch, a),) * count


def _windows(count: int, longest: int, rng: np.random.Generator) -> Shapes:
    """An image and a kernel: bare, with channels, with a batch; channels last or first; then a bias."""
    dims, kind = int(rng.integers(1, 3)), int(rng.integers(4))
    kernel = _sides(rng, dims, min(3, longest))
    size = [k + int(rng.integers(0, longest)) for k in kernel]
    batch, depth, filters = _sides(rng, 3, 2)
    x, w = {
        0: (size, kernel),
        1: ([batch, *size, depth], [*kernel, depth, filters]),
        2: ([batch, depth, *size], [filters, depth, *kernel]),
        3: ([batch, *size, depth], kernel),
    }[kind]
    return (tuple(x), tuple(w), (filters,), (filters,), (filters,))[:count] if count <= 5 else ((1,),) * count
