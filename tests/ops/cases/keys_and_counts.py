"""Random numbers, and the learning rate of a count."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import CASES, fixed_options, shapes

_keys = hnp.arrays(np.uint64, 2, fill=st.nothing())
_float = st.sampled_from([np.dtype(np.float32), np.dtype(np.float64)])
for name, options in {
    "_split": fixed_options(n=3), "_bits": fixed_options(shape=shapes),
    "_uniform": fixed_options(shape=shapes, dtype=_float, low=-1.0, high=2.0),
    "_normal": fixed_options(shape=shapes, dtype=_float),
    "_bernoulli": fixed_options(p=0.25, shape=shapes), "_randint": fixed_options(shape=shapes, low=-3, high=4),
    "_permutation": fixed_options(n=5),
}.items():  # fmt: skip
    CASES[f"tinygrad_np.random.{name}"] = st.tuples(_keys, options).map(lambda case: ((case[0],), case[1]))
CASES["tinygrad_np.random._fold_in"] = st.tuples(_keys, st.integers(0, 100)).map(
    lambda case: ((case[0], np.uint64(case[1])), {})
)
CASES["tinygrad_np.optim.parts._rate"] = st.integers(0, 100).map(
    lambda count: ((np.int64(count),), {"schedule": lambda step: 0.1 / (1 + step)})
)
