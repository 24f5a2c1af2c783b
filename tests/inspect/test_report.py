import base64
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.inspect.report import Picture, Section, Table, page

HOSTILE = '</title></style><script src="http://evil">alert(\'1\')</script> & <img src=x onerror=y> "quoted"'
SECTIONS = [
    Section("Numbers", ["A paragraph.", Table(("class", "share"), [("a", "0.5"), ("b", 1)], "All of them")]),
    Section("Pictures", [Picture(b"\x89PNG...", "What is seen", "What is said")]),
]
VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Check that tags match; collect tags, attributes and texts."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


TAGS = set(Reader(page("t", SECTIONS)).tags)


def test_a_page_has_its_parts():
    html = page("A run", SECTIONS)
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">')
    read = Reader(html)
    assert read.tags.count("h1") == 1 and read.tags.count("h2") == 2
    for text in ("A run", "Numbers", "A paragraph.", "All of them", "class", "share", "0.5", "1", "What is said"):
        assert text in read.texts
    assert ("alt", "What is seen") in read.attributes
    source = dict(read.attributes)["src"]
    assert base64.b64decode(source.removeprefix("data:image/png;base64,")) == b"\x89PNG..."


def test_every_link_leads_to_a_section():
    read = Reader(page("A run", SECTIONS))
    targets = [value.removeprefix("#") for name, value in read.attributes if name == "href"]
    assert targets == ["section-1", "section-2"]
    assert [value for name, value in read.attributes if name == "id"] == targets


def test_the_page_needs_nothing_from_elsewhere():
    html = page("A run", SECTIONS)
    assert not re.search(r"https?:|//|@import|<script|<link|url\(", re.sub(r"base64,[^\"]*", "", html))
    assert "default-src 'none'" in html
    assert "prefers-color-scheme: dark" in html and 'name="viewport"' in html


def hostile_page(text):
    return page(text, [Section(text, [text, Table((text, text), [(text, text)], text), Picture(b"", text, text)])])


def test_no_text_becomes_markup():
    html = hostile_page(HOSTILE)
    assert "<script" not in html and "<img src=x" not in html
    read = Reader(html)
    assert set(read.tags) <= TAGS
    assert read.texts.count(HOSTILE) == 11  # title, h1, link, h2, p, table's caption, head and row, figure's caption
    assert ("alt", HOSTILE) in read.attributes


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_text_comes_out_as_it_went_in(text):
    read = Reader(hostile_page(text))
    assert set(read.tags) <= TAGS
    assert ("alt", text) in read.attributes
    assert text in read.texts


def test_a_picture_without_a_caption_has_none():
    assert "figcaption>" not in page("t", [Section("s", [Picture(b"", "alt")])])


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"row \('a',\) has 1 entries; its head has 2"):
        page("t", [Section("s", [Table(("x", "y"), [("a",)])])])
