"""The exercises: their own answers pass, answers with a mistake fail, and are told which one."""

import re
import textwrap

import numpy as np
import pytest

from tinygrad_np.testing.exercises import EXERCISES, AnswerError, judge, load_answer
from tinygrad_np.testing.exercises.telling import tell

FEW = 8  # points drawn; the probes come on top


def answer(tmp_path, name, code):
    """The function of a learner's file."""
    path = tmp_path / f"{name}.py"
    path.write_text("import numpy as np\n" + textwrap.dedent(code), encoding="utf-8")
    return load_answer(EXERCISES[name], path)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_answer_of_the_sheet_passes(name):
    verdict = judge(EXERCISES[name], EXERCISES[name].solution, examples=FEW)
    assert verdict.state == "passes", verdict


@pytest.mark.parametrize("name", EXERCISES)
def test_the_stub_is_short_and_not_begun(name, tmp_path):
    exercise, path = EXERCISES[name], tmp_path / "stub.py"
    stub = exercise.stub()
    assert stub.count("\n") < 40
    assert "solution" not in stub and "Σ" not in stub.split("def ")[-1]
    path.write_text(stub, encoding="utf-8")
    assert judge(exercise, load_answer(exercise, path)).state == "not begun"
    order = "second order" if exercise.order == 2 else "first order"
    assert f"Judged to {order}" in stub


@pytest.mark.parametrize("name", EXERCISES)
def test_stub_and_solution_make_the_sheet(name, tmp_path):
    exercise = EXERCISES[name]
    kept = exercise.stub().rpartition(f"def {exercise.vjp_name}(")[0]
    vjp = answer(tmp_path, name, kept + exercise.solution_text())
    point = exercise.probes[0]
    g = np.ones(np.shape(exercise.forward(*point.args, **point.options)))
    for a, b in zip(
        vjp(g, *point.args, **point.options), exercise.solution(g, *point.args, **point.options), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("name", "mistake"),
    [(e.name, m) for e in EXERCISES.values() for m in e.mistakes],
    ids=lambda x: getattr(x, "name", x),
)
def test_each_known_mistake_fails_and_is_told_from_the_others(name, mistake):
    exercise = EXERCISES[name]
    verdict = judge(exercise, mistake.rule, examples=0)
    assert verdict.state == "fails"
    assert [found.name for found in verdict.mistakes] == [mistake.name]
    text = tell(exercise, verdict)
    assert mistake.nudge in text and mistake.hint not in text
    assert mistake.hint in tell(exercise, verdict, more=True)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_smallest_point_is_searched(name):
    exercise = EXERCISES[name]
    verdict = judge(exercise, exercise.mistakes[-1].rule)
    assert verdict.state == "fails"
    least = min(sum(map(np.size, point.args)) for point in exercise.probes)
    assert sum(map(np.size, verdict.point.args)) <= least


