"""Commands that draw examples leave no files behind."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def tidy_hypothesis() -> Iterator[None]:
    """Have Hypothesis keep its files elsewhere: it would leave a folder .hypothesis where one works."""
    try:
        from hypothesis.configuration import set_hypothesis_home_dir
    except ModuleNotFoundError:  # whoever needs it says so
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
