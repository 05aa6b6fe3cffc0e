"""Whether everything that a card said is still said somewhere: counted by other means than those that took it apart."""

from __future__ import annotations

import re
from typing import Any

import yaml

from hubkit.adopt.headings import PLAIN, says_no_more
from hubkit.adopt.outcome import Adoption
from hubkit.readme.document import parse_readme

ENDS = re.compile(r"(?<=[.!?])\s+")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
WORD = re.compile(r"[^\W_]+")
STEP = re.compile(r"^\d{1,2}[.)] ")
"""The number of a step, which goes where its neighbours went."""
PARTED = re.compile(r"(?<=\)):\**\s+|(?<=:)\**\s+(?=[A-Z])|;\s|\s—\s|\s\(|\s-\s(?=[A-Z])")
"""Between clauses, of which each is kept or withdrawn."""
NOT_SAID = re.compile(r"^\s*(?:[-*_=|: ]*|`{3,}.*|~{3,}.*)$")


def words(text: str) -> str:
    return " ".join(WORD.findall(THOUSANDS.sub("", text)))


def said_by(found: Adoption) -> str:
    """All words of the new card, of card.yaml and of evidence.yaml."""
    texts: list[str] = [found.built.card or "", found.evidence_text or ""]
    waiting: list[Any] = [yaml.safe_load(yaml.safe_dump(dict(found.settings)))]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.values(), *one.keys()]
        elif isinstance(one, list):
            waiting += one
        else:
            texts.append(str(one).replace("{% raw %}{{% endraw %}", "{"))
    return f" {' '.join(words(text) for text in texts)} "


def lost(text: str, found: Adoption) -> list[str]:
    """Every sentence, cell and line of code of the body that is nowhere in what was made of it. Headings that only name a section are no sentences."""
    readme = parse_readme(text)
    there = said_by(found)
    out = []
    for line in readme.text.split("\n")[readme.body_line - 1 :]:
        if NOT_SAID.match(line) or any(says_no_more(line.strip("# "), section) for section in PLAIN):
            continue
        bare = STEP.sub("", line.lstrip("# "))
        parts = bare.strip().strip("|").split("|") if "|" in bare else ENDS.split(bare)
        parts = [one for part in parts for one in PARTED.split(part)]
        out += [part for part in parts if words(part) and f" {words(part)} " not in there]
    return out
