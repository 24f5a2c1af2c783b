"""``tinygrad-np learn``."""

import sys
import tempfile

import pytest

from tinygrad_np.cli import learn
from tinygrad_np.testing import exercises
from tinygrad_np.testing.exercises import EXERCISES


def test_the_list_shows_the_state_of_each(run, tmp_path):
    multiply = EXERCISES["multiply"]
    (tmp_path / "multiply.py").write_text(multiply.stub(), encoding="utf-8")
    (tmp_path / "max_pool.py").write_text(
        "import numpy as np\n" + EXERCISES["max_pool"].solution_text(), encoding="utf-8"
    )
    (tmp_path / "matmul.py").write_text("def matmul_vjp(g, x, w):\n    return x, w", encoding="utf-8")
    (tmp_path / "conv2d.py").write_text("def", encoding="utf-8")
    code, out, _ = run("learn", "--folder", tmp_path)
    assert code == 0
    states = {line.split()[1]: line[18:29].strip() for line in out.split("\n\n")[0].split("\n")}
    assert states == {
        "multiply": "not begun", "matmul": "fails", "max_pool": "passes", "conv2d": "fails",
        "cross_entropy": "no file", "batch_norm": "no file",
    }  # fmt: skip
    assert list(states) == list(EXERCISES)


def test_a_stub_is_written_once(run, tmp_path):
    path = tmp_path / "multiply.py"
    code, out, _ = run("learn", "multiply", "--folder", tmp_path)
    assert (code, path.read_text(encoding="utf-8")) == (0, EXERCISES["multiply"].stub())
    assert f"{path} is written" in out
    path.write_text("mine", encoding="utf-8")
    code, _, err = run("learn", "multiply", "--folder", tmp_path)
    assert (code, path.read_text(encoding="utf-8")) == (2, "mine")
    assert "is there already; --check judges it, --overwrite begins anew" in err
    assert run("learn", "multiply", "--folder", tmp_path, "--overwrite")[0] == 0
    assert path.read_text(encoding="utf-8") == EXERCISES["multiply"].stub()


def test_the_current_folder_is_where_files_are(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("learn", "matmul")[0] == 0
    assert (tmp_path / "matmul.py").is_file()
    code, out, _ = run("learn", "matmul", "--check")
    assert code == 1
    assert out.startswith("matmul: not begun, matmul_vjp raises NotImplementedError.")


def test_a_right_answer_passes_and_leads_on(run, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import numpy as np\n" + EXERCISES["max_pool"].solution_text(), encoding="utf-8")
    code, out, err = run("learn", "max_pool", "--check", path)
    assert (code, err) == (0, "")
    assert out.startswith("max_pool: passes.") and "Next: tinygrad-np learn conv2d" in out


def test_hypothesis_keeps_its_files_elsewhere(run, tmp_path, monkeypatch):
    from hypothesis.configuration import storage_directory

    before, seen = storage_directory("x").path, []

    def judge(exercise, vjp):
        seen.append(storage_directory("x").path)
        return exercises.Verdict("passes")

    monkeypatch.setattr(exercises, "judge", judge)
    (tmp_path / "multiply.py").write_text(EXERCISES["multiply"].stub(), encoding="utf-8")
    assert run("learn", "multiply", "--check", "--folder", tmp_path)[0] == 0
    assert run("learn", "--folder", tmp_path)[0] == 0
    assert len(seen) == 2
    assert all(path != before and path.is_relative_to(tempfile.gettempdir()) for path in seen)
    assert storage_directory("x").path == before


def test_without_hypothesis_the_error_says_what_to_install(run, tmp_path, monkeypatch):
    (tmp_path / "max_pool.py").write_text(EXERCISES["max_pool"].stub(), encoding="utf-8")
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.setitem(sys.modules, "hypothesis.configuration", None)
    code, _, err = run("learn", "max_pool", "--check", "--folder", tmp_path)
    assert code == 2
    assert "pip install hypothesis" in err


def test_the_last_one_leads_nowhere(run, tmp_path, monkeypatch):
    monkeypatch.setattr(exercises, "judge", lambda exercise, vjp: exercises.Verdict("passes"))
    (tmp_path / "batch_norm.py").write_text(
        "import numpy as np\n" + EXERCISES["batch_norm"].solution_text(), encoding="utf-8"
    )
    code, out, _ = run("learn", "batch_norm", "--check", "--folder", tmp_path)
    assert code == 0
    assert "That was the last one." in out


def test_a_wrong_answer_gets_a_nudge_and_on_request_a_hint(run, tmp_path):
    (tmp_path / "multiply.py").write_text("def multiply_vjp(g, x, y):\n    return g * y, g * x", encoding="utf-8")
    mistake = EXERCISES["multiply"].mistakes[0]
    code, out, err = run("learn", "multiply", "--check", "--folder", tmp_path)
    flat = " ".join(out.split())
    assert (code, err) == (1, "")
    assert mistake.nudge in flat and mistake.hint not in flat and "--hint says more." in flat
    code, out, _ = run("learn", "multiply", "--check", "--hint", "--folder", tmp_path)
    flat = " ".join(out.split())
    assert code == 1
    assert mistake.hint in flat and "--hint says more." not in flat


def test_hint_and_solution_without_a_file(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("learn", "conv2d", "--hint")
    assert code == 0
    assert EXERCISES["conv2d"].steps in " ".join(out.split())
    code, out, _ = run("learn", "conv2d", "--solution")
    assert code == 0
    assert out == EXERCISES["conv2d"].solution_text()
    assert "w_bar_abcf = Σ_nij" in out and "-- solution" not in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("mutiply",), "there is no exercise 'mutiply'; did you mean multiply?"),
        (("zzz",), "there are multiply, matmul, max_pool, conv2d, cross_entropy, batch_norm"),
        (("matmul", "--check", "nowhere.py"), "there is no file nowhere.py; tinygrad-np learn matmul writes one"),
        (("--check",), "say which exercise"),
        (("matmul", "--folder", "nowhere"), "No such file or directory"),
    ],
)
def test_errors_are_told_in_one_line(run, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("learn", *args)
    assert (code, out) == (2, "")
    assert message in err and err.count("\n") == 1


def test_a_file_with_an_error_is_told_with_its_line(run, tmp_path):
    path = tmp_path / "multiply.py"
    path.write_text("import numpy as np\n\ndef multiply_vjp(g, x, y):\n   return (", encoding="utf-8")
    code, _, err = run("learn", "multiply", "--check", path)
    assert code == 2
    assert f"{path}, line 4: '(' was never closed: return (" in err


def test_prose_is_wrapped_and_tables_are_not(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    long = "word " * 30
    text = learn._wrapped(f"{long}\n    {long}")
    lines = text.split("\n")
    assert max(map(len, lines[:-1])) <= 40
    assert lines[-1] == f"    {long}"
