"""Collecting a pool: sample, judge, split into folds, take activations, write. torch is imported when there is work to do."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

from hubkit.collect.completions import (
    Completion,
    read_completions,
    read_part,
    sampled_sha256,
    write_completions,
    write_part,
)
from hubkit.collect.judging import judge_completions, split_completions
from hubkit.collect.plan import SPANS, CollectPlan, model_revision
from hubkit.collect.scenarios import completion_seed
from hubkit.collect.verdicts import verdicts_file
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import IncompleteError
from hubkit.inference.tokens import prompt_ids
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import ACTIVATIONS, COMPLETIONS, MANIFEST
from hubkit.release.pool import TENSOR, PoolLayer, PoolManifest, PoolRow, PoolScenario
from hubkit.release.writing import replacing

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from hubkit.collect.activations import Passage
    from hubkit.inference.load import BaseModel

PARTS_FOLDER = "sampling"
"""The completions of each finished scenario, while others are still to be sampled."""


def collect(plan: CollectPlan, out: Path, report: Progress = silent) -> PoolManifest:
    """Write the pool that `plan` describes into `out`, or return the manifest of the one that is there.

    Killed at any point, it goes on where it stopped: finished scenarios are not sampled again, nothing is judged twice by one
    judge, and other layers, folds or judges than before start from the texts that are there. Raises UsageError when model and plan do not fit, IncompleteError
    when the model cannot be opened, HubkitError when too few completions are decisive or an activation is not finite.
    """
    revision = model_revision(plan)
    digest = plan.inputs_sha256(revision)
    finished = finished_pool(out, digest)
    if finished is not None:
        report(Event("collect", len(finished.rows), len(finished.rows), "the pool is there"))
        return finished
    from hubkit.inference.load import load_model

    base = load_model(
        plan.model,
        revision=revision,
        precision=plan.precision,
        device=plan.device,
        gguf_file=plan.gguf_file,
    )
    for layer in plan.layers:
        base.hf_hook_name(layer)  # refuse before hours of sampling, not after
    (out / ACTIVATIONS / MANIFEST).unlink(missing_ok=True)  # what it says is about to become untrue
    sampled_as = plan.completions_sha256(revision)
    sampled = _sample_all(plan, base, out, sampled_as, report)
    kept = verdicts_file(out, plan.judge, sampled_as)
    completions, pooled = judge_completions(plan, base.tokenizer, sampled, kept, report)
    completions = split_completions(plan, completions)
    write_completions(out / COMPLETIONS, completions, sampled_as)
    decisive = [completion for completion in completions if completion.label is not None]
    layers = _write_activations(plan, base, out, _passages(plan, base, decisive, pooled), report)
    manifest = _manifest(plan, base, revision, digest, layers, completions)
    manifest.save(out / ACTIVATIONS / MANIFEST)
    shutil.rmtree(out / PARTS_FOLDER, ignore_errors=True)
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


def _sample_all(
    plan: CollectPlan, base: BaseModel, out: Path, sampled_as: str, report: Progress
) -> list[Completion]:
    """All completions, unjudged: from the table of an earlier pool, from the parts of a killed run, or newly drawn."""
    if sampled_sha256(out / COMPLETIONS) == sampled_as:
        found = read_completions(out / COMPLETIONS)
        report(Event("collect", len(found), plan.samples, "completions are there"))
        return found
    completions: list[Completion] = []
    for position, scenario in enumerate(plan.scenarios):
        file = out / PARTS_FOLDER / f"{position:04d}.json"
        part = read_part(file, sampled_as)
        if part is None:
            part = _sample_scenario(plan, base, position)
            write_part(file, part, sampled_as)
        completions.extend(part)
        report(Event("collect", len(completions), plan.samples, f"sampled {scenario.key}"))
    return completions


def _sample_scenario(plan: CollectPlan, base: BaseModel, position: int) -> list[Completion]:
    from hubkit.inference.generate import sample

    scenario = plan.scenarios[position]
    seeds = [completion_seed(plan.seed, scenario.key, index) for index in range(plan.samples_of(position))]
    sampled = sample(
        base,
        prompt_ids(base.tokenizer, scenario, chat=plan.chat),
        seeds,
        temperature=plan.temperature,
        max_new_tokens=plan.max_new_tokens,
        batch_size=plan.batch_size,
    )
    return [
        Completion(
            f"{scenario.key}/{index:04d}",
            scenario.scenario_id,
            scenario.variant,
            one.text,
            one.token_ids,
            one.seed,
        )
        for index, one in enumerate(sampled)
    ]


def _passages(
    plan: CollectPlan, base: BaseModel, decisive: list[Completion], pooled: dict[str, tuple[int, ...]]
) -> list[Passage]:
    from hubkit.collect.activations import Passage

    prompts = {
        (one.scenario_id, one.variant): prompt_ids(base.tokenizer, one, chat=plan.chat)
        for one in plan.scenarios
    }
    passages = []
    for one in decisive:
        prompt = prompts[one.scenario_id, one.variant]
        positions = tuple(len(prompt) + position for position in pooled[one.completion_id])
        passages.append(Passage(one.completion_id, (*prompt, *one.token_ids), positions))
    return passages


def _write_activations(
    plan: CollectPlan, base: BaseModel, out: Path, passages: list[Passage], report: Progress
) -> list[PoolLayer]:
    from hubkit.collect.activations import pool_outputs

    paths = {layer: base.hf_hook_name(layer) for layer in plan.layers}
    taken = pool_outputs(
        base, list(paths.values()), passages, plan.pooling, batch_size=plan.batch_size, report=report
    )
    folder = out / ACTIVATIONS
    layers = [_write_layer(folder, layer, path, taken[path]) for layer, path in paths.items()]
    for stale in set(folder.glob("layer_*.safetensors")) - {folder / layer.file for layer in layers}:
        stale.unlink()
    return layers


def _write_layer(folder: Path, layer: int, path: str, activations: np.ndarray) -> PoolLayer:
    from safetensors.numpy import save_file

    file = folder / f"layer_{layer:02d}.safetensors"
    with replacing(file) as temporary:
        save_file({TENSOR: activations}, temporary)
    return PoolLayer(
        layer=layer,
        hook_name=f"blocks.{layer}.hook_resid_post",
        hf_hook_name=path,
        file=file.name,
        sha256=sha256_of_file(file),
    )


def _manifest(
    plan: CollectPlan,
    base: BaseModel,
    revision: str | None,
    digest: str,
    layers: list[PoolLayer],
    completions: list[Completion],
) -> PoolManifest:
    return PoolManifest.model_validate(
        {
            "model_name": plan.model_name,
            "model_revision": revision,
            "model_class_name": base.class_name,
            "d_in": base.d_in,
            "n_layers": base.n_layers,
            "precision": base.precision,
            "loaded": base.loaded,
            "pooling": plan.pooling,
            "token_span": SPANS[plan.pool_over],
            "labels": plan.labels,
            "judge": plan.judge.name,
            "prompt_template_sha256": _template_sha256(base.tokenizer) if plan.chat else None,
            "layers": layers,
            "rows": [_row(completion) for completion in completions if completion.label is not None],
            "scenarios": _scenarios(completions),
            "inputs_sha256": digest,
        }
    )


def _scenarios(completions: list[Completion]) -> list[PoolScenario]:
    """Every scenario in the order of the plan, with what was sampled of it and what was decided."""
    sampled = Counter(one.scenario_id for one in completions)
    decisive = Counter(one.scenario_id for one in completions if one.label is not None)
    return [
        PoolScenario(scenario_id=name, sampled=count, decisive=decisive[name])
        for name, count in sampled.items()
    ]


def _row(completion: Completion) -> PoolRow:
    return PoolRow(
        completion_id=completion.completion_id,
        scenario_id=completion.scenario_id,
        label=str(completion.label),
        split=str(completion.split),
    )


def _template_sha256(tokenizer: Any) -> str:
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()
