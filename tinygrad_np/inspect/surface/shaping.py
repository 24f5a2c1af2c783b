"""Shape, order, joining, padding."""

from __future__ import annotations

import numpy as np

from .base import T3, A, B, M, V, example

C = np.array(1.5)

example("numpy.reshape", (lambda x: np.reshape(x, (3, -1)), (A,)), (lambda x: x.reshape(-1), (A,)),
        (lambda x: np.reshape(x, (4, 2, 3), order="F"), (T3,)),
        (lambda x: x.reshape(3, 2, order="F"), (A,)))  # fmt: skip
example("numpy.ravel", (np.ravel, (A,)), (lambda x: np.ravel(x, "F"), (T3,)), (lambda x: x.flatten(), (A,)))
example("numpy.squeeze", (lambda x: np.squeeze(x[None, :, None]), (A,)), (lambda x: np.squeeze(x[None], 0), (A,)),
        (lambda x: x[:, None].squeeze((1,)), (A,)))  # fmt: skip
example("numpy.expand_dims", (lambda x: np.expand_dims(x, 1), (A,)), (lambda x: np.expand_dims(x, (0, -1)), (A,)))
example("numpy.atleast_1d", (np.atleast_1d, (C,)), (lambda x, y: tuple(np.atleast_1d(x, y)), (C, V)))
example("numpy.atleast_2d", (np.atleast_2d, (V,)), (lambda x, y: tuple(np.atleast_2d(x, y)), (C, A)))
example("numpy.atleast_3d", (np.atleast_3d, (A,)), (lambda x, y, z: tuple(np.atleast_3d(x, y, z)), (C, V, T3)))

example("numpy.transpose", (np.transpose, (T3,)), (lambda x: np.transpose(x, (2, 0, -2)), (T3,)), (lambda x: x.T, (A,)),
        (lambda x: x.transpose(1, 2, 0), (T3,)))  # fmt: skip
example("numpy.permute_dims", (lambda x: np.permute_dims(x, (1, 0, 2)), (T3,)))
example("numpy.matrix_transpose", (np.matrix_transpose, (T3,)), (lambda x: x.mT, (A,)))
example("numpy.linalg.matrix_transpose", (np.linalg.matrix_transpose, (T3,)))
example("numpy.moveaxis", (lambda x: np.moveaxis(x, 0, -1), (T3,)), (lambda x: np.moveaxis(x, [0, 1], [-1, 0]), (T3,)))
example("numpy.swapaxes", (lambda x: np.swapaxes(x, 0, -1), (T3,)), (lambda x: x.swapaxes(1, 0), (A,)))
example("numpy.rollaxis", (lambda x: np.rollaxis(x, 2), (T3,)), (lambda x: np.rollaxis(x, 0, 3), (T3,)),
        (lambda x: np.rollaxis(x, -1, -2), (T3,)), (lambda x: np.rollaxis(x, 1, 1), (T3,)))  # fmt: skip

example("numpy.broadcast_to", (lambda x: np.broadcast_to(x, (2, 4, 3)), (V,)), (lambda x: np.broadcast_to(x, 4), (C,)),
        (lambda x: np.broadcast_to(x[:, :1], (3, 2, 2)), (A,)))  # fmt: skip
example("numpy.broadcast_arrays", (lambda x, y: tuple(np.broadcast_arrays(x, y)), (A, V)),
        (lambda x, y: tuple(np.broadcast_arrays(x[:, None], y)), (V, V)))  # fmt: skip
example("numpy.meshgrid", (lambda x, y: tuple(np.meshgrid(x, y)), (V, B[0])), (lambda x: tuple(np.meshgrid(x)), (V,)),
        (lambda x, y, z: tuple(np.meshgrid(x, y, z, indexing="ij")), (V, B[0], C)),
        (lambda x, y: tuple(np.meshgrid(x, y, sparse=True)), (V, B[0])))  # fmt: skip
example("numpy.full_like", (lambda x, v: x * np.full_like(x, v), (A, V)),
        (lambda x, v: np.full_like(x, v, shape=(2, 2)), (A, C)))  # fmt: skip
example("numpy.ndarray.astype", (lambda x: x.astype(complex) * 1j, (A,)), (lambda x: x.astype("f8", copy=False), (V,)))
example("numpy.copy", (np.copy, (A,)), (lambda x: x.copy(), (A,)))
if hasattr(np, "astype"):
    example("numpy.astype", (lambda x: np.astype(x, x.dtype), (A,)), (lambda x: x * np.astype(x.real, int), (A * 0.9,)))

example("numpy.concatenate", (lambda x, y: np.concatenate([x, y, x]), (A, A)),
        (lambda x, y: np.concatenate([x, y], axis=-1), (A, B[:2])),
        (lambda x, y: np.concatenate((x, y), axis=None), (A, V)),
        (lambda x: np.concatenate([x, A], 1, dtype=x.dtype), (A,)))  # fmt: skip
if hasattr(np, "concat"):
    example("numpy.concat", (lambda x, y: np.concat([x, y], axis=1), (A, A)))
example("numpy.stack", (lambda x, y: np.stack([x, y]), (A, A)), (lambda x, y: np.stack([x, y], axis=-1), (A, A)),
        (lambda x: np.stack(list(x), 1), (A,)))  # fmt: skip
