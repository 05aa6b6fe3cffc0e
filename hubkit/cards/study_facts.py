"""The facts of a study: those of its releases, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkit.cards.base import short_count
from hubkit.cards.facts import Facts, read_facts
from hubkit.cards.measured import BALANCED, Best, Peak, best_sae, judged_comparisons, peak_layer
from hubkit.cards.settings import NAME, IndexSettings, load_settings
from hubkit.release.digests import sha256_of_json


@dataclass(frozen=True)
class Row:
    """One release in the comparison of models."""

    facts: Facts
    peak: Peak | None
    best: Best | None
    above: tuple[int, int] | None
    """SAE probes above their reference, and of how many."""

    @property
    def name(self) -> str:
        """The base model."""
        return self.facts.base.name

    @property
    def parameters(self) -> int | None:
        """Of the base model."""
        return self.facts.base.parameters

    @property
    def size(self) -> str | None:
        """The same in words."""
        return short_count(self.parameters) if self.parameters else None

    @property
    def depth(self) -> float | None:
        """Of the best layer."""
        return self.facts.base.depth(self.peak.profile.layer) if self.peak else None

    @property
    def never_learned(self) -> int:
        """SAEs whose thresholds never left their initial value."""
        return sum(sae.never_learned for sae in self.facts.saes)


@dataclass(frozen=True)
class IndexFacts:
    """A study."""

    settings: IndexSettings
    rows: tuple[Row, ...]
    """By size of the base model, then by name."""
    commits: Mapping[str, str] = field(default_factory=dict)
    """Repository to the commit that the row is of."""

    @property
    def saes(self) -> int:
        """Of all releases."""
        return sum(len(row.facts.saes) for row in self.rows)

    @property
    def digest(self) -> str:
        """Of the releases' digests."""
        return sha256_of_json({row.facts.settings.repo_id: row.facts.digest for row in self.rows})


def read_study(
    releases: Sequence[Path], settings: IndexSettings, commits: Mapping[str, str] | None = None
) -> IndexFacts:
    """The facts of the releases in these folders, each with its card.yaml. Raises HubkitError for one that cannot be read."""
    rows = sorted((_row(release) for release in releases), key=lambda row: (row.parameters or 0, row.name))
    return IndexFacts(settings, tuple(rows), dict(commits or {}))


def _row(release: Path) -> Row:
    facts = read_facts(release, load_settings(release / NAME))
    return Row(facts, peak_layer(facts), best_sae(facts, BALANCED), _above(facts))


def _above(facts: Facts) -> tuple[int, int] | None:
    """From the single comparisons with the raw activations where they cover the release, else from its tally."""
    differences = [
        c.difference.value
        for c in judged_comparisons(facts).all
        if c.reference.startswith("raw") and c.difference.value is not None
    ]
    tallies = facts.evaluation.tallies if facts.evaluation else []
    tally = next((one for one in tallies if "raw activations" in one.reference), None)
    if tally is not None and tally.total > len(differences):
        return tally.above, tally.total
    return (sum(value > 0 for value in differences), len(differences)) if differences else None
