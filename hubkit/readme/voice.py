"""Words that only hubkit may put into a card: that hubkit has checked, measured or computed what the card says."""

from __future__ import annotations

import re

DONE = r"(?:checked|verified|validated|certified|approved|confirmed|tested|measured|computed|proven)"
VOICE = re.compile(
    rf"\b{DONE}\b(?: (?:\w+ ){{0,3}}?)?by hubkit\b|\bhubkit(?: \d[\w.]{{0,20}})?(?: has| have)? {DONE}\b|\b(?:passe[sd]|certified with) (?:all (?:of )?)?hubkit\b",
    re.IGNORECASE,
)
SELF = r"(?:hubkit(?:'s)?(?: validate| validator)?|the validator)(?: \d[\w.]{0,20})?"
CLEAN = re.compile(
    rf"\b{SELF}(?: has| have)? (?:found|finds?|reports?|reported|sees|saw|detect(?:s|ed)|shows?) (?:no|zero|0|nothing|neither)\b|\b{SELF} (?:did not|didn't|does not) find (?:any|an? )|"
    rf"\b{SELF}: (?:no|zero|0) |\b{SELF} (?:is clean|passes|exits with(?: code)? 0)\b|\bhubkit (?:certifies|approves|confirms|verifies)\b|\bhubkit-(?:checked|verified|validated|certified|approved)\b|"
    r"\b(?:checked|verified|validated|certified|approved|confirmed) (?:with|using|through|under) hubkit\b|\b(?:no|zero|0|free of|without) (?:\w+ )?(?:findings?|errors?|defects?|warnings?) (?:with|in|by|under|from|of) hubkit\b|"
    r"\bfree of hubkit\b|\bclean (?:under|with|by|in) hubkit\b|\bchecks? of hubkit (?:pass|succeed)",
    re.IGNORECASE,
)
"""That nothing was found."""
DENIED = re.compile(r"\b(?:not|never|nothing|none|no)\b|n't\b|\bun(?:checked|verified)", re.IGNORECASE)
MARKS = re.compile(r"[*_`]|<[^<>]{0,100}>")


def speaks_as_hubkit(text: str) -> str | None:
    """The words of a line that say so, whatever marks them up; None where it says none, or denies it."""
    plain = " ".join(MARKS.sub("", text).split())
    if (nothing := CLEAN.search(plain)) and not DENIED.search(plain[: nothing.start()]):
        return nothing.group()
    match = VOICE.search(plain)
    return match.group() if match and not DENIED.search(plain[: match.end()]) else None
