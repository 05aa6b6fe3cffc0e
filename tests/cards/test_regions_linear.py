"""Regions are found in one pass; what is found is what the pattern that says what a region is finds, on any text."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.readme.regions import _regions, generated_text

REGION = re.compile(
    r"<!-- hubkit:author:(?P<name>[a-z_]+)(?:[ \t]*\n(?P<source>.*?)\n)?[ \t]*-->\n?(?P<text>.*?)\n?<!-- /hubkit:author:(?P=name) -->",
    re.DOTALL,
)
"""What a region is. Its time is cubic in the text."""
PIECES = st.sampled_from(
    ["<!-- hubkit:author:a", "<!-- hubkit:author:b -->", "<!-- hubkit:author:a -->", "<!-- /hubkit:author:a -->", "<!-- /hubkit:author:b -->", "\n", " -->", "-->", "x", " "]
)  # fmt: skip


@settings(max_examples=1500)
@given(st.lists(PIECES, max_size=14))
def test_the_same_regions_as_by_the_pattern(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = [(one.start, one.stop, one.name, one.source, one.text) for one in _regions(text)]
    assert found == [(m.start(), m.end(), m["name"], m["source"], m["text"]) for m in REGION.finditer(text)]
    without = REGION.sub(lambda match: match["text"] if match["source"] else "", text)
    assert generated_text(text) == re.sub(r"\n{3,}", "\n\n", without).strip()
