"""Tiny calls of functions that are made of several operations: what they are made of is recorded from these.

Those of NumPy and SciPy are the examples of the coverage table; here are those of layers, losses and random numbers.
Where nothing is said, a vector is tried, then a matrix, a number and an image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...nn import BatchNormState

IMAGE = (np.arange(16.0) * 7 % 16).reshape(1, 4, 4, 1) / 8 - 1
ROW = np.array([0.5, -1.0, 2.0, 0.25]).reshape(1, 4, 1)
VECTOR = np.array([0.75, -1.25, 2.0])
MATRIX = np.array([[0.75, -1.25, 2.0, 0.5], [1.5, 0.25, -0.5, 1.0]])
NEAR = VECTOR + np.array([0.25, 2.0, -0.5])
LABELS = np.array([2, 0])
KERNEL = np.array([1.0, -0.5]).reshape(2, 1, 1)
SQUARE = np.array([[1.0, -0.5], [0.25, 2.0]]).reshape(2, 2, 1, 1)
KEY = np.array([1, 2], np.uint64)
PROBABILITIES = np.array([0.25, 0.5, 0.875])

Call = tuple[tuple[Any, ...], dict[str, Any]]

CALLS: dict[str, Call] = {
    "nn.conv": ((ROW, KERNEL), {}),
    "nn.conv1d": ((ROW, KERNEL), {}),
    "nn.conv2d": ((IMAGE, SQUARE), {}),
    "nn.conv3d": ((IMAGE[:, None], SQUARE[None]), {}),
    "nn.conv_transpose": ((ROW, KERNEL), {}),
    "nn.conv_transpose1d": ((ROW, KERNEL), {}),
    "nn.conv_transpose2d": ((IMAGE, SQUARE), {}),
    "nn.conv_transpose3d": ((IMAGE[:, None], SQUARE[None]), {}),
    "nn.unfold": ((ROW, 2), {}),
    "nn.fold": ((np.arange(6.0).reshape(1, 3, 2), (4,), 2), {}),
    "nn.max_pool": ((ROW, 2), {}),
    "nn.max_pool1d": ((ROW, 2), {}),
    "nn.max_pool2d": ((IMAGE, 2), {}),
    "nn.max_pool3d": ((IMAGE[:, None], (1, 2, 2)), {}),
    "nn.avg_pool": ((ROW, 2), {}),
    "nn.avg_pool1d": ((ROW, 2), {}),
    "nn.avg_pool2d": ((IMAGE, 2), {}),
    "nn.avg_pool3d": ((IMAGE[:, None], (1, 2, 2)), {}),
    "nn.global_avg_pool": ((ROW,), {}),
    "nn.global_max_pool": ((ROW,), {}),
    "nn.adaptive_avg_pool": ((ROW, 3), {}),
    "nn.adaptive_avg_pool1d": ((ROW, 3), {}),
    "nn.adaptive_avg_pool2d": ((IMAGE, 3), {}),
    "nn.adaptive_avg_pool3d": ((IMAGE[:, None], (1, 3, 3)), {}),
    "nn.adaptive_max_pool": ((ROW, 3), {}),
    "nn.adaptive_max_pool1d": ((ROW, 3), {}),
    "nn.adaptive_max_pool2d": ((IMAGE, 3), {}),
    "nn.adaptive_max_pool3d": ((IMAGE[:, None], (1, 3, 3)), {}),
    "nn.max_unpool": ((ROW[:, :2], np.array([[[1], [2]]]), 2), {}),
    "nn.max_unpool1d": ((ROW[:, :2], np.array([[[1], [2]]]), 2), {}),
    "nn.max_unpool2d": ((IMAGE[:, :1, :1], np.array([[[[3]]]]), 2), {}),
    "nn.max_unpool3d": ((IMAGE[:, None, :1, :1], np.array([[[[[3]]]]]), 2), {}),
    "nn.pixel_shuffle": ((np.arange(8.0).reshape(1, 2, 1, 4), 2), {}),
    "nn.pixel_unshuffle": ((IMAGE, 2), {}),
    "nn.resize": ((ROW, 6), {"mode": "linear"}),
    "nn.dense": ((MATRIX, MATRIX.T, np.array([0.5, -0.5])), {}),
    "nn.dropout": ((VECTOR, 0.5, KEY), {}),
    "nn.embedding": ((LABELS, MATRIX.T), {}),
    "nn.one_hot": ((LABELS, 3), {}),
    "nn.glu": ((MATRIX,), {}),
    "nn.prelu": ((VECTOR, np.array(0.25)), {}),
    "nn.threshold": ((VECTOR, 0.125, 0.0), {}),
    "nn.softmax": ((VECTOR,), {}),
    "nn.cross_entropy": ((MATRIX, LABELS), {}),
    "nn.nll_loss": ((-np.abs(MATRIX), LABELS), {}),
    "nn.binary_cross_entropy": ((PROBABILITIES, np.array([1, 0, 1])), {}),
    "nn.binary_cross_entropy_with_logits": ((VECTOR, np.array([1, 0, 1])), {}),
    "nn.kl_div": ((-np.abs(VECTOR), PROBABILITIES), {}),
    "nn.hinge_loss": ((VECTOR, np.array([1, -1, 1])), {}),
    "nn.soft_margin_loss": ((VECTOR, np.array([1, -1, 1])), {}),
    "nn.multi_margin_loss": ((MATRIX, LABELS), {}),
    "nn.mse_loss": ((VECTOR, NEAR), {}),
    "nn.l1_loss": ((VECTOR, NEAR), {}),
    "nn.huber_loss": ((VECTOR, NEAR), {}),
    "nn.smooth_l1_loss": ((VECTOR, NEAR), {}),
    "nn.gaussian_nll_loss": ((VECTOR, NEAR, PROBABILITIES), {}),
    "nn.poisson_nll_loss": ((VECTOR, np.abs(NEAR)), {}),
    "nn.batch_norm": ((MATRIX.T, BatchNormState(np.zeros(2), np.ones(2)), VECTOR[:2], NEAR[:2]), {"train": True}),
    "nn.layer_norm": ((MATRIX, 4), {}),
    "nn.rms_norm": ((MATRIX, 4), {}),
    "nn.group_norm": ((np.concatenate([ROW, 2 - ROW], -1), 2), {}),
    "nn.instance_norm": ((ROW,), {}),
    "nn.normalize": ((MATRIX,), {}),
    "nn.cosine_similarity": ((VECTOR, NEAR), {}),
    "nn.scaled_dot_product_attention": ((MATRIX, MATRIX[::-1], MATRIX[:, :2]), {}),
    "tg.put_along_axis": ((VECTOR, np.array([2]), np.array([5.0])), {"axis": 0}),
    "random.split": ((KEY, 2), {}),
    "random.fold_in": ((KEY, 3), {}),
    "random.bits": ((KEY, (2,)), {}),
    "random.uniform": ((KEY, (2,)), {}),
    "random.normal": ((KEY, (2,)), {}),
    "random.bernoulli": ((KEY, 0.5, (3,)), {}),
    "random.randint": ((KEY, (3,), 0, 6), {}),
    "random.permutation": ((KEY, 4), {}),
    "special.polygamma": ((1, np.abs(VECTOR)), {}),
    "special.multigammaln": ((np.abs(VECTOR) + 2, 2), {}),
    "special.logit": ((PROBABILITIES,), {}),
    "special.xlogy": ((VECTOR, np.abs(NEAR)), {}),
    "special.xlog1py": ((VECTOR, np.abs(NEAR)), {}),
}


def guesses(arrays: int) -> Iterator[Call]:
    """Arguments to try with a function of so many arrays of which nothing is known."""
    for x in (VECTOR, MATRIX, MATRIX[:, :2], np.array(0.75), IMAGE):
        for base in (x, np.abs(x)):
            yield tuple(base + 0.25 * k for k in range(arrays)), {}


def first_that_works(f: Callable[..., Any], calls: Iterator[Call]) -> Call | None:
    """Return the first of the calls that the function takes, None if it takes none."""
    for args, options in calls:
        try:
            with np.errstate(all="ignore"):
                f(*args, **options)
        except Exception:  # whatever it is, another call may do
            continue
        return args, options
    return None
