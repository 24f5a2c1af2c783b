"""The engine: trees, Tensors, primitives, families, the tape. It imports NumPy only."""
