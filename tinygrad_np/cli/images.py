"""Pictures from files, as a network for digits or clothes wants them."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..inspect.extras import import_extra
from .errors import UserError

INVERSIONS = ("auto", "yes", "no")
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # Pillow knows more, some of which start other programs
_MOST_PIXELS = 50_000_000  # which a file of a few bytes may claim to have


def read_image(path: Path, size: tuple[int, int], invert: str = "auto") -> tuple[Any, bool]:
    """Read a picture of any size and kind as white strokes on black.

    Transparent parts count as white paper. The picture is turned grey, inverted if need be, and scaled by bilinear
    interpolation to fit; what it lacks to the sides or above and below is filled with the background.

    Parameters
    ----------
    path : Path
        PNG, JPEG, GIF, BMP, TIFF, WebP or PPM.
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
        If the file is no readable picture, or one of more than 50 million pixels; names it.
    """
    pillow, operations = import_extra("PIL.Image"), import_extra("PIL.ImageOps")
    try:
        with warnings.catch_warnings(action="ignore"), pillow.open(path, formats=_FORMATS) as file:
            _check_size(file, path)
            grey = _grey(file, pillow)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except UserError:
        raise
    except Exception as error:  # what Pillow raises on damaged files depends on the format and on where the damage is
        raise UserError(f"{path}: is no readable picture ({error or type(error).__name__})") from error
    background = _border_median(np.asarray(grey))
    inverted = invert == "yes" or (invert == "auto" and background > 127.5)
    if inverted:
        grey, background = operations.invert(grey), 255 - background
    bilinear = pillow.Resampling.BILINEAR
    fitted = operations.pad(grey, size[::-1], method=bilinear, color=round(background))
    return np.divide(np.asarray(fitted)[..., np.newaxis], 255, dtype=np.float32), inverted


def _check_size(image: Any, path: Path) -> None:
    width, height = image.size
    if not 0 < width * height <= _MOST_PIXELS:
        raise UserError(f"{path}: has {width} x {height} pixels; a picture of 1 to {_MOST_PIXELS:,} is needed")


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
