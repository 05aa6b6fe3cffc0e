"""What a card claims, read by a closed grammar: one file a family of claims, and what fits no pattern is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from hubkit.readme.claims.kinds import Claim

if TYPE_CHECKING:
    from hubkit.readme.page import Page

C = TypeVar("C", bound=Claim)


class Claims:
    """The claims of one card, in the order of its lines."""

    def __init__(self, found: tuple[Claim, ...]) -> None:
        self.found = found
        self._by_kind: dict[type[Claim], list[Claim]] = {}
        for claim in found:
            self._by_kind.setdefault(type(claim), []).append(claim)

    def of(self, kind: type[C]) -> list[C]:
        """Those of one kind."""
        return list(self._by_kind.get(kind, ()))  # type: ignore[arg-type]


def read_claims(page: Page) -> Claims:
    """Every claim of a card. Never raises; linear in the length of the text."""
    return Claims(tuple(sorted(_read(page), key=lambda claim: claim.line)))


def import_grammar() -> tuple[Callable[[Page], Iterator[Claim]], ...]:
    """The readers of all families. Their patterns take 30 ms to compile, once: time that a wait for the network has to spare."""
    from hubkit.readme.claims import (
        base_models,
        beside,
        counts,
        dimensions,
        front,
        hooks,
        layers,
        licences,
        measures,
        names,
        neuronpedia,
        orderings,
        papers,
        properties,
        scores,
        sentences,
        shares,
        totals,
        versions,
        widths,
    )

    return (
        counts.read, layers.read, totals.read, dimensions.read, hooks.read, names.read, shares.read, base_models.read, scores.read,
        papers.read, properties.read, sentences.read, beside.read, measures.read, widths.read, licences.read, front.read, neuronpedia.read,
        orderings.read, versions.read,
    )  # fmt: skip


def _read(page: Page) -> Iterator[Claim]:
    for read in import_grammar():
        yield from read(page)
