"""A repository held against the digests that its own card records: where a release has no provenance.json, as SAEs made elsewhere have none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.cards.libraries import configuration_of, described
from hubkit.readme.generated import edited_by_hand, recorded
from hubkit.release.card_digest import recorded_digests
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import EVALUATION, EVIDENCE, README

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae

AGAINST = f"the digests in {README}"


@dataclass(frozen=True)
class Compared:
    """What was held against a card."""

    paths: frozenset[str]
    """That the card's digests speak for, and that are there."""
    differing: tuple[str, ...]
    """A digest has no names in it: where one differs, all files that it is of."""


def card_record(text: str) -> Mapping[str, Any] | None:
    """What a card of hubkit's records of its files; None for any other card."""
    ours = recorded(text)
    return ours if ours and isinstance(ours.get("facts_sha256"), str) else None


def against_card(
    text: str, record: Mapping[str, Any], files: Mapping[str, str], saes: Iterable[Sae]
) -> Compared:
    """Hold `files` (sha256 by path, all that a card is built from) against a card's digests: that of all files, or, where others lie beside them
    by now, those of the configurations and of the weights.
    """
    own = (README,) if edited_by_hand(text) else ()
    if sha256_of_json(dict(files)) == record["facts_sha256"]:
        return Compared(frozenset({*files, README}), own)
    spoken_of = described(saes)
    texts = _of(files, [*map(configuration_of, spoken_of), EVALUATION, EVIDENCE])
    weights = _of(files, [sae.weights for sae in spoken_of if sae.weights])
    stated = recorded_digests({"hubkit": record})
    wrong = [
        path
        for part, digest in ((texts, stated.texts), (weights, stated.weights))
        if sha256_of_json(part) != digest
        for path in sorted(part)
    ]
    return Compared(frozenset({*texts, *weights, README}), (*own, *wrong))


def _of(files: Mapping[str, str], paths: Iterable[str]) -> dict[str, str]:
    return {path: files[path] for path in paths if path in files}
