"""A repository with a hand-written card to card.yaml, evidence.yaml, the card built from the files, and the difference."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hubkit.adopt.cells import Known
from hubkit.adopt.consequences import Gone, with_consequences
from hubkit.adopt.contradicted import Judge, judged, reason, settled
from hubkit.adopt.difference import differences, with_front
from hubkit.adopt.draft import Draft, restated, texts, withdrawn
from hubkit.adopt.merge import merged
from hubkit.adopt.numbers import Numbers, read_numbers
from hubkit.adopt.outcome import Adoption, Built
from hubkit.adopt.pieces import Piece, Pieces
from hubkit.adopt.restated import restated as said_by
from hubkit.adopt.source import Source, index_values, read_source, settings_of
from hubkit.adopt.split import take_apart
from hubkit.adopt.write import is_ours
from hubkit.cards.build import first_draft
from hubkit.cards.checksums import is_digested
from hubkit.cards.drawn import FOLDER
from hubkit.cards.facts import Facts, facts_of
from hubkit.cards.figures import draw_figures
from hubkit.cards.init import REQUIRED, missing
from hubkit.cards.sections.intro import says_what_it_is
from hubkit.cards.settings import NAME, CardSettings
from hubkit.errors import NothingFound, UsageError
from hubkit.fix.content import Text
from hubkit.fix.proposal import proposed
from hubkit.measures.catalogue import CATALOGUE
from hubkit.readme.page import page_of
from hubkit.release.evidence import Evidence, StatedValue, decode_evidence
from hubkit.release.evidence_text import read_text
from hubkit.release.layout import EVIDENCE, README
from hubkit.repo.view import RepoView
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Severity
from hubkit.validate.gather import gather
from hubkit.validate.need import Need
from hubkit.validate.run import validate
from hubkit.validate.selection import Selection

INDEXED = "model-index of the earlier card"
EVIDENCE_RULES = Selection(select=("EVL",))
CARD_RULES = Selection(select=("CARD",))
FACT = "CARD005"
"""A stated fact that the files speak against: also in the tags of the front matter."""
MOST_TIMES = 4
NAMELESS = "owner/name"
"""A repository's name that says nothing of its SAEs, as `me/jumprelu-saes` does."""


def adopt(view: RepoView, given: Mapping[str, str], folder: Path = Path()) -> Adoption | None:
    """Take the card of `view` apart, and build it again. Nothing is written. None where hubkit wrote the card.

    `given` are keys of card.yaml that the command line answers; `folder` is where a card.yaml of the author's lies. Raises HubkitError.
    """
    source = read_source(view)
    if source is None:
        return None
    there = proposed(view, {README: Text(source.text.encode())})
    before = validate(there)
    facts = gather(there, Need.TREE | Need.CFG | Need.HEADER | Need.README)
    page = page_of(source.readme)
    pieces = take_apart(source.readme, page)
    draft = judged(source.readme, pieces, before.findings, _judge(view))
    numbers = read_numbers(pieces, facts.claims, _known(facts))
    draft = replace(draft, moved=numbers.whole - draft.gone.keys())
    against = {f.line: f.message for f in before.findings if f.line and f.path == README and f.code == FACT}
    work = _Work(view, source, facts, given, numbers, folder, against)
    built = work.built(draft)
    texts = {EVIDENCE: work.evidence_text(built.evidence)}
    after = validate(_with(view, {README: built.card, **texts, **built.figures})) if built.card else None
    rows = differences(
        page.claims,
        built.draft,
        before.findings,
        after.findings if after else (),
        built.card,
    )
    rows = with_front(rows, work.front()[1])
    settings = work.settings(built.draft)
    return Adoption(
        view.name,
        view.repository,
        view.revision,
        source,
        built,
        settings,
        texts[EVIDENCE],
        before,
        after,
        rows,
    )


def _judge(view: RepoView) -> Judge:
    """The CARD findings on a text in the place of README.md."""
    return lambda text: validate(_with(view, {README: text}), CARD_RULES).findings


def _with(view: RepoView, files: Mapping[str, str | None]) -> RepoView:
    return proposed(view, {path: Text(text.encode()) for path, text in files.items() if text is not None})


def _known(facts: RepoFacts) -> Known:
    by_layer: dict[int, tuple[str, ...]] = {}
    for sae in facts.saes:
        if sae.sae.layer is not None:
            by_layer[sae.sae.layer] = (*by_layer.get(sae.sae.layer, ()), sae.sae_id)
    return Known(frozenset(sae.sae_id for sae in facts.saes), by_layer)


