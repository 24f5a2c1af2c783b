"""Reductions and statistics beyond their examples: conventions, nan, options, errors, batched data."""

import numpy as np
import pytest

from tinygrad_np import grad, vjp
from tinygrad_np.inspect.surface.base import POSITIVE, T3, A, V
from tinygrad_np.testing import check_grads
from tinygrad_np.transforms.batch import vmap
from tinygrad_np.transforms.forward import jvp

nan = np.nan
N = np.array([[0.5, nan, 2.0], [nan, nan, nan], [1.5, 0.25, -0.75]])
METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip

# name: (function, where, its gradient)
CONVENTIONS = {
    "max with initial halves a tie": (lambda x: np.max(x, initial=3.0), [1.0, 3.0], [0, 0.5]),
    "max below initial": (lambda x: np.max(x, initial=4.0), [1.0, 3.0], [0, 0]),
    "max where": (lambda x: np.max(x, initial=0.0, where=np.array([True, False])), [1.0, 3.0], [1, 0]),
    "ptp of equals": (np.ptp, [1.0, 1.0], [0, 0]),
    "std where of equals": (lambda x: np.std(x, where=np.array([True, True, False])), [2.0, 2.0, 5.0], [0, 0, 0]),
    "nanstd of equals": (np.nanstd, [2.0, 2.0, nan], [0, 0, 0]),
    "median of an even number": (np.median, [4.0, 1.0, 3.0, 2.0], [0, 0, 0.5, 0.5]),
    "median among equals": (np.median, [1.0, 3.0, 1.0, 1.0, 0.0], [0, 0, 1, 0, 0]),
    "median with nan": (np.median, [1.0, nan, 3.0], [0, 0, 0]),
    "nanmedian": (np.nanmedian, [1.0, nan, 3.0], [0.5, 0, 0.5]),
    "nanmedian of nan": (np.nanmedian, [nan, nan], [0, 0]),
    "quantile with nan": (lambda x: np.quantile(x, 0.5), [1.0, nan, 3.0], [0, 0, 0]),
    "nanquantile of nan": (lambda x: np.nanquantile(x, 0.5), [nan, nan], [0, 0]),
    "quantile between": (lambda x: np.quantile(x, 0.25), [3.0, 1.0, 2.0], [0, 0.5, 0.5]),
    "quantile 1": (lambda x: np.quantile(x, 1), [3.0, 1.0, 2.0], [1, 0, 0]),
    "nansum": (np.nansum, [1.0, nan, 3.0], [1, 0, 1]),
    "nanprod": (np.nanprod, [2.0, nan, 3.0, 0.0], [0, 0, 0, 6]),
    "nanmean": (np.nanmean, [1.0, nan, 3.0, 4.0], [1 / 3, 0, 1 / 3, 1 / 3]),
    "nanmax": (np.nanmax, [1.0, nan, 3.0, 3.0], [0, 0, 0.5, 0.5]),
    "nanmin of nan": (np.nanmin, [nan, nan], [0, 0]),
    "nanmean of nan": (np.nanmean, [nan, nan], [0, 0]),
    "nanvar of nan": (np.nanvar, [nan, nan], [0, 0]),
    "nanvar without freedom": (lambda x: np.nanvar(x, ddof=1), [nan, 2.0], [0, 0]),
    "cumprod of a zero": (lambda x: np.sum(np.cumprod(x)), [2.0, 0.0, 3.0], [1, 8, 0]),
    "cumprod of two zeros": (lambda x: np.cumprod(x)[2], [0.0, 0.0, 3.0], [0, 0, 0]),
    "nancumprod": (lambda x: np.nancumprod(x)[2], [2.0, nan, 3.0], [3, 0, 2]),
    "unwrap": (lambda x: np.sum(np.unwrap(x) * [1, 2]), [0.0, 6.0], [1, 2]),
    "counts": (lambda x: np.histogram(x, [0, 1, 2])[0] @ x, [0.5, 1.75], [1, 1]),
    "nanargmax": (lambda x: x[np.nanargmax(x)], [0.5, nan, 1.75], [0, 0, 1]),
    "nanargmin": (lambda x: x[np.nanargmin(x)], [0.5, nan, 1.75], [1, 0, 0]),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_convention(name):
    f, x, expected = CONVENTIONS[name]
    np.testing.assert_allclose(grad(f)(np.array(x)), expected, rtol=1e-15)


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own about nothing but nan
def test_nan_is_left_out_and_gets_no_gradient(name, axis):
    f = getattr(np, name)
    expected = f(N, axis=axis)
    y, pullback = vjp(lambda x: f(x, axis=axis), N)
    np.testing.assert_allclose(y, expected, rtol=1e-15)
    (x_bar,) = pullback(np.ones_like(y))
    assert not np.any(x_bar[np.isnan(N)])
    assert np.all(np.isfinite(x_bar))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("q", [0.0, 0.1, 0.25, 0.4, 0.5, 2 / 3, 0.9, 1.0])
def test_quantiles_are_numpys(method, q):
    if method == "closest_observation" and np.__version__ == "2.0.0":
        pytest.skip("rounds to the nearest even place since NumPy 2.0.1")
    x = np.array([0.5, -1.25, 2.0, 1.0, -0.5])
    with_nan = np.insert(x, 2, nan)
    for f, data in ((np.quantile, x), (np.nanquantile, with_nan), (np.nanquantile, x)):
        y, pullback = vjp(lambda x, f=f: f(x, q, method=method), data)
        assert y == f(data, q, method=method)
        assert pullback(1.0)[0].sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("weights", [[1.0, 2.0, 0.0, 0.5, 3.0], [0.0, 1.0, 1.0, 1.0, 1.0]])
def test_weighted_quantiles_are_numpys(weights):
    x = np.array([0.5, -1.25, 2.0, 1.0, -0.5])
    q = np.array([0.0, 0.3, 0.5, 0.77, 1.0])
    y, pullback = vjp(lambda x, w: np.quantile(x, q, weights=w, method="inverted_cdf"), x, np.array(weights))
    np.testing.assert_array_equal(y, np.quantile(x, q, weights=weights, method="inverted_cdf"))
    x_bar, w_bar = pullback(np.ones(5))
    assert x_bar.sum() == 5
    assert not w_bar.any()


def test_initial_and_where_can_be_tensors_beside_one():
    check_grads(lambda x, v: np.sum(x, initial=v) * np.prod(x, initial=v) + np.min(x, initial=v), (A, -0.5), order=2)
    mask = np.array([[True, False, True], [False, True, True]])
    masked = vmap(lambda x, m: np.mean(x, where=m))(np.stack([A, A]), np.stack([mask, ~mask]))
    np.testing.assert_allclose(masked, [A[mask].mean(), A[~mask].mean()], rtol=1e-14)


def test_var_of_one_value_without_freedom_is_as_numpys():
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="freedom"):
        y, pullback = vjp(lambda x: np.var(x, ddof=1), np.array([2.0]))
    assert np.isnan(y)
    assert np.isnan(pullback(1.0)[0][0])


