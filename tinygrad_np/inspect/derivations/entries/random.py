"""Random numbers, stop_gradient and the learning rate of a count: operations that only transforms need to see."""

import numpy as np

from ..table import entry

_KEY = np.array([1, 2], np.uint64)
_WORDS = "The key is integers; the result is another one for every key, without a relation between near ones."
_SHIFT = "scale and shift x = low + (high - low) u outside of it if the bounds are to have derivatives."
_SOURCE = "J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011"
_FLOAT = np.dtype(np.float64)

entry("tinygrad_np.random._split", "y_1, ..., y_n = Philox(key), two words each", _WORDS, at=(_KEY,), options={"n": 2},
      source=_SOURCE)  # fmt: skip
entry(
    "tinygrad_np.random._fold_in",
    "y = Philox(key, data), two words",
    _WORDS,
    at=(_KEY, np.uint64(7)),
    source=_SOURCE,
)
entry(
    "tinygrad_np.random._bits",
    "y = Philox(key), as many words as the shape asks for",
    _WORDS,
    at=(_KEY,),
    options={"shape": (2,)},
    conventions=[
        (
            "the same key gives the same bits",
            "np.all(tg.random.bits(tg.random.key(1), (2,)) == tg.random.bits(tg.random.key(1), (2,)))",
            True,
        )
    ],
    source=_SOURCE,
)
entry(
    "tinygrad_np.random._uniform",
    "y = low + (high - low) u, u = the high bits of Philox(key) as a fraction in [0, 1)",
    f"{_WORDS} The bounds are static: {_SHIFT}",
    at=(_KEY,),
    options={"shape": (2,), "dtype": _FLOAT, "low": -1.0, "high": 1.0},
    conventions=[
        (
            "a sample that is shifted and scaled has the derivatives of that (reparametrisation)",
            "grad(lambda m: np.sum(m + tg.random.normal(tg.random.key(0), (3,))))(0.0)",
            3.0,
        )
    ],
    source=_SOURCE,
)
entry(
    "tinygrad_np.random._normal",
    "y = sqrt(-2 log(1 - u)) (cos 2πv, sin 2πv), u and v uniform in [0, 1)",
    f"{_WORDS} Mean and deviation are applied outside, where they have derivatives.",
    at=(_KEY,),
    options={"shape": (2,), "dtype": _FLOAT},
    source="G. E. P. Box and M. E. Muller, A note on the generation of random normal deviates, 1958",
)
entry(
    "tinygrad_np.random._bernoulli",
    "y = [w < p 2^64], w the words of Philox(key)",
    f"{_WORDS} In p the result is a step: its expectation has a derivative, a sample has none.",
    at=(_KEY,),
    options={"p": 0.5, "shape": (3,)},
    source=_SOURCE,
)
entry(
    "tinygrad_np.random._randint",
    "y = low + w mod (high - low), words w above the last multiple of that drawn again",
    _WORDS,
    at=(_KEY,),
    options={"shape": (3,), "low": 0, "high": 6},
    source=_SOURCE,
)
entry(
    "tinygrad_np.random._permutation",
    "y = the places in the order of n words of Philox(key)",
    _WORDS,
    at=(_KEY,),
    options={"n": 4},
    source=_SOURCE,
)
entry(
    "tinygrad_np.transforms.stop._constant",
    "y = x",
    "stop_gradient: that it has no derivative is its purpose. y is x for every other kind of transform.",
    at=([1.0, 2.0],),
    conventions=[
        ("it is a constant to grad", "grad(lambda x: x * tg.stop_gradient(x))(3.0)", 3.0),
        ("not to vmap", "vmap(tg.stop_gradient)(np.ones(2))", [1.0, 1.0]),
    ],
)
entry(
    "tinygrad_np.optim.parts._rate",
    "y = schedule(count)",
    "The count of updates is an integer. It is an operation so that a compiled step follows the schedule.",
    at=(np.int64(10),),
    options={"schedule": lambda step: 0.1 / (1 + step)},
)
