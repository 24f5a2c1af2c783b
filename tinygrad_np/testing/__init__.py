"""Tests of derivatives: the gradient checker. The Hypothesis strategies are in `tinygrad_np.testing.strategies`."""

from .check import Report, check_grads, check_vjp

__all__ = ["Report", "check_grads", "check_vjp"]
