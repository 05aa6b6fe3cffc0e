"""The HTML that a README may hold: tags of an allow-list, written anew with their harmless attributes; all else stays visible as text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape, unescape
from urllib.parse import urlsplit

ALLOWED = frozenset(
    "a abbr b blockquote br caption center code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins "  # noqa: SIM905
    "kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var".split()
)
VOID = frozenset({"br", "hr", "img"})
ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset({"href", "title"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "details": frozenset({"open"}),
    "ol": frozenset({"start"}),
    "td": frozenset({"colspan", "rowspan", "align"}),
    "th": frozenset({"colspan", "rowspan", "align"}),
    **{tag: frozenset({"align"}) for tag in ("div", "h1", "h2", "h3", "h4", "p")},
}
LINKS = {"href", "src"}
VALUES = {
    "align": re.compile(r"left|right|center"),
    "open": re.compile(""),
    **dict.fromkeys(("width", "height", "start", "colspan", "rowspan"), re.compile(r"\d{1,4}(?:px|%)?")),
}
"""What an attribute's value must be, where not any text will do."""
SCHEMES = {"http", "https", "mailto"}
ATTRIBUTE = (
    r"""\s++([A-Za-z_:][\w:.-]{0,50})(?:\s*+=\s*+("[^"]{0,2000}"|'[^']{0,2000}'|[^\s"'=<>`]{1,2000}))?"""
)
PIECE = re.compile(
    rf"<(?P<close>/?)(?P<tag>[A-Za-z][A-Za-z0-9-]{{0,20}})(?P<rest>(?:{ATTRIBUTE})*+)\s*+/?>",
    re.DOTALL,
)

Place = Callable[[str], str]
"""Where a link of a README leads on this page."""


def safe_link(target: str, place: Place) -> str | None:
    """The address for a page: of the web, a mail, a fragment, or a file of the repository as `place` has it; None for any other."""
    target = re.sub(r"[\x00-\x20\x7f]", "", unescape(target))
    try:
        parsed = urlsplit(target)
    except ValueError:
        return None
    if parsed.scheme:
        return target if parsed.scheme.lower() in SCHEMES else None
    if parsed.netloc or target.startswith(("#", "/", "\\")) or not parsed.path:
        return target if target.startswith("#") else None
    if ".." in re.split(r"[/\\]|%2[fF]|%5[cC]", parsed.path.replace("%2e", ".").replace("%2E", ".")):
        return None
    return place(target.removeprefix("./"))


@dataclass
class Cleaner:
    """Cleans the HTML of one README, piece by piece, and knows what is open."""

    place: Place
    open: list[tuple[str, int]] = field(default_factory=list)
    """Tags that wait for their end, each with the depth of Markdown at which it stands."""
    waiting: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each of them is open."""

    def clean(self, html: str, depth: int = 0) -> str:
        """`html` with every tag written anew or shown as text."""
        html = without_comments(html)
        parts, at = [], 0
        for match in PIECE.finditer(html):
            parts += [_text(html[at : match.start()]), self._tag(match, depth)]
            at = match.end()
        return "".join([*parts, _text(html[at:])])

    def close(self, depth: int = -1) -> str:
        """The ends of everything that was opened deeper than `depth`."""
        parts = []
        while self.open and self.open[-1][1] > depth:
            parts.append(self._pop())
        return "".join(parts)

    def _tag(self, match: re.Match[str], depth: int) -> str:
        tag = match["tag"].lower()
        if tag not in ALLOWED:
            return _text(match[0])
        if match["close"]:
            return self._end(tag, depth)
        if tag not in VOID:
            self.open.append((tag, depth))
            self.waiting[tag, depth] += 1
        return f"<{tag}{self._attributes(tag, match['rest'])}>"

    def _end(self, tag: str, depth: int) -> str:
        """The end tag, and before it those that were forgotten inside; nothing where none is open here."""
        if not self.waiting[tag, depth]:
            return ""
        parts = []
        while self.open[-1] != (tag, depth):
            parts.append(self._pop())
        return "".join([*parts, self._pop()])

    def _pop(self) -> str:
        """The end of the tag that was opened last."""
        last = self.open.pop()
        self.waiting[last] -= 1
        return f"</{last[0]}>"

    def _attributes(self, tag: str, rest: str) -> str:
        parts = []
        for match in re.finditer(ATTRIBUTE, rest):
            name = match[1].lower()
            if name not in ATTRIBUTES.get(tag, ()):
                continue
            value: str | None = unescape((match[2] or "").strip("\"'"))
            if name in LINKS:
                value = safe_link(value or "", self.place)
            elif name in VALUES and not VALUES[name].fullmatch(value or ""):
                value = None
            if value is not None:
                parts.append(f' {name}="{escape(value)}"')
        return "".join(parts) + (' rel="noopener noreferrer nofollow"' if tag == "a" else "")


def without_comments(html: str) -> str:
    """`html` without its comments; one that never ends stays. Linear, whatever the text."""
    parts: list[str] = []
    at = 0
    while (begin := html.find("<!--", at)) >= 0 and (end := html.find("-->", begin)) >= 0:
        parts.append(html[at:begin])
        at = end + 3
    return "".join([*parts, html[at:]])


def _text(html: str) -> str:
    """Text between tags: entities as they are meant, everything else visible."""
    return escape(unescape(html), quote=False)
