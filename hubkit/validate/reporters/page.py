"""One HTML file that needs no other and asks nobody: the shell of a report's page, and of an audit's.

What a repository says reaches it in two forms. Escaped, in the few lines that stand without the script; and as JSON, with every `<`, `>` and `&` an escape, so that no
text ends its block. The page's policy lets nothing run but its own scripts, by their digests, and lets those make no markup of text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hubkit import __version__
from hubkit.texts import printable

FOLDER = Path(__file__).parent
AS_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})
COLOURS = {"bad": "#c62828", "doubt": "#c98a00", "good": "#1a7f45", "none": "#7a828c"}
"""Of the mark in a browser's tab."""


def document(title: str, state: str, head: str, plain: Iterable[str], blocks: Iterable[str]) -> Iterator[str]:
    """The page in pieces. `head` is HTML that stands without the script, `plain` the text that stands in place of it, `blocks` the data (`block`)."""
    icon = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="{COLOURS[state]}"/></svg>'
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<meta name="generator" content="hubkit {__version__}">\n<link rel="icon" href="data:image/svg+xml,{quote(icon)}">\n'
        f"<title>{text(title)}</title>\n<style>{_file('page.css')}</style>\n<script>{_file('page_early.js')}</script>\n</head>\n"
    )
    yield (
        f'<body>\n<a class="skip" href="#app">to the findings</a>\n<header class="top"><span><b>hubkit</b> {__version__}</span></header>\n'
        f'<main>\n{head}\n<div id="app" tabindex="-1"><pre class="plain">'
    )
    yield from (escape(piece, quote=False) for piece in plain)
    yield (
        "</pre></div>\n</main>\n<footer><code>hubkit explain CODE</code> says what a rule looks for, why, and what helps. "
        "This page asks nothing of the network.</footer>\n"
    )
    yield from blocks
    yield f"<script>{_file('page.js')}</script>\n</body>\n</html>\n"


def block(name: str, value: Any) -> str:
    """Data for the script, under an id."""
    content = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'<script type="application/json" id="{name}">{content.translate(AS_ESCAPES)}</script>\n'


def text(value: str) -> str:
    """A stranger's text as HTML: visible, and nothing but text."""
    return escape(printable(value))


@cache
def policy() -> str:
    """Nothing is fetched, sent or framed, and nothing runs but the page's own scripts, which may not make markup of text."""
    scripts = " ".join(_digest(_file(name)) for name in ("page_early.js", "page.js"))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {_digest(_file('page.css'))}; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@cache
def _file(name: str) -> str:
    # with the line ends that the digest is of, whatever a checkout made of them
    return FOLDER.joinpath(name).read_text(encoding="utf-8")
