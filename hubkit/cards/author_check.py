"""What the author wrote into card.yaml and into the regions of a card, held against the release's files before the card is written.

The card is judged whole, as the validator will judge it on the Hub: the same claims, the same rules. hubkit's own sentences come from the files; what contradicts them is the author's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError
from hubkit.readme.voice import speaks_as_hubkit
from hubkit.release.layout import CARD_SETTINGS, EVIDENCE, README
from hubkit.repo.overlay import overlaid
from hubkit.texts import printable, shortened
from hubkit.validate.author import strings
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.run import Selection, validate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hubkit.cards.settings import CardSettings
    from hubkit.repo.view import RepoView

FACTS = Selection(select=("CARD004", "CARD005", "CARD006", "CARD007", "CARD008", "CARD016", "CARD017"))
MOST_TOLD = 8


def check_author(view: RepoView, settings: CardSettings, text: str, release: Path) -> tuple[str, ...]:
    """What may be wrong in the author's words, in sentences. Raises UsageError for what the files contradict, and for words that only hubkit may use."""
    keys = dict(_by_key(settings))
    for key, said in keys.items():
        if words := next(filter(None, map(speaks_as_hubkit, said.split("\n"))), None):
            raise UsageError(
                f"{release / CARD_SETTINGS}: {key} says {printable(shortened(words))!r}, which only hubkit's own sentences say, with what was found",
                hint="take the sentence out: the card says what was checked, computed and measured, and by which version",
            )
    judged = validate(overlaid(view, {README: text.encode("utf-8", "surrogatepass")}), FACTS).findings
    findings = [one for one in judged if one.path in (README, CARD_SETTINGS, None)]
    wrong = [one for one in findings if one.severity is Severity.ERROR]
    lines = text.split("\n")
    if wrong:
        several = "\n".join(f"  {_place(one, lines, keys)}: {one.message}" for one in wrong[:MOST_TOLD])
        more = f"\n  and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise UsageError(
            f"{release / CARD_SETTINGS}: what it says contradicts the files of the release; no card was written\n{several}{more}",
            hint=f"correct it; numbers that were measured elsewhere belong into {EVIDENCE}",
        )
    return tuple(
        f"{_place(one, lines, keys)}: {one.message}" for one in findings if one.severity is Severity.WARNING
    )


def _by_key(settings: CardSettings) -> Iterator[tuple[str, str]]:
    """Every text of card.yaml with the key that one finds it under; what an earlier card said is not in this one."""
    for name, value in settings.model_dump(exclude={"withdrawn"}).items():
        parts: list[tuple[str, Any]] = [(name, value)]
        if isinstance(value, dict):
            parts = [(f"{name}.{key}", one) for key, one in value.items()]
        elif isinstance(value, list):
            parts = [(f"{name}.{at}", one) for at, one in enumerate(value)]
        for key, one in parts:
            if texts := list(strings(one)):
                yield key, "\n".join(texts)


def _place(finding: Finding, lines: list[str], keys: dict[str, str]) -> str:
    """The key whose text has the line, else the line of the card."""
    if finding.path == CARD_SETTINGS:
        return (finding.pointer or "/").strip("/")
    line = lines[finding.line - 1].strip(" -*#>|") if finding.line and finding.line <= len(lines) else ""
    key = next(
        (
            key
            for key, said in keys.items()
            if line and (line in said or any(one and one in line for one in said.split("\n")))
        ),
        None,
    )
    return key or f"the card's line {finding.line}"
