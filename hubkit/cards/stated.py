"""What is stated and not computed: by the author in evidence.yaml, by files without a record of their computation, and by the training in cfg.json.

Kept apart from what hubkit computed from here to the last table: `Facts.evaluation` and `SaeFact.metrics` hold computed values only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from hubkit.cards.trained import counted_by
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.evidence import Evidence, StatedValue, decode_evidence, of_evaluation, of_metrics
from hubkit.release.experiments import EXPERIMENTS
from hubkit.release.layout import CFG, EVALUATION, EVIDENCE
from hubkit.release.metrics import Evaluation, SaeMetrics

if TYPE_CHECKING:
    from hubkit.cards.facts import Facts, SaeFact
    from hubkit.repo.view import RepoView
    from hubkit.validate.finding import Finding

IMPOSSIBLE = "EVL002"
"""The rule that knows what a measure can be."""
Origin = Literal["author", "unrecorded", "changed", "training"]
"""Who states it: the author; a file without the record that hubkit computed it, or changed since; the training."""


@dataclass(frozen=True)
class Item:
    """One stated value, and where it is written."""

    value: StatedValue
    file: str
    pointer: str
    source: str
    """Where it can be looked up."""

    @property
    def title(self) -> str:
        """What it is, in words."""
        measure = CATALOGUE.get(self.value.measure or "")
        words = measure.title if measure else self.value.name or self.value.measure or ""
        return f"{words}, {self.value.contrast}" if self.value.contrast else words


@dataclass(frozen=True)
class Stated:
    """Everything that one origin states."""

    origin: Origin
    items: tuple[Item, ...] = ()
    experiments: Evidence | None = None

    def of(self, key: str) -> list[Any]:
        """Its experiments of one kind: `tallies`, `steering`, ..."""
        return list(getattr(self.experiments, key)) if self.experiments else []

    def source(self, one: Any) -> str:
        """Where an experiment of this origin can be looked up."""
        if self.origin == "author" and self.experiments is not None:
            return self.experiments.source_of(one)
        return f"`{EVALUATION}`"

    def mark(self, one: Any) -> str:
        """What stands beside an experiment of this origin in a section that shows computed ones too."""
        if self.origin == "author" and self.experiments is not None:
            return f"Stated by the author (`{EVIDENCE}`), not computed by hubkit. Source: {self.experiments.source_of(one)}"
        how = (
            "changed since it was computed"
            if self.origin == "changed"
            else "without a record of a computation"
        )
        return f"Stated in `{EVALUATION}`, {how}; not computed by hubkit"


def read_author(view: RepoView) -> Stated | None:
    """evidence.yaml. Raises UsageError that names every mistake by its line."""
    entry = view.entry(EVIDENCE)
    if entry is None:
        return None
    found = decode_evidence(view.read_range(EVIDENCE, 0, entry.size), f"{view.name}/{EVIDENCE}", CATALOGUE)
    items = [
        Item(value, EVIDENCE, f"/values/{i}/value", found.source_of(value))
        for i, value in enumerate(found.values)
    ]
    return Stated("author", tuple(items), found)


def of_unrecorded(
    evaluation: Evaluation | None, metrics: Sequence[tuple[str, SaeMetrics]], changed: bool
) -> Stated | None:
    """The values of an evaluation.json, and of files metrics.json (path, content), that no record says were computed. None where there are none."""
    items: list[Item] = []
    own = {one.sae_id for _, one in metrics}
    for path, one in metrics:
        items += [_item(value, path, f"/values/{_at(one.values, value)}/value") for value in of_metrics(one)]
    experiments = None
    if evaluation is not None:
        experiments = of_evaluation(evaluation)
        pointers = list(_pointers(evaluation))
        items += [
            _item(value, EVALUATION, pointer)
            for value, (pointer, sae_id) in zip(experiments.values, pointers, strict=True)
            if sae_id not in own
        ]
    nothing = not items and not any(experiments and getattr(experiments, key) for key in EXPERIMENTS)
    return None if nothing else Stated("changed" if changed else "unrecorded", tuple(items), experiments)


def _item(value: StatedValue, file: str, pointer: str) -> Item:
    return Item(value, file, pointer, f"`{file}`")


def _at(values: Sequence[Any], stated: StatedValue) -> int:
    return next(
        i
        for i, one in enumerate(values)
        if (one.measure, one.split, one.contrast, one.value)
        == (stated.measure, stated.split, stated.contrast, stated.value)
    )


def _pointers(evaluation: Evaluation) -> Iterator[tuple[str, str | None]]:
    """Of the values in the order of `of_evaluation`; with the SAE whose own metrics.json would say the same."""
    for i, sae in enumerate(evaluation.saes):
        yield from (
            (f"/saes/{i}/values/{j}/value", sae.sae_id)
            for j, value in enumerate(sae.values)
            if value.value is not None
        )
    for i, layer in enumerate(evaluation.layers):
        yield from (
            (f"/layers/{i}/values/{j}/value", None)
            for j, value in enumerate(layer.values)
            if value.value is not None
        )
    for i, comparison in enumerate(evaluation.comparisons):
        if comparison.difference.value is not None:
            yield f"/comparisons/{i}/difference/value", None


def by_training(saes: Sequence[SaeFact]) -> Stated | None:
    """What the trainings counted themselves. None where no cfg.json has it."""
    items = []
    for sae in saes:
        file = CFG if sae.sae_id == "." else f"{sae.sae_id}/{CFG}"
        for one in counted_by(sae):
            what = {"measure": one.measure} if one.measure else {"name": one.name}
            value = StatedValue.model_validate({**what, "sae_id": sae.sae_id, "value": one.value, "n": None})
            items.append(Item(value, file, one.pointer, f"`{CFG}`, `{one.pointer}`"))
    return Stated("training", tuple(items)) if items else None


def possible(group: Stated, findings: Sequence[Finding]) -> Stated:
    """Without the values that their measures cannot have (EVL002): a card says that they are there, and repeats none of them."""
    wrong = [one for one in findings if one.code == IMPOSSIBLE]
    kept = tuple(item for item in group.items if not any(_is_of(one, item) for one in wrong))
    return replace(group, items=kept)


def _is_of(finding: Finding, item: Item) -> bool:
    """Whether a finding is of this value: by its pointer, or, where the rule gives none, by the measure and the value."""
    if finding.path != item.file:
        return False
    if finding.pointer is not None:
        return finding.pointer == item.pointer
    told = finding.measured
    return (finding.sae_id, told.get("measure"), told.get("value")) == (
        item.value.sae_id,
        item.value.measure,
        item.value.value,
    )


def experiments(facts: Facts, key: str) -> list[tuple[Any, str | None]]:
    """Every experiment of one kind: the computed ones first, without a mark, then the stated ones, each with the mark that it carries."""
    computed = list(getattr(facts.evaluation, key)) if facts.evaluation else []
    found: list[tuple[Any, str | None]] = [(one, None) for one in computed]
    return found + [(one, group.mark(one)) for group in facts.stated for one in group.of(key)]