def test_jvp_of_extrema_shares_among_ties():
    _, y_dot = jvp(np.max, (np.array([1.0, 3.0, 3.0]),), (np.array([1.0, 2.0, 4.0]),))
    assert y_dot == 3.0


def test_integers_under_vmap():
    x = np.array([[3, 1, 2], [5, 7, 4]])
    for f in (np.sum, np.prod, np.cumprod, np.cumsum, np.median, np.var, np.std, np.mean, np.nansum, np.ptp, np.nanmax,
              np.linalg.norm, np.diff, np.gradient, np.nanmedian, np.nanvar, np.nanmean, np.nancumprod, np.ediff1d,
              lambda x: np.quantile(x, 0.3), lambda x: np.average(x, weights=x), lambda x: np.unwrap(x, period=4),
              np.trapezoid, lambda x: np.prod(x > 2), lambda x: np.cumprod(x > 2), lambda x: np.diff(x > 2),
              lambda x: np.mean(x, where=x > 1), np.nanargmax, np.nanargmin):  # fmt: skip
        ours, loop = vmap(f)(x), np.stack([f(row) for row in x])
        assert ours.dtype == loop.dtype
        np.testing.assert_allclose(ours, loop, rtol=1e-14)


X = np.array([[0.5, -1.25, 2.0, 0.125, 1.0], [0.25, 1.5, -0.5, 3.0, 1.0]])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: np.histogram(x, 3)[0],
        lambda x, w: np.histogram(x, 3, weights=w),
        lambda x, w: np.histogram(x, 4, (-1, 1), density=True),
        lambda x, w: np.histogram(x, np.sort(w), density=True),
        lambda x, w: np.histogram2d(x, w, [2, 3]),
        lambda x, w: tuple(np.histogramdd(np.stack([x, w], 1), 2, weights=w, density=True)[1]),
        lambda x, w: np.histogramdd(np.stack([x, w], 1), 2, weights=w, density=True)[0],
        lambda x, w: np.histogram_bin_edges(x, 4),
        lambda x, w: np.digitize(x, np.sort(w)),
        lambda x, w: np.digitize(x, np.array([2.0, 1.0]), True),
        lambda x, w: np.quantile(x, np.array([0.2, 0.9]), weights=np.abs(w), method="inverted_cdf"),
    ],
)
@pytest.mark.parametrize("in_axes", [(0, 0), (0, None), (None, 0)])
def test_batched_data_is_a_loop(f, in_axes):
    args = [z if a == 0 else z[0] for z, a in zip((X, X[::-1]), in_axes, strict=True)]
    each = [f(*[z[k] if a == 0 else z for z, a in zip(args, in_axes, strict=True)]) for k in range(2)]
    as_tuple = lambda y: tuple(y) if isinstance(y, tuple | list) else (y,)
    for ours, *rest in zip(as_tuple(vmap(f, in_axes)(*args)), *map(as_tuple, each), strict=True):
        np.testing.assert_allclose(ours, np.stack(rest), rtol=1e-14)
        assert ours.dtype == rest[0].dtype


