import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from importlib import resources

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.inspect import explain
from tinygrad_np.inspect.explain.data import as_data, source_of

X = np.linspace(-1, 1, 12).reshape(4, 3)
HOSTILE = "</script><script>alert('&amp;')</script><img src=x onerror=alert(1)>"


class Reader(HTMLParser):
    """The elements of a page, and the texts of its scripts and styles."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.open = [], [], None

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open = tag

    def handle_endtag(self, tag):
        self.open = None

    def handle_data(self, data):
        self.texts.append((self.open, data))


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def hostile():
    def f(params):
        return np.sum(tricky(params[HOSTILE]["w"])) * 1.0  # </script><b>

    tricky = tg.primitive(lambda x: x * 2)
    tricky.name = HOSTILE
    tricky.__doc__ = f"y = 2 x. {HOSTILE}"
    tricky.defvjp("x")(lambda y, x: lambda g: 2 * g)
    f.__name__ = HOSTILE
    return explain(f)({HOSTILE: {"w": X}})


def data_of(page):
    texts = [text for tag, text in read(page).texts if tag == "script"]
    return json.loads(texts[0])


def test_a_page_is_whole_and_asks_for_nothing():
    page = explain(lambda w: np.sum(np.tanh(X @ w)))(np.eye(3)).html()
    reader = read(page)
    assert not [tag for tag, attributes in reader.tags if tag in ("link", "iframe") or "src" in attributes]
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/2000/svg", "", page)
    assert not [
        tag for tag, attributes in reader.tags if any(name.startswith("on") or name == "style" for name in attributes)
    ]
    policy = next(attributes["content"] for tag, attributes in reader.tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    (style,) = [text for tag, text in reader.texts if tag == "style"]
    script = [text for tag, text in reader.texts if tag == "script"][1]
    for text in (style, script):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy


def test_no_text_of_the_users_becomes_markup():
    plain = read(explain(lambda x: np.sum(x) * 1.0)(X).html())
    seen = hostile()
    page = read(seen.html())
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    data = data_of(seen.html())
    assert data["title"] == HOSTILE
    assert any(node["name"] == HOSTILE for node in data["nodes"])
    assert any("</script><b>" in line["text"] for line in data["lines"])
    drawing = read(seen._repr_html_())
    assert {tag for tag, _ in drawing.tags} <= {"div", "b", "svg", "title", "g", "path", "rect", "text", "image"}
    assert HOSTILE in "".join(text for _, text in drawing.texts)


def test_the_data_are_json_whatever_the_values():
    def f(x):
        return np.sum(np.log(x) * np.array([np.inf, 1, 2])) + 1e308 * 10

    data = data_of(explain(f)(np.array([0.0, -1, 1])).html())
    assert any(node["values"][0].get("bad") == "1 nan, 1 infinite" for node in data["nodes"])
    assert "nan" in json.dumps(data)


def test_the_data_hold_what_was_seen():
    seen = explain(lambda w: np.sum(np.tanh(X @ w)))(np.eye(3))
    data = as_data(seen)
    assert [node["name"] for node in data["nodes"]] == ["w", "matmul", "tanh", "sum"]
    assert data["order"] == [3, 2, 1]
    tanh = data["nodes"][2]
    assert tanh["operands"] == [{"name": "x", "node": 1, "sent": True}]
    assert data["ops"][tanh["op"]]["formula"].startswith("y = tanh(x)")
    assert "1 - y²" in data["ops"][tanh["op"]]["text"]
    assert data["lines"][tanh["line"]]["text"] == source_of(seen.nodes[2].line)
    constant = data["nodes"][1]["operands"][0]
    assert constant["numbers"]["what"] == "float64 (4, 3)"


def test_an_operation_without_a_derivation_shows_its_docstring():
    @tg.primitive
    def thing(x):
        """Words of the user."""
        return x * 3

    thing.defvjp("x")(lambda y, x: lambda g: 3 * g)
    data = as_data(explain(lambda x: np.sum(thing(x)))(X))
    (known,) = [op for op in data["ops"].values() if op["name"] == "thing"]
    assert "Words of the user." in known["text"] + known.get("formula", "")


def test_five_thousand_operations_in_a_few_megabytes():
    def f(x):
        for _ in range(2500):
            x = np.sin(x) * 1.01
        return np.sum(x)

    seen = explain(f)(X)
    page = seen.html()
    assert len(seen.order) == 5001
    assert len(page) < 4e6
    assert len(seen.groups) == 102
    assert len(seen._repr_html_()) < 200_000
    table = str(seen)
    assert table.count("\n") < 210
    assert "more" in table


def test_the_page_is_saved(tmp_path):
    seen = explain(lambda x: np.sum(x))(X)
    seen.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == seen.html()


# -- text and drawing ------------------------------------------------------------------------------------------------


def test_the_table_has_a_line_for_each_node():
    seen = explain(lambda w: np.sum(np.tanh(X @ w)))(np.eye(3))
    first, head, _, *rows = str(seen).splitlines()
    assert first.startswith("<lambda>: value ")
    assert head.split() == [
        "operation",
        "layer",
        "of",
        "value",
        "norm",
        "cotangent",
        "forward",
        "backward",
        "flops",
        "kept",
        "line",
    ]
    assert [row.split()[1] for row in rows] == ["w", "matmul", "tanh", "sum"]
    assert all("test_explain_page.py:" in row for row in rows[1:])
    assert f"{np.linalg.norm(np.tanh(X)):.5g}" in rows[2]


def test_the_drawing_is_xml_with_a_box_for_each_node():
    seen = explain(lambda w: np.sum(np.tanh(X @ w["a"]["w"]) + X))({"a": {"w": np.eye(3)}})
    root = ET.fromstring(seen.svg())
    shapes = {child.tag.rpartition("}")[2] for child in root.iter()}
    assert {"rect", "path", "text", "title"} <= shapes
    assert "script" not in shapes and "style" not in shapes
    titles = [group.find("{*}title").text for group in root.iter() if group.find("{*}title") is not None]
    assert [title.split(" ")[0] for title in titles[1:]] == ["matmul", "tanh", "add", "sum"]
    assert "a.w" in seen.svg()
    ET.fromstring(hostile().svg())


# -- colours ---------------------------------------------------------------------------------------------------------

STYLE = (resources.files("tinygrad_np.inspect.explain") / "web" / "page.css").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{([^}]*)\}", STYLE))


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_letters_and_lines_stand_out(theme):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for ground in ("paper", "surface", "glow"):
        for ink in ("ink", "faint", "forward", "backward", "parameter", "error"):
            assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)  # WCAG 2, AA, for text
        for line in ("wire", "focus"):
            assert contrast(theme[line], theme[ground]) >= 3, (line, ground)  # for what is no text


def test_both_themes_name_the_same_colours():
    assert LIGHT.keys() == DARK.keys()
    used = set(re.findall(r"var\(--(\w+)\)", STYLE))
    assert used - {"mono"} <= LIGHT.keys()
