"""Words that only hubkit may put into a card: that hubkit has checked, measured or computed what the card says."""

from __future__ import annotations

import re

DONE = r"(?:checked|verified|validated|certified|approved|confirmed|tested|measured|computed|proven)"
VOICE = re.compile(
    rf"\b{DONE}\b(?: (?:\w+ ){{0,3}}?)?by hubkit\b|\bhubkit(?: \d[\w.]{{0,20}})?(?: has| have)? {DONE}\b|\b(?:passe[sd]|certified with) (?:all (?:of )?)?hubkit\b",
    re.IGNORECASE,
)
FOUND_NOTHING = re.compile(
    r"\b(?:hubkit(?:'s)?(?: validate| validator)?|the validator)(?: \d[\w.]{0,20})?(?: has| have)? (?:found|finds?|reports?|reported|sees|saw|detect(?:s|ed)|shows?) (?:no|zero|0|nothing|neither)\b",
    re.IGNORECASE,
)
DENIED = re.compile(r"\b(?:not|never|nothing|none|no)\b|n't\b|\bun(?:checked|verified)", re.IGNORECASE)
MARKS = re.compile(r"[*_`]|<[^<>]{0,100}>")


def speaks_as_hubkit(text: str) -> str | None:
    """The words of a line that say so, whatever marks them up; None where it says none, or denies it."""
    plain = " ".join(MARKS.sub("", text).split())
    if (nothing := FOUND_NOTHING.search(plain)) and not DENIED.search(plain[: nothing.start()]):
        return nothing.group()
    match = VOICE.search(plain)
    return match.group() if match and not DENIED.search(plain[: match.end()]) else None
