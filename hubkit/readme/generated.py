"""What of a card hubkit wrote, and whether it still stands as it was written: the digest of its own text, in the front matter."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import yaml

from hubkit.readme.document import Readme, parse_readme
from hubkit.readme.regions import author_lines, generated_text, template_lines
from hubkit.release.card_digest import KEY


def text_digest(data: Mapping[str, Any], body: str) -> str:
    """The digest of what hubkit wrote: the front matter but for its own key, and the body but for the author's regions."""
    head = yaml.safe_dump({key: value for key, value in data.items() if key != KEY}, sort_keys=True)
    return hashlib.sha256(f"{head}\n{generated_text(body)}".encode("utf-8", "surrogatepass")).hexdigest()


def recorded(text: str) -> dict[str, Any] | None:
    """What hubkit wrote into the front matter of a card, or None for a card that is not hubkit's."""
    return _recorded(parse_readme(text))


def edited_by_hand(text: str) -> bool:
    """Whether a card of hubkit's was changed outside the author's regions since it was written; True for one that is not hubkit's."""
    return not _intact(parse_readme(text))


def generated_lines(readme: Readme) -> frozenset[int]:
    """The lines, 1-based, that stand as hubkit wrote them: all but the author's regions and templates, and none where the text is not what hubkit recorded."""
    if not _intact(readme):
        return frozenset()
    own = author_lines(readme.text) | template_lines(readme.text)
    return frozenset(number for number in range(1, readme.text.count("\n") + 2) if number not in own)


def _recorded(readme: Readme) -> dict[str, Any] | None:
    ours = (readme.front_matter or {}).get(KEY)
    return ours if isinstance(ours, dict) else None


def _intact(readme: Readme) -> bool:
    stated = (_recorded(readme) or {}).get("text_sha256")
    if stated is None:
        return False
    body = "\n".join(readme.text.split("\n")[readme.body_line - 1 :])
    return bool(stated == text_digest(dict(readme.front_matter or {}), body))
