"""What the front matter says in words: a title and a description, which sites that list cards show, are read as the card's own title and sentences are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.readme.page import Line

if TYPE_CHECKING:
    from hubkit.readme.page import Page

TITLES = {"title", "pretty_name", "model_name"}
SENTENCES = {"description", "short_description", "summary"}
LONGEST = 2_000
MOST_WIDGETS = 50


def front_texts(page: Page) -> Iterator[Line]:
    """Each as a line of its own: a title of level 1, or prose."""
    node = page.readme.node
    if node is None or page.readme.fault is not None or not isinstance(page.readme.front_matter, dict):
        return
    for pair in node.value if isinstance(node.value, list) else ():
        if not isinstance(pair, tuple) or pair[0].value not in TITLES | SENTENCES:
            continue
        key, value = pair
        if isinstance(value.value, str) and (text := " ".join(value.value[:LONGEST].split())):
            yield Line(
                number=key.start_mark.line + 2, raw=text, text=text, section="contents", heading="",
                code=False, fenced=False, bullet=False, level=1 if key.value in TITLES else 0,
            )  # fmt: skip


def widget_texts(page: Page) -> Iterator[Line]:
    """What the front matter gives the Hub's page to try: texts and their titles. They are inputs, and claim nothing; readers see them all the same."""
    front = page.readme.front_matter
    widgets = front.get("widget") if isinstance(front, dict) else None
    head = (page.readme.head or "").split("\n")
    number = next((at for at, text in enumerate(head, 2) if text.startswith("widget")), 2)
    for widget in widgets[:MOST_WIDGETS] if isinstance(widgets, list) else ():
        for key in ("text", "example_title"):
            value = widget.get(key) if isinstance(widget, dict) else None
            if isinstance(value, str) and (text := " ".join(value[:LONGEST].split())):
                yield Line(
                    number=number, raw=text, text=text, section="contents", heading="",
                    code=False, fenced=False, bullet=False, level=0,
                )  # fmt: skip
