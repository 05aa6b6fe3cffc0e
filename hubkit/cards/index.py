"""The card of a study over all its releases: totals counted, models compared, what depends on size computed. Nothing is typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubkit import __version__
from hubkit.cards.author_check import check_study
from hubkit.cards.build import keep_foreign, read_card, regions_of, unified
from hubkit.cards.front import tags, with_front_matter
from hubkit.cards.prose_facts import COUNTED, Fact, Tree, quotable
from hubkit.cards.render import Written, render_sections
from hubkit.cards.sections.of_study import SECTIONS
from hubkit.cards.settings import IndexSettings
from hubkit.cards.study_facts import IndexFacts, read_study
from hubkit.release.card_digest import KEY
from hubkit.release.layout import README
from hubkit.release.writing import keep_or_write


@dataclass(frozen=True)
class IndexCard:
    """The study's card."""

    text: str
    facts: IndexFacts
    changed: bool = True
    diff: str = ""
    doubts: tuple[str, ...] = ()
    """What may be wrong in the author's words."""


def build_index(
    releases: Sequence[Path],
    settings: IndexSettings,
    *,
    path: Path | None = None,
    commits: Mapping[str, str] | None = None,
    force: bool = False,
) -> IndexCard:
    """The card of a study whose releases are in these folders, each with its card.yaml. Nothing is written.

    `commits` maps a repository to the commit that its row speaks of. `path` is the README.md that it is to become: its author's regions are kept, and edits by hand outside them raise EditedError unless `force`; words of the author that the
    files of the releases contradict raise UsageError.
    """
    facts = read_study(releases, settings, commits)
    old = read_card(path) if path is not None else None
    where = path or Path(README)
    written = Written(regions=regions_of(old, where, SECTIONS, force=force), folder=where.parent)
    body = render_sections(settings, SECTIONS, facts, _names(facts), written, {})
    text = with_front_matter(
        _front_matter(facts), {"version": __version__, "facts_sha256": facts.digest}, body
    )
    if old is not None and not force:
        keep_foreign(where, old, text)
    doubts = check_study(releases, settings, text, str(where))
    return IndexCard(text, facts, text != old, unified(old, text), doubts)


def write_index(
    releases: Sequence[Path], settings: IndexSettings, path: Path, *, force: bool = False
) -> IndexCard:
    """Build the study's card and write it to `path`."""
    card = build_index(releases, settings, path=path, force=force)
    keep_or_write(path, card.text)
    return card


def _names(facts: IndexFacts) -> Tree:
    """What the author's prose may quote: the totals, and every release's facts by the name of its base model."""

    return {
        "models": Fact(len(facts.rows), COUNTED),
        "count": Fact(facts.saes, COUNTED),
        "release": {row.name: quotable(row.facts) for row in facts.rows},
    }


def _front_matter(facts: IndexFacts) -> dict[str, Any]:
    settings = facts.settings
    ours = {
        "library_name": "saelens",
        "base_model": list(dict.fromkeys(row.facts.settings.base_model for row in facts.rows)),
        "license": settings.license,
        "tags": tags(settings),
    }
    return {**ours, **{key: value for key, value in settings.front_matter.items() if key not in {*ours, KEY}}}
