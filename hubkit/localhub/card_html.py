"""A README as HTML for a page: Markdown as the Hub reads it, the HTML in it cleaned, code coloured. What comes out runs nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from hubkit.localhub.frontmatter import split
from hubkit.localhub.raw_html import Cleaner, Place, safe_link

LONGEST = 150_000
"""Characters of a README that are laid out (a second and a half where every character is a mark); a longer one is shown as it stands, and says so."""
LONGEST_CODE = 50_000
LANGUAGES = frozenset("python py bash sh shell console json yaml toml bibtex text".split())  # noqa: SIM905


def card_html(readme: str, place: Place) -> str:
    """The body of a README; `place` says where a relative link leads."""
    text = split(readme)[1]
    if len(text) > LONGEST:
        return (
            f'<p class="quiet">{len(text):,} characters, more than the {LONGEST:,} that are laid out here: as text.</p>'
            f"<pre>{escape(text, quote=False)}</pre>"
        )
    parser = _parser()
    tokens = _named(_cleaned(parser.parse(text), place))
    rendered: Any = parser.renderer.render(tokens, parser.options, {})
    return str(rendered).replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    # html on: what a README may write of it is written anew by the cleaner, the rest is shown
    options = {"html": True, "highlight": _highlight}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def _cleaned(tokens: Sequence[Token], place: Place) -> list[Token]:
    """The tokens with their HTML cleaned, links and images pointed into the page, and nothing left open."""
    cleaner = Cleaner(place)
    found = []
    for token in tokens:
        depth = token.level
        if ends := cleaner.close(depth):
            found.append(_html(ends))
        if token.type == "html_block":
            token.content = cleaner.clean(token.content, depth)
        if token.children:
            token.children = _cleaned_inline(token.children, place)
        found.append(token)
    return [*found, _html(cleaner.close())]


def _cleaned_inline(tokens: Sequence[Token], place: Place) -> list[Token]:
    cleaner = Cleaner(place)
    found = []
    for token in tokens:
        if ends := cleaner.close(token.level):  # before the end of the emphasis or link that it was opened in
            found.append(_html(ends, "html_inline"))
        if token.type == "html_inline":
            token.content = cleaner.clean(token.content, token.level)
        elif token.type in {"image", "link_open"}:
            _point(token, place)
        found.append(token)
    return [*found, _html(cleaner.close(), "html_inline")]


def _html(content: str, kind: str = "html_block") -> Token:
    return Token(kind, "", 0, content=content)


def _point(token: Token, place: Place) -> None:
    """Lead a link or an image where it belongs on this page; nowhere where that would not be safe."""
    name = "src" if token.type == "image" else "href"
    target = safe_link(str(token.attrs.pop(name, "")), place)
    if target is not None:
        token.attrs[name] = target
    if name == "href":
        token.attrs["rel"] = "noopener noreferrer nofollow"


def _named(tokens: list[Token]) -> list[Token]:
    """Headings with ids, as the Hub gives them, so that a card's own table of contents leads somewhere."""
    seen: dict[str, int] = {}
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            slug = re.sub(r"[^\w\- ]", "", inline.content.lower()).strip().replace(" ", "-")
            count = seen[slug] = seen.get(slug, -1) + 1
            token.attrs["id"] = f"{slug}-{count}" if count else slug
    return tokens


def _highlight(code: str, language: str, _: str) -> str:
    """Coloured by Pygments, for the languages that cards use; empty for all else, which the renderer then escapes."""
    if language not in LANGUAGES or len(code) > LONGEST_CODE:
        return ""
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.formatters.html import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

    coloured: str = highlight(code, get_lexer_by_name(language), HtmlFormatter(nowrap=True, classprefix="k-"))
    return coloured
