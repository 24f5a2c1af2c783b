"""Pictures from files, as a network for digits or clothes wants them."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from ..inspect.extras import import_extra
from .errors import UserError

INVERSIONS = ("auto", "yes", "no")


def read_image(path: Path, size: tuple[int, int], invert: str = "auto") -> tuple[Any, bool]:
    """Read a picture of any size and kind as white strokes on black.

    Transparent parts count as white paper. The picture is turned grey, inverted if need be, and scaled by bilinear
    interpolation to fit; what it lacks to the sides or above and below is filled with the background.

    Parameters
    ----------
    path : Path
        PNG, or whatever Pillow reads.
    size : tuple of int
        Height and width.
    invert : {"auto", "yes", "no"}
        "auto" inverts where the background is bright: where the median of the outermost pixels is above one half.

    Returns
    -------
    image : array (height, width, 1)
        float32 in [0, 1].
    inverted : bool
        Whether it was inverted.

    Raises
    ------
    UserError
        If the file is no readable picture; names it.
    """
    pillow, operations = import_extra("PIL.Image"), import_extra("PIL.ImageOps")
    try:
        with pillow.open(path) as file:
            grey = _grey(file, pillow)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    # What Pillow raises on damaged files depends on the format and on where the damage is.
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, pillow.DecompressionBombError) as error:
        raise UserError(f"{path}: is no readable picture ({error})") from error
    background = _border_median(np.asarray(grey))
    inverted = invert == "yes" or (invert == "auto" and background > 127.5)
    if inverted:
        grey, background = operations.invert(grey), 255 - background
    bilinear = pillow.Resampling.BILINEAR
    fitted = operations.pad(grey, size[::-1], method=bilinear, color=round(background))
    return np.divide(np.asarray(fitted)[..., np.newaxis], 255, dtype=np.float32), inverted


def _grey(image: Any, pillow: Any) -> Any:
    """Return 8 bits of grey, on white paper."""
    if image.mode.startswith("I"):  # 16 bits, which convert() would clip rather than scale
        return pillow.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    colours = image.convert("RGBA")
    paper = pillow.new("RGBA", colours.size, "white")
    return pillow.alpha_composite(paper, colours).convert("L")


def _border_median(grey: Any) -> float:
    inner = np.zeros(grey.shape, bool)
    inner[1:-1, 1:-1] = True
    return float(np.median(grey[~inner]))
