import shutil

import pytest

from tests.cli.helpers import few, write_dataset
from tinygrad_np import training
from tinygrad_np.cli import main, session
from tinygrad_np.data import digits


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A folder with 360 digits to train on, 60 of them for validation, and 80 to test."""
    full = digits(dtype="uint8")
    return write_dataset(tmp_path_factory.mktemp("data") / "small", few(full.train, 360), few(full.test, 80))


@pytest.fixture(scope="session")
def finished(small, tmp_path_factory):
    """The folder of a run of three epochs."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    assert main(["train", "lenet5", "--data", str(small), "--epochs", "3", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def run(capsys):
    """Run a command line; return its exit code, what it printed, and what it printed as errors."""

    def run(*args):
        code = main([str(arg) for arg in args])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def interrupt(monkeypatch):
    """Make training end by an exception when so many epochs, and so many steps of the next one, are saved."""

    whole = training.save_checkpoint

    def interrupt(epochs, error=KeyboardInterrupt, step=0):
        def save(path, progress, settings):
            whole(path, progress, settings)
            if (progress.epoch, progress.step) == (epochs, step):
                raise error

        for module in (session, training.checkpoint):
            monkeypatch.setattr(module, "save_checkpoint", save)

    yield interrupt
    monkeypatch.undo()


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")
