import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.data import Split, batches

KEYS = st.none() | st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)).map(lambda k: np.array(k, np.uint64))
KEY = np.array([3, 4], np.uint64)


def _examples(count):
    return np.arange(2.0 * count, dtype=np.float32).reshape(count, 2), np.arange(count)


@given(count=st.integers(1, 50), size=st.integers(1, 60), key=KEYS, drop_last=st.booleans())
def test_every_example_once_and_with_its_label(count, size, key, drop_last):
    made = list(batches(_examples(count), size, key, drop_last=drop_last))
    full, rest = divmod(count, size)
    assert [len(y) for _, y in made] == [size] * full + [rest] * (rest > 0 and not drop_last)
    for x, y in made:
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, np.stack([2 * y, 2 * y + 1], 1))
    seen = [label for _, y in made for label in y]
    assert len(set(seen)) == len(seen)
    if not drop_last:
        assert sorted(seen) == list(range(count))
    if key is None:
        assert seen == sorted(seen)


def _order(key, size=7, count=100, **options):
    return np.concatenate([y for _, y in batches(_examples(count), size, key, **options)]).tolist()


def test_the_key_is_the_order():
    assert _order(KEY) == _order(KEY.copy())
    assert _order(KEY) != _order(KEY + np.uint64(1))
    assert _order(KEY) != _order(None)
    assert _order(KEY) == _order(KEY, size=11)
    assert _order(KEY, drop_last=True) == _order(KEY)[:98]


def test_trees_come_back_as_trees():
    x, y = _examples(5)
    (array,) = batches(x, 5, None)
    np.testing.assert_array_equal(array, x)
    (split,) = batches(Split(x, y), 5, None)
    assert isinstance(split, Split)
    (nested,) = batches({"x": x, "more": [y, (y,)]}, 5, None)
    np.testing.assert_array_equal(nested["more"][1][0], y)


@pytest.mark.parametrize("key", [None, KEY])
def test_batches_own_their_memory(key):
    x = np.zeros((6, 2))
    for batch in batches(x, 3, key):
        batch += 1
    assert not x.any()


@pytest.mark.parametrize(
    ("arrays", "size", "message"),
    [
        ((np.zeros(3), np.zeros(4)), 2, r"\[0\]: \(3,\), \[1\]: \(4,\)"),
        ({"x": np.zeros(3), "y": np.float32(1)}, 2, r"\['y'\]: \(\)"),
        (np.float32(1), 2, "the array"),
        (np.zeros((0, 3)), 2, "not empty"),
        ((), 2, "no array"),
        (np.zeros(3), 0, "at least 1"),
        (np.zeros(3), -2, "at least 1"),
    ],
)
def test_mistakes_are_errors_at_once(arrays, size, message):
    with pytest.raises(ValueError, match=message):
        batches(arrays, size, None)
