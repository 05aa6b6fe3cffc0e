"""REL006: what provenance.json says of the rows and of the base model, against itself, evaluation.json and the configurations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.release.layout import PROVENANCE
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
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
EXACT = 1e-9
LABELLED = "labelled "
FLOATS = {"float64", "float32", "float16", "bfloat16"}
ROUNDED = re.compile(r"\b(?:bnb|nf4|fp4|int8|[48][- ]?bit)\b", re.IGNORECASE)
HINT = "correct provenance.json, or hubkit run STUDY.yaml, which writes it again from what was done"
Contradiction = tuple[str, str]
"""A key of provenance.json, and what is wrong with it."""


@repo_rule("REL006", Severity.WARNING, Need.CFG | Need.PROVENANCE | Need.EVALUATION)
def record_contradicts(repo: RepoFacts) -> Iterator[Found]:
    """provenance.json counts other rows than it lists or than were measured, or names another precision than the configurations.

    Decided completions are the sum of those with each label, and no more than were sampled; what its scenarios count adds up to the same, and pool_report.json of the same
    pool, where it is there, has the same counts and the same agreement of judges. A value of
    evaluation.json on rows of the pool stands on no more rows than were decided, and the largest on half of them at least, where a row is a completion; on fewer than all, without a
    pool_report.json that would say why, it is a note. `precision`
    is that of each SAE's `model_from_pretrained_kwargs`; of an SAE that hubkit trained on a model that it loaded, and that has none, float32.
    """
    provenance = provenance_of(repo)
    if provenance is None or repo.provenance is None:
        return
    contradictions = (
        *_sums(provenance), *_of_the_pool(repo, provenance), *_judges(repo, provenance), *_measured(repo, provenance), *_precision(repo, provenance),
    )  # fmt: skip
    for key, message in contradictions:
        yield Found(message, HINT, path=PROVENANCE, line=repo.provenance.line(f"/{key}"), pointer=f"/{key}", identity=f"{key} {message.split(',')[0]}")  # fmt: skip
    yield from _unexplained(repo, provenance)


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


def _of_the_pool(repo: RepoFacts, record: Provenance) -> Iterator[Contradiction]:
    """The counts against those of pool_report.json."""
    report = _pool_report(repo)
    if not report or not record.completions:
        return
    if isinstance(pool := report.get("pool_sha256"), str) and pool != record.pool_sha256:
        yield "pool_sha256", "it is another than that of pool_report.json: the two are of different pools"
        return
    labels = report.get("counts")
    counted = {name: report.get(name) for name in ("sampled", "decisive")} | {
        f"{LABELLED}{label}": n for label, n in (labels.items() if isinstance(labels, Mapping) else ())
    }
    for name, n in counted.items():
        if isinstance(n, int) and record.completions.get(name, n) != n:
            yield "completions", f"{name} is {record.completions[name]}, pool_report.json has {n}"


def _judges(repo: RepoFacts, record: Provenance) -> Iterator[Contradiction]:
    """How far judges agree, against the completions that there are, and against pool_report.json."""
    sampled = record.completions.get("sampled")
    known = _pairs(_pool_report(repo))
    for one in record.labelling.agreements if record.labelling else ():
        whose = " and ".join(one.judges)
        for n in (one.n, one.kappa_n):
            if n is not None and sampled is not None and n > sampled:
                yield "labelling", f"{whose} are compared on {n} completions, {sampled} were sampled"
        if (
            one.kappa is not None
            and one.kappa_interval
            and not one.kappa_interval[0] <= one.kappa <= one.kappa_interval[1]
        ):
            yield "labelling", f"the kappa of {whose} is {one.kappa:g}, outside its own interval"
        there = known.get(frozenset(one.judges), {})
        for name, value in {
            "share": one.share,
            "n": one.n,
            "kappa": one.kappa,
            "kappa_n": one.kappa_n,
        }.items():
            if value is not None and there.get(name) is not None and abs(value - there[name]) > EXACT:
                yield "labelling", f"{name} of {whose} is {value:g}, pool_report.json has {there[name]:g}"


def _pairs(report: Mapping[str, Any]) -> dict[frozenset[str], dict[str, float]]:
    """For two judges, by their descriptions, what pool_report.json says of them; nothing where it cannot be read."""
    from hubkit.release.agreement import Agreement

    try:
        agreement = Agreement.model_validate(report.get("judges"))
    except ValueError:
        return {}
    described = {one.judge: one.description for one in agreement.judges}
    found: dict[frozenset[str], dict[str, float]] = {}
    for pair in agreement.pairs:
        own = found.setdefault(frozenset(described.get(one, one) for one in pair.judges), {})
        if pair.counted == "decisive":
            own |= {"n": pair.same.n} | ({"share": pair.same.value} if pair.same.value is not None else {})
        elif pair.kappa.value is not None:
            own |= {"kappa": pair.kappa.value, "kappa_n": pair.kappa.n}
    return found


def _pool_report(repo: RepoFacts) -> Mapping[str, Any]:
    """The report, where hubkit wrote it."""
    value = repo.pool_report.value if repo.pool_report else {}
    return value if str(value.get("$schema")).startswith("urn:hubkit:pool-report:") else {}


def _rows(repo: RepoFacts, record: Provenance) -> tuple[int, list[int]]:
    """Decided completions, and the rows that each measure stands on; nothing where a completion is several rows."""
    decisive = record.completions.get("decisive") or 0
    if not decisive or (record.sampling is not None and record.sampling.pooling == "all"):
        return 0, []
    return decisive, [
        one.n
        for one in repo.values
        if one.n and not one.stated and one.split in OF_THE_POOL and BY_ROW.match(one.measure)
    ]


def _unexplained(repo: RepoFacts, record: Provenance) -> Iterator[Found]:
    """Fewer rows than decided completions, and no report of the pool that would tell: responses may have been too short, or the number is another's."""
    decisive, rows = _rows(repo, record)
    if rows and FEW * decisive <= max(rows) < decisive and not _pool_report(repo) and repo.provenance:
        yield Found(
            f"decisive is {decisive}, no value of evaluation.json stands on more than {max(rows)} of them, and there is no pool_report.json that would say where the other {decisive - max(rows)} are",
            "publish pool_report.json, which hubkit collect writes, beside it; or correct the number",
            path=PROVENANCE,
            line=repo.provenance.line("/completions"),
            pointer="/completions",
            severity=Severity.NOTE,
            identity="completions lost",
        )


def _measured(repo: RepoFacts, record: Provenance) -> Iterator[Contradiction]:
    """Decided completions against the rows that the measures stand on."""
    decisive, rows = _rows(repo, record)
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
