"""`provenance.json` of a release: written after its files, kept byte for byte while they stay the same."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.cards.checksums import Checksums
from hubkit.collect.judges import KeywordJudge, NoisyJudge
from hubkit.errors import IncompleteError
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import EVALUATION, PROVENANCE, TRAINING
from hubkit.release.metrics import Evaluation
from hubkit.release.provenance import (
    BaseModelShape,
    Commit,
    CompletionCounts,
    Grid,
    Labelling,
    Provenance,
    Sampling,
    ScenarioCount,
    TrainedSae,
)
from hubkit.train.hardware import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubkit.collect.judges import AnyJudge
    from hubkit.collect.plan import CollectPlan
    from hubkit.release.computation import Computation
    from hubkit.release.pool import PoolManifest
    from hubkit.study.study import Study
    from hubkit.train.spec import SaeSpec

MOST_PROMPTS = 64
"""That a record holds: a card's code samples from each."""
PACKAGES = ("torch", "transformers", "sae-lens", "safetensors", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Completions:
    """How a pool came about."""

    counted: CompletionCounts | None = None
    scenarios: Sequence[ScenarioCount] = ()


def write_provenance(
    study: Study,
    pool: PoolManifest,
    release: Path,
    *,
    completions: Completions,
    training: Mapping[str, TrainedSae],
) -> Provenance:
    """Write what `release` was made from and with; an existing record of the same files keeps its time of creation."""
    path, specs = release / PROVENANCE, study.specs(pool.d_in)
    record = Provenance(
        hubkit_version=__version__,
        study=study.name,
        study_sha256=sha256_of_json(study.model_dump(mode="json", exclude={"collect": {"model", "device", "batch_size"}, "publish": True})),
        base_model=study.card.base_model,
        base_model_revision=pool.model_revision,
        base_model_shape=BaseModelShape(n_layers=pool.n_layers, d_model=pool.d_in),
        precision=pool.precision,
        grid=_grid(specs),
        seeds={"collect": study.collect.seed} | _seeds(specs),
        software=software(),
        hardware=machine(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        pool_sha256=pool.inputs_sha256,
        completions=completions.counted.written() if completions.counted else {},
        scenarios=list(completions.scenarios),
        labelling=Labelling(judge=study.collect.judge.description, temperature=study.collect.temperature, same_prompt=True),
        sampling=_sampling(study.collect) if study.card.publish_prompts else None,
        evaluation=_computation(release / EVALUATION),
        training={spec.sae_id: training[spec.sae_id] for spec in specs if spec.sae_id in training},
        files=Checksums.of(release).get(),
    )  # fmt: skip
    kept = _same_but_time(path, record)
    if kept is not None:
        return kept
    record.save(path)
    return record


def _commit(judge: AnyJudge) -> Commit | None:
    """The words that decide, where words do."""
    keyword = judge.judge_without_noise if isinstance(judge, NoisyJudge) else judge
    if not isinstance(keyword, KeywordJudge):
        return None
    words = sorted(word for several in keyword.keywords.values() for word in several)
    return Commit(words=words, within=keyword.within, unit=keyword.unit)


def _sampling(plan: CollectPlan) -> Sampling:
    step = -(-len(plan.scenarios) // MOST_PROMPTS)
    scenarios = plan.scenarios[::step]
    return Sampling(
        prompts=[one.prompt for one in scenarios],
        systems=[one.system for one in scenarios] if any(one.system for one in scenarios) else [],
        chat=plan.chat,
        temperature=plan.temperature,
        max_new_tokens=plan.max_new_tokens,
        pooling=plan.pooling,
        without_commit=plan.pool_over == "response_without_commit",
        commit=_commit(plan.judge),
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


def software() -> dict[str, str]:
    """Versions of what shaped the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
