"""Importing this, before NumPy, holds every library in this process at the agreed number of threads."""

from __future__ import annotations

import os

from .settings import THREADS

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TINYGRAD_NP_NUM_THREADS"):
    os.environ[_variable] = str(THREADS)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):  # XLA has no variable of its own: it takes the cores that it may run on
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
