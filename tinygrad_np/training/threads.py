"""The number of threads of the linear algebra library."""

from contextlib import AbstractContextManager, nullcontext


def one_blas_thread() -> AbstractContextManager[object]:
    """Hold NumPy's BLAS at one thread inside a ``with`` block, if threadpoolctl is installed.

    The products of a small network are too short to share: waking a second thread costs more than it saves, several
    times more where another process wants that processor. With one thread the order of summation, and so every bit of
    the result, is also independent of how many there are.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits
