"""What is right: hubkit is silent, SAELens loads it, and the outputs are those of the definition."""

from __future__ import annotations

import json
from typing import Any

from oracle.case import GONE, Case, Draft, at, drop, every, extra, legacy, meta, nothing, put, tensor
from oracle.saes import SPECS

WRITTEN = [
    Case(f"as SAELens writes it: {name}", name, nothing, quick=" " not in name or name.endswith(" export"))
    for name in SPECS
    if name not in {"batchtopk checkpoint", "matryoshka checkpoint"} and not SPECS[name].meant
]


def _some_zero(value: Any) -> Any:
    value[:3] = 0.0
    return value


def _slightly_negative(value: Any) -> Any:
    value[:2] = -0.0003
    return value


def _sorted(draft: Draft) -> None:
    draft.cfg_bytes = json.dumps(draft.cfg, indent=2, sort_keys=True).encode() + b"\n"


def _sparsity(draft: Draft) -> None:
    from safetensors.torch import save

    draft.files["sparsity.safetensors"] = save({"sparsity": draft.tensors["b_enc"].clone()})


VARIANTS = [
    Case("at the root of the repository", "jumprelu", at(".")),
    Case("keys sorted and indented", "jumprelu", _sorted),
    Case("sae_lens_training_version null: not trained by SAELens", "topk", meta(sae_lens_training_version=None)),
    Case("the study's own keys in metadata", "topk", meta(training_condition="mixed", hubkit={"seed": 1})),
    Case("hook_name and model_name also at the top level", "topk", put(hook_name="blocks.2.hook_resid_post", model_name="lab/tiny")),
    Case("dtype torch.float32", "standard", put(dtype="torch.float32")),
    Case("sae_lens_version 6.0.0-rc.0, the first of the layout", "standard", meta(sae_lens_version="6.0.0-rc.0")),
    Case("sae_lens_version at the top level instead of in metadata", "standard", every(meta(sae_lens_version=GONE), put(sae_lens_version="6.1.0"))),
    Case("device missing", "standard", drop("device")),
    Case("reshape_activations missing", "standard", drop("reshape_activations")),
    Case("three thresholds exactly 0", "jumprelu", tensor("threshold", _some_zero), meant="file"),
    Case("two thresholds at -0.0003, as training leaves them", "jumprelu", tensor("threshold", _slightly_negative), meant="file"),
    Case("with sparsity.safetensors", "jumprelu", _sparsity),
    Case("a bfloat16 SAE whose threshold is float32", "jumprelu export, bfloat16", nothing),
    Case("an empty activation_fn_kwargs left over in the v6 layout", "topk", put(activation_fn_kwargs={})),
    Case("a second weights file beside the right one", "standard", lambda d: d.files.update({"model.safetensors": b""})),
    Case("a JumpReLU without thresholds rewritten as standard, disclosed", "standard", meta(training_architecture="jumprelu", hubkit={"rewritten": {"rule": "THR001", "from": "jumprelu", "to": "standard"}})),
    Case("hook of the embedding", "standard", every(meta(hook_name="hook_embed"), at("embedding"))),
    Case("module path as hook_name", "standard", meta(hook_name="model.layers.2", model_class_name="AutoModelForCausalLM")),
    Case("rescale_acts_by_decoder_norm true over unit rows", "topk, unit rows", put(rescale_acts_by_decoder_norm=True)),
    Case("rescale_acts_by_decoder_norm missing over unit rows", "topk, unit rows", drop("rescale_acts_by_decoder_norm")),
]  # fmt: skip

OLD = [
    Case("v2 standard", "standard", legacy(2), "!==", quick=True),
    Case("v2 standard, reference without b_dec", "standard, b_dec not subtracted", legacy(2), "!=="),
    *[
        Case(f"v{version} {architecture}", architecture, legacy(version), "===" , lost="A", quick=version == 4)
        for version in (3, 4, 5)
        for architecture in ("standard", "gated", "jumprelu")
    ],
    *[
        Case(f"v{version} topk, k in activation_fn_kwargs", "topk, unit rows", legacy(version), "^==", lost="A", quick=version == 5)
        for version in (3, 4, 5)
    ],
    Case("v3 standard with a scaling_factor of ones", "standard", every(legacy(3), extra("scaling_factor", "b_enc", lambda t: t * 0 + 1)), "!=="),
    Case("v4 standard, layer_norm", "standard, layer_norm", legacy(4), lost="A"),
    Case("v4 standard, normalize_activations false", "standard", legacy(4, normalize_activations=False), "!=="),
    Case("v4 standard, normalize_activations null", "standard", legacy(4, normalize_activations=None), "!=="),
    Case("v4 standard, normalize_activations missing", "standard", every(legacy(4), drop("normalize_activations")), lost="A"),
    Case("v4 standard, finetuning_scaling_factor missing", "standard", every(legacy(4), drop("finetuning_scaling_factor")), lost="A"),
    Case("v5 hook_z, 3-dimensional activations", "standard, hook_z", legacy(5), "^==", lost="A"),
]  # fmt: skip

CASES = [*WRITTEN, *VARIANTS, *OLD]
