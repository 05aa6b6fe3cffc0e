"""A study stage by stage, and what each of them came to.

State is files only, and each stage knows by its inputs' digests what of it is finished: the pool's, each SAE's, the evaluation's, and that of the files
that were validated. So a stage that has nothing to do is told from one that did something, and a run that was killed goes on.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.cards.checksums import Checksums, digested_paths
from hubkit.cards.settings import NAME as CARD_SETTINGS
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import ExitCode, HubkitError, IncompleteError
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.layout import (
    ACTIVATIONS,
    AGREEMENT,
    COMPLETIONS,
    EVALUATION,
    MANIFEST,
    POOL_REPORT,
    PROVENANCE,
    PUBLISHED_POOL,
    README,
    ROOT_CONFIG,
)
from hubkit.release.pool import PoolManifest
from hubkit.release.writing import write_json
from hubkit.repo.local import open_folder
from hubkit.study.pipeline import describe, run_collect, run_evaluate, run_train, study_folders
from hubkit.study.stage import Stage
from hubkit.train.run import Options
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate
from hubkit.validate.selection import Selection
from hubkit.words import many

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubkit.study.study import Study

VALIDATED = "validation.json"
"""In the work folder: what was found in which files."""
OF_SAES = Selection(select=("CFG", "WTS", "THR", "HOOK", "SEC", "EVL"))
"""What can be said before there is a card."""


@dataclass(frozen=True)
class StageDone:
    """What one stage of one release came to."""

    stage: Stage
    fresh: bool
    """Whether there was anything to do: False where its artefacts are those that were there."""
    told: str
    seconds: float = 0.0
    errors: int = 0
    """That the validator found."""
    warnings: tuple[tuple[str, str], ...] = ()
    """SAE, and what training said of it."""


class StudyRun:
    """One release of a study, stage by stage; every stage but the push, which is of all releases."""

    def __init__(
        self, study: Study, folder: Path, *, options: Options | None = None, report: Progress = silent
    ) -> None:
        self.study, self.folder, self.report = study, folder, report
        self.options = options or Options()
        self.where = study_folders(study, folder)

    def carry_out(self, stage: Stage) -> StageDone:
        """Do one stage, or find it done. Raises HubkitError; what was finished stays."""
        begun = time.perf_counter()
        before = self._artefacts(stage)
        done = {
            Stage.collect: self._collect,
            Stage.train: self._train,
            Stage.evaluate: self._evaluate,
            Stage.validate: self._validate,
            Stage.cards: self._build_cards,
        }[stage]()
        fresh = done.fresh or self._artefacts(stage) != before
        return StageDone(
            stage, fresh, done.told, time.perf_counter() - begun, done.errors, warnings=done.warnings
        )

    def _artefacts(self, stage: Stage) -> list[str | None]:
        """Digests of what a stage leaves, by which it is seen whether it did anything; training counts by itself."""
        release, work = self.where.release, self.where.work
        files = {
            Stage.collect: [
                work / COMPLETIONS,
                work / AGREEMENT,
                work / POOL_REPORT,
                work / ACTIVATIONS / MANIFEST,
            ],
            Stage.evaluate: [release / EVALUATION],
            Stage.cards: [release / name for name in (README, PROVENANCE, CARD_SETTINGS, ROOT_CONFIG)],
        }
        return [sha256_of_file(path) if path.is_file() else None for path in files.get(stage, [])]

    def _collect(self) -> StageDone:
        pool = run_collect(self.study, self.folder, report=self.report)
        counts = {label: sum(row.label == label for row in pool.rows) for label in pool.labels}
        said = ", ".join(f"{count:,} {label}" for label, count in counts.items())
        told = f"{len(pool.rows):,} labelled rows ({said}), {many(len(pool.layers), 'layer')}"
        return StageDone(Stage.collect, False, told)

    def _train(self) -> StageDone:
        done = run_train(self.study, self.folder, options=self.options, report=self.report)
        warned = tuple((sae_id, text) for sae_id, said in done.warnings.items() for text in said)
        beside = done.trained + done.skipped - len(done.published)
        told = f"{many(len(done.published), 'SAE')}, {beside:,} of folds, controls and other seeds; {len(done.warnings)} with warnings"
        return StageDone(Stage.train, done.trained > 0, told, warnings=warned)

    def _evaluate(self) -> StageDone:
        found = run_evaluate(
            self.study, self.folder, report=self.report, engine=self.options.evaluation_engine
        )
        values = sum(len(one.values) for one in found.saes) + sum(len(one.values) for one in found.layers)
        return StageDone(Stage.evaluate, False, f"{values:,} values of {many(len(found.saes), 'SAE')}")

    def _validate(self) -> StageDone:
        """The SAEs and their numbers, before a card says anything of them; kept by the digest of the files."""
        paths = [path for path in digested_paths(self.where.release) if not _comes_later(path)]
        files = Checksums(self.where.release, paths).get()
        digest = sha256_of_json({"files": files, "hubkit": __version__, "select": OF_SAES.select})
        path = self.where.work / VALIDATED
        kept = _kept(path, digest)
        if kept is not None:
            return StageDone(Stage.validate, False, kept[0], errors=kept[1])
        self.report(Event(Stage.validate, 0, 1))
        told, errors = _found(self.where.release, OF_SAES)
        self.report(Event(Stage.validate, 1, 1, told))
        write_json(path, {"inputs_sha256": digest, "told": told, "errors": errors})
        return StageDone(Stage.validate, True, told, errors=errors)

    def _build_cards(self) -> StageDone:
        manifest = self.where.pool / MANIFEST
        if not manifest.is_file():
            raise IncompleteError(
                f"{self.where.pool}: there is no pool, and a card says what the SAEs were trained on",
                hint="hubkit run STUDY.yaml",
            )
        self.report(Event(Stage.cards, 0, 1))
        card = describe(self.study, PoolManifest.load(manifest), self.where)
        told, errors = _found(self.where.release, Selection())
        self.report(Event(Stage.cards, 1, 1, told))
        return StageDone(Stage.cards, False, f"{card.path.name}; {told}", errors=errors)


def _comes_later(path: str) -> bool:
    """Whether the next stage writes it."""
    return path in {ROOT_CONFIG, POOL_REPORT} or path.startswith(f"{PUBLISHED_POOL}/")


def _found(release: Path, selection: Selection) -> tuple[str, int]:
    """What the validator says of a release, in words, and its errors. Raises HubkitError where not everything could be checked."""
    report = validate(open_folder(release), selection)
    if not report.complete:
        raise HubkitError(
            f"{release}: not everything could be checked",
            hint=f"hubkit validate {release} --no-config",
            exit_code=ExitCode.INCOMPLETE,
        )
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    codes = sorted({one.code for one in report.findings if one.severity > Severity.NOTE})
    listed = f" ({', '.join(codes)})" if codes else ""
    return (
        f"{many(len(report.saes), 'SAE')}, {many(errors, 'error')}, {many(warnings, 'warning')}{listed}",
        errors,
    )


def _kept(path: Path, digest: str) -> tuple[str, int] | None:
    """What was found in files of this digest; None where it was another's, or there is nothing that can be read."""
    try:
        found = json.loads(path.read_bytes())
        return (str(found["told"]), int(found["errors"])) if found["inputs_sha256"] == digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def errors_of(done: Sequence[StageDone]) -> int:
    """What the validator found in the end: that of the card's stage holds everything that was found before it."""
    return next((one.errors for one in reversed(done) if one.stage in {Stage.validate, Stage.cards}), 0)
