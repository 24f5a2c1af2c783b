"""Special functions, and the ufuncs of scipy.special if SciPy is there.

An entry of UFUNCS gives each argument its domain (low, high) on the lattice, or "n", "v", "c" for arguments without a
derivative: integer orders as floats, real orders, and parameters; "k" integer orders.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_np.ops.scipy_table import RULES, enter

from .base import CASES, broadcast_shapes, case, lattice, shapes

try:
    import scipy.special as scipy_special
except ModuleNotFoundError:
    scipy_special = None


CASES["tinygrad_np.ops.special.erf"] = shapes.flatmap(lambda s: lattice(s)).map(lambda x: ((x,), {}))


@case("ops.special.i0_op")
def _i0(draw: Any) -> Any:
    return (draw(shapes.flatmap(lambda s: lattice(s, -4, 4))),), {"order": draw(st.integers(0, 3))}


@case("ops.special.sinc_op")
def _sinc(draw: Any) -> Any:
    return (draw(shapes.flatmap(lambda s: lattice(s, -4, 4))),), {"order": draw(st.integers(0, 3))}


ANY, POSITIVE, UNIT, NONZERO = (-2, 2), (0.25, 3), (0.125, 0.75), (0.25, 2)
UFUNCS: dict[str, list[Any]] = {
    "gamma": [POSITIVE], "gammaln": [POSITIVE], "loggamma": [POSITIVE], "rgamma": [ANY], "psi": [POSITIVE],
    "_zeta": ["s", POSITIVE], "poch": [POSITIVE, POSITIVE], "binom": [(2, 3), (0.25, 1.5)], "beta": [POSITIVE] * 2,
    "betaln": [POSITIVE] * 2, "betainc": ["c", "c", UNIT], "betaincc": ["c", "c", UNIT], "betaincinv": ["c", "c", UNIT],
    "betainccinv": ["c", "c", UNIT], "gammainc": [POSITIVE] * 2, "gammaincc": [POSITIVE] * 2,
    "gammaincinv": [(0.5, 3), UNIT], "gammainccinv": [(0.5, 3), UNIT], "chdtr": [(0.5, 3), POSITIVE],
    "chdtrc": [(0.5, 3), POSITIVE], "gdtr": [POSITIVE] * 3, "gdtrc": [POSITIVE] * 3, "pdtr": ["v", POSITIVE],
    "pdtrc": ["v", POSITIVE], "fdtr": ["c", "c", POSITIVE], "fdtrc": ["c", "c", POSITIVE], "stdtr": ["c", ANY],
    "stdtrit": ["c", UNIT], "chdtri": ["c", UNIT],
    "jv": ["v", POSITIVE], "yv": ["v", POSITIVE], "yn": ["k", POSITIVE], "kv": ["v", POSITIVE], "kn": ["k", POSITIVE],
    "iv": ["v", POSITIVE], "ive": ["v", POSITIVE], "kve": ["v", POSITIVE], "jve": ["v", POSITIVE], "yve": ["v", POSITIVE],
    "hankel1": ["v", POSITIVE], "hankel2": ["v", POSITIVE], "hankel1e": ["v", POSITIVE], "hankel2e": ["v", POSITIVE],
    "j0": [ANY], "j1": [ANY], "y0": [POSITIVE], "y1": [POSITIVE], "i0": [ANY], "i1": [ANY], "k0": [POSITIVE],
    "k1": [POSITIVE], "i0e": [ANY], "i1e": [ANY], "k0e": [POSITIVE], "k1e": [POSITIVE],
    **{name: [ANY] for name in ("ber", "bei", "berp", "beip")},
    **{name: [POSITIVE] for name in ("ker", "kei", "kerp", "keip")},
    "struve": ["v", POSITIVE], "modstruve": ["v", POSITIVE], "itstruve0": [POSITIVE], "it2struve0": [POSITIVE],
    "itmodstruve0": [POSITIVE], "itj0y0": [POSITIVE], "iti0k0": [POSITIVE], "airy": [ANY], "fresnel": [ANY],
    "erf": [ANY], "erfc": [ANY], "erfi": [ANY], "erfcx": [ANY], "dawsn": [ANY], "wofz": [ANY],
    "erfinv": [(-0.75, 0.75)], "erfcinv": [(0.25, 1.625)], "ndtr": [ANY], "log_ndtr": [ANY], "ndtri": [UNIT],
    "ndtri_exp": [(-2, -0.25)], "owens_t": [ANY, ANY], "voigt_profile": [ANY, POSITIVE, POSITIVE],
    "expm1": [ANY], "log1p": [(-0.75, 2)], "exp2": [ANY], "exp10": [ANY], "cbrt": [POSITIVE], "exprel": [ANY],
    "cosm1": [ANY], "sindg": [ANY], "cosdg": [ANY], "tandg": [ANY], "cotdg": [POSITIVE], "powm1": [POSITIVE, ANY],
    "expit": [ANY], "log_expit": [ANY], "logit": [UNIT], "exp1": [POSITIVE], "expi": [POSITIVE], "expn": ["k", POSITIVE],
    "sici": [POSITIVE], "shichi": [POSITIVE], "wrightomega": [ANY], "_lambertw": [POSITIVE, "0", "tol"],
    "xlogy": [ANY, POSITIVE], "xlog1py": [ANY, (-0.75, 2)], "entr": [POSITIVE], "rel_entr": [POSITIVE] * 2,
    "kl_div": [POSITIVE] * 2, "huber": [POSITIVE, (-4, 4)], "pseudo_huber": [POSITIVE, ANY],
    "boxcox": [POSITIVE, ANY], "boxcox1p": [(-0.75, 2), ANY], "inv_boxcox": [POSITIVE, POSITIVE],
    "inv_boxcox1p": [POSITIVE, POSITIVE],
    "hyp0f1": ["c", ANY], "hyp1f1": ["c", "c", ANY], "hyperu": ["c", "c", POSITIVE], "hyp2f1": ["c", "c", "c", (-2, 0.75)],
    "wright_bessel": ["c", "c", POSITIVE], "spence": [POSITIVE], "ellipk": [(-2, 0.75)], "ellipe": [(-2, 0.75)],
    "ellipkm1": [UNIT], "ellipkinc": [ANY, "c01"], "ellipeinc": [ANY, "c01"],
    "eval_jacobi": ["n", "c", "c", UNIT], "eval_legendre": ["n", UNIT], "eval_gegenbauer": ["n", "c", UNIT],
    "eval_chebyt": ["n", UNIT], "eval_chebyu": ["n", UNIT], "eval_laguerre": ["n", ANY],
    "eval_genlaguerre": ["n", "c", ANY], "eval_hermite": ["k", ANY], "eval_hermitenorm": ["k", ANY],
    "gammasgn": [ANY], "round": [ANY],
}  # fmt: skip
_FIXED = {
    "n": st.integers(0, 4).map(float), "s": st.sampled_from([2.0, 3.0, 2.5]), "0": st.sampled_from([0, 0, -1]), "k": st.integers(0, 4), "tol": st.just(1e-8),
    "v": st.sampled_from([0.0, 1.0, 2.0, 0.5, 1.25]), "c": st.sampled_from([1.0, 1.5, 2.5]), "c01": st.sampled_from([0.25, 0.5]),
}  # fmt: skip


def _domain(domain: Any, shape: tuple[int, ...]) -> Any:
    if domain == "int":  # Python's, which go a way of their own
        return st.integers(0, 4)
    if isinstance(domain, str):
        dtype = np.dtype(np.int64) if domain in ("0", "k") else np.dtype(np.float64)
        return hnp.arrays(dtype, shape, elements=_FIXED[domain], fill=st.nothing())
    return lattice(shape, *domain)


def _ufunc_case(domains: list[Any]) -> Any:
    arrays = broadcast_shapes(len(domains), max_dims=2).flatmap(
        lambda shapes: st.tuples(*[_domain(d, s) for d, s in zip(domains, shapes, strict=True)])
    )
    return arrays.map(lambda xs: (xs, {}))


if scipy_special is not None:
    enter()
    for _name in RULES:
        if hasattr(scipy_special._ufuncs, _name):
            CASES[f"tinygrad_np.ops.scipy_table.{_name.lstrip('_')}"] = _ufunc_case(UFUNCS[_name])
    for _name in ("eval_hermite", "eval_hermitenorm"):
        CASES[f"tinygrad_np.ops.scipy_table.{_name}"] |= _ufunc_case(["int", *UFUNCS[_name][1:]])
    for _name in ("lambertw", "shichi", "psi"):
        _real = CASES[f"tinygrad_np.ops.scipy_table.{_name}"]
        _turned = _real.map(lambda call: ((call[0][0] + 0.5j, *call[0][1:]), call[1]))
        CASES[f"tinygrad_np.ops.scipy_table.{_name}"] = _real | _turned

    @case("ops.incomplete_gamma.gammainc_op")
    def _gammainc(draw: Any) -> Any:
        return draw(_ufunc_case([POSITIVE, POSITIVE]))[0], {"order": draw(st.integers(1, 2))}

    @case("ops.scipy_gamma.hurwitz_op")
    def _hurwitz(draw: Any) -> Any:
        shape = draw(shapes)
        q = draw(lattice(shape, 0.5, 3)) + 1j * draw(lattice(shape))
        return (q,), {"s": draw(st.integers(2, 4))}
