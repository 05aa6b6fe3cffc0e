"""A pool of completions and activations that came from elsewhere: labelled, dealt into folds and recorded like any other. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.collect.completions import Completion, Source, write_completions
from hubkit.collect.imports.rows import ImportedRow, read_rows
from hubkit.collect.imports.take_in import ImportRecord, layer_file
from hubkit.collect.judges.column import FILE
from hubkit.collect.judging import audit, labelled, split_completions
from hubkit.collect.manifest import described
from hubkit.collect.panel import Desk
from hubkit.collect.row_files import RowFile
from hubkit.engine.events import Progress, silent
from hubkit.errors import UsageError
from hubkit.models.base_width import base_shape
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import ACTIVATIONS, COMPLETIONS, IMPORTED, MANIFEST
from hubkit.release.pool import TENSOR, PoolImport, PoolLayer, PoolManifest

if TYPE_CHECKING:
    from hubkit.collect.plan import CollectPlan
    from hubkit.models.config import ModelShape

ANY_CLASS = "AutoModelForCausalLM"
"""What a model is opened with where nothing says its class."""


def imported_completions(out: Path, tokenizer: Any = None) -> list[Completion]:
    """The completions of the work folder's import, unjudged; their texts become tokens by `tokenizer` where the file has none."""
    return [_completion(row, tokenizer) for row in read_rows(out / IMPORTED / FILE)]


def pool_of_caches(
    plan: CollectPlan, out: Path, record: ImportRecord, digest: str, report: Progress = silent
) -> PoolManifest:
    """Write the pool of imported activations. Raises UsageError where nothing says how many blocks the model has, or a layer is not one of them."""
    shape = _shape(plan, record)
    if plan.pooling == "all":
        raise UsageError(
            "pooling: all, with activations that were imported: they have one row for each completion",
            hint="write how they were pooled: mean, first or last",
        )
    (out / ACTIVATIONS / MANIFEST).unlink(missing_ok=True)  # what it says is about to become untrue
    rows = {row.completion_id: row.row for row in read_rows(out / IMPORTED / FILE)}
    sampled = imported_completions(out)
    panel = audit(plan, sampled, Desk(out, plan.questions_sha256(record.sha256)), report)
    completions = [_kept(one, rows[one.completion_id]) for one in labelled(plan, sampled, panel)]
    completions = split_completions(plan, completions)
    write_completions(out / COMPLETIONS, completions, Source(record.sha256, plan.prompts_sha256))
    places = [rows[one.completion_id] for one in completions if one.decisive]
    layers = [
        _written(out / ACTIVATIONS, layer, shape.block(layer), _cached(out, layer)[places], digest)
        for layer in sorted(record.layers)
    ]
    manifest = PoolManifest.model_validate(
        {
            "model_name": plan.model_name,
            "model_revision": plan.revision,
            "model_class_name": ANY_CLASS,
            "d_in": shape.d_model,
            "n_layers": shape.n_layers,
            "layers": layers,
            "imported": PoolImport(files=record.files),
            "precision": str(plan.precision),
            **described(plan, completions, {}),
            "inputs_sha256": digest,
        }
    )
    manifest.save(out / ACTIVATIONS / MANIFEST)
    return manifest


def _written(folder: Path, layer: int, path: str, rows: Any, digest: str) -> PoolLayer:
    file = RowFile(folder / layer_file(layer), rows.shape, digest)
    file.truncate(0)
    file.append(rows)
    file.finish()
    return PoolLayer(
        layer=layer,
        hook_name=f"blocks.{layer}.hook_resid_post",
        hf_hook_name=path,
        file=file.path.name,
        sha256=sha256_of_file(file.path),
    )


def _shape(plan: CollectPlan, record: ImportRecord) -> ModelShape:
    shape = base_shape(plan.model, plan.model_name)
    if shape is None:
        raise UsageError(
            f"{plan.model}: how many blocks it has is not known here, expected a known id or a folder with its config.json",
            hint="download its config.json and name the folder as `model`",
        )
    if max(record.layers) >= shape.n_layers:
        raise UsageError(
            f"activations of block {max(record.layers)}, {plan.model_name} has {shape.n_layers} blocks",
            hint=f"blocks are counted from 0 to {shape.n_layers - 1}",
        )
    return shape


def _completion(row: ImportedRow, tokenizer: Any) -> Completion:
    tokens: Sequence[int] = row.token_ids or ()
    if row.token_ids is None and tokenizer is not None:
        tokens = tokenizer(row.text, add_special_tokens=False).input_ids
    return Completion(
        row.completion_id, row.scenario_id, row.variant, row.text, tuple(map(int, tokens)), seed=0
    )


def _kept(one: Completion, row: int | None) -> Completion:
    """Without its label where there are no activations of it."""
    if row is not None or one.label is None:
        return one
    return replace(
        one, label=None, label_unflipped=None, reason=f"{one.reason}, but no activations".lstrip(", ")
    )


def _cached(out: Path, layer: int) -> Any:
    from safetensors.numpy import load_file

    return load_file(out / IMPORTED / layer_file(layer))[TENSOR]
