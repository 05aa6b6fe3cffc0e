"""A release's numbers computed again from its own files: its pool (`pool/`) and its SAEs. No study folder, no base model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.engine.events import Progress, silent
from hubkit.engine.local import Local
from hubkit.errors import HubkitError, IncompleteError, NothingFound
from hubkit.evaluate.assemble import Measured, assemble
from hubkit.evaluate.followups import Followups
from hubkit.evaluate.numbers import Compared, compare
from hubkit.evaluate.pool_texts import pool_texts
from hubkit.evaluate.run import UNITS
from hubkit.evaluate.unit import EvaluationUnit, Folders, evaluate_one, work_of
from hubkit.release.evidence import load_evidence
from hubkit.release.layout import ACTIVATIONS, CFG, EVALUATION, EVIDENCE, MANIFEST, PUBLISHED_POOL, WEIGHTS
from hubkit.release.metrics import Evaluation
from hubkit.release.pool import PoolManifest
from hubkit.release.pool_extras import read_extras
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGE = "reproduce"
TOLERANCE = 1e-5
"""Of a number, relative to it (below 1: absolute): another processor adds float32 in another order, which moves the sixth digit."""
UNFIT = "the release's own files do not fit each other"
FILES = (EVALUATION, EVIDENCE, f"{PUBLISHED_POOL}/**", f"*{CFG}", f"*{WEIGHTS}")
"""All that is read of a release, as patterns."""


@dataclass(frozen=True)
class Reproduction:
    """What came of it."""

    entries: list[Compared]
    hubkit_version: str | None
    """That computed the file; None where it has no record of its computation."""
    tolerance: float

    def of(self, status: str) -> list[Compared]:
        """Those of one status."""
        return [one for one in self.entries if one.status == status]

    @property
    def ok(self) -> bool:
        """Whether every number that can be computed came back."""
        return not self.of("differs")


def reproduce(
    release: Path,
    *,
    beside: Path | None = None,
    tolerance: float = TOLERANCE,
    workers: int = 1,
    report: Progress = silent,
) -> Reproduction:
    """Compute every number of `evaluation.json` again and compare. Nothing is written. `beside`: the work folder with the SAEs of its folds and controls, where
    they were trained again.

    Raises NothingFound for a release without a pool or an evaluation, IncompleteError where a file is not the one that the pool describes.
    """
    pool_folder = release / PUBLISHED_POOL / ACTIVATIONS
    there, manifest = _read(release, pool_folder)
    units = _units(release, there, manifest, beside)
    try:
        work = work_of(units, pool_folder, manifest)
        results = Local(workers).run(work, evaluate_one, report=report, stage=STAGE)
        results.raise_failures(UNITS)
        texts = pool_texts(pool_folder, manifest)
        again = assemble(pool_folder, manifest, Measured.of(results.done), {}, there.inputs_sha256, texts)
    except HubkitError as error:  # what helps whoever has the study helps nobody who has the release
        raise IncompleteError(error.message, hint=UNFIT) from error
    version = there.computed.hubkit_version if there.computed else None
    compared = compare(
        there,
        again,
        tolerance=tolerance,
        same_hubkit=version == __version__,
    )
    return Reproduction([*compared, *_stated(release)], version, tolerance)


def _read(release: Path, pool_folder: Path) -> tuple[Evaluation, PoolManifest]:
    if not (release / EVALUATION).is_file():
        raise NothingFound(
            f"{release}: no {EVALUATION}: there are no numbers to compute again",
            hint="a release that `hubkit run` made has one",
        )
    if not (pool_folder / MANIFEST).is_file():
        raise NothingFound(
            f"{release}: no {PUBLISHED_POOL}/: it was published without its pool, so that its numbers cannot be computed again from it",
            hint="whoever has the study adds publish: {pool: {license: ..., privacy: ...}} to its file (hubkit schema study), and runs and pushes it again",
        )
    return Evaluation.load(release / EVALUATION), PoolManifest.load(pool_folder / MANIFEST)


def _units(
    release: Path, there: Evaluation, manifest: PoolManifest, beside: Path | None
) -> list[EvaluationUnit]:
    """One for each SAE that the file names. Raises IncompleteError for one that is not in the release: a name may lead anywhere."""
    folders = Folders(release / PUBLISHED_POOL / ACTIVATIONS, release, beside or release / PUBLISHED_POOL)
    files = {entry.path for entry in open_folder(release).list()}
    for sae in there.saes:
        lacking = [f"{sae.sae_id}/{name}" for name in (CFG, WEIGHTS) if f"{sae.sae_id}/{name}" not in files]
        if lacking:
            raise IncompleteError(f"{release}: no {lacking[0]}, and {EVALUATION} has numbers of that SAE")
    extras = read_extras(release / PUBLISHED_POOL / ACTIVATIONS, manifest)
    others = [layer for kept in (extras.sets if extras else ()) for layer in kept.layers]
    for layer in (*manifest.layers, *others):
        if f"{PUBLISHED_POOL}/{ACTIVATIONS}/{layer.file}" not in files:
            raise IncompleteError(
                f"{release}: no {PUBLISHED_POOL}/{ACTIVATIONS}/{layer.file}, which the pool names"
            )
    return [folders.unit(sae.sae_id, manifest, Followups.of(there)) for sae in there.saes]


def _stated(release: Path) -> Iterator[Compared]:
    """What the author states is computed from nothing that is here."""
    evidence = load_evidence(release)
    if evidence is None:
        return
    for key, position, one in evidence.statements():
        why = f"stated in {EVIDENCE}, source: {evidence.source_of(one)}"
        yield Compared(f"{EVIDENCE}: {key}.{position}", "cannot", 1, why=why)
