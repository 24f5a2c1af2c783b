"""The primitives: each operation with its rules and their derivation in one block, one family a file."""

from . import (
    activations,
    arithmetic,
    arranging,
    convolution,
    elementary,
    indexing,
    linalg,
    nondifferentiable,
    pooling,
    reductions,
    shaping,
    special,
)  # fmt: skip

__all__ = [
    "activations", "arithmetic", "arranging", "convolution", "elementary", "indexing", "linalg", "nondifferentiable",
    "pooling", "reductions", "shaping", "special",
]  # fmt: skip
