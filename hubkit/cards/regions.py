"""The author's own text inside a card: marked regions, which a rebuild carries over.

    <!-- hubkit:author:key_findings -->
    Any Markdown, which may quote facts: {{ facts.best_sae.balanced_accuracy | pct }}
    <!-- /hubkit:author:key_findings -->

A region belongs to the section of its name and stands at its end. Where its text quotes facts, the text as written moves into the opening
comment, and the text with the numbers stands below: that is the place to edit it from then on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from hubkit.errors import UsageError

REGION = re.compile(
    r"<!-- hubkit:author:(?P<name>[a-z_]+)(?:[ \t]*\n(?P<source>.*?)\n)?[ \t]*-->\n?(?P<text>.*?)\n?<!-- /hubkit:author:(?P=name) -->",
    re.DOTALL,
)
MARK = re.compile(r"<!-- /?hubkit:author:([a-z_]*)")


@dataclass(frozen=True)
class Region:
    """One region as it stands in a card."""

    name: str
    source: str
    """What the author wrote."""
    quotes: bool
    """Whether the source stands in the opening comment, and the text below it is generated."""


def read_regions(text: str, sections: Collection[str], where: str) -> dict[str, Region]:
    """The regions of a card by name. Raises UsageError for one that is not closed, stands twice, or has no section."""
    found: dict[str, Region] = {}
    for match in REGION.finditer(text):
        name, source = match.group("name"), match.group("source")
        if name in found:
            raise UsageError(
                f"{where}: the region {name} stands twice", hint="put both texts into one region"
            )
        if name not in sections:
            raise UsageError(
                f"{where}: the region {name} belongs to no section; there are {', '.join(sections)}",
                hint=f"rename it, for example <!-- hubkit:author:{next(iter(sections))} -->",
            )
        found[name] = Region(name, match.group("text") if source is None else source, source is not None)
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
    without = REGION.sub(lambda match: match.group("text") if match.group("source") else "", text)
    return re.sub(r"\n{3,}", "\n\n", without).strip()
