"""`provenance.json` of a release: written after its files, kept byte for byte while they stay the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.cards.checksums import Checksums
from hubkit.collect.judges import KeywordJudge, NoisyJudge
from hubkit.collect.plan import HOW
from hubkit.engine.machine import machine, software
from hubkit.errors import IncompleteError
from hubkit.inference.precision import PACKAGES as OF_MODELS
from hubkit.release.agreement import Agreement
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import EVALUATION, PROVENANCE, TRAINING
from hubkit.release.metrics import Evaluation
from hubkit.release.provenance import Agreement as JudgesAgree
from hubkit.release.provenance import (
    BaseModelShape,
    Commit,
    CompletionCounts,
    Grid,
    Labelling,
    Provenance,
    PublishedPool,
    Sampling,
    ScenarioCount,
    TrainedSae,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubkit.collect.plan import CollectPlan
    from hubkit.release.computation import Computation
    from hubkit.release.pool import PoolManifest
    from hubkit.study.study import Study
    from hubkit.train.spec import SaeSpec

MOST_PROMPTS = 64
"""That a record holds: a card's code samples from each."""
PACKAGES = (*OF_MODELS, "sae-lens", "numpy", "scikit-learn")
"""Whose versions shaped the numbers of a release."""


@dataclass(frozen=True)
class Completions:
    """How a pool came about."""

    counted: CompletionCounts | None = None
    scenarios: Sequence[ScenarioCount] = ()
    agreement: Agreement | None = None
    """Of its judges, where it is recorded."""


