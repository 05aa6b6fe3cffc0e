"""The author's own text inside a card: marked regions, which a rebuild carries over.

    <!-- hubkit:author:key_findings -->
    Any Markdown, which may quote facts: {{ facts.best_sae.balanced_accuracy | pct }}
    <!-- /hubkit:author:key_findings -->

A region belongs to the section of its name and stands at its end. Where its text quotes facts, the text as written moves into the opening
comment, and the text with the numbers stands below: that is the place to edit it from then on.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from hubkit.errors import UsageError

OPENED = re.compile(r"<!-- hubkit:author:(?P<name>[a-z_]+)(?:(?P<whole>[ \t]*-->\n?)|[ \t]*\n)")
SOURCE_END = re.compile(r"\n[ \t]*-->\n?")
CLOSED = re.compile(r"<!-- /hubkit:author:([a-z_]+) -->")
TEMPLATED = ("<!-- hubkit:template -->", "<!-- /hubkit:template -->")
"""Around a section that a template of the author's wrote: under the digest of the card, and not in hubkit's words."""
MARK = re.compile(r"<!-- /?hubkit:author:([a-z_]*)")


@dataclass(frozen=True)
class Region:
    """One region as it stands in a card."""

    name: str
    source: str
    """What the author wrote."""
    quotes: bool
    """Whether the source stands in the opening comment, and the text below it is generated."""


@dataclass(frozen=True)
class _Found:
    """A whole region in a text."""

    start: int
    stop: int
    name: str
    source: str | None
    """What stands in the opening comment."""
    text: str


def _regions(text: str) -> Iterator[_Found]:
    """Every whole region, in order. One pass over the openings and one over the ends, however many of them have no counterpart."""
    ends: dict[str, list[int]] = {}
    for match in CLOSED.finditer(text):
        ends.setdefault(match[1], []).append(match.start())
    at, comment_ends = 0, True
    while opened := OPENED.search(text, at):
        at, source = opened.end(), None
        if opened["whole"] is None:
            end = SOURCE_END.search(text, at) if comment_ends else None
            comment_ends = end is not None
            if end is None:
                continue
            source, begin = text[at : end.start()], end.end()
        else:
            begin = at
        places = ends.get(opened["name"], [])
        number = bisect_left(places, begin)
        if number == len(places):
            continue
        close = places[number]
        stop = close + len(f"<!-- /hubkit:author:{opened['name']} -->")
        yield _Found(opened.start(), stop, opened["name"], source, text[begin:close].removesuffix("\n"))
        at = stop


def read_regions(text: str, sections: Collection[str], where: str) -> dict[str, Region]:
    """The regions of a card by name. Raises UsageError for one that is not closed, stands twice, or has no section."""
    found: dict[str, Region] = {}
    for region in _regions(text):
        name, source = region.name, region.source
        if name in found:
            raise UsageError(
                f"{where}: the region {name} stands twice", hint="put both texts into one region"
            )
        if name not in sections:
            raise UsageError(
                f"{where}: the region {name} belongs to no section; there are {', '.join(sections)}",
                hint=f"rename it, for example <!-- hubkit:author:{next(iter(sections))} -->",
            )
        found[name] = Region(name, region.text if source is None else source, source is not None)
    if len(MARK.findall(text)) != 2 * len(found):
        names = ", ".join(sorted(set(MARK.findall(text)) - found.keys())) or "one of the regions"
        raise UsageError(
            f"{where}: {names} is not a whole region",
            hint="open it with <!-- hubkit:author:NAME --> and close it with <!-- /hubkit:author:NAME -->, each on its own line",
        )
    return found


def render_region(region: Region, expand: Callable[[str], str]) -> str:
    """The region with its facts filled in. Raises UsageError for text that would end its own comment."""
    shown = expand(region.source)
    close = f"<!-- /hubkit:author:{region.name} -->"
    if shown == region.source:
        return f"<!-- hubkit:author:{region.name} -->\n{shown}\n{close}"
    if "-->" in region.source:
        raise UsageError(
            f"the region {region.name} quotes facts and holds '-->', which would end its comment",
            hint=f"move the text to prose.{region.name} in card.yaml",
        )
    return f"<!-- hubkit:author:{region.name}\n{region.source}\n-->\n{shown}\n{close}"


def generated_text(text: str) -> str:
    """What of a card is hubkit's: all but what the author wrote in regions. Text that was made from a region's source counts."""
    parts: list[str] = []
    at = 0
    for region in _regions(text):
        parts += [text[at : region.start], region.text if region.source else ""]
        at = region.stop
    return re.sub(r"\n{3,}", "\n\n", "".join([*parts, text[at:]])).strip()


def author_lines(text: str) -> set[int]:
    """The lines, 1-based, of the regions whose text the author wrote as it stands."""
    found: set[int] = set()
    at, line = 0, 1
    for region in _regions(text):
        line += text.count("\n", at, region.start)
        last = line + text.count("\n", region.start, region.stop)
        if region.source is None:
            found.update(range(line, last + 1))
        at, line = region.stop, last
    return found


def templated(section: str) -> str:
    """The section, marked as the author's template wrote it."""
    begin, end = TEMPLATED
    return f"{begin}\n\n{section.strip()}\n\n{end}\n"


def template_lines(text: str) -> set[int]:
    """The lines, 1-based, of the sections that a template of the author's wrote."""
    found: set[int] = set()
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        inside = (inside or line == TEMPLATED[0]) and line != TEMPLATED[1]
        if inside:
            found.add(number)
    return found
