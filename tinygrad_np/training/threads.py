"""The number of threads of the linear algebra library."""

from contextlib import AbstractContextManager

from ..kernels.threads import hold_blas


def one_blas_thread() -> AbstractContextManager[None]:
    """Hold NumPy's BLAS at one thread inside a ``with`` block, if threadpoolctl is installed.

    The products of a small network are too short to share: waking a second thread costs more than it saves, several
    times more where another process wants that processor. With one thread the order of summation, and so every bit of
    the result, is also independent of how many there are.
    """
    return hold_blas()
