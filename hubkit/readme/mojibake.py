"""Text that was decoded with the wrong code page: found by undoing the mistake, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

RUN = re.compile(r"[^\x00-\x7f]{2,}")
"""One non-ASCII character is a character; two and more may be the bytes of one."""
LEADS = "ÂÃâðï"
"""What the first byte of broken punctuation, accents, emoji and a byte order mark turns into. Of other leads (Cyrillic, Greek) a longer run is asked
for: `É»` at the end of a French quotation happens to be UTF-8 for something."""
LONG = 4
GREEK = re.compile("β[€‰†]")
"""How a broken dash, comparison or arrow begins where the code page was the Greek one: no Greek word does."""
UNDEFINED = {byte: chr(byte) for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
"""cp1252 has no character here; decoders that do not stop leave the control character."""


@dataclass(frozen=True)
class Mojibake:
    """A piece of text, and what it was before it was broken."""

    broken: str
    repaired: str
    start: int
    """Index of its first character."""


def find_mojibake(text: str) -> Iterator[Mojibake]:
    """Every run of characters whose cp1252, latin-1 or (for broken punctuation) cp1253 bytes are UTF-8 for something else.

    Text that is right does not survive the way back: two accented letters in a row are no UTF-8 (a continuation byte never stands first).
    """
    for match in RUN.finditer(text):
        repaired = repair(match.group())
        if repaired is not None:
            yield Mojibake(match.group(), repaired, match.start())


def repair(text: str) -> str | None:
    """`text` as it was, or None where it is not broken. Text that was broken twice is repaired twice."""
    greek = GREEK.match(text) is not None
    if text[0] not in LEADS and len(text) < LONG and not greek:
        return None
    for encode in (_cp1253,) if greek else (_cp1252, _latin1):
        data = encode(text)
        if data is None:
            continue
        try:
            found = data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if found != text and not any(0x7F <= ord(character) <= 0x9F for character in found):
            return repair(found) or found
    return None


def repair_all(text: str) -> str:
    """`text` with every broken run repaired, the rest as it is."""
    return RUN.sub(lambda match: repair(match.group()) or match.group(), text)


def _cp1252(text: str) -> bytes | None:
    found = bytearray()
    for character in text:
        try:
            found += character.encode("cp1252")
        except UnicodeEncodeError:
            if character not in UNDEFINED.values():
                return None
            found.append(ord(character))
    return bytes(found)


def _cp1253(text: str) -> bytes | None:
    """The Greek page; where it has no character, what wrote the text took that of ISO 8859-7 or of cp1252."""
    found = bytearray()
    for character in text:
        byte = next(
            (one for page in ("cp1253", "iso8859_7") if (one := _byte(character, page))), _cp1252(character)
        )
        if byte is None:
            return None
        found += byte
    return bytes(found)


def _byte(character: str, page: str) -> bytes | None:
    try:
        return character.encode(page)
    except UnicodeEncodeError:
        return None


def _latin1(text: str) -> bytes | None:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None
