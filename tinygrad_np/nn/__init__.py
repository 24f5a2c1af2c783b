"""Functions to build networks from: convolution, pooling, activations, losses, layers, initialisers."""

from ..ops.activations import (
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)  # fmt: skip
from ..ops.convolution import (
    conv,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)  # fmt: skip
from ..ops.pooling import (
    avg_pool,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    global_avg_pool,
    global_max_pool,
    max_pool,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)  # fmt: skip
from . import initializers
from .layers import BatchNormState, batch_norm, batch_norm_state, dense, dropout
from .losses import binary_cross_entropy_with_logits, cross_entropy, mse_loss

__all__ = [
    "BatchNormState", "avg_pool", "avg_pool1d", "avg_pool2d", "avg_pool3d", "batch_norm", "batch_norm_state",
    "binary_cross_entropy_with_logits", "conv", "conv1d", "conv2d", "conv3d", "conv_transpose", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "cross_entropy", "dense", "dropout", "elu", "gelu", "global_avg_pool",
    "global_max_pool", "initializers", "leaky_relu", "log_sigmoid", "log_softmax", "logsumexp", "max_pool",
    "max_pool1d", "max_pool2d", "max_pool3d", "mse_loss", "relu", "sigmoid", "silu", "softmax", "softplus",
]  # fmt: skip
