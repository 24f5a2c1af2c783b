"""Algorithms on raw arrays: convolution and pooling of any rank. No Tensor in sight."""