# Answers as learners write them, not as the exercises write their mistakes; and what must be said of them.
WRONG = {
    "multiply": {
        "axes not summed": ("def multiply_vjp(g, x, y):\n    return y * g, x * g", "the broadcast axes are not summed"),
        "front only": (
            """
            def multiply_vjp(g, x, y):
                a, b = g * y, g * x
                while a.ndim > x.ndim:
                    a = a.sum(axis=0)
                while b.ndim > y.ndim:
                    b = b.sum(axis=0)
                return a, b
            """,
            "only the axes added in front are summed, not those of length 1",
        ),
        "mean": (
            """
            def down(b, shape):
                while b.ndim > len(shape):
                    b = b.mean(axis=0)
                for i, n in enumerate(shape):
                    if n == 1:
                        b = b.mean(axis=i, keepdims=True)
                return b
            def multiply_vjp(g, x, y):
                return down(g * y, x.shape), down(g * x, y.shape)
            """,
            "the copies are averaged, not summed",
        ),
        "g forgotten, for y only": (
            """
            def down(b, shape):
                b = b.sum(axis=tuple(range(b.ndim - len(shape))))
                return b.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)
            def multiply_vjp(g, x, y):
                return down(g * y, x.shape), down(np.ones(g.shape) * x, y.shape)
            """,
            "the arriving cotangent g is left out",
        ),
    },
    "matmul": {
        "w as it is": ("def matmul_vjp(g, x, w):\n    return g.dot(w), (x.swapaxes(-1, -2) @ g).reshape(-1, *w.shape).sum(0)",
                       "w is not transposed in x_bar"),
        "wrong order": ("def matmul_vjp(g, x, w):\n    return w.T @ g, (x.swapaxes(-1, -2) @ g).reshape(-1, *w.shape).sum(0)",
                        "the factors of x_bar are in the wrong order"),
        "w_bar turned": ("def matmul_vjp(g, x, w):\n    return g @ w.T, (g.swapaxes(-1, -2) @ x).reshape(-1, *w.T.shape).sum(0)", "w_bar is transposed"),
        "stack kept": ("def matmul_vjp(g, x, w):\n    return g @ w.T, np.einsum('...nk,...nm->...km', x, g)",
                       "w_bar is not summed over the stack"),
        "two mistakes": ("def matmul_vjp(g, x, w):\n    return w.T @ g, (g.swapaxes(-1, -2) @ x).reshape(-1, *w.T.shape).sum(0)",
                         "the factors of x_bar are in the wrong order"),
    },
    "max_pool": {
        "mask": (
            """
            def max_pool_vjp(g, x, *, size, stride):
                out = np.zeros(x.shape)
                for i in range(g.shape[0]):
                    for j in range(g.shape[1]):
                        w = x[i*stride:i*stride+size, j*stride:j*stride+size]
                        out[i*stride:i*stride+size, j*stride:j*stride+size] += (w == w.max()) * g[i, j]
                return out
            """,
            "all equal maxima of a window get g",
        ),
        "last of ties": (
            """
            def max_pool_vjp(g, x, *, size, stride):
                out = np.zeros(x.shape)
                for i in range(g.shape[0]):
                    for j in range(g.shape[1]):
                        best = None
                        for a in range(size):
                            for b in range(size):
                                if best is None or x[i*stride+a, j*stride+b] >= x[best]:
                                    best = (i*stride+a, j*stride+b)
                        out[best] += g[i, j]
                return out
            """,
            "the last of equal maxima gets g",
        ),
        "set, not added": (
            """
            def max_pool_vjp(g, x, *, size, stride):
                out = np.zeros(x.shape)
                for i in range(g.shape[0]):
                    for j in range(g.shape[1]):
                        w = x[i*stride:i*stride+size, j*stride:j*stride+size]
                        k = int(w.argmax())
                        out[i*stride + k // size, j*stride + k % size] = g[i, j]
                return out
            """,
            "windows that overlap overwrite each other",
        ),
        "average": (
            """
            def max_pool_vjp(g, x, *, size, stride):
                out = np.zeros(x.shape)
                for i in range(g.shape[0]):
                    for j in range(g.shape[1]):
                        out[i*stride:i*stride+size, j*stride:j*stride+size] += g[i, j] / size**2
                return out
            """,
            "g is spread over the whole window",
        ),
    },
    "conv2d": {
        "padding kept": ("{loop}\n    return xb, wb", "the padding is not cut off"),
        "no dilation": ("{loop}\n    return xb[:, q:q+x.shape[1], q:q+x.shape[2]], wb".replace("{loop}", "{loop:dilation = 1}"),
                        "the dilation is forgotten"),
        "no stride": ("{loop:stride = 1}\n    return xb[:, q:q+x.shape[1], q:q+x.shape[2]], wb", "the stride is forgotten"),
        "mean": ("{loop}\n    return xb[:, q:q+x.shape[1], q:q+x.shape[2]], wb / x.shape[0]", "w_bar is averaged over the images"),
        "cut at the end": ("{loop}\n    return xb[:, :x.shape[1], :x.shape[2]], wb", "all of the padding is cut off at the end"),
    },
    "cross_entropy": {
        "no label": ("{p}\n    return g * p / len(labels)", "the label is not subtracted"),
        "no mean": ("{p}\n    return g * (p - np.eye(p.shape[1])[labels])", "the mean's 1/N is missing"),
        "sign": ("{p}\n    return g * (np.eye(p.shape[1])[labels] - p) / len(labels)", "the sign is wrong"),
        "no g": ("{p}\n    return (p - np.eye(p.shape[1])[labels]) / len(labels)", "the arriving cotangent g is left out"),
        "overflow": ("{naive}\n    return g * (p - np.eye(p.shape[1])[labels]) / len(labels)", "the exponentials overflow"),
    },
    "batch_norm": {
        "constants": ("{h}\n    return g * scale / s, (g * h).sum(0), g.sum(0)", "mean and variance are taken for constants"),
        "variance constant": ("{h}\n    b = g * scale\n    return (b - b.mean(0)) / s, (g * h).sum(0), g.sum(0)",
                              "the variance is taken for a constant"),
        "mean constant": ("{h}\n    b = g * scale\n    return (b - h * (b * h).mean(0)) / s, (g * h).sum(0), g.sum(0)",
                          "the mean is taken for a constant"),
        "no 1/N": ("{h}\n    b = g * scale\n    return (b - b.sum(0) - h * (b * h).sum(0)) / s, (g * h).sum(0), g.sum(0)",
                   "sums stand where means belong"),
        "scale_bar of x": ("{h}\n    b = g * scale\n    return (b - b.mean(0) - h * (b * h).mean(0)) / s, (g * x).sum(0), g.sum(0)",
                           "scale_bar is made of x, not of the normalised x"),
    },
}  # fmt: skip

