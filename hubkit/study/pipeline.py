"""The stages of a study, one after the other, each through its artefact on disk. A stage whose artefact is finished does nothing."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards.build import Card, build_card
from hubkit.cards.settings import NAME as CARD_SETTINGS
from hubkit.cards.settings import save_settings
from hubkit.engine.events import Progress, silent
from hubkit.engine.threads import one_thread
from hubkit.errors import IncompleteError, UsageError
from hubkit.release.agreement import Agreement
from hubkit.release.layout import (
    ACTIVATIONS,
    AGREEMENT,
    COMPLETIONS,
    EXPERIMENTS,
    MANIFEST,
    POOL_REPORT,
    ROOT_CONFIG,
)
from hubkit.release.pool import PoolManifest
from hubkit.release.provenance import CompletionCounts, ScenarioCount
from hubkit.release.writing import keep_or_write, to_json
from hubkit.study.provenance import Completions, read_training, write_provenance
from hubkit.study.published_pool import publish_pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubkit.engine.work import Engine
    from hubkit.release.metrics import Evaluation
    from hubkit.study.study import Study
    from hubkit.train.run import Options, TrainSummary
    from hubkit.train.spec import SaeSpec


SMALL_MODEL = 16 << 20
"""Bytes of weights."""


@dataclass(frozen=True)
class StudyFolders:
    """Where a study's artefacts are."""

    release: Path
    """Exactly what is published."""
    work: Path
    """Completions, activations, fold SAEs: not published."""

    @property
    def pool(self) -> Path:
        """The activations and their manifest."""
        return self.work / ACTIVATIONS


@dataclass(frozen=True)
class Outcome:
    """What a study came to."""

    folders: StudyFolders
    pool: PoolManifest
    trained: TrainSummary
    evaluation: Evaluation
    card: Card


def study_folders(study: Study, folder: Path) -> StudyFolders:
    """The folders of `study` below `folder`."""
    return StudyFolders(folder / study.name, folder / "work" / study.name)


def run_study(
    study: Study, folder: Path, *, options: Options | None = None, report: Progress = silent
) -> Outcome:
    """Collect, train (cross-fitted), evaluate, record, describe. Raises HubkitError; what was finished stays."""
    where = study_folders(study, folder)
    pool = run_collect(study, folder, report=report)
    trained = run_train(study, folder, options=options, report=report)
    engine = options.evaluation_engine if options else None
    evaluation = run_evaluate(study, folder, report=report, engine=engine)
    return Outcome(where, pool, trained, evaluation, describe(study, pool, where))


def run_collect(
    study: Study, folder: Path, *, report: Progress = silent, ask_lost: bool = False
) -> PoolManifest:
    """Sample, label, take activations; with `ask_lost` judges are asked once more for verdicts that were lost."""
    from hubkit.collect.run import collect

    with one_thread() if _is_small(study.collect.model) else nullcontext():
        return collect(study.collect, study_folders(study, folder).work, report, ask_lost=ask_lost)


def run_import(study: Study, folder: Path, completions: Path, caches: Mapping[int, str]) -> None:
    """Take completions, and activations of some layers, into the work folder: `run_collect` then makes a pool of them."""
    from hubkit.collect.imports.take_in import take_in

    take_in(study.collect, study_folders(study, folder).work, completions, caches)


def run_train(
    study: Study, folder: Path, *, options: Options | None = None, report: Progress = silent
) -> TrainSummary:
    """Train the grid, and what cross-fitting needs beside it, on a pool that is there."""
    from hubkit.train.run import train

    where = study_folders(study, folder)
    return train(_specs(study, where), where.pool, where.release, where.work, options=options, report=report)


def run_evaluate(
    study: Study, folder: Path, *, report: Progress = silent, engine: Engine | None = None
) -> Evaluation:
    """Measure the SAEs that are there; without an engine in this process."""
    from hubkit.evaluate.run import evaluate

    where = study_folders(study, folder)
    specs = _specs(study, where)
    if study.experiments.needs_model:
        from hubkit.experiments.run import Places, run_experiments

        places, ids = Places(where.pool, where.release, where.work), [spec.sae_id for spec in specs]
        with one_thread() if _is_small(study.collect.model) else nullcontext():
            run_experiments(study.experiments, study.collect, places, ids, report)
    else:
        (where.work / EXPERIMENTS).unlink(missing_ok=True)
    return evaluate(
        where.pool,
        where.release,
        where.work,
        specs,
        followups=study.experiments.followups(folder),
        report=report,
        engine=engine,
    )


def _specs(study: Study, where: StudyFolders) -> list[SaeSpec]:
    """The grid at the width that the pool has. Raises IncompleteError when there is no pool."""
    path = where.pool / MANIFEST
    if not path.is_file():
        raise IncompleteError(
            f"{where.pool}: there is no pool of activations yet",
            hint="hubkit collect STUDY.yaml, or hubkit run STUDY.yaml for every stage",
        )
    pool = PoolManifest.load(path)
    if pool.pooling == "all":
        raise UsageError(
            f"{where.pool}: a row for each token (pooling: all), expected one for each completion",
            hint="such a pool is for looking at positions; train on pooling: mean, first or last",
        )
    return study.specs(pool.d_in)


def _is_small(model: str) -> bool:
    """Whether a model folder's weights are so few that a second thread costs more than it saves."""
    folder = Path(model)
    return folder.is_dir() and sum(path.stat().st_size for path in folder.glob("*.safetensors")) < SMALL_MODEL


def describe(study: Study, pool: PoolManifest, where: StudyFolders) -> Card:
    """Root config.json, provenance.json, card.yaml and README.md of a release whose SAEs and measures are there."""
    ids = sorted(spec.sae_id for spec in study.specs(pool.d_in))
    config = {"base_model": study.card.base_model, "library_name": "saelens", "sae_ids": ids}
    keep_or_write(where.release / ROOT_CONFIG, to_json(config))
    rows, training = _completions(study, where.work), read_training(where.work)
    if (report := where.work / POOL_REPORT).is_file():
        keep_or_write(where.release / POOL_REPORT, report.read_text(encoding="utf-8"))
    published = publish_pool(study, pool, where.work, where.release)
    write_provenance(study, pool, where.release, completions=rows, training=training, published=published)
    save_settings(study.card, where.release / CARD_SETTINGS)
    return build_card(where.release, study.card)


def _completions(study: Study, work: Path) -> Completions:
    """How the labelled pool came about: without its controls, which are no rows of it."""
    from hubkit.collect.completions import read_completions

    rows = [row for row in read_completions(work / COMPLETIONS) if not row.control]
    agreement = Agreement.load(work / AGREEMENT) if (work / AGREEMENT).is_file() else None
    families = {one.scenario_id: one.family for one in study.collect.scenarios}
    counted = CompletionCounts(len(rows), Counter(row.label for row in rows if row.label is not None))
    by_scenario: dict[str, Counter[str | None]] = {}
    for row in rows:
        by_scenario.setdefault(row.scenario_id, Counter())[row.label] += 1
    scenarios = [
        ScenarioCount(
            scenario_id=name,
            family=families.get(name) or None,
            sampled=found.total(),
            counts={label: found[label] for label in sorted(filter(None, found))},
        )
        for name, found in by_scenario.items()
    ]
    return Completions(counted, scenarios, agreement)