def test_histograms_are_numpys():
    rng = np.random.default_rng(3)
    x, y, w = rng.standard_normal((3, 200)).round(1)
    for bins, limits in ((7, None), (5, (-1, 1)), ([-1.0, 0.0, 0.1, 2.0], None), ("sturges", None)):
        weights = None if bins == "sturges" else w
        expected = np.histogram(x, bins, limits, weights=weights)
        counts = grad(
            lambda x, b=bins, r=limits, w=weights: (np.sum(x), np.histogram(x, b, r, weights=w)), has_aux=True
        )
        for ours, numpys in zip(counts(x)[1], expected, strict=True):
            np.testing.assert_allclose(ours, numpys, rtol=1e-13, atol=1e-13)
            assert ours.dtype == numpys.dtype
        if bins != "sturges":
            ours = vjp(lambda w, b=bins: np.histogram2d(x, y, b, weights=w)[0], w)[0]
            np.testing.assert_allclose(ours, np.histogram2d(x, y, bins, weights=w)[0], rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(
        vjp(lambda w: np.histogram(x, 3, weights=w)[0], w.astype(np.float32))[0].dtype, np.float32
    )


def test_size_zero():
    empty = np.ones((0, 3))
    for f in (np.sum, np.prod, np.cumsum, np.cumprod, np.nansum, np.nanprod, lambda x: np.max(x, initial=2.0),
              lambda x: np.min(x, axis=0, initial=2.0), lambda x: np.diff(x, axis=1), lambda x: np.diff(x, axis=0),
              lambda x: np.max(x, axis=1), lambda x: np.median(x, axis=1), lambda x: np.trapezoid(x, axis=0),
              np.ediff1d, lambda x: np.quantile(x, 0.5, axis=1), np.linalg.norm):  # fmt: skip
        y, pullback = vjp(f, empty)
        np.testing.assert_array_equal(y, f(empty))
        assert pullback(np.ones_like(y))[0].shape == (0, 3)
    assert np.isnan(vjp(np.median, empty)[0])


ERRORS = {
    "max where": (lambda x: np.max(x, where=x > 0), "give initial="),
    "initial": (lambda x: np.sum(x, axis=0, initial=V), r"one number, got shape \(3,\)"),
    "two corrections": (lambda x: np.nanvar(x, ddof=1, correction=2), "one option"),
    "norm": (lambda x: np.linalg.norm(x, 3), "ord=3 over 2 axes"),
    "norm axes": (lambda x: np.linalg.norm(x[None], 2), "over 3 axes"),
    "vector_norm": (lambda x: np.linalg.vector_norm(x, ord="fro"), "ord='fro'"),
    "quantile q": (lambda x: np.quantile(x, 1.5), "between 0 and 1"),
    "percentile q": (lambda x: np.percentile(x, -1), "between 0 and 100"),
    "method": (lambda x: np.quantile(x, 0.5, method="best"), "method='best'; use one of inverted_cdf"),
    "quantile weights": (lambda x: np.quantile(x, 0.5, weights=POSITIVE), "only 'inverted_cdf'"),
    "quantile of none": (lambda x: np.quantile(x[:0], 0.5), "no values"),
    "weights of zero": (lambda x: np.quantile(x, 0.5, weights=0 * x, method="inverted_cdf"), "sum to zero"),
    "diff": (lambda x: np.diff(x, -1), "n=-1"),
    "gradient order": (lambda x: np.gradient(x, edge_order=3), "use 1 or 2"),
    "gradient length": (lambda x: np.gradient(x, axis=0, edge_order=2), "wants 3 elements"),
    "gradient spacing": (lambda x: np.gradient(x, V, V), r"coordinates of shape \(2,\), got shape \(3,\)"),
    "histogram edges": (lambda x: np.histogram(x, [1.0, 0.0]), "must increase"),
    "histogram weights": (lambda x: np.histogram(x, weights=V), r"\(3,\) for values of shape \(2, 3\)"),
    "histogramdd": (lambda x: np.histogramdd(x, (2, 2)), "2 bins and 3 ranges for 3 dimensions"),
    "histogram2d": (lambda x: np.histogram2d(x[0], x[0, :2]), "differ in length"),
    "bincount weights": (lambda x: np.bincount([0, 1], x[0]), "real number for each"),
    "average weights": (lambda x: np.average(x, axis=0, weights=V), "do not fit axis 0"),
    "cov weights": (lambda x: np.cov(x, aweights=V[:2] ** 2), "2,.*for 3 observations"),
    "cov negative": (lambda x: np.cov(x, aweights=V), "cannot be negative"),
    "cov axes": (lambda x: np.cov(x[None]), "at most 2 axes"),
    "nanargmax": (lambda x: np.nanargmax(x * nan), "nothing but nan"),
    **({"cumulative_sum": (lambda x: np.cumulative_sum(x), "say which with axis=")} if hasattr(np, "cumulative_sum") else {}),
}  # fmt: skip
TYPE_ERRORS = {
    "quantile of complex": (lambda x: np.quantile(x + 1j, 0.5), "no order"),
    "average without axis": (lambda x: np.average(x, weights=V), "want an axis="),
    "gradient spacings": (lambda x: np.gradient(x, 1.0, 2.0, 3.0), "3 spacings for 2 axes"),
    "ediff1d": (lambda x: np.ediff1d(x, to_end=1j), "cast to the array's float64"),
    "bins of weights": (lambda x: np.histogram(x, "auto", weights=x), "knows no weights="),
    "range": (lambda x: np.histogram(x, 3, (x[0, 0], 4)), "float of a Tensor"),
    "out": (lambda x: np.median(x, out=np.empty(())), "out= cannot"),
    "unknown option": (lambda x: np.nanmean(x, casting="same_kind"), "unexpected|not supported"),
    "complex weights": (lambda x: np.cov(x, aweights=[1j, 2, 3]), "are real numbers"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong(name):
    f, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        vjp(f, A)


@pytest.mark.parametrize("name", TYPE_ERRORS)
def test_type_errors_say_what_is_wrong(name):
    f, words = TYPE_ERRORS[name]
    with pytest.raises(TypeError, match=words):
        vjp(f, A)


def test_average_of_zero_weights():
    with pytest.raises(ZeroDivisionError, match="sum to zero"):
        grad(lambda x: np.average(x, weights=0 * x))(V)


def test_what_differs_in_length_between_examples_is_refused_under_vmap():
    with pytest.raises(TypeError, match=r"np\.bincount.*at\(np\.zeros"):
        vmap(np.bincount)(np.array([[0, 1], [1, 5]]))
    with pytest.raises(TypeError, match="number of bins='auto'"):
        vmap(lambda x: np.histogram(x, "auto")[0])(T3[0])
