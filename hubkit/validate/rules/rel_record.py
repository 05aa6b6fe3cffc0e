"""REL006: what provenance.json says of the rows and of the base model, against itself, evaluation.json and the configurations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hubkit.release.layout import PROVENANCE
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.measured_values import values_of
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule
from hubkit.validate.rules.rel import provenance_of
from hubkit.validate.true_values import values_of as files_say

if TYPE_CHECKING:
    from hubkit.release.provenance import Provenance

OF_THE_POOL = {"crossfit"}
"""The split whose rows are decided completions of the pool, each once; those of a training, held out and of controls may be others."""
BY_ROW = re.compile(r"l0$|probe_(?:cv_)?balanced_accuracy$")
"""Measures whose n are rows; others count latents."""
FEW = 0.5
"""Rows may be lost between the label and the measure; not half of them without a word."""
FLOATS = {"float64", "float32", "float16", "bfloat16"}
ROUNDED = re.compile(r"\b(?:bnb|nf4|fp4|int8|[48][- ]?bit)\b", re.IGNORECASE)
HINT = "correct provenance.json, or hubkit run STUDY.yaml, which writes it again from what was done"
Contradiction = tuple[str, str]
"""A key of provenance.json, and what is wrong with it."""


@repo_rule("REL006", Severity.WARNING, Need.CFG | Need.PROVENANCE | Need.EVALUATION)
def record_contradicts(repo: RepoFacts) -> Iterator[Found]:
    """provenance.json counts other rows than it lists or than were measured, or names another precision than the configurations.

    Decided completions are the sum of those with each label, and no more than were sampled; what its scenarios count adds up to the same. A value of
    evaluation.json on rows of the pool stands on no more rows than were decided, and the largest on half of them at least, where a row is a completion. `precision`
    is that of each SAE's `model_from_pretrained_kwargs`; of an SAE that hubkit trained on a model that it loaded, and that has none, float32.
    """
    provenance = provenance_of(repo)
    if provenance is None or repo.provenance is None:
        return
    for key, message in (*_sums(provenance), *_measured(repo, provenance), *_precision(repo, provenance)):
        yield Found(message, HINT, path=PROVENANCE, line=repo.provenance.line(f"/{key}"), pointer=f"/{key}", identity=f"{key} {message.split(',')[0]}")  # fmt: skip


def _sums(record: Provenance) -> Iterator[Contradiction]:
    """The counts among themselves."""
    counted, labels = record.completions, record.labels
    decisive, sampled = counted.get("decisive"), counted.get("sampled")
    if decisive is not None and labels and sum(labels.values()) != decisive:
        yield "completions", f"decisive is {decisive}, the labels add up to {sum(labels.values())}"
    if decisive is not None and sampled and decisive > sampled:
        yield "completions", f"decisive is {decisive}, more than the {sampled} that were sampled"
    scenarios = record.scenarios
    if scenarios and all(one.counts for one in scenarios) and labels:
        by_label = sum((Counter(one.counts) for one in scenarios), Counter[str]())
        for label in sorted(labels.keys() | by_label.keys()):
            if labels.get(label, 0) != by_label[label]:
                yield (
                    "scenarios",
                    f"they count {by_label[label]} completions as {label}, completions has {labels.get(label, 0)}",
                )
    if scenarios and sampled and all(one.sampled is not None for one in scenarios):
        total = sum(one.sampled or 0 for one in scenarios)
        if total != sampled:
            yield "scenarios", f"they count {total} sampled completions, completions has {sampled}"


def _measured(repo: RepoFacts, record: Provenance) -> Iterator[Contradiction]:
    """Decided completions against the rows that the measures stand on."""
    decisive = record.completions.get("decisive")
    if not decisive or (record.sampling is not None and record.sampling.pooling == "all"):
        return
    rows = [
        one.n
        for one in values_of(repo)
        if one.n and not one.stated and one.split in OF_THE_POOL and BY_ROW.match(one.measure)
    ]
    if rows and max(rows) > decisive:
        yield (
            "completions",
            f"decisive is {decisive}, evaluation.json has values on {max(rows)} rows of the pool",
        )
    elif rows and max(rows) < FEW * decisive:
        yield (
            "completions",
            f"decisive is {decisive}, no value of evaluation.json stands on more than {max(rows)} of them",
        )


def _precision(repo: RepoFacts, record: Provenance) -> Iterator[Contradiction]:
    """The base model's precision against that of the configurations."""
    rounded = ROUNDED.search(record.precision) is not None
    if record.precision not in FLOATS and not rounded:
        return
    others: dict[str, str] = {}
    for sae in repo.saes:
        stated = _loaded_in(sae, by_hubkit=record.loaded is not None and not rounded)
        if stated and ("quantized" in stated) != rounded:
            others.setdefault("a quantized model" if not rounded else min(stated), sae.sae_id)
        elif stated and not rounded and record.precision not in stated:
            others.setdefault(min(stated), sae.sae_id)
    for name, sae_id in others.items():
        yield "precision", f"it is {record.precision}, the configuration of {sae_id} says {name}"


def _loaded_in(sae: SaeFacts, *, by_hubkit: bool) -> set[str]:
    """The dtypes in which the configuration says that its base model was loaded, and whether quantized; empty where nobody says."""
    if sae.cfg is None:
        return set()
    arguments = sae.cfg.metadata.get("model_from_pretrained_kwargs")
    if not arguments:
        return {"float32"} if by_hubkit and sae.sae.training.record.version else set()
    found = {str(one).removeprefix("torch.") for one in files_say(sae, "model_dtype")} & FLOATS
    quantized = isinstance(arguments, Mapping) and (
        arguments.get("quantization_config") or arguments.get("load_in_4bit") or arguments.get("load_in_8bit")
    )
    return found | ({"quantized"} if quantized else set())
