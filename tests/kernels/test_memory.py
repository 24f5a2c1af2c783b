import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_np.kernels import memory

ROOT = Path(__file__).parents[2]

# Page faults of four arrays of 3 MB (from 4 MB on NumPy asks for huge pages) that are made and freed twenty times.
FAULTS = """
import resource
import numpy as np
if {imported}:
    import tinygrad_np.kernels.memory
def once():
    arrays = [np.empty(3 << 20, np.uint8) for _ in range(4)]
    for a in arrays:
        a[::1024] = 1
once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

has_glibc = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
needs_glibc = pytest.mark.skipif(not has_glibc, reason="needs glibc")
HUGE = Path("/sys/kernel/mm/transparent_hugepage/enabled")
needs_pages = pytest.mark.skipif(HUGE.exists() and "[always]" in HUGE.read_text(), reason="huge pages fault too seldom")


def faults(*, imported, **environment):
    result = subprocess.run(
        [sys.executable, "-c", FAULTS.format(imported=imported)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if k != "TINYGRAD_NP_KEEP_MEMORY"} | environment,
    )
    return int(result.stdout)


@needs_glibc
@needs_pages
def test_freed_memory_is_used_again_without_page_faults():
    kept, given_back = faults(imported=True), faults(imported=False)
    assert kept < 200
    assert given_back > 10 * max(kept, 20)


@needs_glibc
@needs_pages
def test_the_environment_can_say_no():
    assert faults(imported=True, TINYGRAD_NP_KEEP_MEMORY="0") > 2000


@needs_glibc
def test_glibc_agrees():
    assert memory.keep_freed_memory()


def test_nothing_happens_without_glibc(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not memory.keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # a C library that has no mallopt
    assert not memory.keep_freed_memory()
