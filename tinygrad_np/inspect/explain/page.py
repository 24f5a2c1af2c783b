"""The page: one HTML document with its style, its scripts and its data, which asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from ..report import document
from .data import as_json

if TYPE_CHECKING:
    from .explanation import Explanation

_SCRIPTS = ("model", "layout", "cards", "view", "stepper", "detail", "main")
_TOOLS = """
<div id="stepper" role="toolbar" aria-label="Backward pass">
<span class="name">backward</span>
<button id="first" title="before the first step back">start</button>
<button id="back" title="one step less (left arrow)" aria-label="one step less">◀</button>
<button id="forth" title="one step more (right arrow)" aria-label="one step more">▶</button>
<button id="play" aria-pressed="false">play</button>
<button id="whole" title="show all of it (Escape)">all</button>
<input id="slider" type="range" min="0" value="0" aria-label="Steps back that have run">
</div>
<div id="said" role="status" aria-live="polite"></div>
<div role="toolbar" aria-label="Picture">
<button id="farther" aria-label="Smaller (-)">−</button>
<span id="scale" aria-live="off"></span>
<button id="closer" aria-label="Larger (+)">+</button>
<button id="width" title="as wide as the window">width</button>
<button id="fit" title="the whole tape (0)">whole</button>
<button id="fold">fold all</button>
<button id="unfold">unfold all</button>
<input id="search" type="search" placeholder="search ( / )" aria-label="Search for operations, layers, lines">
<span id="count" role="status"></span>
<details id="keys"><summary>help</summary><dl>
<div><dt>← →</dt><dd>a step of the backward pass</dd></div>
<div><dt>↑ ↓</dt><dd>along the tape</dd></div>
<div><dt>Enter</dt><dd>show the node that has the focus</dd></div>
<div><dt>Space</dt><dd>play, pause</dd></div>
<div><dt>Escape</dt><dd>show all of the backward pass</dd></div>
<div><dt>/</dt><dd>search; Enter for the next one</dd></div>
<div><dt>+ − 0</dt><dd>larger, smaller, the whole tape</dd></div>
<div><dt>pictures</dt><dd>blue below zero, white zero, orange above; black to white where nothing is below; magenta not
finite</dd></div>
<div><dt>bars</dt><dd>a histogram from the least to the largest value; heights are square roots of counts</dd></div>
<div><dt>‖3‖</dt><dd>the root of the sum of squares</dd></div>
</dl></details>
</div>
"""
_MAIN = """
<nav id="outline" aria-label="Steps of the tape"><ol id="rows"></ol></nav>
<section id="graph" aria-label="The tape" tabindex="0">
<div id="world"><div id="sheet">
<svg id="edges" aria-hidden="true">
<path id="plain"/><path id="flow"/><path id="far"/><path id="lit"/><g id="names"/><g id="labels"/>
</svg>
</div></div>
</section>
<aside id="detail" aria-label="The step selected" tabindex="0"></aside>
"""


def page(explanation: Explanation) -> str:
    """Return the page of an explanation.

    Every text of the user's is escaped or is data, which the scripts put into the document as text; and the page's
    policy lets no other style, script or address in than its own.
    """
    style, script = _part("page.css"), _script()
    policy = f"default-src 'none'; img-src data:; style-src {_allowed(style)}; script-src {_allowed(script)}"
    body = f"""<header>
<div class="top"><h1>{escape(explanation.name)}</h1><dl id="facts"></dl></div>
<p id="note" hidden></p>
<div class="bars-of-tools">{_TOOLS}</div>
</header>
<main>{_MAIN}</main>
<script type="application/json" id="data">{as_json(explanation)}</script>
<script>{script}</script>"""
    return document(f"{explanation.name} - its tape", body, style, policy)


def _part(name: str) -> str:
    return (resources.files(__package__) / "web" / name).read_text(encoding="utf-8")


def _script() -> str:
    """Return the scripts as one, with names of its own."""
    return "(() => {\n'use strict';\n" + "\n".join(_part(f"{name}.js") for name in _SCRIPTS) + "})();"


def _allowed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