LOOP = """def conv2d_vjp(g, x, w, stride=1, padding=0, dilation=1):
    q = padding
    {change}
    xp = np.pad(x, [(0, 0), (q, q), (q, q), (0, 0)])
    xb, wb = np.zeros(xp.shape), np.zeros(w.shape)
    for i in range(g.shape[1]):
        for j in range(g.shape[2]):
            for a in range(w.shape[0]):
                for b in range(w.shape[1]):
                    u, v = i * stride + a * dilation, j * stride + b * dilation
                    wb[a, b] += xp[:, u, v].T @ g[:, i, j]
                    xb[:, u, v] += g[:, i, j] @ w[a, b].T"""
BEGINNINGS = {
    "{loop}": LOOP.replace("{change}", "pass"),
    "{loop:dilation = 1}": LOOP.replace("{change}", "dilation = 1"),
    "{loop:stride = 1}": LOOP.replace("{change}", "stride = 1"),
    "{p}": """def cross_entropy_vjp(g, logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)""",
    "{naive}": """def cross_entropy_vjp(g, logits, labels):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)""",
    "{h}": """def batch_norm_vjp(g, x, scale, shift, eps=1e-5):
    s = np.sqrt(x.var(0) + eps)
    h = (x - x.mean(0)) / s""",
}


@pytest.mark.parametrize(("name", "which"), [(name, which) for name, some in WRONG.items() for which in some])
def test_a_learners_mistake_is_found_and_named(name, which, tmp_path):
    code, expected = WRONG[name][which]
    for mark, beginning in BEGINNINGS.items():
        code = code.replace(mark, beginning)
    verdict = judge(EXERCISES[name], answer(tmp_path, name, code), examples=0)
    assert verdict.state == "fails"
    assert verdict.mistakes[0].name == expected
    if which == "two mistakes":
        assert [m.name for m in verdict.mistakes] == [expected, "w_bar is transposed"]


def test_every_exercise_has_four_answers_of_learners():
    assert {name: len(some) >= 4 for name, some in WRONG.items()} == dict.fromkeys(EXERCISES, True)


