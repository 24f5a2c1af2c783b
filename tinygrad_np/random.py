"""Random numbers as functions of an explicit key.

A key is a uint64 array of shape (2,). The same key gives the same numbers, always: use a key once, and `split` it
where more are needed. Nothing is hidden and nothing advances, so a program that draws is as pure as one that adds.

Numbers are made from the raw 64-bit words of Philox-4x64-10, which encrypts a counter of 256 bits with the key, by
integer arithmetic and by IEEE operations that are rounded exactly. `bits`, `uniform`, `bernoulli`, `randint` and
`permutation` are therefore the same on every machine and with every NumPy; `normal` goes through log, sin and cos of
float64, so it is the same for one build of NumPy on one kind of processor, and elsewhere to rounding.

The upper half of the counter keeps the uses of a key apart: word 3 names the use (draw, split, fold in, seed), word 2
holds the data folded in, words 0 and 1 count blocks of four words. So no two uses share a block.

Wherever they occur, `key` is one key, `shape` (an int or a tuple of int) the shape of the result, and `dtype` one of
float16, float32 and float64. A TypeError or ValueError names the function and the argument that is none of these.

References
----------
.. [1] J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .core.batching import one_by_one
from .core.primitive import primitive
from .core.tensor import Array
from .ops.indexing import getitem

__all__ = ["bernoulli", "bits", "fold_in", "key", "normal", "permutation", "randint", "split", "uniform"]

Shape = int | Sequence[int]

_DRAW, _SPLIT, _FOLD, _SEED = range(4)
_WORDS = 2**64  # how many values a word can take


def key(seed: int) -> npt.NDArray[np.uint64]:
    """Make a key from a seed.

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1. Neighbouring seeds give unrelated keys.

    Returns
    -------
    array (2,), uint64

    Examples
    --------
    >>> key(0)
    array([ 5512269402585950393, 15885006099936863467], dtype=uint64)
    """
    return _stream(np.zeros(2, np.uint64), _SEED, _integer("key", "seed", seed)).random_raw(2)


def split(key: Array, n: int = 2) -> Array:
    """Make `n` new keys from one, independent of each other and of all that is drawn from it.

    The first keys do not depend on `n`, so ``split(key, 2)`` and ``split(key, 3)`` overlap: split a key once.

    Parameters
    ----------
    n : int
        How many.

    Returns
    -------
    array (n, 2), uint64
    """
    _check_key("split", key)
    return _split(key, n=_integer("split", "n", n))


def fold_in(key: Array, data: int | Array) -> Array:
    """Make a new key from a key and an integer, such as the number of a step or of a layer.

    Parameters
    ----------
    data : int or integer array ()
        From 0 to 2**64 - 1.

    Returns
    -------
    array (2,), uint64
    """
    _check_key("fold_in", key)
    return _fold_in(key, data)


def bits(key: Array, shape: Shape = ()) -> Array:
    """Draw uint64 words, all bits of which are random."""
    _check_key("bits", key)
    return _bits(key, shape=_shape("bits", shape))


def uniform(key: Array, shape: Shape = (), dtype: npt.DTypeLike = np.float32, low: float = 0, high: float = 1) -> Array:
    """Draw evenly from [low, high).

    Multiples of 2⁻ᵖ in [0, 1) with p the digits of the type (11, 24, 53), times ``high - low``, plus `low`. Where that
    would round to `high`, the number before it is taken.

    Parameters
    ----------
    low, high : float
        The interval, static numbers; scale the result to have arrays.

    Raises
    ------
    ValueError
        If the interval is empty, or too wide for the dtype.
    """
    _check_key("uniform", key)
    dtype = _floating("uniform", dtype)
    low, high = _number("uniform", "low", low), _number("uniform", "high", high)
    largest = float(np.finfo(dtype).max)
    if max(abs(low), abs(high), high - low) > largest or not dtype.type(low) < dtype.type(high):
        raise ValueError(
            f"random.uniform: no {dtype} lies in [low, high) = [{low}, {high}), or its width exceeds {largest:.6g}"
        )
    return _uniform(key, shape=_shape("uniform", shape), dtype=dtype, low=low, high=high)


def normal(key: Array, shape: Shape = (), dtype: npt.DTypeLike = np.float32) -> Array:
    """Draw from the normal distribution of mean 0 and variance 1.

    Two uniform numbers u, v make two normal ones by the transform of Box and Muller [1]_,
    √(-2 log u) cos 2πv and √(-2 log u) sin 2πv, in float64 whatever the dtype. None exceeds 8.58.

    References
    ----------
    .. [1] G. Box, M. Muller, "A note on the generation of random normal deviates", Ann. Math. Statist. 29, 1958.
    """
    _check_key("normal", key)
    return _normal(key, shape=_shape("normal", shape), dtype=_floating("normal", dtype))


def bernoulli(key: Array, p: float = 0.5, shape: Shape = ()) -> Array:
    """Draw booleans that are true with probability `p`, exact to 2⁻⁶⁴.

    Parameters
    ----------
    p : float
        From 0 to 1, a static number; for an array of them write ``uniform(key, p.shape) < p``.
    """
    _check_key("bernoulli", key)
    if not 0 <= _number("bernoulli", "p", p) <= 1:
        raise ValueError(f"random.bernoulli: p must be a probability from 0 to 1, got {p}")
    return _bernoulli(key, p=float(p), shape=_shape("bernoulli", shape))


def randint(key: Array, shape: Shape, low: int, high: int) -> Array:
    """Draw int64 from low, ..., high - 1, each equally likely.

    A word is taken modulo ``high - low``. The words above the last whole multiple of it, which would favour small
    results, are drawn again from the words that follow, so the result has no bias and is still a function of the key.

    Parameters
    ----------
    low, high : int
        The range, within int64; `high` is not part of it.

    Raises
    ------
    ValueError
        If the range is empty or leaves int64.
    """
    _check_key("randint", key)
    low = _integer("randint", "low", low, -(2**63), 2**63 - 1)
    high = _integer("randint", "high", high, low + 1, 2**63)
    return _randint(key, shape=_shape("randint", shape), low=low, high=high)


def permutation(key: Array, x: int | Array) -> Array:
    """Shuffle 0, ..., x - 1 if `x` is an int, else the rows of an array.

    The order is that of a stable sort of n words. Where no two words are equal, every permutation is equally likely;
    two are equal, and keep their order, with a probability below n² / 2⁶⁵ (1e-10 for n = 60 000).

    Parameters
    ----------
    x : int or array (n, ...)
        What to shuffle.

    Returns
    -------
    array (n,), int64, or array (n, ...) of the dtype of `x`
    """
    _check_key("permutation", key)
    if isinstance(x, int | np.integer):
        return _permutation(key, n=_integer("permutation", "x", x))
    rows = x if hasattr(x, "shape") else np.asarray(x)
    if rows.shape == ():
        raise TypeError(f"random.permutation: x must be an int or have rows to permute, got {x!r}")
    return getitem(rows, _permutation(key, n=rows.shape[0]))


@primitive(differentiable=False)
def _split(key: Array, *, n: int) -> Array:
    return _stream(key, _SPLIT).random_raw(2 * n).reshape(n, 2)


@primitive(differentiable=False)
def _fold_in(key: Array, data: Array) -> Array:
    return _stream(key, _FOLD, _integer("fold_in", "data", data)).random_raw(2)


@primitive(differentiable=False)
def _bits(key: Array, *, shape: tuple[int, ...]) -> Array:
    return _draw(key, shape).reshape(shape)


@primitive(differentiable=False)
def _uniform(key: Array, *, shape: tuple[int, ...], dtype: np.dtype[Any], low: float, high: float) -> Array:
    x = _fraction(_draw(key, shape), dtype)
    x *= dtype.type(high - low)
    x += dtype.type(low)
    return np.minimum(x, np.nextafter(dtype.type(high), dtype.type(low)), out=x).reshape(shape)


@primitive(differentiable=False)
def _normal(key: Array, *, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    n = math.prod(shape)
    u, v = _fraction(_draw(key, (n + n % 2,)), np.dtype(np.float64)).reshape(-1, 2).T
    radius, angle = np.sqrt(-2 * np.log(1 - u)), 2 * np.pi * v  # 1 - u is in (0, 1]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.ravel()[:n].reshape(shape).astype(dtype)


@primitive(differentiable=False)
def _bernoulli(key: Array, *, p: float, shape: tuple[int, ...]) -> Array:
    return (_draw(key, shape) < int(p * _WORDS)).reshape(shape)


@primitive(differentiable=False)
def _randint(key: Array, *, shape: tuple[int, ...], low: int, high: int) -> Array:
    span = high - low
    stream = _stream(key, _DRAW)
    words = stream.random_raw(math.prod(shape))
    limit = _WORDS - _WORDS % span
    while (refused := np.flatnonzero(words >= limit)).size:
        words[refused] = stream.random_raw(refused.size)
    if span < _WORDS:
        words %= np.uint64(span)
    words += np.uint64(low % _WORDS)  # two's complement: the sum is right modulo 2**64
    return words.view(np.int64).reshape(shape)


@primitive(differentiable=False)
def _permutation(key: Array, *, n: int) -> Array:
    words = _draw(key, (n,))
    order = np.argsort(words)  # several times faster than the stable sort, from which it differs where words are equal
    ordered = words[order]
    if np.any(ordered[1:] == ordered[:-1]):
        order = np.argsort(words, kind="stable")
    return order.astype(np.int64, copy=False)


for _op in (_split, _fold_in, _bits, _uniform, _normal, _bernoulli, _randint, _permutation):
    _op.defbatch(one_by_one(_op))  # each key has a stream of its own


def _stream(key: Array, use: int, data: int = 0) -> np.random.Philox:
    return np.random.Philox(key=key, counter=np.array([0, 0, data, use], np.uint64))


def _draw(key: Array, shape: tuple[int, ...]) -> Array:
    """As many words as the shape has places, in one row."""
    return _stream(key, _DRAW).random_raw(math.prod(shape))


def _fraction(words: Array, dtype: np.dtype[Any]) -> Array:
    """Multiples of 2⁻ᵖ in [0, 1): each is exact in a type of p binary digits."""
    digits = np.finfo(dtype).nmant + 1
    return (words >> (64 - digits)).astype(dtype) * dtype.type(2.0**-digits)


def _check_key(function: str, key: Any) -> None:
    shape, dtype = getattr(key, "shape", None), getattr(key, "dtype", None)
    if shape == (2,) and dtype == np.uint64:
        return
    got = repr(key) if shape is None else f"shape {shape}, dtype {dtype}"
    many = "; these are several keys: take one of them, or use vmap" if shape and shape[1:] == (2,) else ""
    raise TypeError(
        f"random.{function}: key must be a uint64 array of shape (2,), got {got}{many}; make one with random.key(seed)"
    )


def _integer(function: str, name: str, value: Any, low: int = 0, high: int = _WORDS - 1) -> int:
    try:
        integer = operator.index(value)
    except TypeError:
        raise TypeError(f"random.{function}: {name} must be an integer, got {value!r}") from None
    if not low <= integer <= high:
        raise ValueError(f"random.{function}: {name} must be from {low} to {high}, got {value}")
    return integer


def _shape(function: str, shape: Any) -> tuple[int, ...]:
    if isinstance(shape, tuple | list):
        return tuple(_integer(function, "an entry of shape", entry) for entry in shape)
    return (_integer(function, "shape", shape),)


def _number(function: str, name: str, value: Any) -> float:
    if not isinstance(value, int | float | np.integer | np.floating) or not math.isfinite(value):
        raise TypeError(f"random.{function}: {name} must be a finite static number, got {value!r}")
    return float(value)


def _floating(function: str, dtype: Any) -> np.dtype[Any]:
    result: np.dtype[Any] = np.dtype(dtype)
    if result not in (np.float16, np.float32, np.float64):
        raise TypeError(f"random.{function}: dtype must be float16, float32 or float64, got {result}")
    return result
