"""What the tests of compile share: arrays, a count of Python calls, comparison with the function itself."""

import numpy as np

from tinygrad_np import compile, tree

BIG = 1 << 18  # float64 elements: two megabytes, more than what is copied into a buffer


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def counted(f):
    """The function and a list that grows with each of its Python calls."""
    calls = []

    def g(*args, **kwargs):
        calls.append(args)
        return f(*args, **kwargs)

    return g, calls


def assert_same(ours, expected, tolerance=1e-13):
    assert tree.structure(ours) == tree.structure(expected)
    for a, b in zip(tree.leaves(ours), tree.leaves(expected), strict=True):
        if isinstance(b, np.ndarray | np.generic):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
        else:
            assert a is b or a == b


def check(f, *calls, recordings=1, tolerance=1e-13):
    """Compare a compiled function with the function, call by call; it runs in Python once for each recording."""
    g, recorded = counted(f)
    compiled = compile(g)
    for args in calls:
        assert_same(compiled(*args), f(*args), tolerance)
    assert len(recorded) == recordings


X, Y, Z = normal(3), normal(3, seed=1), normal(3, seed=2)
