"""What the author wrote into card.yaml, into templates and into the regions of a card, of a release or of a study, held against the release's files before the card is written.

The card is judged whole, as the validator will judge it on the Hub: the same claims, the same rules. hubkit's own sentences come from the files; what contradicts them is the author's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError
from hubkit.readme.document import parse_readme
from hubkit.readme.regions import author_lines, template_lines
from hubkit.readme.voice import speaks_as_hubkit
from hubkit.release.evidence_text import read_text
from hubkit.release.layout import CARD_SETTINGS, EVIDENCE, README
from hubkit.repo.joined import JoinedView
from hubkit.repo.local import open_folder
from hubkit.repo.overlay import overlaid
from hubkit.small_files import read_regular_text
from hubkit.texts import printable, shortened
from hubkit.validate.author import strings
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.rule import holding
from hubkit.validate.run import Selection, validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hubkit.cards.settings import CardSettings, CommonSettings, IndexSettings
    from hubkit.repo.view import RepoView

MOST_TOLD = 8
PIECES = re.compile(
    r"\{\{(?:(?!\{\{|\}\}).)*+\}\}|\{%(?:(?!\{%|%\}).)*+%\}|\{#(?:(?!\{#|#\}).)*+#\}|\n", re.DOTALL
)
"""What parts the words of a text that quotes facts: lines, and quotations."""
SHORTEST = 6
"""Characters by which a line is known to be the author's."""
PROSE = {
    "title",
    "summary",
    "prose",
    "sections",
    "measures",
    "does_not_measure",
    "recommended",
    "not_recommended",
    "transfers",
}
"""Keys whose texts stand in the card's body as they are."""


def check_author(
    view: RepoView, settings: CardSettings, text: str, release: Path, shipped: str = ""
) -> tuple[str, ...]:
    """What may be wrong in the author's words, in sentences; `shipped` is the card without the author's templates. Raises UsageError for what the files contradict, and for words
    that only hubkit may use.
    """
    where = str(release / CARD_SETTINGS)
    keys = dict(_by_key(settings))
    ours = set(shipped.split("\n"))
    lines = text.split("\n")
    theirs = [lines[number - 1] for number in sorted(template_lines(text))]
    _refuse_voice(dict(_of_evidence(release)), str(release / EVIDENCE))
    _refuse_voice(keys | {"templates": "\n".join(line for line in theirs if line not in ours)}, where)
    return _judged(view, text, keys, where)


def check_study(releases: Sequence[Path], settings: IndexSettings, text: str, where: str) -> tuple[str, ...]:
    """The same of a study's card, which stands around its releases."""
    keys = dict(_by_key(settings))
    _refuse_voice(keys, where)
    parts = {f"{at}_{path.name}": open_folder(path) for at, path in enumerate(releases)}
    return _judged(JoinedView(where, parts=parts), text, keys, where)


def _judged(view: RepoView, text: str, keys: dict[str, str], where: str) -> tuple[str, ...]:
    """What the rules that hold a card against something say of the author's words. Raises UsageError for errors."""
    facts = Selection(select=tuple(sorted(holding("files", "card", "voice"))))
    judged = validate(overlaid(view, {README: text.encode("utf-8", "surrogatepass")}), facts).findings
    places = _Places(text, keys)
    found = [(place, one) for one in judged if (place := places.of(one)) is not None]
    wrong = [f"  {place}: {one.message}" for place, one in found if one.severity is Severity.ERROR]
    if wrong:
        more = f"\n  and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        listed = "\n".join(wrong[:MOST_TOLD])
        raise UsageError(
            f"{where}: what it says contradicts the files of the release; no card was written\n{listed}{more}",
            hint=f"correct it; numbers that were measured elsewhere belong into {EVIDENCE}",
        )
    return tuple(f"{place}: {one.message}" for place, one in found if one.severity is Severity.WARNING)


def _refuse_voice(keys: dict[str, str], where: str) -> None:
    """Raise UsageError for words that only hubkit may use."""
    for key, text in keys.items():
        if words := next(filter(None, map(speaks_as_hubkit, text.split("\n"))), None):
            raise UsageError(
                f"{where}: {key} says {printable(shortened(words))!r}, which only hubkit's own sentences say, with what was found",
                hint="take the sentence out: the card says what was checked, computed and measured, and by which version",
            )


def _by_key(settings: CommonSettings) -> Iterator[tuple[str, str]]:
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


def _of_evidence(release: Path) -> Iterator[tuple[str, str]]:
    """Every text of evidence.yaml, which is the author's too: what is no such file was refused before."""
    path = release / EVIDENCE
    if path.is_file():
        yield "it", "\n".join(strings(read_text(read_regular_text(path), EVIDENCE).raw))


class _Places:
    """Where the author wrote what a finding is about."""

    def __init__(self, text: str, keys: dict[str, str]) -> None:
        self._lines = text.split("\n")
        self._body = parse_readme(text).body_line
        self._regions = author_lines(text)
        self._templated = template_lines(text)
        self._keys = keys
        prose = {key: said for key, said in keys.items() if key.partition(".")[0] in PROSE}
        self._prose = {
            key: [one for one in map(str.strip, PIECES.split(said)) if len(one) >= SHORTEST]
            for key, said in prose.items()
        }

    def of(self, finding: Finding) -> str | None:
        """The key of card.yaml, or the region; None where the sentence is hubkit's, or the finding another file's."""
        if finding.path == CARD_SETTINGS:
            return (finding.pointer or "/").strip("/")
        if finding.path != README or not finding.line or finding.line > len(self._lines):
            return None
        line = self._lines[finding.line - 1]
        if finding.line < self._body:
            return self._in_front(finding, line)
        if finding.line in self._regions:
            return f"the region on line {finding.line}"
        own = next((key for key, said in self._prose.items() if any(one in line for one in said)), None)
        return own or ("templates" if finding.line in self._templated else None)

    def _in_front(self, finding: Finding, line: str) -> str | None:
        """The base model was held against the configurations before: there "unknown" may pass."""
        if finding.pointer:
            return None if finding.pointer == "/base_model" else finding.pointer.strip("/")
        value = line.rpartition(":")[2].strip(" -'\"")
        return next((key for key, said in self._keys.items() if value in said.split("\n")), "front_matter")