RIGHT_BUT = {
    "in place": ("multiply", """
        def multiply_vjp(g, x, y):
            def down(b, like):
                b = b.sum(axis=tuple(range(b.ndim - like.ndim)))
                return b.sum(axis=tuple(i for i, n in enumerate(like.shape) if n == 1), keepdims=True)
            out = np.empty(g.shape)
            out[...] = g * y
            return down(out, x), down(g * x, y)
        """),
    "a number taken out": ("cross_entropy", """
        def cross_entropy_vjp(g, logits, labels):
            p = np.array([np.exp(row - max(row)) / sum(np.exp(row - max(row))) for row in np.array(logits.tolist())])
            return g * (p - np.eye(p.shape[1])[labels]) / len(labels)
        """),
}  # fmt: skip


@pytest.mark.parametrize("which", RIGHT_BUT)
def test_a_rule_that_cannot_be_differentiated_is_told_so(which, tmp_path):
    name, code = RIGHT_BUT[which]
    verdict = judge(EXERCISES[name], answer(tmp_path, name, code), examples=FEW)
    assert (verdict.state, verdict.kind, verdict.rows) == ("fails", "later", ())
    assert re.search(rf"{name}.py, line \d+ raised TypeError", verdict.what)
    assert "The values are right, their derivatives are not." in tell(EXERCISES[name], verdict)


def test_another_way_to_a_right_answer_passes(tmp_path):
    """Batch norm through the cotangents of variance and mean, as many papers have it."""
    code = """
    def batch_norm_vjp(g, x, scale, shift, eps=1e-5):
        n, c, v = len(x), x - x.mean(0), x.var(0) + eps
        b = g * scale
        v_bar = (b * c).sum(0) * -0.5 * v**-1.5
        m_bar = -b.sum(0) / np.sqrt(v)
        return [b / np.sqrt(v) + v_bar * 2 * c / n + m_bar / n, (g * c / np.sqrt(v)).sum(0), g.sum(0)]
    """
    assert judge(EXERCISES["batch_norm"], answer(tmp_path, "batch_norm", code), examples=FEW).state == "passes"


FORMS = {
    "one value": ("return g * y", "It returns one array; expected x_bar, y_bar."),
    "no return": ("x_bar = g * y", "It returns None; expected x_bar, y_bar."),
    "a string": ("return 'x', 'y'", "x_bar is of type str; expected an array of numbers."),
    "a list of lists": ("return [[1.0]], y", "x_bar is of type list; expected an array of numbers."),
    "an exception": (
        "return g.nothing, 0",
        "line 4 raised AttributeError: 'numpy.ndarray' object has no attribute 'nothing'",
    ),
    "in its arguments": ("x *= 2\n    return g * y, g * x", "It writes into its arguments."),
    "complex": ("return g * y + 0j, g * x", "x_bar is of type complex128; expected an array of numbers."),
}


@pytest.mark.parametrize("which", FORMS)
def test_what_is_no_cotangent_is_named(which, tmp_path):
    code, expected = FORMS[which]
    vjp = answer(tmp_path, "multiply", f"\ndef multiply_vjp(g, x, y):\n    {code}\n")
    verdict = judge(EXERCISES["multiply"], vjp, examples=FEW)
    assert verdict.state == "fails"
    assert expected in verdict.what
    assert expected in tell(EXERCISES["multiply"], verdict)


FILES = {
    "def multiply_vjp(g, x, y)\n    return g": "line 1: expected ':': def multiply_vjp(g, x, y)",
    "x = 1 / 0": "line 1: running the file raised ZeroDivisionError: division by zero",
    "raise SystemExit(3)": "line 1: running the file raised SystemExit: 3",
    "def multiply(x, y):\n    return x": "has no function multiply_vjp",
    "multiply_vjp = 3": "has no function multiply_vjp",
    "def multiply_vjp(g):\n    return g": "multiply_vjp takes (g, x, y), as in the stub",
    "\0": "null bytes",
}


@pytest.mark.parametrize("text", FILES)
def test_a_file_without_an_answer_is_refused_with_its_line(text, tmp_path):
    path = tmp_path / "multiply.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AnswerError) as caught:
        load_answer(EXERCISES["multiply"], path)
    assert str(caught.value).startswith(str(path)) and FILES[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "multiply.py"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AnswerError, match="no text in UTF-8"):
        load_answer(EXERCISES["multiply"], path)


