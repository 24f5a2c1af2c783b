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


def read_image(path: Path, size: tuple[int, int], invert: str = "auto", *, colour: bool = False) -> tuple[Any, bool]:
    """Read a picture of any size and kind as white strokes on black, or as a photograph.

    Transparent parts count as white paper. The picture is turned grey, inverted if need be, and scaled by bilinear
    interpolation to fit; what it lacks to the sides or above and below is filled with the background.

    Parameters
    ----------
    path : Path
        PNG, JPEG, GIF, BMP, TIFF, WebP or PPM.
    size : tuple of int
        Height and width.
    invert : {"auto", "yes", "no"}
        "auto" inverts where the background is bright: where the median of the outermost pixels is above one half. In
        colour it does not: a photograph has no paper.
    colour : bool
        Whether to keep the colours.

    Returns
    -------
    image : array (height, width, 1); in colour: (height, width, 3)
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
            picture = _on_paper(file, pillow).convert("RGB" if colour else "L")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except UserError:
        raise
    except Exception as error:  # what Pillow raises on damaged files depends on the format and on where the damage is
        raise UserError(f"{path}: is no readable picture ({error or type(error).__name__})") from error
    background = _border_median(np.atleast_3d(picture))
    inverted = invert == "yes" or (invert == "auto" and not colour and background[0] > 127.5)
    if inverted:
        picture, background = operations.invert(picture), 255 - background
    fill = tuple(round(value) for value in background.tolist()) if colour else round(background.item())
    fitted = operations.pad(picture, size[::-1], method=pillow.Resampling.BILINEAR, color=fill)
    return np.divide(np.atleast_3d(fitted), 255, dtype=np.float32), inverted


def _check_size(image: Any, path: Path) -> None:
    width, height = image.size
    if not 0 < width * height <= _MOST_PIXELS:
        raise UserError(f"{path}: has {width} x {height} pixels; a picture of 1 to {_MOST_PIXELS:,} is needed")


def _on_paper(image: Any, pillow: Any) -> Any:
    """Return 8 bits a channel, on white paper."""
    if image.mode.startswith("I"):  # 16 bits, which convert() would clip rather than scale
        return pillow.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    colours = image.convert("RGBA")
    paper = pillow.new("RGBA", colours.size, "white")
    return pillow.alpha_composite(paper, colours)


def _border_median(pixels: Any) -> Any:
    """Return the median of the outermost pixels (H, W, C) in each channel."""
    inner = np.zeros(pixels.shape[:2], bool)
    inner[1:-1, 1:-1] = True
    return np.median(pixels[~inner], axis=0)
