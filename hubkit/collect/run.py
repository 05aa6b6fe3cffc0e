"""Collecting a pool: sample, judge, split into folds, take activations, report, write. torch is imported when there is work to do."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.collect.completions import Completion, Source, read_completions, source_of, write_completions
from hubkit.collect.judging import judge_completions, split_completions
from hubkit.collect.plan import CollectPlan, model_revision
from hubkit.collect.report import keep_report
from hubkit.collect.sampling import FOLDER, Sampling
from hubkit.collect.times import Times
from hubkit.collect.verdicts import verdicts_file
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import IncompleteError, UsageError
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import ACTIVATIONS, COMPLETIONS, MANIFEST, TIMES
from hubkit.release.pool import Activations, PoolLayer, PoolManifest, PoolScenario
from hubkit.release.writing import write_json

if TYPE_CHECKING:
    from hubkit.inference.load import BaseModel


def collect(plan: CollectPlan, out: Path, report: Progress = silent) -> PoolManifest:
    """Write the pool that `plan` describes into `out`, or return the manifest of the one that is there.

    Killed at any point, it goes on where it stopped: finished batches are not sampled again, nothing is judged twice by one
    judge, and other layers, folds or judges than before start from the texts that are there. Raises UsageError when model and plan do not fit, IncompleteError
    when the model cannot be opened, HubkitError when too few completions are decisive or an activation is not finite.
    """
    revision = model_revision(plan)
    borrowed = _borrowed(plan)
    sampled_as = borrowed.sampled_sha256 if borrowed else plan.completions_sha256(revision)
    digest = plan.inputs_sha256(revision, sampled_as)
    finished = finished_pool(out, digest)
    if finished is not None:
        report(Event("collect", len(finished.rows), len(finished.rows), "the pool is there"))
        keep_report(plan, out, finished)
        return finished
    (out / ACTIVATIONS / MANIFEST).unlink(missing_ok=True)  # what it says is about to become untrue
    return _Collecting(plan, out, revision, sampled_as, digest, report).run()


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


class _Collecting:
    """One run, from the model to the manifest."""

    def __init__(
        self,
        plan: CollectPlan,
        out: Path,
        revision: str | None,
        sampled_as: str,
        digest: str,
        report: Progress,
    ) -> None:
        from hubkit.inference.load import load_model

        self.plan, self.out, self.sampled_as, self.digest, self.report = plan, out, sampled_as, digest, report
        self.revision, self.times = revision, Times()
        with self.times.of("loading the model"):
            self.base: BaseModel = load_model(
                plan.model,
                revision=revision,
                precision=plan.precision,
                device=plan.device,
                gguf_file=plan.gguf_file,
            )
        # here, and not after hours of sampling, a layer is refused that is not there
        self.places = [self.base.place(layer, site) for site in plan.sites for layer in plan.layers]
        self.sampling: Sampling | None = None

    def run(self) -> PoolManifest:
        sampled, source = self._sample()
        with self.times.of("judging"):
            completions, pooled = self._judge(sampled)
        write_completions(self.out / COMPLETIONS, completions, source)
        with self.times.of("activations"):
            layers = self._take(completions, pooled, source)
        manifest = self._manifest(completions, pooled, layers, source)
        manifest.save(self.out / ACTIVATIONS / MANIFEST)
        with self.times.of("report"):
            keep_report(self.plan, self.out, manifest)
        write_json(self.out / TIMES, self.times.written(len(completions), len(manifest.rows)))
        shutil.rmtree(self.out / FOLDER, ignore_errors=True)
        return manifest

    def _sample(self) -> tuple[list[Completion], Source]:
        """All completions, unjudged: from another pool, from the table of an earlier one here, from the batches of a killed run, or newly drawn."""
        table = Path(self.plan.completions_from or self.out) / COMPLETIONS
        source, keeps_states = source_of(table), self.plan.taken == "while_sampling"
        if source is not None and source.sampled_sha256 == self.sampled_as and not keeps_states:
            completions = read_completions(table)
            self.report(Event("sampling", len(completions), len(completions), "completions are there"))
            return completions, source
        self.sampling = Sampling(self.plan, self.base, self.out, self.sampled_as)
        completions = self.sampling.run(
            [place.hf_hook_name for place in self.places] if keeps_states else [], self.report
        )
        self.times.seconds["sampling"] = self.sampling.seconds
        return completions, Source(self.sampled_as, self.plan.prompts_sha256, self.sampling.how)

    def _judge(self, sampled: list[Completion]) -> tuple[list[Completion], dict[str, tuple[int, ...]]]:
        """The completions with labels and folds, and which of their tokens to pool."""
        kept = verdicts_file(self.out, self.plan.judge, self.plan.questions_sha256(self.sampled_as))
        _take_verdicts(self.plan, kept)
        judged, pooled = judge_completions(self.plan, self.base.tokenizer, sampled, kept, self.report)
        return split_completions(self.plan, judged), pooled

    def _take(
        self, completions: list[Completion], pooled: dict[str, tuple[int, ...]], source: Source
    ) -> list[PoolLayer]:
        from hubkit.collect.rows import afterwards, while_sampling, write_layers

        plan, base, places = self.plan, self.base, self.places
        if plan.taken == "while_sampling" and self.sampling is not None:
            taking = while_sampling(plan, base, completions, pooled, places=places, sampling=self.sampling)
        else:
            size = source.how.batch_size
            taking = afterwards(plan, base, completions, pooled, places=places, batch_size=size)
        return write_layers(taking, self.out / ACTIVATIONS, base.d_in, self.digest, self.report)

    def _manifest(
        self,
        completions: list[Completion],
        pooled: dict[str, tuple[int, ...]],
        layers: list[PoolLayer],
        source: Source,
    ) -> PoolManifest:
        from hubkit.collect.rows import pool_rows

        plan, base = self.plan, self.base
        return PoolManifest(
            model_name=plan.model_name,
            model_revision=self.revision,
            model_class_name=base.class_name,
            d_in=base.d_in,
            n_layers=base.n_layers,
            precision=base.precision,
            loaded=base.loaded,
            pooling=plan.pooling,
            token_span=plan.token_span,
            labels=plan.labels,
            judge=plan.judge.name,
            prompt_template_sha256=_template_sha256(base.tokenizer) if plan.chat else None,
            layers=layers,
            rows=pool_rows(plan, completions, pooled),
            scenarios=_scenarios(completions),
            sampled_how=source.how,
            activations=Activations(
                dtype=str(next(base.model.parameters()).dtype).removeprefix("torch."),
                device=str(base.model.device),
                batch_size=source.how.batch_size,
                taken=plan.taken,
            ),
            inputs_sha256=self.digest,
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


def _take_verdicts(plan: CollectPlan, kept: Path) -> None:
    """What the same judge said of the same completions in the pool that they are taken from."""
    if plan.completions_from is not None and not kept.exists():
        there = Path(plan.completions_from) / kept.parent.name / kept.name
        if there.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(there, kept)


def _scenarios(completions: list[Completion]) -> list[PoolScenario]:
    """Every scenario in the order of the plan, with what was sampled of it and what was decided; controls are none."""
    sampled = Counter(one.scenario_id for one in completions if not one.control)
    decisive = Counter(one.scenario_id for one in completions if one.decisive)
    return [
        PoolScenario(scenario_id=name, sampled=count, decisive=decisive[name])
        for name, count in sampled.items()
    ]


def _template_sha256(tokenizer: Any) -> str:
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()
