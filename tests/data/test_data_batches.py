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


@pytest.mark.parametrize("size", [2.0, True, None])
def test_a_size_that_is_no_integer_is_an_error(size):
    with pytest.raises(TypeError, match=f"batches: size must be an integer, not {size}"):
        batches(np.zeros(3), size, None)


@pytest.mark.parametrize("order", [np.array([4, 0, 0, 2, 4]), [4, 0, 0, 2, 4]])
def test_an_order_says_which_examples_come_when(order):
    assert [y.tolist() for _, y in batches(_examples(5), 2, None, order=order)] == [[4, 0], [0, 2], [4]]
    assert [len(y) for _, y in batches(_examples(5), 2, None, order=order, drop_last=True)] == [2, 2]


@pytest.mark.parametrize(
    ("order", "key", "message"),
    [
        ([0, 5], None, "order names example 5 of 5"),
        ([0, -1], None, "order names example -1 of 5"),
        ([0.0, 1.0], None, r"order must be integers of shape \(n,\), not float64 \(2,\)"),
        ([[0], [1]], None, r"not int64 \(2, 1\)"),
        ([0, 1], KEY, "pass key=None"),
    ],
)
def test_an_order_that_does_not_fit_is_an_error_at_once(order, key, message):
    with pytest.raises(ValueError, match=message):
        batches(_examples(5), 2, key, order=order)
