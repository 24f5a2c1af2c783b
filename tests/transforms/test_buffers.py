"""Buffers of a program: what is lent to one is not lent to another meanwhile."""

import numpy as np
import pytest

from tinygrad_np.kernels.scratch import bordered, kept, prepared_for, scratch, shared
from tinygrad_np.transforms.buffers import Pool


def filled(values):
    """A shared value: an array that stays, filled from scratch."""
    between = scratch(values.shape, values.dtype)
    total = kept(values.shape, values.dtype)
    return between, total


def test_what_steps_share_is_kept_until_all_have_run():
    pool, known, values = Pool(), {}, np.zeros(100)
    with prepared_for(pool, known):
        (between, total), new = shared(filled, values)
        assert new
        pool.take_back()
        again, new = shared(filled, values)
        assert not new
        assert again[1] is total
        later = [scratch((100,), np.float64) for _ in range(4)]
    assert any(np.may_share_memory(between, a) for a in later)
    assert not any(np.may_share_memory(total, a) for a in later)
    pool.take_back()
    pool.take_back_kept()
    assert any(np.may_share_memory(total, pool.lend((100,), np.dtype(float))) for _ in range(6))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_borders_are_zero_and_shared_by_those_with_the_same_interior(dtype):
    pool, interior = Pool(), (slice(1, 5), slice(2, 4))
    with prepared_for(pool, {}):
        a, b = (bordered((6, 6), dtype, interior) for _ in range(2))
        other, smaller = bordered((6, 6), dtype, (slice(1, 5), slice(3, 4))), bordered((5, 6), dtype, interior)
        lent = scratch((6, 6), dtype)
    assert a is b
    assert a.dtype == dtype
    a[interior] = 7
    assert a.sum() == 7 * 8
    for array in (other, smaller):
        assert not np.may_share_memory(a, array)
        assert not array.any()
    assert not np.may_share_memory(a, lent)
