"""The page of a profile in a browser: nothing asked for, nothing cut off, readable in the dark, reached by keys."""

import numpy as np
import pytest

from tinygrad_np import nn
from tinygrad_np.inspect import profile


@pytest.fixture(scope="module")
def seen():
    def loss(w, x, v):
        return np.sum(np.tanh(nn.avg_pool2d(nn.conv2d(x, w, padding="same"), 2)).reshape(4, -1) @ v)

    rng = np.random.default_rng(0)
    shapes = (3, 3, 2, 4), (4, 8, 8, 2), (64, 3)
    return profile(loss, repeats=1)(*[rng.normal(size=shape).astype(np.float32) for shape in shapes])


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_asked_for_and_nothing_cut_off(show, seen, width, dark):
    page = show(seen, width, dark)
    assert page.problems() == ([], [])
    assert page.run("return document.documentElement.scrollWidth") <= width
    for box in page.all("div.table"):  # a table that is wider is scrolled in its own box
        assert page.run("return arguments[0].getBoundingClientRect().right <= innerWidth", box)
    curve = page.one("svg")
    assert page.run("return arguments[0].getBoundingClientRect().width", curve) > 0.8 * min(width, 1056) - 40
    assert page.run("return arguments[0].getBoundingClientRect().height", curve) > 100


@pytest.mark.parametrize("dark", [False, True])
def test_words_and_curve_stand_out_from_the_paper(show, seen, dark):
    page = show(seen, 1200, dark)
    light = "const c = s => { const [r, g, b] = getComputedStyle(document.querySelector(s[0]))[s[1]].match(/[\\d.]+/g);"
    light += "return 0.2126 * r + 0.7152 * g + 0.0722 * b }; return arguments[0].map(c)"
    paper, text, cell, line = page.run(
        light, [["body", "backgroundColor"], ["p", "color"], ["td", "color"], ["svg path:nth-of-type(2)", "stroke"]]
    )
    assert (paper < 50) is dark
    assert min(abs(paper - each) for each in (text, cell, line)) > 150


def test_the_tables_and_the_curve_have_names(show, seen):
    page = show(seen)
    assert [box.text for box in page.all("h2")] == ["What bounds it", "By operation", "By call", "By line", "Memory"]
    assert all(table.find_elements("css selector", "caption") for table in page.all("table"))
    assert {"conv", "sum_pool", "tanh", "matmul"} <= {
        cell.text for cell in page.all("table:first-of-type th[scope=row]")
    }
    assert page.one("svg").get_attribute("aria-label").startswith("Memory over ")
    page.press("\ue004")  # tab, to the first link
    page.press("\ue007", on=None)  # enter
    assert page.run("return location.hash") == "#section-1"
