"""Measures every SAE of a release: `metrics.json` beside each, `evaluation.json` at the root, written last."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Protocol

from hubkit import __version__
from hubkit.engine.events import Progress, silent
from hubkit.engine.local import Local
from hubkit.errors import IncompleteError, NothingFound, UsageError
from hubkit.evaluate.assemble import Measured, assemble
from hubkit.evaluate.companions import companions, digests
from hubkit.evaluate.followups import Followups
from hubkit.evaluate.pool_texts import pool_texts
from hubkit.evaluate.unit import NOTHING_MORE, SPLITS, EvaluationUnit, Folders, evaluate_one, work_of
from hubkit.evaluate.values import computed_versions
from hubkit.measures.bootstrap import LEVEL, RESAMPLES, SEED
from hubkit.measures.inference import PERMUTATIONS
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.layout import (
    CFG,
    EVALUATION,
    EVIDENCE,
    EXPERIMENTS,
    MANIFEST,
    METRICS,
    TRAINING,
    WEIGHTS,
)
from hubkit.release.metrics import Evaluation, SaeMetrics
from hubkit.release.pool import PoolManifest
from hubkit.release.pool_extras import read_extras
from hubkit.release.ran import Ran

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hubkit.engine.work import Engine

STAGE = "evaluate"
UNITS = "SAEs and layers"
"""What failed units are called."""
REPLICATION = 2
"""Version of what compares forms of SAEs, which is no measure of the catalogue."""
UNRECORDED = "evaluation.unrecorded.json"
"""In the work folder: an evaluation.json that was there before, of an earlier hubkit or typed by hand."""


class Named(Protocol):
    """All that evaluation asks of a spec; the rest is in the SAE's cfg.json."""

    @property
    def sae_id(self) -> str:
        """Its folder in the release."""


def evaluate(  # noqa: PLR0913 - two of them are where it reports and where it runs
    pool_folder: Path,
    release: Path,
    work: Path,
    specs: Iterable[Named],
    *,
    followups: Followups = NOTHING_MORE,
    report: Progress = silent,
    engine: Engine | None = None,
) -> Evaluation:
    """Measure the SAEs `specs` in `release` on the pool, cross-fitted with the SAEs of `<work>/folds/<fold>/<sae_id>/` and controlled
    by those of `<work>/control/<sae_id>/`.

    What experiments with the base model found (`<work>/experiments.json`) is taken in. Without the SAEs of the folds, cross-fitted values are null and say so. Does nothing when the release was evaluated on the same inputs.
    Raises NothingFound without specs, IncompleteError for missing files, HubkitError naming the SAEs that could not be measured.
    """
    manifest = PoolManifest.load(pool_folder / MANIFEST)
    folders = Folders(pool_folder, release, work)
    units = [folders.unit(spec.sae_id, manifest, followups) for spec in specs]
    if not units:
        raise NothingFound(f"{release}: no SAEs to evaluate", hint="hubkit train STUDY.yaml")
    warnings = training_warnings(work)
    texts = pool_texts(pool_folder, manifest)
    extras = read_extras(pool_folder, manifest)
    digest = inputs_digest(
        units,
        manifest,
        warnings,
        followups,
        texts=texts,
        beside_sha256=extras.inputs_sha256 if extras else None,
    )
    ran = Ran.load(work / EXPERIMENTS) if (work / EXPERIMENTS).is_file() else None
    if ran is not None:
        digest = sha256_of_json({"evaluation": digest, "experiments": ran.inputs_sha256})
    finished = _finished(release, digest)
    if finished is not None:
        return finished
    keep_what_is_not_ours(release, work)
    work_units = work_of(units, pool_folder, manifest)
    results = (engine or Local()).run(work_units, evaluate_one, report=report, stage=STAGE)
    results.raise_failures(UNITS)
    evaluation = assemble(pool_folder, manifest, Measured.of(results.done), warnings, digest, texts)
    if ran is not None:
        evaluation = ran.put_into(evaluation).recorded(__version__)
    others = companions(pool_folder, manifest, followups.beside)
    if others:
        probed = [*evaluation.representations, *others]
        evaluation = evaluation.model_copy(update={"representations": probed}).recorded(__version__)
    for metrics in evaluation.saes:
        metrics.save(release / metrics.sae_id / METRICS)
    evaluation.save(release / EVALUATION)
    return evaluation


