"""The pytest plugin: the fixture `check_gradients`.

    def test_my_op(check_gradients):
        check_gradients(my_op)

It is loaded wherever tinygrad_np is installed, or with ``-p tinygrad_np.testing.plugin``. It adds the fixture and the
options ``--gradient-examples`` and ``--gradient-seed``, and does nothing until the fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .result import Result


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("tinygrad_np", "checks of derivatives (tinygrad_np)")
    group.addoption(
        "--gradient-examples", type=int, default=None, metavar="N", help="calls that check_gradients draws (50)"
    )
    group.addoption(
        "--gradient-seed", type=int, default=None, metavar="N", help="seed of what check_gradients draws (0)"
    )


@pytest.fixture
def check_gradients(request: pytest.FixtureRequest) -> Callable[..., Result]:
    """Check a function's derivatives at drawn inputs; arguments as of `tinygrad_np.testing.check`.

    The test fails with the verdict, a table, a guess at the cause and a test to paste. A verdict "cannot tell" fails it
    too, unless ``inconclusive=True``. The command line's ``--gradient-examples`` and ``--gradient-seed`` come first.
    """
    told = {
        "examples": request.config.getoption("gradient_examples"),
        "seed": request.config.getoption("gradient_seed"),
    }

    def check_gradients(f: Callable[..., Any], *args: Any, inconclusive: bool = False, **kwargs: Any) -> Result:
        __tracebackhide__ = True
        from .search import check

        result = check(f, *args, **kwargs | {name: value for name, value in told.items() if value is not None})
        if result.failure or not (result.passed or inconclusive):
            pytest.fail(str(result), pytrace=False)
        return result

    return check_gradients
