"""Networks, one a file: ``init(key) -> params``, ``apply(params, x) -> logits`` and the recipe to train them by."""

from . import lenet5
from .recipe import Model, Recipe, hold_out, random_shift, standardization, standardize

MODELS = {model.name: model for model in (lenet5.MODEL,)}

__all__ = ["MODELS", "Model", "Recipe", "hold_out", "lenet5", "random_shift", "standardization", "standardize"]
