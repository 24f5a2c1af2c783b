"""value_and_grad and hvp as SciPy's optimisers take them: real fits through tree.ravel."""

import itertools

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import grad, hessian, hvp, nn, tree, value_and_grad

optimize = pytest.importorskip("scipy.optimize")


def flattened(loss, params, *args):
    """The loss, its gradient and its Hessian-vector product as functions of one vector, for SciPy."""
    flat, unravel = tree.ravel(params)
    f = lambda v: loss(unravel(v), *args)
    return flat.astype(np.float64), unravel, value_and_grad(f), lambda v, p: hvp(f, v, p)


def digits(count):
    """Some digits, coarsened to 7 x 7, and their labels."""
    train = tg.data.digits(dtype=np.float64).train
    coarse = train.images[:count].reshape(count, 7, 4, 7, 4).mean((2, 4))
    return coarse.reshape(count, 49), train.labels[:count]


def softmax_regression(params, x, labels):
    penalty = 1e-3 * np.sum(params["w"] ** 2)
    return nn.cross_entropy(x @ params["w"] + params["b"], labels) + penalty


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG"])
def test_first_order_methods_fit_digits(method):
    x, labels = digits(300)
    params = {"w": np.zeros((x.shape[1], 10)), "b": np.zeros(10)}
    start, unravel, both, _ = flattened(softmax_regression, params, x, labels)
    result = optimize.minimize(both, start, jac=True, method=method, options={"maxiter": 400})
    fitted = unravel(result.x)
    assert tree.structure(fitted) == tree.structure(params)
    assert np.max(np.abs(grad(softmax_regression)(fitted, x, labels)["w"])) < 2e-4
    assert result.fun < 0.7 * np.log(10)


def test_trust_ncg_with_hessian_vector_products_fits_digits_in_a_few_steps():
    x, labels = digits(500)
    params = {"w": np.zeros((x.shape[1], 10)), "b": np.zeros(10)}
    start, unravel, both, product = flattened(softmax_regression, params, x, labels)
    result = optimize.minimize(both, start, jac=True, hessp=product, method="trust-ncg", options={"gtol": 1e-6})
    assert result.success and result.nit < 40
    first = optimize.minimize(
        both, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "gtol": 1e-7, "ftol": 1e-14}
    )
    np.testing.assert_allclose(result.fun, first.fun, rtol=1e-6)  # a convex problem has one minimum
    fitted = unravel(result.x)
    assert np.mean(np.argmax(x @ fitted["w"] + fitted["b"], 1) == labels) > 0.9


def test_a_small_network_is_fitted_to_the_bottom():
    x = np.linspace(-2, 2, 40)[:, None]
    y = np.sin(2 * x) + 0.3 * x

    def loss(params, x, y):
        *hidden, last = params
        for layer in hidden:
            x = np.tanh(x @ layer["w"] + layer["b"])
        return np.mean((x @ last["w"] + last["b"] - y) ** 2)

    rng = np.random.default_rng(0)
    sizes = [1, 8, 8, 1]
    params = [{"w": rng.standard_normal((m, n)), "b": np.zeros(n)} for m, n in itertools.pairwise(sizes)]
    start, unravel, both, product = flattened(loss, params, x, y)
    result = optimize.minimize(both, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "maxfun": 4000})
    assert result.fun < 1e-4 < 0.01 < loss(params, x, y)
    newton = optimize.minimize(both, result.x, jac=True, hessp=product, method="trust-ncg", options={"maxiter": 5})
    assert newton.fun <= result.fun


def test_a_gaussian_process_by_its_marginal_likelihood():
    rng = np.random.default_rng(1)
    x = np.sort(rng.uniform(0, 6, 30))
    y = np.sin(x) + 0.1 * rng.standard_normal(30)

    def minus_log_likelihood(params):
        length, size, noise = np.exp(params["length"]), np.exp(params["size"]), np.exp(params["noise"])
        k = size**2 * np.exp(-((x[:, None] - x) ** 2) / (2 * length**2)) + noise**2 * np.eye(30)
        return 0.5 * (y @ np.linalg.solve(k, y) + np.linalg.slogdet(k)[1])

    params = {"length": 0.0, "size": 0.0, "noise": 0.0}
    start, unravel, both, _ = flattened(minus_log_likelihood, params)
    result = optimize.minimize(both, start, jac=True, method="BFGS")
    noise = np.exp(unravel(result.x)["noise"])
    assert 0.06 < noise < 0.15  # 0.1 was put in
    assert np.all(np.linalg.eigvalsh(hessian(lambda v: minus_log_likelihood(unravel(v)))(result.x)) > 0)


def test_float32_parameters_are_fitted_in_float64():
    params = {"w": np.ones(3, np.float32), "b": np.float32(0)}
    start, unravel, both, _ = flattened(lambda p: np.sum((p["w"] - [1, 2, 3]) ** 2) + (p["b"] - 1) ** 2, params)
    value, g = both(start)
    assert g.dtype == np.float64
    result = optimize.minimize(both, start, jac=True, method="BFGS")
    np.testing.assert_allclose(result.x, [1, 2, 3, 1], atol=1e-6)


def test_root_and_least_squares_take_jacobians():
    f = lambda v: np.stack([v[0] ** 2 + v[1] - 3, np.exp(v[0]) - v[1]])
    root = optimize.root(f, np.array([1.0, 1.0]), jac=tg.jacobian(f))
    np.testing.assert_allclose(f(root.x), 0, atol=1e-10)
    t = np.linspace(0, 2, 20)
    residual = lambda p: p[0] * np.exp(-p[1] * t) - 2 * np.exp(-1.5 * t)
    fit = optimize.least_squares(residual, np.array([1.0, 1.0]), jac=tg.jacfwd(residual))
    np.testing.assert_allclose(fit.x, [2, 1.5], rtol=1e-8)
