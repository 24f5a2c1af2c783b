"""The input gradient of a correlation as correlations: of stride 1, one for each phase of the stride.

Along one axis, x_bar[i] is the sum of g[p] w[r] over p s + r d - low = i. Which taps r can meet i depends on i + low
modulo s only, its phase: with e = s / gcd(s, d), the taps of a phase are r0, r0 + e, r0 + 2e, ... or none. For the
positions i0, i0 + s, ... of a phase, tap r0 + t e of position i0 + j s meets

    p = (i0 + j s + low - (r0 + t e) d) / s = p0 + j - t d',        p0 = (i0 + low - r0 d) / s,    d' = e d / s

so x_bar[i0 + j s] is a correlation of g with the phase's taps in reverse, of stride 1, dilation d' and, as its last
tap is at p0 + j - (T - 1) d', low padding (T - 1) d' - p0. With several axes there is one for each tuple of phases.
Channels and filters change places, within each group.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.columns import Array, Geometry
from tinygrad_np.kernels.threads import TASK, parallel

Correlate = Callable[[Geometry, Array, Array, DTypeLike], Array]


class _Phase(NamedTuple):
    """One phase of one axis: its positions, its taps in reverse, and the g that it sees, with padding and dilation."""

    positions: slice
    taps: slice
    seen: slice
    padding: tuple[int, int]
    dilation: int


def input_gradient(correlate: Correlate, geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute the input gradient of a correlation by a function that correlates."""
    w = _exchanged(geometry, w)
    if all(s == 1 for s in geometry.stride):
        (phase,) = _phases(geometry) or (None,)
        if phase:
            return _correlate_phase(correlate, geometry, phase, g, w, dtype)
    phases = _phases(geometry)
    every = len(phases) == prod(min(s, n) for s, n in zip(geometry.stride, geometry.size, strict=True))
    x_bar = (np.empty if every else np.zeros)((geometry.batch, *geometry.size, geometry.channels), dtype)

    def task(i: int) -> None:
        positions = tuple(axis.positions for axis in phases[i])
        x_bar[:, *positions] = _correlate_phase(correlate, geometry, phases[i], g, w, dtype)

    if geometry.multiplications >= len(phases) * TASK:  # the fewest forks, and results are put in place by all threads
        parallel(task, len(phases))
    else:
        for i in range(len(phases)):
            task(i)
    return x_bar


def _exchanged(geometry: Geometry, w: Array) -> Array:
    """Turn w (*kernel, C/G, F) round in all spatial axes, and into (*kernel, F/G, C)."""
    rank = len(geometry.kernel)
    w = np.flip(w, tuple(range(rank))).reshape(*geometry.kernel, geometry.depth, geometry.groups, geometry.width)
    return w.swapaxes(rank, rank + 2).reshape(*geometry.kernel, geometry.width, geometry.channels)


def _correlate_phase(
    correlate: Correlate, geometry: Geometry, phase: tuple[_Phase, ...], g: Array, w: Array, dtype: DTypeLike
) -> Array:
    taps, seen = tuple(axis.taps for axis in phase), tuple(axis.seen for axis in phase)
    w, g = w[taps], g[:, *seen]
    padding, dilation = tuple(axis.padding for axis in phase), tuple(axis.dilation for axis in phase)
    n, *size, filters = g.shape
    kernel, stride = w.shape[: len(size)], (1,) * len(size)
    inner = Geometry(n, tuple(size), filters, geometry.channels, kernel, stride, padding, dilation, geometry.groups)
    return correlate(inner, g, w, dtype)


@lru_cache(maxsize=1024)
def _phases(geometry: Geometry) -> tuple[tuple[_Phase, ...], ...]:
    """List the tuples of phases that have positions, and taps that meet g."""
    axes = zip(
        geometry.size, geometry.kernel, geometry.stride, geometry.padding, geometry.dilation, geometry.out, strict=True
    )
    return tuple(product(*(_axis_phases(n, k, s, low, d, out) for n, k, s, (low, _), d, out in axes)))


def _axis_phases(n: int, k: int, s: int, low: int, d: int, out: int) -> list[_Phase]:
    phases = []
    e = s // gcd(s, d)
    for i0 in range(min(s, n)):
        r0 = next((r for r in range(min(e, k)) if (i0 + low - r * d) % s == 0), None)
        if r0 is None:
            continue
        taps, step, p0 = (k - 1 - r0) // e, e * d // s, (i0 + low - r0 * d) // s
        first, last = p0 - taps * step, p0 + (n - 1 - i0) // s  # of p that the positions ask for
        if last < 0 or first >= out:
            continue
        padding = (max(0, -first), max(0, last + 1 - out))
        seen = slice(max(0, first), min(out, last + 1))
        phases.append(_Phase(slice(i0, None, s), slice((k - 1 - r0) % e, k - r0, e), seen, padding, step))
    return phases
