"""Functions to build networks from: convolution, pooling, activations, losses, layers, initialisers."""

from ..ops.activations import (
    celu,
    elu,
    gelu,
    glu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    mish,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softmin,
    softplus,
    softsign,
    tanh_shrink,
)  # fmt: skip
from ..ops.convolution import conv, conv1d, conv2d, conv3d
from ..ops.patches import fold, unfold
from ..ops.piecewise_activations import (
    hard_shrink,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    leaky_relu,
    prelu,
    relu6,
    soft_shrink,
    threshold,
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
from ..ops.transposed_convolution import conv_transpose, conv_transpose1d, conv_transpose2d, conv_transpose3d
from . import initializers, stax
from .adaptive import (
    adaptive_avg_pool,
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    max_unpool,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)  # fmt: skip
from .attention import scaled_dot_product_attention
from .combinators import fan_in_concat, fan_in_sum, fan_out, parallel, residual, serial, shape_dependent
from .embeddings import embedding, one_hot
from .layer_pair import Layer
from .layers import dense, dropout
from .losses import binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, kl_div, nll_loss
from .margin_losses import hinge_loss, multi_margin_loss, soft_margin_loss
from .normalization import BatchNormState, batch_norm, batch_norm_state, group_norm, instance_norm, layer_norm, rms_norm
from .regression_losses import (
    gaussian_nll_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)  # fmt: skip
from .resizing import pixel_shuffle, pixel_unshuffle, resize
from .similarity import cosine_similarity, normalize
from .summary_table import summary

__all__ = [
    "BatchNormState", "Layer", "adaptive_avg_pool", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "avg_pool", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "batch_norm", "batch_norm_state", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "conv", "conv1d", "conv2d", "conv3d", "conv_transpose",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_similarity", "cross_entropy", "dense",
    "dropout", "elu", "embedding", "fan_in_concat", "fan_in_sum", "fan_out", "fold", "gaussian_nll_loss", "gelu",
    "global_avg_pool", "global_max_pool", "glu", "group_norm", "hard_shrink", "hard_sigmoid", "hard_swish", "hard_tanh",
    "hinge_loss", "huber_loss", "initializers", "instance_norm", "kl_div", "l1_loss", "layer_norm", "leaky_relu",
    "log_sigmoid", "log_softmax", "logsumexp", "max_pool", "max_pool1d", "max_pool2d", "max_pool3d", "max_unpool",
    "max_unpool1d", "max_unpool2d", "max_unpool3d", "mish", "mse_loss", "multi_margin_loss", "nll_loss", "normalize",
    "one_hot", "parallel", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "relu", "relu6", "residual",
    "resize", "rms_norm", "scaled_dot_product_attention", "selu", "serial", "shape_dependent", "sigmoid", "silu",
    "smooth_l1_loss", "soft_margin_loss", "soft_shrink", "softmax", "softmin", "softplus", "softsign", "stax",
    "summary", "tanh_shrink", "threshold", "unfold",
]  # fmt: skip
