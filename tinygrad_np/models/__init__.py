"""Networks, one a file: ``init(key) -> params``, ``apply(params, x) -> logits`` and the recipes to train them by."""

from . import conv_pool_softmax, deep_cnn, lenet5, strided, two_class
from .model import Article, Model, count_parameters, first_filters
from .preparation import first, hold_out, scaled, select_labels, standardization, standardize
from .recipe import Recipe, in_order, shuffled, with_replacement

MODELS = {
    model.name: model
    for model in (
        two_class.MODEL, lenet5.MODEL, deep_cnn.MODEL, strided.MODEL, conv_pool_softmax.MODEL, *two_class.PART_TWO,
    )
}  # fmt: skip

__all__ = [
    "MODELS", "Article", "Model", "Recipe", "conv_pool_softmax", "count_parameters", "deep_cnn", "first",
    "first_filters", "hold_out", "in_order", "lenet5", "scaled", "select_labels", "shuffled", "standardization",
    "standardize", "strided", "two_class", "with_replacement",
]  # fmt: skip
