"""Collecting a pool: sample, judge, split into folds, take activations, report, write. torch is imported when there is work to do."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.collect.completions import Completion, Source, read_completions, source_of, write_completions
from hubkit.collect.imports.pool import imported_completions, pool_of_caches
from hubkit.collect.imports.rows import read_rows
from hubkit.collect.imports.take_in import ImportRecord, imported_in
from hubkit.collect.judges.column import FILE
from hubkit.collect.judging import audit, judge_completions, split_completions
from hubkit.collect.manifest import Pooled, described
from hubkit.collect.panel import Desk
from hubkit.collect.plan import CollectPlan, model_revision
from hubkit.collect.report import keep_report
from hubkit.collect.sampling import FOLDER, Sampling
from hubkit.collect.times import Times
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import IncompleteError, UsageError
from hubkit.release.agreement import Agreement
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import ACTIVATIONS, AGREEMENT, COMPLETIONS, IMPORTED, MANIFEST, TIMES, VERDICTS
from hubkit.release.pool import Activations, PoolImport, PoolLayer, PoolManifest
from hubkit.release.writing import write_json

if TYPE_CHECKING:
    from hubkit.inference.load import BaseModel


def collect(plan: CollectPlan, out: Path, report: Progress = silent) -> PoolManifest:
    """Write the pool that `plan` describes into `out`, or return the manifest of the one that is there.

    Killed at any point, it goes on where it stopped: finished batches are not sampled again, nothing is judged twice by one
    judge, and other layers, folds or judges than before start from the texts that are there. Raises UsageError when model and plan do not fit, IncompleteError
    when the model cannot be opened, HubkitError when too few completions are decisive or an activation is not finite.
    """
    asked = _ask(plan, out)
    manifest = finished_pool(out, asked.digest)
    if manifest is not None:
        if plan.second_judges or _has_second_judges(out):  # they may have gone from the plan
            audit(plan, read_completions(out / COMPLETIONS), asked.desk, report)
        report(Event("collect", len(manifest.rows), len(manifest.rows), "the pool is there"))
    elif asked.record is not None and asked.record.layers:
        manifest = pool_of_caches(plan, out, asked.record, asked.digest, report)
    else:
        (out / ACTIVATIONS / MANIFEST).unlink(missing_ok=True)  # what it says is about to become untrue
        manifest = _Collecting(asked, report).run()
    keep_report(plan, out, manifest)
    return manifest


def finished_pool(out: Path, inputs_sha256: str) -> PoolManifest | None:
    """The manifest in `out` if it is of these inputs and every file that it names is there, unchanged."""
    folder = out / ACTIVATIONS
    try:
        manifest = PoolManifest.load(folder / MANIFEST)
        whole = all(sha256_of_file(folder / layer.file) == layer.sha256 for layer in manifest.layers)
    except (IncompleteError, OSError):
        return None
    return (
        manifest
        if whole and manifest.inputs_sha256 == inputs_sha256 and (out / COMPLETIONS).is_file()
        else None
    )


def _has_second_judges(out: Path) -> bool:
    """Whether the agreement that stands beside a pool is of more judges than the one that decides; one that cannot be read is made again."""
    try:
        return len(Agreement.load(out / AGREEMENT).judges) > 1
    except (IncompleteError, OSError):
        return True


@dataclass(frozen=True)
class _Asked:
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


def _ask(plan: CollectPlan, out: Path) -> _Asked:
    record, borrowed = imported_in(out), _borrowed(plan)
    if record is not None and borrowed is not None:
        raise UsageError(
            f"{out}: completions were imported, and the study takes those of {plan.completions_from}; expected one of them",
            hint=f"leave out completions_from, or delete {out / IMPORTED}",
        )
    revision = model_revision(plan) if record is None or not record.layers else plan.revision
    if record is not None:
        sampled_as = record.sha256
    else:
        sampled_as = borrowed.sampled_sha256 if borrowed else plan.completions_sha256(revision)
    _take_verdicts(plan, out)
    judged = plan.judge.in_folder(out).state_sha256
    return _Asked(plan, out, revision, record, sampled_as, plan.inputs_sha256(revision, sampled_as, judged))


class _Collecting:
    """One run of the base model, from its weights to the manifest."""

    def __init__(self, asked: _Asked, report: Progress) -> None:
        from hubkit.inference.load import load_model

        self.asked, self.plan, self.out, self.report = asked, asked.plan, asked.out, report
        self.times = Times()
        with self.times.of("loading the model"):
            self.base: BaseModel = load_model(
                self.plan.model,
                revision=asked.revision,
                precision=self.plan.precision,
                device=self.plan.device,
                gguf_file=self.plan.gguf_file,
            )
        # here, and not after hours of sampling, a layer is refused that is not there
        self.places = [self.base.place(layer, site) for site in self.plan.sites for layer in self.plan.layers]
        self.sampling: Sampling | None = None

    def run(self) -> PoolManifest:
        sampled, source = self._sample()
        with self.times.of("judging"):
            panel = audit(self.plan, sampled, self.asked.desk, self.report)
            judged, pooled = judge_completions(self.plan, self.base.tokenizer, sampled, panel)
            completions = split_completions(self.plan, judged)
        write_completions(self.out / COMPLETIONS, completions, source)
        size = self._batch_size(source, completions)
        with self.times.of("activations"):
            layers = self._take(completions, pooled, size)
        manifest = self._manifest(completions, pooled, layers, source, size)
        manifest.save(self.out / ACTIVATIONS / MANIFEST)
        write_json(self.out / TIMES, self.times.written(len(completions), len(manifest.rows)))
        shutil.rmtree(self.out / FOLDER, ignore_errors=True)
        return manifest

    def _sample(self) -> tuple[list[Completion], Source]:
        """All completions, unjudged: imported, from another pool, from the table of an earlier one here, from the batches of a killed run, or newly drawn."""
        plan, sampled_as = self.plan, self.asked.sampled_as
        if self.asked.record is not None:
            completions = imported_completions(self.out, self.base.tokenizer)
            return completions, Source(sampled_as, plan.prompts_sha256)
        table = Path(plan.completions_from or self.out) / COMPLETIONS
        source, keeps_states = source_of(table), plan.taken == "while_sampling"
        if source is not None and source.sampled_sha256 == sampled_as and not keeps_states:
            completions = read_completions(table)
            self.report(Event("sampling", len(completions), len(completions), "completions are there"))
            return completions, source
        self.sampling = Sampling(plan, self.base, self.out, sampled_as)
        paths = [place.hf_hook_name for place in self.places] if keeps_states else []
        completions = self.sampling.run(paths, self.report)
        self.times.seconds["sampling"] = self.sampling.seconds
        return completions, Source(sampled_as, plan.prompts_sha256, self.sampling.how)

    def _batch_size(self, source: Source, completions: list[Completion]) -> int:
        """As they were sampled; of imported ones, which were not, as many as fit."""
        from hubkit.inference.room import batch_size_for

        if source.how is not None:
            return source.how.batch_size
        most = max(len(one.token_ids) for one in completions)
        return self.plan.batch_size or batch_size_for(self.base, most, most)

    def _take(self, completions: list[Completion], pooled: Pooled, size: int) -> list[PoolLayer]:
        from hubkit.collect.rows import afterwards, while_sampling, write_layers

        plan, base, places = self.plan, self.base, self.places
        if plan.taken == "while_sampling" and self.sampling is not None:
            taking = while_sampling(plan, base, completions, pooled, places=places, sampling=self.sampling)
        else:
            taking = afterwards(plan, base, completions, pooled, places=places, batch_size=size)
        return write_layers(taking, self.out / ACTIVATIONS, base.d_in, self.asked.digest, self.report)

    def _manifest(
        self,
        completions: list[Completion],
        pooled: Pooled,
        layers: list[PoolLayer],
        source: Source,
        size: int,
    ) -> PoolManifest:
        plan, base, record = self.plan, self.base, self.asked.record
        return PoolManifest(
            model_name=plan.model_name,
            model_revision=self.asked.revision,
            model_class_name=base.class_name,
            d_in=base.d_in,
            n_layers=base.n_layers,
            precision=base.precision,
            loaded=base.loaded,
            prompt_template_sha256=_template_sha256(base.tokenizer) if plan.chat else None,
            layers=layers,
            sampled_how=source.how,
            activations=Activations(
                dtype=plan.precision.compute,
                device=str(base.model.device),
                batch_size=size,
                taken="while_sampling" if self.sampling and plan.taken == "while_sampling" else "afterwards",
            ),
            imported=None if record is None else _imported(record, self.out),
            inputs_sha256=self.asked.digest,
            **described(plan, completions, pooled),
        )


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


def _imported(record: ImportRecord, out: Path) -> PoolImport:
    given = all(row.token_ids is not None for row in read_rows(out / IMPORTED / FILE))
    return PoolImport(files=record.files, tokens="given" if given else "tokenised again")


def _template_sha256(tokenizer: Any) -> str:
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()
