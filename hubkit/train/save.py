"""A trained SAE as a folder that any SAELens reads: explicit v6 cfg.json, folded float32 weights."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from hubkit import __version__
from hubkit.errors import HubkitError
from hubkit.release.layout import CFG, WEIGHTS
from hubkit.release.sae_record import KEY, SaeRecord
from hubkit.release.writing import replacing, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.release.pool import PoolManifest
    from hubkit.train.stack import Trained


@dataclass(frozen=True)
class Origin:
    """What an SAE was trained on."""

    manifest: PoolManifest
    draw: str
    """`all` for the published SAE, the fold whose rows it did not see, or `control`."""
    n_rows: int
    rows_sha256: str
    """Of the completion_ids of its rows (`hubkit/release/folds.py`)."""


def save(trained: Trained, origin: Origin, folder: Path, device: str = "cpu") -> list[str]:
    """Write `cfg.json` and `sae_weights.safetensors` into `folder`, weights last; returns warnings.

    Raises HubkitError when a weight is not finite.
    """
    weights, warnings = inference_weights(trained)
    with replacing(folder / WEIGHTS) as temporary:
        save_file(weights, temporary)
        # The large file is on the disk by now: a cfg.json never stands there without its weights.
        write_json(folder / CFG, cfg_of(trained, origin, device))
    return warnings


def inference_weights(trained: Trained) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The tensors of the inference form for raw activations, contiguous float32 on the CPU, and warnings.

    Input scale s and, for TopK, the decoder norms are folded by SAELens itself, in float64:
    W_enc <- s W_enc, W_dec <- W_dec / s, b_dec <- b_dec / s; b_enc and threshold are compared with pre-activations, which
    stay as they are. Then (TopK) rows of W_dec to norm 1, W_enc and b_enc times that norm.
    """
    sae = copy.deepcopy(trained.sae).to(torch.float64)
    sae.fold_activation_norm_scaling_factor(trained.scale)
    state = sae.state_dict()
    sae.process_state_dict_for_saving_inference(state)
    weights = {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in state.items()}
    for name, tensor in weights.items():
        if not bool(torch.isfinite(tensor).all()):
            raise HubkitError(
                f"{trained.spec.sae_id}: {name} holds NaN or infinity after training", hint="lower its lr"
            )
    return weights, _clamp_threshold(weights)


def _clamp_threshold(weights: dict[str, torch.Tensor]) -> list[str]:
    """Negative thresholds act as 0 in the published form; say so by writing 0."""
    if "threshold" not in weights:
        return []
    negative = int((weights["threshold"] < 0).sum())
    # + 0.0 turns -0.0 into 0.0: one value, one spelling.
    weights["threshold"] = weights["threshold"].clamp(min=0.0) + 0.0
    return [f"{negative} thresholds were below 0 and were saved as 0"] if negative else []


def cfg_of(trained: Trained, origin: Origin, device: str = "cpu") -> dict[str, Any]:
    """cfg.json in SAELens's v6 layout: every key of its inference configuration, and the study's own in `metadata`."""
    cfg: dict[str, Any] = trained.sae.cfg.get_inference_sae_cfg_dict()
    return cfg | {
        "device": "cpu",
        "dtype": "float32",
        "normalize_activations": "none",
        "metadata": _metadata(trained, origin, device),
    }


def _metadata(trained: Trained, origin: Origin, device: str) -> dict[str, Any]:
    spec, manifest = trained.spec, origin.manifest
    layer = manifest.layer(spec.layer)
    sae_lens = version("sae-lens")
    return {
        "sae_lens_version": sae_lens,
        "sae_lens_training_version": sae_lens,
        "model_name": manifest.model_name,
        "model_class_name": manifest.model_class_name,
        "hook_name": layer.hook_name,
        "hf_hook_name": layer.hf_hook_name,
        **_model_arguments(manifest),
        "training_architecture": spec.architecture,
        "training_architecture_details": spec.kind.details(spec, trained.sae),
        "training_condition": spec.condition,
        KEY: record_of(trained, origin, device).written(),
    }


def _model_arguments(manifest: PoolManifest) -> dict[str, Any]:
    """How the base model is loaded, where it is not as SAELens loads one (float32): it warns of every SAE that says anything here."""
    arguments = manifest.loaded.arguments if manifest.loaded else {}
    return {} if arguments in ({}, {"dtype": "float32"}) else {"model_from_pretrained_kwargs": arguments}


def record_of(trained: Trained, origin: Origin, device: str) -> SaeRecord:
    """What the SAE was trained with and on, by `device`."""
    spec, manifest = trained.spec, origin.manifest
    return SaeRecord(
        version=__version__,
        recipe=spec.recipe,
        spec_sha256=spec.digest(),
        k=spec.k,
        n_rows=origin.n_rows,
        rows=origin.draw,
        rows_sha256=origin.rows_sha256,
        steps=spec.steps_for(origin.n_rows),
        epochs=spec.epochs,
        batch_size=spec.batch_for(origin.n_rows),
        lr=spec.lr,
        lr_schedule=spec.lr_schedule,
        lr_warm_up_steps=spec.lr_warm_up_steps,
        lr_decay_steps=spec.lr_decay_steps,
        dead_window=spec.dead_window,
        seed=spec.seed,
        autocast=spec.autocast,
        products=None if device == "cpu" else spec.products,
        input_scale=trained.scale,
        precision=manifest.precision,
        base_model_revision=manifest.model_revision,
        pooling=manifest.pooling,
        token_span=manifest.token_span,
        pool_sha256=manifest.inputs_sha256,
    )
