"""What a plan and a work folder depend on together: where texts and verdicts come from, and the digests of both. Torch-free."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.collect.completions import Source, read_completions, source_of
from hubkit.collect.imports.take_in import ImportRecord, imported_in
from hubkit.collect.judging import audit
from hubkit.collect.panel import Desk
from hubkit.collect.plan import CollectPlan, model_revision
from hubkit.collect.verdicts import forget_lost
from hubkit.errors import IncompleteError, UsageError
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import COMPLETIONS, IMPORTED, VERDICTS

if TYPE_CHECKING:
    from hubkit.engine.events import Progress


@dataclass(frozen=True)
class Asked:
    """A plan for a work folder, with what it depends on outside itself."""

    plan: CollectPlan
    out: Path
    revision: str | None
    record: ImportRecord | None
    """Of completions that were imported."""
    sampled_as: str
    """Digest of the texts."""
    digest: str
    """Of everything."""

    @property
    def desk(self) -> Desk:
        """Where the judges' verdicts are."""
        return Desk(self.out, self.plan.questions_sha256(self.sampled_as))


def ask(plan: CollectPlan, out: Path) -> Asked:
    """The plan with what lies in `out`: an import, verdicts, the state of the model. Raises UsageError, IncompleteError."""
    record, borrowed = imported_in(out), _borrowed(plan)
    if record is not None and borrowed is not None:
        raise UsageError(
            f"{out}: completions were imported, and the study takes those of {plan.completions_from}; expected one of them",
            hint=f"leave out completions_from, or delete {out / IMPORTED}",
        )
    if record is not None and record.layers and (plan.also.distances or plan.also.word):
        raise UsageError(
            "also: distances or word, with activations that were imported: the model would have to be run",
            hint="leave them out, or import the completions without --activations",
        )
    revision = model_revision(plan) if record is None or not record.layers else plan.revision
    if record is not None:
        sampled_as = record.sha256
    else:
        sampled_as = borrowed.sampled_sha256 if borrowed else plan.completions_sha256(revision)
    _take_verdicts(plan, out)
    judge = plan.judge.in_folder(out)
    judged, later = judge.state_sha256, Desk(out, plan.questions_sha256(sampled_as)).answered_later(judge)
    if later:
        judged = sha256_of_json([judged, later])
    return Asked(plan, out, revision, record, sampled_as, plan.inputs_sha256(revision, sampled_as, judged))


def ask_lost_verdicts(plan: CollectPlan, out: Path, report: Progress) -> None:
    """Ask once more for the verdicts that were lost. Of completions that are labelled the later answers stand beside the first, by which the pool is
    another one; of others the lost ones are as if they never had been."""
    asked = ask(plan, out)
    source = source_of(out / COMPLETIONS)
    if source is not None and source.sampled_sha256 == asked.sampled_as:
        audit(plan, read_completions(out / COMPLETIONS), replace(asked.desk, ask_lost=True), report)
    else:
        for file in (out / VERDICTS).glob("*.jsonl"):
            forget_lost(file)


def _borrowed(plan: CollectPlan) -> Source | None:
    """Where the completions of another pool come from, if the plan names one. Raises UsageError where they go on from other prompts."""
    if plan.completions_from is None:
        return None
    path = Path(plan.completions_from) / COMPLETIONS
    source = source_of(path)
    if source is None:
        raise IncompleteError(
            f"{path}: no completions to take", hint="hubkit collect the study that samples them first"
        )
    if source.prompts_sha256 != plan.prompts_sha256:
        raise UsageError(
            f"{path}: its completions go on from other prompts than this study's",
            hint="give both studies the same scenarios and the same `chat`",
        )
    return source


def _take_verdicts(plan: CollectPlan, out: Path) -> None:
    """What judges said of the same completions in the pool that they are taken from, people's tables too: nothing is judged twice."""
    if plan.completions_from is None:
        return
    there = Path(plan.completions_from)
    for file in (*there.glob(f"{VERDICTS}/*.jsonl"), *there.glob("labels-*.csv")):
        target = out / file.relative_to(there)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
