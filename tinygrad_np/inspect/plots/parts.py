"""What several pictures are made of."""

import io
from typing import Any

import numpy as np

from ..extras import import_extra

# From the palette of Okabe and Ito, which colour-blind people tell apart.
BLUE, ORANGE = "#0072B2", "#D55E00"
SIGNED, UNSIGNED = "RdBu_r", "viridis"


def new_figure(width: float, height: float, title: str, layout: str = "constrained") -> Any:
    """Return an empty figure of so many inches with a title; the layout "compressed" draws square axes together."""
    figure = import_extra("matplotlib.figure").Figure(figsize=(width, height), layout=layout)
    figure.get_layout_engine().set(h_pad=0.07, w_pad=0.07)
    if title:
        figure.suptitle(plain_text(title))
    return figure


def plain_text(text: Any) -> str:
    """Return a text in which matplotlib sees no formulas."""
    return str(text).replace("$", r"\$")


def show_image(axes: Any, image: Any) -> None:
    """Draw an image (H, W, C) in [0, 1]."""
    grey = image.shape[-1] != 3
    shown = np.mean(image, axis=-1) if grey else np.clip(image, 0, 1)
    axes.imshow(shown, **({"cmap": "gray", "vmin": 0, "vmax": 1} if grey else {}))
    axes.set(xticks=[], yticks=[])


def scale_of(*maps: Any) -> dict[str, Any]:
    """Return the colours for maps that share a scale: symmetric about zero if they have both signs."""
    low, high = min(float(np.min(each)) for each in maps), max(float(np.max(each)) for each in maps)
    limit = max(-low, high) or 1.0
    return {"cmap": SIGNED, "vmin": -limit, "vmax": limit} if low < 0 else {"cmap": UNSIGNED, "vmin": 0, "vmax": limit}


def show_map(axes: Any, values: Any, **scale: Any) -> Any:
    """Draw values (H, W) in colours; return what a colour bar needs."""
    axes.set(xticks=[], yticks=[])
    return axes.imshow(values, **scale)


def hide_unused(grid: Any, used: int) -> None:
    """Show nothing in the axes that are left over."""
    for axes in np.ravel(grid)[used:]:
        axes.set_axis_off()


def png(figure: Any) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
