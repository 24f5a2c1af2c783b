import importlib.util
import io
import re
import sys
import types

import numpy as np
import pytest

from tinygrad_np import optim, random
from tinygrad_np.training import Progress, ProgressBar, fit
from tinygrad_np.training import progress as module

tqdm = pytest.importorskip("tqdm")
KEY = random.key(0)


@pytest.fixture
def clock(monkeypatch):
    """A clock that a step of training moves on."""
    now = types.SimpleNamespace(time=100.0, step=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: now.time)
    return now


@pytest.fixture
def open_terminal(monkeypatch):
    """Make stderr a terminal, when called (between fixtures and test pytest changes it); return what it shows."""

    def open_terminal():
        screen = io.StringIO()
        screen.isatty = lambda: True
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return open_terminal


def train(bar, clock, epochs=2, steps=10, evaluate=None, resume=None, others=()):
    def loss_fn(params, batch, key):
        clock.time += clock.step
        return np.sum(params["w"] ** 2) + 0.25, {"share": 0.5, "tiny": 2e-5}

    with bar:
        return fit(
            loss_fn, {"w": np.zeros(1)}, optim.sgd(0.1), lambda epoch, key: [np.zeros(4)] * steps, epochs=epochs,
            key=KEY, callbacks=[bar, *others], evaluate=evaluate, resume=resume,
        )  # fmt: skip


METRICS = "loss 0.2500 share 0.5000 tiny 2.000e-05"


def untimed(line):
    return re.sub(r"\d+\.\d s$", "0.0 s", line)


@pytest.mark.parametrize(
    ("evaluate", "more"), [(None, ""), (lambda params: {"error": 12.0}, "   validation error 12.0000")]
)
def test_a_log_has_a_line_an_epoch_for_any_metrics(clock, capsys, evaluate, more):
    train(ProgressBar(12, 40), clock, evaluate=evaluate)
    out, err = capsys.readouterr()
    assert err == ""
    assert [untimed(line) for line in out.splitlines()] == [
        f"epoch {epoch}/12   train {METRICS}{more}   0.0 s" for epoch in (" 1", " 2")
    ]


def test_a_log_of_a_long_epoch_has_a_line_every_half_minute(clock, capsys):
    clock.step = 12.0
    train(ProgressBar(1, 40, unit="img"), clock, epochs=1)
    *reports, last = capsys.readouterr().out.splitlines()
    # The clock starts when the first step is done: steps 4, 7 and 10 are 36, 72 and 108 seconds later.
    assert reports == [
        f"epoch 1/1    40%   0 img/s   1:12 left   {METRICS}",
        f"epoch 1/1    70%   0 img/s   0:36 left   {METRICS}",
        f"epoch 1/1   100%   0 img/s   0:00 left   {METRICS}",
    ]
    assert last.startswith("epoch 1/1   train loss")


def test_a_terminal_has_a_bar_with_rate_and_metrics(open_terminal, clock, capsys):
    clock.step, terminal = 1.0, open_terminal()
    train(ProgressBar(2, 40, unit="img"), clock)
    shown = terminal.getvalue()
    assert "epoch 2/2" in shown
    assert "img/s" in shown
    assert "loss=0.2500, share=0.5000, tiny=2.000e-05" in shown
    assert re.search(r"\b36/40\b", shown)
    assert capsys.readouterr().out.count("train loss") == 2


def test_a_bar_is_not_drawn_more_often_than_can_be_seen(open_terminal, clock):
    terminal = open_terminal()
    train(ProgressBar(1, 400), clock, epochs=1, steps=100)
    assert 1 <= terminal.getvalue().count("/400") < 5


def test_a_failure_takes_the_bar_away(open_terminal, clock):
    clock.step, closed, terminal = 1.0, [], open_terminal()

    def fail(event):
        closed.append(bar._bar)
        if len(closed) == 3:
            raise KeyError

    bar = ProgressBar(1, 40)
    with pytest.raises(KeyError):
        train(bar, clock, others=[fail])
    assert bar._bar is None
    assert terminal.getvalue().endswith("\r")


def test_a_resumed_run_says_nothing_twice_and_goes_on_where_it_was(clock, capsys, open_terminal):
    kept, terminal = [], open_terminal()

    def keep(event):
        kept.append(event if isinstance(event, Progress) else event.progress())

    train(ProgressBar(2, 40), clock, others=[keep])
    capsys.readouterr()
    end_of_first, within_second = kept[10], kept[15]
    assert (end_of_first.step, within_second.step) == (0, 5)
    train(ProgressBar(2, 40), clock, resume=end_of_first)
    assert [line[:9] for line in capsys.readouterr().out.splitlines()] == ["epoch 2/2"]
    terminal.truncate(0)
    clock.step = 1.0
    bar, initials = ProgressBar(2, 40), []
    train(bar, clock, resume=within_second, others=[lambda event: initials.append(bar._bar and bar._bar.initial)])
    assert initials[0] == 24
    assert re.search(r"\b24/40\b", terminal.getvalue())
    assert not re.search(r"\b4/40\b", terminal.getvalue())


def test_a_notebook_has_a_bar_of_its_own_only_if_ipywidgets_is_there(monkeypatch):
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    notebook = types.SimpleNamespace(tqdm=object())
    monkeypatch.setitem(sys.modules, "tqdm.notebook", notebook)
    for there in (True, False):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, there=there: there or None)
        assert ProgressBar(1, 1)._tqdm is (notebook.tqdm if there else tqdm.tqdm)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: None))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    assert ProgressBar(1, 1)._tqdm is tqdm.tqdm


def test_without_tqdm_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ModuleNotFoundError, match=r'ProgressBar needs tqdm.*pip install "tinygrad_np\[train\]"'):
        ProgressBar(1, 1)


def test_a_line_after_every_so_many_steps(capsys):
    def loss_fn(params, batch, key):
        return np.sum(params) * 0 + batch[0]

    fit(
        loss_fn, np.zeros(1), optim.sgd(0.1), lambda epoch, key: [np.full(1, epoch + n) for n in (1.0, 3.0, 5.0)],
        epochs=2, key=KEY, callbacks=[ProgressBar(epochs=2, examples=3, every=2)],
    )  # fmt: skip
    lines = [line for line in capsys.readouterr().out.splitlines() if "mean of" in line]
    # The third step of an epoch is in no line: each is about the steps of one epoch.
    assert lines == ["epoch 1/2   step 2   mean of 2: loss 3.0000", "epoch 2/2   step 2   mean of 2: loss 4.0000"]


@pytest.mark.parametrize(("epochs", "examples", "every"), [(0, 9, None), (1, 0, None), (1, 9, 0)])
def test_numbers_below_one_are_refused_before_training(epochs, examples, every):
    with pytest.raises(ValueError, match=f"ProgressBar: epochs={epochs}, examples={examples} and every={every} must"):
        ProgressBar(epochs, examples, every=every)
