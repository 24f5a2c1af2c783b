"""Small pictures of arrays: images, feature maps, kernels and matrices, as PNG files of some hundred bytes."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any, Literal

import numpy as np

Role = Literal["value", "kernel"]

WIDTH, HEIGHT = 72, 48  # of a picture, at most, in pixels
_SHADES = 31  # odd, so that zero has a shade of its own
_LONGEST = 6  # times as long as wide; of a longer matrix a histogram tells more
_NOT_FINITE = (226, 0, 116)
_TILES = (4, 2)  # how many maps stand side by side, and in how many rows


def picture_of(value: Any, role: Role = "value") -> bytes | None:
    """Draw an array, if it has an extent that can be seen.

    Parameters
    ----------
    value : ndarray
        Images (N, H, W, 1 or 3), feature maps (N, H, W, C), of which those of the first example are drawn, kernels
        (h, w, C, F), or a matrix that is no mere strip. Values that are never negative are drawn from
        black to white, others from blue over white, which is zero, to orange. What is not finite is magenta.
    role : {"value", "kernel"}
        Whether four axes are those of a kernel.

    Returns
    -------
    bytes or None
        A PNG of at most 72 x 48 pixels; None for what is better shown by a histogram.

    Examples
    --------
    >>> picture_of(np.ones(3)) is None, picture_of(np.eye(8))[1:4]
    (True, b'PNG')
    """
    if value.size == 0 or value.dtype.kind == "c":
        return None
    tiles = _tiles(value, role)
    if tiles is None:
        return None
    plane = _mosaic(tiles)
    return _rgb(plane) if plane.ndim == 3 else _shaded(plane)


def _tiles(value: Any, role: Role) -> list[Any] | None:
    """Return the planes to draw side by side: (h, w), or (h, w, 3) of coloured images."""
    many = math.prod(_TILES)
    if value.ndim == 2 and min(value.shape) >= 4 and max(value.shape) <= _LONGEST * min(value.shape):
        return [value]
    if value.ndim == 3 and min(value.shape[1:]) >= 4:
        return list(value[:many])
    if value.ndim != 4:
        return None
    if role == "kernel":
        return [value[:, :, 0, f] for f in range(min(value.shape[3], many))] if max(value.shape[:2]) > 1 else None
    if value.shape[1] < min(value.shape[2:]) and value.shape[3] == value.shape[2]:  # channels_first
        value = np.moveaxis(value, 1, 3)
    if min(value.shape[1:3]) < 2:
        return None
    if value.shape[3] == 3:
        return list(value[:many])
    if value.shape[3] == 1:
        return list(value[:many, :, :, 0])
    return [value[0, :, :, c] for c in range(min(value.shape[3], many))]


def _mosaic(tiles: list[Any]) -> Any:
    """Put planes side by side with a gap between, scaled down to fit."""
    columns = min(len(tiles), _TILES[0])
    rows = math.ceil(len(tiles) / columns)
    height, width = tiles[0].shape[:2]
    step = max(1, math.ceil(columns * width / WIDTH), math.ceil(rows * height / HEIGHT))
    small = [tile[::step, ::step] for tile in tiles]
    height, width, *rest = small[0].shape
    canvas = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1, *rest))
    for i, tile in enumerate(small):
        top, left = (height + 1) * (i // columns), (width + 1) * (i % columns)
        canvas[top : top + height, left : left + width] = tile
    return canvas


def _shaded(plane: Any) -> bytes:
    finite = np.isfinite(plane)
    plane = np.where(finite, plane, 0)
    largest = float(np.abs(plane).max()) or 1.0
    middle = _SHADES // 2
    if plane.min() < 0:
        index = np.rint(plane / largest * middle) + middle
        palette = [_signed_colour(i / middle - 1) for i in range(_SHADES)]
    else:
        index = np.rint(plane / largest * (_SHADES - 1))
        palette = [(round(255 * i / (_SHADES - 1)),) * 3 for i in range(_SHADES)]
    colours = bytes(part for colour in (*palette, _NOT_FINITE) for part in colour)
    return _png(np.where(finite, index, _SHADES).astype(np.uint8), 3, [(b"PLTE", colours)])


def _signed_colour(x: float) -> tuple[int, int, int]:
    """Return blue at -1, white at 0, orange at 1: told apart also by who sees no red or green."""
    end = (202, 84, 0) if x > 0 else (0, 92, 175)
    red, green, blue = (round(255 + (part - 255) * abs(x)) for part in end)
    return red, green, blue


def _rgb(plane: Any) -> bytes:
    finite = np.isfinite(plane).all(axis=2, keepdims=True)
    plane = np.where(finite, plane, 0)
    low, high = min(float(plane.min()), 0.0), float(plane.max())
    scaled = 255 * ((plane - low) / ((high - low) or 1.0))
    return _png(np.where(finite, np.rint(scaled), _NOT_FINITE).astype(np.uint8), 2, [])


def _png(pixels: Any, colour_type: int, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Write a PNG of 8 bits a sample; see the specification, ISO/IEC 15948."""
    height, width = pixels.shape[:2]
    rows = np.insert(pixels.reshape(height, -1), 0, 0, axis=1)  # each row begins with its filter, none
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