example("numpy.vstack", (lambda x, y: np.vstack([x, y]), (A, V)))
example("numpy.hstack", (lambda x, y: np.hstack([x, y]), (A, B[:2])), (lambda x, y: np.hstack([x, y]), (V, C)))
example("numpy.dstack", (lambda x, y: np.dstack([x, y]), (A, A)), (lambda x, y: np.dstack([x, y]), (V, V[::-1])))
example("numpy.column_stack", (lambda x, y: np.column_stack([x, y]), (V, B)))
example("numpy.block", (lambda x, y, z: np.block([[x, y], [z, 1.0]]), (M, V[:, None], V)),
        (lambda x, y: np.block([x, y]), (V, C)), (lambda x: np.block(x), (A,)),
        (lambda x, y: np.block([[[x], [y]]]), (A, V)))  # fmt: skip
example("numpy.append", (np.append, (A, V)), (lambda x, y: np.append(x, y, axis=0), (A, A)))

example(
    "numpy.split", (lambda x: tuple(np.split(x, 3, axis=1)), (A,)), (lambda x: tuple(np.split(x, [1, 1, 5], 1)), (A,))
)
example("numpy.array_split", (lambda x: tuple(np.array_split(x, 2, 1)), (A,)))
example("numpy.vsplit", (lambda x: tuple(np.vsplit(x, 2)), (A,)))
example("numpy.hsplit", (lambda x: tuple(np.hsplit(x, [1])), (A,)), (lambda x: tuple(np.hsplit(x, 3)), (V,)))
example("numpy.dsplit", (lambda x: tuple(np.dsplit(x, 2)), (T3,)))
if hasattr(np, "unstack"):
    example("numpy.unstack", (np.unstack, (A,)), (lambda x: np.unstack(x, axis=-1), (T3,)))

example("numpy.pad", (lambda x: np.pad(x, 1), (A,)),
        (lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=3), (A,)),
        (lambda x, v: np.pad(x, ((0, 1), (2, 1)), constant_values=v), (A, B[:2])),
        (lambda x: np.pad(x, (1, 2), mode="edge"), (A,)),
        (lambda x: np.pad(x, ((0, 0), (4, 3)), "reflect"), (A,)),
        (lambda x: np.pad(x, ((1, 0), (4, 3)), "reflect", reflect_type="odd"), (A,)),
        (lambda x: np.pad(x, 2, "symmetric"), (A,)),
        (lambda x: np.pad(x, (5, 2), "symmetric", reflect_type="odd"), (V,)),
        (lambda x: np.pad(x, ((1, 0), (0, 4)), "wrap"), (A,)),
        (lambda x: np.pad(x, ((2, 0), (3, 1)), "linear_ramp", end_values=((1, 2), (3, 4))), (A,)),
        (lambda x, v: np.pad(x, 2, "linear_ramp", end_values=v), (V, C)),
        (lambda x: np.pad(x, ((1, 0), (2, 1)), "maximum"), (A,)),
        (lambda x: np.pad(x, ((1, 0), (2, 1)), "minimum", stat_length=((1, 2), (2, 3))), (A,)),
        (lambda x: np.pad(x, 2, "mean", stat_length=2), (A,)),
        (lambda x: np.pad(x, 1, "median"), (A,)))  # fmt: skip

example("numpy.flip", (np.flip, (A,)), (lambda x: np.flip(x, (0, -1)), (T3,)))
example("numpy.flipud", (np.flipud, (A,)))
example("numpy.fliplr", (np.fliplr, (A,)))
example("numpy.rot90", (np.rot90, (A,)), (lambda x: np.rot90(x, 2), (A,)), (lambda x: np.rot90(x, -1, (2, 0)), (T3,)),
        (lambda x: np.rot90(x, 4), (A,)))  # fmt: skip
example("numpy.roll", (lambda x: np.roll(x, 2), (A,)), (lambda x: np.roll(x, -1, axis=1), (A,)),
        (lambda x: np.roll(x, (1, 2), axis=(0, 1)), (A,)), (lambda x: np.roll(x, 1, axis=(0, 1)), (A,)))  # fmt: skip
example("numpy.repeat", (lambda x: np.repeat(x, 2), (A,)), (lambda x: np.repeat(x, [1, 0, 2], axis=1), (A,)),
        (lambda x: x.repeat(3, -1), (A,)))  # fmt: skip
example("numpy.tile", (lambda x: np.tile(x, 3), (V,)), (lambda x: np.tile(x, (2, 1, 2)), (A,)))
example("numpy.resize", (lambda x: np.resize(x, (4, 4)), (A,)), (lambda x: np.resize(x, 2), (A,)))
example("numpy.tril", (np.tril, (M,)), (lambda x: np.tril(x, -1), (T3,)))
example("numpy.triu", (np.triu, (M,)), (lambda x: np.triu(x, 1), (T3,)))
example("numpy.diag", (np.diag, (M,)), (lambda x: np.diag(x, 1), (A,)), (lambda x: np.diag(x, -1), (V,)))
example("numpy.diagflat", (np.diagflat, (A,)), (lambda x: np.diagflat(x, 1), (V,)))
example("numpy.diagonal", (np.diagonal, (M,)), (lambda x: np.diagonal(x, 1, 0, 2), (T3,)),
        (lambda x: x.diagonal(-1), (M,)))  # fmt: skip
example("numpy.trace", (np.trace, (M,)), (lambda x: np.trace(x, -1, 1, 2), (T3,)), (lambda x: x.trace(1), (M,)))
_windows = np.lib.stride_tricks.sliding_window_view
example("numpy.lib.stride_tricks.sliding_window_view", (lambda x: _windows(x, 2), (V,)),
        (lambda x: _windows(x, (2, 2)), (A,)), (lambda x: _windows(x, (2, 3), axis=(-1, 1)), (T3,)),
        (lambda x: _windows(x, (2, 2), axis=(2, 2)), (T3,)))  # fmt: skip