def test_what_an_answer_prints_is_shown_once(tmp_path, capsys):
    code = "\ndef multiply_vjp(g, x, y):\n    print('shapes', g.shape, x.shape)\n    return g * y, g * x\n"
    exercise = EXERCISES["multiply"]
    verdict = judge(exercise, answer(tmp_path, "multiply", code), examples=FEW)
    assert capsys.readouterr().out == ""
    x = verdict.point.args[0]
    assert verdict.printed == f"shapes {np.shape(verdict.g)} {np.shape(x)}\n"
    assert f"Your function printed there:\n\n    {verdict.printed}" in tell(exercise, verdict)


def test_long_prints_are_cut(tmp_path):
    code = "\ndef multiply_vjp(g, x, y):\n    print(*range(50), sep='\\n')\n    return g * y, g * x\n"
    exercise = EXERCISES["multiply"]
    text = tell(exercise, judge(exercise, answer(tmp_path, "multiply", code), examples=0))
    assert "    19\n    and 30 more lines\n" in text


def test_an_answer_that_depends_on_chance_is_told_so(tmp_path):
    code = """
    def matmul_vjp(g, x, w):
        return (g + np.random.default_rng().normal()) @ w.T, (x.swapaxes(-1, -2) @ g).reshape(-1, *w.shape).sum(0)
    """
    exercise = EXERCISES["matmul"]
    verdict = judge(exercise, answer(tmp_path, "matmul", code), examples=FEW)
    assert verdict.state == "fails"
    moody = """
    calls = [0]
    def matmul_vjp(g, x, w):
        calls[0] += 1
        scale = 2 if calls[0] % 7 == 0 else 1
        return scale * g @ w.T, (x.swapaxes(-1, -2) @ g).reshape(-1, *w.shape).sum(0)
    """
    verdict = judge(exercise, answer(tmp_path, "matmul", moody))
    assert verdict.state == "fails"
    assert verdict.kind == "values" or "two answers" in tell(exercise, verdict)


def test_the_point_is_small_and_can_be_pasted():
    exercise = EXERCISES["multiply"]
    verdict = judge(exercise, lambda g, x, y: (g * y, g * x))
    assert sum(np.size(x) for x in verdict.point.args) <= 3
    lines = tell(exercise, verdict).split("\n")
    pasted = "\n".join(line.strip() for line in lines if line.startswith("    ") and "=" in line)
    names = {"np": np}
    exec(pasted, names)
    np.testing.assert_array_equal(names["g"], verdict.g)
    np.testing.assert_array_equal(names["x"], verdict.point.args[0])
    assert any(line.strip() == "multiply_vjp(g, x, y)" for line in lines)


def test_the_table_has_the_entries_that_differ():
    exercise = EXERCISES["matmul"]
    right = exercise.solution
    verdict = judge(exercise, lambda g, x, w: (right(g, x, w)[0], 3 * right(g, x, w)[1]))
    assert verdict.kind == "values" and verdict.mistakes == ()
    assert all(name.startswith("w_bar[") and got == 3 * expected for name, expected, got in verdict.rows)
    text = tell(exercise, verdict)
    assert "w_bar[0, 0]" in text and "x_bar" not in text
    assert "Pattern: w: " in text and exercise.steps not in text
    assert exercise.steps in tell(exercise, verdict, more=True)


def test_more_entries_than_fit_are_counted():
    exercise = EXERCISES["batch_norm"]
    point = exercise.probes[2]
    from tinygrad_np.testing.exercises import Verdict

    rows = tuple((f"x_bar[{i}]", 1.0, 2.0) for i in range(11))
    text = tell(exercise, Verdict("fails", "values", "", point, np.ones((4, 1)), rows))
    assert "x_bar[7]" in text and "x_bar[8]" not in text and "and 3 more" in text
