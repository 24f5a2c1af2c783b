"""Optimisers as pairs of pure functions, and the parts and schedules that they are made of."""

from .base import GradientTransformation, apply_updates
from .optimisers import adam, rmsprop, sgd
from .parts import (
    AdamState,
    RmsState,
    Schedule,
    ScheduleState,
    TraceState,
    chain,
    clip_by_global_norm,
    scale,
    scale_by_adam,
    scale_by_learning_rate,
    scale_by_rms,
    trace,
)
from .schedules import constant, cosine_decay, exponential_decay, linear_warmup, piecewise_constant

__all__ = [
    "AdamState",
    "GradientTransformation",
    "RmsState",
    "Schedule",
    "ScheduleState",
    "TraceState",
    "adam",
    "apply_updates",
    "chain",
    "clip_by_global_norm",
    "constant",
    "cosine_decay",
    "exponential_decay",
    "linear_warmup",
    "piecewise_constant",
    "rmsprop",
    "scale",
    "scale_by_adam",
    "scale_by_learning_rate",
    "scale_by_rms",
    "sgd",
    "trace",
]
