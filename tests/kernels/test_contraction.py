"""Contractions against the definition, a sum over all labels."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.kernels import contraction, threads
from tinygrad_np.kernels.contraction import contract
from tinygrad_np.kernels.threads import get_num_threads, set_num_threads

RNG = np.random.default_rng(0)


def naive(xs: Any, inputs: Any, output: str) -> np.ndarray:
    """Add the products at every point of all labels."""
    sizes = {a: n for labels, x in zip(inputs, xs, strict=True) for a, n in zip(labels, x.shape, strict=True)}
    z = np.zeros([sizes[a] for a in output], np.result_type(*xs))
    for point in itertools.product(*map(range, sizes.values())):
        at = dict(zip(sizes, point, strict=True))
        factors = [x[tuple(at[a] for a in labels)] for labels, x in zip(inputs, xs, strict=True)]
        z[tuple(at[a] for a in output)] += math.prod(factors)
    return z


@st.composite
def contractions(draw: Any) -> Any:
    """Draw operands in the normal form, with axes in any order in memory."""
    count = draw(st.integers(1, 4))
    sizes = {a: draw(st.integers(0, 3)) for a in "abcdefg"}
    owners = {a: draw(st.lists(st.booleans(), min_size=count + 1, max_size=count + 1)) for a in sizes}
    owners = {a: of for a, of in owners.items() if sum(of) >= 2 and any(of[:-1])}
    terms = ["".join(draw(st.permutations([a for a, of in owners.items() if of[i]]))) for i in range(count + 1)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = draw(st.sampled_from([np.float32, np.float64, np.complex64]))
    xs = []
    for labels in terms[:-1]:
        order = draw(st.permutations(range(len(labels))))
        x = np.transpose(rng.integers(-8, 9, [sizes[labels[i]] for i in order]) / 8, np.argsort(order)).astype(dtype)
        xs.append(x[tuple(slice(None, None, -1) for _ in labels)] if draw(st.booleans()) else x)
    return xs, tuple(terms[:-1]), terms[-1]


@given(contractions(), st.booleans(), st.sampled_from([0, 256]))
def test_contractions_are_sums_of_products(drawn: Any, optimize: bool, tiny: int) -> None:
    xs, inputs, output = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contraction, "_TINY", tiny)
        z = contract(xs, inputs, output, optimize=optimize)
    np.testing.assert_array_equal(z, naive(xs, inputs, output))
    assert z.dtype == xs[0].dtype


CASES = [
    ("bij,bjk->bik", (5, 30, 40), (5, 40, 20)),
    ("bqhd,bkhd->bhqk", (3, 33, 4, 17), (3, 20, 4, 17)),
    ("bhqk,bkhd->bqhd", (3, 4, 33, 20), (3, 20, 4, 17)),
    ("nhwc,cf->nhwf", (3, 9, 8, 12), (12, 7)),
    ("nhwc,nhwf->cf", (3, 9, 8, 12), (3, 9, 8, 7)),
    ("ijk,kl->jil", (10, 20, 30), (30, 40)),  # left labels apart in the output
    ("bij,bjk->ikb", (5, 30, 40), (5, 40, 20)),  # the stack last
    ("ijk,jl->ilk", (10, 20, 30), (20, 40)),  # no contiguous rows
    ("ij,jk->ki", (30, 40), (40, 20)),
    ("bij,bj->bi", (50, 3, 3), (50, 3)),
]


@pytest.mark.parametrize(("text", "a", "b"), CASES)
def test_products_equal_einsum_on_the_lattice(text: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = (RNG.integers(-8, 9, shape) / 8 for shape in (a, b))
    left, _, output = text.partition("->")
    z = contract((x, y), tuple(left.split(",")), output)
    np.testing.assert_array_equal(z, np.einsum(text, x, y))


def test_a_result_that_attention_needs_is_contiguous() -> None:
    x, y = RNG.standard_normal((3, 4, 33, 20)), RNG.standard_normal((3, 20, 4, 17))
    assert contract((x, y), ("bhqk", "bkhd"), "bqhd").flags.c_contiguous


def test_the_number_of_threads_does_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("threadpoolctl")
    monkeypatch.setattr(threads, "TASK", 10_000)
    x, y = RNG.standard_normal((11, 30, 40), np.float32), RNG.standard_normal((11, 40, 20), np.float32)
    before = get_num_threads()
    try:
        results = []
        for n in (1, 2, 3):
            set_num_threads(n)
            results.append(contract((x, y), ("bij", "bjk"), "bik").tobytes())
    finally:
        set_num_threads(before)
    assert len(set(results)) == 1


def test_three_operands_are_multiplied_in_the_cheapest_order() -> None:
    x, y, v = RNG.standard_normal((2, 300)), RNG.standard_normal((300, 200)), RNG.standard_normal(200)
    z = contract((x, y, v), ("ij", "jk", "k"), "i", optimize=True)
    np.testing.assert_allclose(z, x @ (y @ v))


def test_numbers_are_operands_too() -> None:
    assert contract((2.0, np.array([1.0, 2.0])), ("", "i"), "i").tolist() == [2, 4]
    assert contract((2.0, 3.0), ("", ""), "") == 6
