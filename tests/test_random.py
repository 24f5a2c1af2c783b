from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import random

KEY = random.key(42)
DTYPES = [np.float16, np.float32, np.float64]
shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)
seeds = st.integers(0, 2**64 - 1)


def words(*hexadecimal):
    return np.array([int(word, 16) for word in hexadecimal], np.uint64)


def test_the_stream_is_philox_4x64_10_as_published():
    # the first known answer that the authors of Random123 distribute; NumPy counts up before it encrypts
    raw = np.random.Philox(key=np.zeros(2, np.uint64), counter=np.full(4, 2**64 - 1, np.uint64)).random_raw(4)
    np.testing.assert_array_equal(
        raw, words("16554d9eca36314c", "db20fe9d672d0fdc", "d7e772cee186176b", "7e68b68aec7ba23b")
    )


@pytest.mark.parametrize(
    ("drawn", "golden"),
    [
        (KEY, words("9f2c43d7b0f8726c", "8ab005cd59fbde71")),
        (
            random.split(KEY, 3).ravel(),
            words(
                *("744655485aba4e2a", "c2b26ba37d0e8c04", "dbcb8e576472c155"),
                *("9e58a97bb478ad9b", "4bff85409de5b76c", "864293a9b223192a"),
            ),
        ),
        (random.fold_in(KEY, 7), words("23728f136c9adaa5", "781174412119e151")),
        (
            random.bits(KEY, 5),
            words("7f052f124e5b2d92", "1186fc0ff75e09e", "2b57daee84abb184", "951240de6315cfb9", "70692a86639aad13"),
        ),
        (random.uniform(KEY, 4), np.float32([0.49617285, 0.004279077, 0.16930926, 0.5823097])),
        (
            random.uniform(KEY, 4, np.float64, -1, 3),
            np.array([0.9846913985033319, -0.9828835120444257, -0.32276274401858007, 1.3292390987156435]),
        ),
        (random.uniform(KEY, 4, np.float16), np.float16([0.496, 0.003906, 0.169, 0.582])),
        (random.randint(KEY, 8, -10, 10), np.array([-8, -8, -2, -5, -7, -3, -8, -7])),
        (random.permutation(KEY, 10), np.array([1, 2, 9, 4, 5, 0, 3, 6, 8, 7])),
        (random.bernoulli(KEY, 0.3, 8), np.array([False, True, True, False, False, False, False, False])),
    ],
    ids=["key", "split", "fold_in", "bits", "float32", "float64", "float16", "randint", "permutation", "bernoulli"],
)
def test_golden_values_are_equal_to_the_bit(drawn, golden):
    assert drawn.dtype == golden.dtype
    np.testing.assert_array_equal(drawn, golden)


def test_golden_values_of_normal():
    golden = [1.170492709341019, 0.03147805680355323, -0.5294385919212343, -0.30114833925245615, -1.055497271908256]
    np.testing.assert_allclose(random.normal(KEY, 5, np.float64), golden, rtol=1e-13)  # log, sin, cos differ by machine
    for dtype in (np.float16, np.float32):
        np.testing.assert_array_equal(random.normal(KEY, 5, dtype), np.array(golden, dtype))


@given(shapes, st.sampled_from(DTYPES))
def test_shapes_and_dtypes(shape, dtype):
    for function in (random.uniform, random.normal):
        x = function(KEY, shape, dtype)
        assert isinstance(x, np.ndarray)
        assert (x.shape, x.dtype) == (shape, dtype)
    for x, expected in (
        (random.bits(KEY, shape), np.uint64),
        (random.randint(KEY, shape, 0, 5), np.int64),
        (random.bernoulli(KEY, 0.5, shape), np.bool_),
    ):
        assert isinstance(x, np.ndarray)
        assert (x.shape, x.dtype) == (shape, expected)


@given(seeds)
def test_functions_are_pure(seed):
    key = random.key(seed)
    key.setflags(write=False)
    for draw in (random.bits, random.split, random.normal, lambda k: random.fold_in(k, 3), random.uniform):
        first = draw(key)
        first.flat[...] = 0
        assert draw(key).any()
        np.testing.assert_array_equal(draw(key), draw(key))


@given(st.lists(seeds, min_size=2, max_size=20, unique=True))
def test_keys_of_different_seeds_differ(distinct):
    assert len({random.key(seed).tobytes() for seed in distinct}) == len(distinct)