def inputs_digest(
    units: list[EvaluationUnit],
    manifest: PoolManifest,
    warnings: dict[str, list[str]],
    followups: Followups = NOTHING_MORE,
    *,
    texts: list[str] | None = None,
    beside_sha256: str | None = None,
) -> str:
    """The digest of everything the evaluation depends on. Raises IncompleteError when a published SAE is not there.

    Of the catalogue only what an evaluation computes: another entry, or another version of one that is not computed, changes no value.
    """
    return sha256_of_json(
        {
            "pool": manifest.inputs_sha256,
            "beside": beside_sha256,
            "layers": {entry.hook_name: entry.sha256 for entry in manifest.layers},
            "saes": {unit.sae_id: _digests_of(unit) for unit in units},
            "measures": computed_versions(SPLITS, beside=beside_sha256 is not None),
            "bootstrap": [RESAMPLES, SEED, LEVEL],
            "replication": REPLICATION,
            "followups": followups.of_each,
            "companions": digests(manifest, followups.beside),
            "permutations": PERMUTATIONS,
            "warnings": warnings,
            "texts": None if texts is None else sha256_of_json({"texts": texts}),
        }
    )


def _digests_of(unit: EvaluationUnit) -> dict[str, dict[str, str]]:
    """sha256 of the files of an SAE, of the SAEs of its folds and of its control, as far as those are there."""
    folders = {"published": unit.folder} | unit.beside
    found: dict[str, dict[str, str]] = {}
    for which, folder in folders.items():
        try:
            found[which] = {name: sha256_of_file(folder / name) for name in (CFG, WEIGHTS)}
        except FileNotFoundError as error:
            if which == "published":
                raise IncompleteError(
                    f"{folder}: no SAE there ({error.filename})", hint="hubkit train STUDY.yaml"
                ) from error
            found[which] = {}
    return found


def _finished(release: Path, digest: str) -> Evaluation | None:
    """The evaluation that is there, when it is of these inputs, its values are those that were computed, and every file of it is whole."""
    try:
        evaluation = Evaluation.load(release / EVALUATION)
        whole = all(SaeMetrics.load(release / m.sae_id / METRICS) == m for m in evaluation.saes)
    except IncompleteError:
        return None
    return evaluation if whole and evaluation.is_computed and evaluation.inputs_sha256 == digest else None


def keep_what_is_not_ours(release: Path, work: Path) -> None:
    """Before an evaluation.json is written anew: one without a record of its computation may hold what somebody typed, so a copy of it stays in the work folder.

    Raises UsageError where there is a record, and the values are no longer those that were computed.
    """
    path = release / EVALUATION
    try:
        there = Evaluation.load(path)
    except IncompleteError:
        return
    if there.computed is None:
        shutil.copyfile(path, work / UNRECORDED)
    elif not there.is_computed:
        raise UsageError(
            f"{path}: was changed since it was computed, and would be written anew: what was typed into it would be lost",
            hint=f"move it into {release / EVIDENCE} (hubkit schema evidence), delete {EVALUATION}, and run again",
        )


def training_warnings(work: Path) -> dict[str, list[str]]:
    """What training said of each SAE; nothing when it left no record. Raises IncompleteError for a damaged record."""
    path = work / TRAINING
    try:
        saes = json.loads(path.read_bytes())["saes"]
        return {sae_id: list(map(str, entry["warnings"])) for sae_id, entry in saes.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IncompleteError(
            f"{path}: not a training record: {error!r}", hint="hubkit train STUDY.yaml"
        ) from error
