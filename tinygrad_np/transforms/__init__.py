"""Transforms of functions: reverse mode and stop_gradient. They know the core only, no operation."""
