"""`README.md` from a release folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubkit.cards.facts import Facts, read_facts
from hubkit.cards.render import body_digest, render_card
from hubkit.cards.settings import NAME, CardSettings, load_settings
from hubkit.errors import UsageError
from hubkit.readme.document import parse_readme
from hubkit.release.layout import README
from hubkit.release.writing import keep_or_write


@dataclass(frozen=True)
class Card:
    """A card that was built."""

    path: Path
    text: str
    facts: Facts
    changed: bool


def build_card(release: Path, settings: CardSettings | None = None, *, force: bool = False) -> Card:
    """Write `<release>/README.md` from the release's files and `card.yaml`.

    A README that hubkit did not write is somebody's work: it is kept, and UsageError raised, unless `force`.
    """
    settings = settings or load_settings(release / NAME)
    facts = read_facts(release, settings)
    text = render_card(facts)
    path = release / README
    old = path.read_text(encoding="utf-8") if path.is_file() else None
    if old is not None and not force:
        _keep_foreign(path, old)
    return Card(path, text, facts, changed=keep_or_write(path, text))


def _keep_foreign(path: Path, old: str) -> None:
    """Refuse to overwrite what a person wrote."""
    recorded = _recorded(old)
    hint = "move its prose into card.yaml and the file away, or pass --force"
    if recorded is None:
        raise UsageError(f"{path}: this card was not written by hubkit and would be lost", hint=hint)
    if recorded.get("body_sha256") != body_digest(_body(old)):
        raise UsageError(
            f"{path}: this card was edited by hand since hubkit wrote it, and the edits would be lost",
            hint=hint,
        )


def recorded_digest(text: str) -> str | None:
    """The digest of the files that a card was built from, or None for a card that hubkit did not write."""
    found = (_recorded(text) or {}).get("facts_sha256")
    return found if isinstance(found, str) else None


def _recorded(text: str) -> dict[str, Any] | None:
    ours = (parse_readme(text).front_matter or {}).get("hubkit")
    return ours if isinstance(ours, dict) else None


def _body(text: str) -> str:
    return "\n".join(text.split("\n")[parse_readme(text).body_line - 1 :])
