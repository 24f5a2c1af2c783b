"""Pictures, drawn by matplotlib's object-oriented interface: no window, no state of pyplot.

Each function returns a matplotlib ``Figure``; `png` turns it into bytes. Colours are told apart by colour-blind people,
and signs or words say the same. Images are (H, W, C) in [0, 1], of one channel or three; of others the mean is drawn.
"""

from .curves import confusion_matrix, training_curves
from .images import class_images, feature_maps, image_grid, overlays
from .parts import png
from .weights import filter_responses, filters, weights

__all__ = [
    "class_images", "confusion_matrix", "feature_maps", "filter_responses", "filters", "image_grid", "overlays", "png",
    "training_curves", "weights",
]  # fmt: skip