def test_the_uses_of_a_key_share_no_word():
    drawn = random.bits(KEY, 4000)
    split = random.split(KEY, 2000).ravel()
    folded = np.concatenate([random.fold_in(KEY, data) for data in range(1000)])
    assert np.unique(np.concatenate([drawn, split, folded, KEY])).size == 4000 + 4000 + 2000 + 2


def test_fold_in_takes_integers_of_any_type():
    for data in (5, np.int64(5), np.uint8(5), np.array(5)):
        np.testing.assert_array_equal(random.fold_in(KEY, data), random.fold_in(KEY, 5))


def test_parent_and_children_are_uncorrelated():
    rows = [KEY, *random.split(KEY, 4), *(random.fold_in(KEY, i) for i in range(3)), random.key(43)]
    n = 100_000
    correlations = np.corrcoef([random.normal(row, n, np.float64) for row in rows])
    off_diagonal = correlations[~np.eye(len(rows), dtype=bool)]
    assert np.abs(off_diagonal).max() < 4.5 / np.sqrt(n)


def test_every_bit_of_a_word_is_fair_and_successive_words_are_independent():
    n = 50_000
    x = random.bits(KEY, n)
    bits = (x[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert np.abs(bits.mean(0) - 0.5).max() < 4.5 * 0.5 / np.sqrt(n)
    changed = np.mean(bits[1:] != bits[:-1], axis=0)
    assert np.abs(changed - 0.5).max() < 4.5 * 0.5 / np.sqrt(n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_has_the_uniform_distribution(dtype):
    n = 100_000
    x = np.sort(random.uniform(KEY, n, dtype).astype(np.float64))
    distance = np.abs(x - np.arange(n) / n).max()  # Kolmogorov and Smirnov: below 1.95 / sqrt(n) but once in 1000
    assert distance < 1.95 / np.sqrt(n) + 2.0**-11 * (dtype is np.float16)


def test_normal_has_the_moments_of_the_normal_distribution():
    n = 200_000
    x = random.normal(KEY, n, np.float64)
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(x**power) - moment) < 4 * np.sqrt(variance / n)
    assert abs(np.mean(np.abs(x) < 1) - 0.682689492) < 4 * np.sqrt(0.68 * 0.32 / n)
    pairs = x.reshape(-1, 2)  # of one Box-Muller transform
    assert abs(np.mean(pairs[:, 0] * pairs[:, 1])) < 4 / np.sqrt(n / 2)


@pytest.mark.parametrize("word", [0, 2**64 - 1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_extreme_words_stay_in_bounds(word, dtype):
    with mock.patch.object(random, "_draw", lambda key, shape: np.full(np.prod(shape, dtype=int), word, np.uint64)):
        for low, high in ((0, 1), (1, 2), (-1, 1), (1, 1.001), (3.7, 1000), (-1000, -999), (0, 6e-8), (-3e4, 3e4)):
            x = random.uniform(KEY, 2, dtype, low, high)
            assert np.all((dtype(low) <= x) & (x < dtype(high)))
        assert np.all(np.abs(random.normal(KEY, 2, dtype)) <= dtype(8.58))
        assert not random.bernoulli(KEY, 0.0)
        assert random.bernoulli(KEY, 1.0)


@pytest.mark.parametrize("p", [0.0, 0.01, 0.3, 1.0])
def test_bernoulli_has_its_probability(p):
    n = 100_000
    assert abs(random.bernoulli(KEY, p, n).mean() - p) <= 4.5 * np.sqrt(p * (1 - p) / n)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_randint_stays_in_its_range(a, b):
    low, high = min(a, b), max(a, b) + 1
    x = random.randint(KEY, 20, low, high)
    assert all(low <= entry < high for entry in x.tolist())


def test_randint_is_even():
    counts = np.bincount(random.randint(KEY, 60_000, 0, 6))
    assert np.sum((counts - 10_000) ** 2 / 10_000) < 20.5  # chi-square of 5 degrees of freedom: once in 1000


def test_randint_has_no_modulo_bias():
    # the range has 3 * 2**62 members: were no word rejected, the lowest third would be drawn half of the time
    x = random.randint(KEY, 20_000, -(2**63), 2**62)
    assert abs(np.mean(x < -(2**62)) - 1 / 3) < 4.5 * np.sqrt(2 / 9 / 20_000)
    assert np.unique(x).size == x.size  # what replaces the rejected is new


@given(st.integers(0, 50), seeds)
def test_permutation_is_one(n, seed):
    np.testing.assert_array_equal(np.sort(random.permutation(random.key(seed), n)), np.arange(n))


def test_equal_words_keep_their_order():
    words = np.random.default_rng(0).integers(0, 9, 1000).astype(np.uint64)
    with mock.patch.object(random, "_draw", return_value=words):
        np.testing.assert_array_equal(random.permutation(KEY, 1000), np.argsort(words, kind="stable"))


def test_all_permutations_are_equally_likely():
    trials = 12_000
    orders = [tuple(random.permutation(key, 4)) for key in random.split(KEY, trials)]
    counts = np.array(list({order: orders.count(order) for order in set(orders)}.values()))
    assert counts.size == 24
    assert np.sum((counts - trials / 24) ** 2 / (trials / 24)) < 49.7  # chi-square of 23: once in 1000


def test_permutation_of_an_array_permutes_its_rows():
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    y = random.permutation(KEY, x)
    np.testing.assert_array_equal(y, x[random.permutation(KEY, 6)])
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(random.permutation(KEY, [3, 4, 5]), np.array([3, 4, 5])[random.permutation(KEY, 3)])


@pytest.mark.parametrize(
    "function",
    [
        *(random.split, random.bits, random.uniform, random.normal, random.bernoulli),
        lambda key: random.fold_in(key, 1),
        lambda key: random.randint(key, (), 0, 2),
        lambda key: random.permutation(key, 3),
    ],
)
@pytest.mark.parametrize(
    ("key", "message"),
    [
        (0, r"got 0; make one with random.key\(seed\)"),
        (np.zeros(2), r"got shape \(2,\), dtype float64"),
        (random.split(KEY, 3), r"got shape \(3, 2\), dtype uint64; these are several keys: .*vmap"),
    ],
)
def test_what_is_no_key_is_refused(function, key, message):
    with pytest.raises(TypeError, match=r"random\.\w+: key must be a uint64 array of shape \(2,\), " + message):
        function(key)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random.key(-1), ValueError, "random.key: seed must be from 0 to 18446744073709551615, got -1"),
        (lambda: random.key(2**64), ValueError, "random.key: seed must be from 0"),
        (lambda: random.key(1.5), TypeError, "random.key: seed must be an integer, got 1.5"),
        (lambda: random.split(KEY, -1), ValueError, "random.split: n must be from 0"),
        (lambda: random.fold_in(KEY, np.int64(-1)), ValueError, "random.fold_in: data must be from 0"),
        (lambda: random.fold_in(KEY, 1.0), TypeError, "random.fold_in: data must be an integer"),
        (lambda: random.bits(KEY, (2, -1)), ValueError, "random.bits: an entry of shape must be from 0"),
        (lambda: random.normal(KEY, 2.0), TypeError, "random.normal: shape must be an integer"),
        (lambda: random.normal(KEY, 2, np.int32), TypeError, "random.normal: dtype must be float16, float32 or"),
        (lambda: random.uniform(KEY, 2, low=2, high=1), ValueError, r"no float32 lies in \[low, high\) = \[2.0, 1.0\)"),
        (lambda: random.uniform(KEY, 2, low=1, high=1 + 1e-12), ValueError, "no float32 lies in"),
        (lambda: random.uniform(KEY, 2, np.float16, 0, 1e5), ValueError, "its width exceeds 65504"),
        (lambda: random.uniform(KEY, 2, np.float16, -4e4, 4e4), ValueError, "its width exceeds 65504"),
        (lambda: random.uniform(KEY, 2, low=np.nan), TypeError, "random.uniform: low must be a finite static number"),
        (lambda: random.bernoulli(KEY, (3,)), TypeError, "random.bernoulli: p must be a finite static number"),
        (lambda: random.bernoulli(KEY, 1.1), ValueError, "random.bernoulli: p must be a probability .* got 1.1"),
        (lambda: random.randint(KEY, 2, 4, 4), ValueError, "random.randint: high must be from 5 .* got 4"),
        (lambda: random.randint(KEY, 2, 0, 2**63 + 1), ValueError, "random.randint: high must be"),
        (lambda: random.permutation(KEY, 2.0), TypeError, "random.permutation: x must be an int or have rows"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