def write_provenance(
    study: Study,
    pool: PoolManifest,
    release: Path,
    *,
    completions: Completions,
    training: Mapping[str, TrainedSae],
    published: PublishedPool | None = None,
) -> Provenance:
    """Write what `release` was made from and with; an existing record of the same files keeps its time of creation."""
    path, specs = release / PROVENANCE, study.specs(pool.d_in)
    record = Provenance(
        hubkit_version=__version__,
        study=study.name,
        study_sha256=sha256_of_json(study.model_dump(mode="json", exclude={"collect": HOW - {"revision"}, "publish": True})),
        base_model=study.card.base_model,
        base_model_revision=pool.model_revision,
        base_model_shape=BaseModelShape(n_layers=pool.n_layers, d_model=pool.d_in),
        precision=pool.precision,
        quantization=pool.loaded.arguments.get("quantization_config") if pool.loaded else None,
        loaded=pool.loaded,
        grid=_grid(specs),
        seeds={"collect": study.collect.seed} | _seeds(specs),
        software=software(PACKAGES),
        hardware=machine(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        pool_sha256=pool.inputs_sha256,
        completions=completions.counted.written() if completions.counted else {},
        scenarios=list(completions.scenarios),
        labelling=_labelling(study.collect, pool, completions.agreement),
        sampling=_sampling(study.collect, pool) if study.card.publish_prompts and pool.imported is None else None,
        published_pool=published,
        evaluation=_computation(release / EVALUATION),
        training={spec.sae_id: training[spec.sae_id] for spec in specs if spec.sae_id in training},
        files=Checksums.of(release).get(),
    )  # fmt: skip
    kept = _same_but_time(path, record)
    if kept is not None:
        return kept
    record.save(path)
    return record


def _labelling(plan: CollectPlan, pool: PoolManifest, agreement: Agreement | None) -> Labelling:
    """Who decided, who was asked beside, and how far they agree with the one who decided."""
    found = Labelling(
        judge=plan.judge.description,
        temperature=plan.temperature if pool.imported is None else None,
        same_prompt=True if pool.imported is None else None,
    )
    if agreement is None:
        return found
    decides, *others = agreement.judges
    pairs = [
        (
            one,
            agreement.pair(decides.judge, one.judge, "decisive").same,
            agreement.pair(decides.judge, one.judge).kappa,
        )
        for one in others
    ]
    agreements = [
        JudgesAgree(
            judges=(decides.description, one.description),
            share=same.value,
            n=same.n,
            kappa=kappa.value,
            kappa_n=kappa.n if kappa.value is not None else None,
            kappa_interval=kappa.interval,
        )
        for one, same, kappa in pairs
        if same.value is not None
    ]
    seconds = [one.description for one in others if one.role == "second"]
    return found.model_copy(update={"other_judges": seconds, "agreements": agreements})


def _commit(plan: CollectPlan) -> Commit | None:
    """The words that decide, where words do: the judge's own, and those of scenarios that have others."""
    keyword = plan.judge.judge_without_noise if isinstance(plan.judge, NoisyJudge) else plan.judge
    if not isinstance(keyword, KeywordJudge):
        return None
    said = (keyword.words(scenario) for scenario in plan.scenarios if not scenario.control)
    words = sorted({word for listed in said for several in listed.values() for word in several})
    return Commit(words=words, within=keyword.within, unit=keyword.unit)


def _sampling(plan: CollectPlan, pool: PoolManifest) -> Sampling | None:
    """None where conversations were put to the model: a record has single prompts."""
    sampled = [one for one in plan.scenarios if not one.control]
    if any(one.messages for one in sampled):
        return None
    scenarios = sampled[:: -(-len(sampled) // MOST_PROMPTS)]
    return Sampling(
        prompts=[one.prompt for one in scenarios],
        systems=[one.system for one in scenarios] if any(one.system for one in scenarios) else [],
        prefills=[one.prefill for one in scenarios] if any(one.prefill for one in scenarios) else [],
        chat=plan.chat,
        temperature=plan.temperature,
        top_p=plan.top_p if plan.top_p < 1 else None,
        max_new_tokens=plan.max_new_tokens,
        stop=list(plan.stop),
        pooling=plan.pooling,
        without_commit=plan.pool_over == "response_without_commit",
        skip_after_commit=plan.skip_after_commit,
        commit=_commit(plan),
        taken=pool.activations.taken if pool.activations else None,
    )


def _computation(path: Path) -> Computation | None:
    """The record of an evaluation.json whose values are those that hubkit computed; None of any other."""
    found = Evaluation.load_ours(path)
    return found.computed if found is not None and found.is_computed else None


def _grid(specs: Sequence[SaeSpec]) -> Grid:
    """What was declared, in the order of the study."""
    found = Grid(
        layers=list(dict.fromkeys(spec.layer for spec in specs)),
        architectures=list(dict.fromkeys(str(spec.architecture) for spec in specs)),
        conditions=list(dict.fromkeys(spec.condition for spec in specs)),
    )
    return found if found.size == len(specs) else found.model_copy(update={"saes": len(specs)})


def _seeds(specs: Sequence[SaeSpec]) -> dict[str, int]:
    """`train topk`: its seed; `train topk #1`, `train topk #2`, ... where an architecture has several."""
    seeds: dict[str, list[int]] = {}
    for spec in specs:
        listed = seeds.setdefault(f"train {spec.architecture}", [])
        if spec.seed not in listed:
            listed.append(spec.seed)
    return {
        name if len(listed) == 1 else f"{name} #{number}": seed
        for name, listed in seeds.items()
        for number, seed in enumerate(listed, start=1)
    }


def read_training(work: Path) -> dict[str, TrainedSae]:
    """What `training.json` in the work folder says that each published SAE took; empty where there is none.

    Raises IncompleteError when it is there and not what training writes.
    """
    path = work / TRAINING
    try:
        listed = json.loads(path.read_bytes())["saes"]
        return {
            sae_id: TrainedSae.model_validate({name: said[name] for name in TrainedSae.model_fields})
            for sae_id, said in listed.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IncompleteError(
            f"{path}: not the record of a training: {error}", hint="hubkit train STUDY.yaml writes it again"
        ) from error


def _same_but_time(path: Path, record: Provenance) -> Provenance | None:
    try:
        old = Provenance.load(path)
    except IncompleteError:
        return None
    return old if old.model_copy(update={"created": record.created}) == record else None
