"""A report as one HTML page that needs nothing else: no network, no scripts, images within."""

import base64
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #5a6470; --line: #d4dae1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --paper: #14171b; --faint: #9aa5b1; --line: #363d46; }
}
body { margin: 0 auto; padding: 1rem; max-width: 66rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
p { max-width: 46rem; }
nav ul { padding: 0; display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; list-style: none; }
a { color: inherit; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; border-radius: 6px; background: #ffffff; }
figcaption, caption { color: var(--faint); font-size: 0.9rem; text-align: left; max-width: 46rem; }
.table { overflow-x: auto; }
caption { padding-top: 0.8rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.6rem 0; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: left; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; min-width: 5rem; }
"""
# Browsers then load nothing from anywhere, whatever the page says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Picture(NamedTuple):
    """A picture with words.

    Attributes
    ----------
    png : bytes
        The file.
    alt : str
        What is to be seen, for who cannot see it.
    caption : str
        What stands below.
    """

    png: bytes
    alt: str
    caption: str = ""


class Table(NamedTuple):
    """A table of texts.

    Attributes
    ----------
    head : sequence of str
        Names of the columns.
    rows : sequence of sequence of str
        Each as long as the head; the first entry names the row.
    caption : str
        What stands above.
    """

    head: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


class Drawing(NamedTuple):
    """A drawing with words.

    Attributes
    ----------
    svg : str
        An SVG element, written by this package; it is not escaped.
    caption : str
        What stands below.
    """

    svg: str
    caption: str = ""


class Section(NamedTuple):
    """A part of the page.

    Attributes
    ----------
    title : str
        Its headline.
    parts : sequence of str, Table, Picture or Drawing
        A paragraph for each text.
    """

    title: str
    parts: Sequence[str | Table | Picture | Drawing]


def page(title: str, sections: Sequence[Section]) -> str:
    """Return a whole HTML page: every text is escaped, so no name of a class or folder can become markup.

    Parameters
    ----------
    title : str
        Headline of the page and name of the window.
    sections : sequence of Section
        What it holds, after a list of links to them.

    Raises
    ------
    ValueError
        If a row of a table is not as long as its head.

    Examples
    --------
    >>> ">1 &lt; 2</h2>" in page("title", [Section("1 < 2", ["text"])])
    True
    """
    named = [(f"section-{i}", section) for i, section in enumerate(sections, 1)]
    links = "".join(f'<li><a href="#{name}">{escape(section.title)}</a></li>' for name, section in named)
    body = "\n".join(
        f'<section>\n<h2 id="{name}">{escape(section.title)}</h2>\n{"".join(map(_part, section.parts))}</section>'
        for name, section in named
    )
    return document(
        title,
        f"""<h1>{escape(title)}</h1>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main>
{body}
</main>""",
        _STYLE,
        _POLICY,
    )


def document(title: str, body: str, style: str, policy: str) -> str:
    """Return an HTML document of a body that is HTML already, in which a browser lets nothing but what a policy allows.

    Parameters
    ----------
    title : str
        Name of the window, which is escaped.
    body, style : str
        HTML and CSS, as they are to stand in the document.
    policy : str
        Its content security policy.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _part(part: str | Table | Picture | Drawing) -> str:
    if isinstance(part, Drawing):
        return f"<figure>{part.svg}<figcaption>{escape(part.caption)}</figcaption></figure>\n"
    if isinstance(part, Picture):
        return _picture(part)
    if isinstance(part, Table):
        return _table(part)
    return f"<p>{escape(part)}</p>\n"


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    return f'<figure><img alt="{escape(picture.alt)}" src="data:image/png;base64,{data}">{caption}</figure>\n'


def _table(table: Table) -> str:
    for row in table.rows:
        if len(row) != len(table.head):
            raise ValueError(f"page: a table's row {row} has {len(row)} entries; its head has {len(table.head)}.")
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in table.head)
    rows = "".join(
        f'<tr><th scope="row">{escape(str(first))}</th>{"".join(f"<td>{escape(str(x))}</td>" for x in others)}</tr>\n'
        for first, *others in table.rows
    )
    return f'<div class="table"><table>{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n'