@dataclass(frozen=True)
class _Work:
    """What a card is built from, as often as it takes."""

    view: RepoView
    source: Source
    facts: RepoFacts
    given: Mapping[str, str]
    numbers: Numbers
    folder: Path
    contradicted: Mapping[int, str]
    """Lines of the card that the files speak against, with what they say."""

    def built(self, draft: Draft) -> Built:
        """The draft as nothing contradicts it any more, and what comes of it."""
        draft = self._without_what_is_impossible(draft)
        evidence = self.evidence(draft)
        if not self.facts.saes:
            return Built(draft, evidence, why="no SAE of a format that hubkit knows")
        if lacking := missing(self.settings(draft)):
            return Built(draft, evidence, why=f"{', '.join(lacking)} needed before a card can be built")
        hashed = cache(self.view.sha256)
        built = Built(draft, evidence)
        for _ in range(MOST_TIMES):
            try:
                facts = self._facts(draft, evidence, hashed)
            except NothingFound as error:
                return Built(draft, evidence, why=error.message)
            build = self._builder(facts)
            draft = replace(draft, said=self._said(draft, facts))
            draft, text, _ = settled(draft, build, self._judge_with(evidence))
            drawn = {f"{FOLDER}/{one.name}.svg": one.text for one in draw_figures(facts)}
            built = Built(draft, evidence, text, figures=drawn)
            again = self.evidence(draft)  # a number may have been on what is withdrawn now
            if again == evidence:
                break
            evidence = again
        return built

    def _said(self, draft: Draft, facts: Facts) -> frozenset[Piece]:
        """What a card without a word of the author's says of what stands in the draft."""
        bare = self._card_settings(Draft(Pieces(None, ())))
        named, bare = bare.repo_id, bare.model_copy(update={"repo_id": NAMELESS})
        ours = first_draft(replace(facts, settings=bare, stated=()), self.folder)
        counts = {
            "layers": len(facts.distinct("layer")),
            "architectures": len(facts.distinct("architecture")),
            "conditions": len(facts.distinct("condition")),
        }
        return said_by(draft, self.facts.claims, ours, named, counts)

    def _facts(self, draft: Draft, evidence: Evidence | None, hashed: Callable[[str], str]) -> Facts:
        text = self.evidence_text(evidence)
        view = _with(self.view, {EVIDENCE: text})
        return facts_of(view, self._card_settings(draft), lambda: self._checksums(text, hashed))

    def front(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """What card.yaml has but for the body of the card, and what of the front matter is withdrawn."""
        return settings_of(self.facts, self.source, self.given, self.contradicted)

    def settings(self, draft: Draft, *, apart: bool = False) -> dict[str, Any]:
        """card.yaml: what the files and the front matter say, the author's words, what was withdrawn; an author's own card.yaml before all."""
        found, out = self.front()
        model, own = found.get("base_model"), self._own_settings()
        can_lead = isinstance(model, str) and not own.get("summary")
        found |= texts(draft, lambda text: can_lead and says_what_it_is(text, str(model)), apart=apart)
        found["withdrawn"] = [*out, *withdrawn(draft)]
        found["restated"] = restated(draft)
        keys = dict.fromkeys([*REQUIRED, *CardSettings.model_fields])
        return merged(own, {key: found[key] for key in keys if found.get(key)})

    def _own_settings(self) -> Mapping[str, Any]:
        """What the author put into card.yaml: nothing, where an earlier run wrote all of it."""
        there = self.view.entry(NAME) is not None
        return {} if there and is_ours(self.view.read(NAME)) else self.facts.card_settings

    def evidence(self, draft: Draft) -> Evidence | None:
        """evidence.yaml: what is there already, and the numbers of the card after it."""
        where = f"{self.view.repository}@{self.view.revision}" if self.view.repository else "this repository"
        source = f"{README} of {where} before hubkit adopt"
        values = [value for _, value in self.numbers.without(draft.gone)] + [
            StatedValue.model_validate({"name": name, "value": value, "n": None, "note": INDEXED})
            for name, value in index_values(self.source.readme)
        ]
        own = self._own_evidence()
        if own is None:
            return Evidence(source=source, values=values) if values else None
        fresh = [
            one for value in values if (one := value.model_copy(update={"source": source})) not in own.values
        ]
        return own.model_copy(update={"values": [*own.values, *fresh]}) if fresh else own

    def _own_evidence(self) -> Evidence | None:
        if self.view.entry(EVIDENCE) is None:
            return None
        return decode_evidence(self.view.read(EVIDENCE), f"{self.view.name}/{EVIDENCE}", CATALOGUE)

    def _without_what_is_impossible(self, draft: Draft) -> Draft:
        """Withdraw what states a number that `hubkit validate` calls an error in evidence.yaml."""
        text = self.evidence_text(self.evidence(draft))
        if text is None:
            return draft
        own = self._own_evidence()
        first = len(own.values) if own else 0
        stated = self.numbers.without(draft.gone)
        lines = read_text(text, EVIDENCE)
        places = {lines.line(("values", first + n)): piece for n, (piece, _) in enumerate(stated)}
        starts = sorted(places)
        gone = Gone(draft.gone)
        for finding in validate(_with(self.view, {EVIDENCE: text}), EVIDENCE_RULES).findings:
            if (
                finding.path == EVIDENCE
                and finding.severity is Severity.ERROR
                and (at := bisect_right(starts, finding.line or 0))
            ):
                gone.add({places[starts[at - 1]]: [reason(finding)]})
        return replace(draft, gone=with_consequences(draft.pieces, gone))

    def evidence_text(self, evidence: Evidence | None) -> str | None:
        """The file; None where it stays as it is."""
        if evidence is None:
            return None
        return None if self._own_evidence() == evidence else evidence.text()

    def _card_settings(self, draft: Draft, *, apart: bool = False) -> CardSettings:
        try:
            return CardSettings.model_validate(self.settings(draft, apart=apart))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{NAME}: {where}: {first['msg']}", hint="hubkit schema card") from error

    def _builder(self, facts: Facts) -> Any:
        def build(draft: Draft, apart: bool) -> str:
            return first_draft(replace(facts, settings=self._card_settings(draft, apart=apart)), self.folder)

        return build

    def _judge_with(self, evidence: Evidence | None) -> Judge:
        text = self.evidence_text(evidence)
        return lambda card: validate(_with(self.view, {README: card, EVIDENCE: text}), CARD_RULES).findings

    def _checksums(self, evidence: str | None, hashed: Callable[[str], str]) -> dict[str, str]:
        """Of all that a card is built from: of a repository by its listing, where that has them."""
        found = {entry.path: hashed(entry.path) for entry in self.view.list() if is_digested(entry.path)}
        ours = {} if evidence is None else {EVIDENCE: hashlib.sha256(evidence.encode()).hexdigest()}
        return dict(sorted({**found, **ours}.items()))
