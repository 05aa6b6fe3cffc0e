"""SAEs made by SAELens itself, and what their author meant: the definition they compute, kept apart from any file."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

D_IN, D_OUT = 16, 24
MODEL, HOOK, HOOK_OUT = "lab/tiny", "blocks.2.hook_resid_post", "blocks.2.hook_mlp_out"


def sae_lens() -> Any:
    """The package, its dependencies' own deprecation warnings let through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("sae_lens")


@dataclass(frozen=True)
class Spec:
    """How to build one SAE: the configuration class of SAELens, its arguments, and the weights' dtype."""

    config: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    d_sae: int = 64
    d_in: int = D_IN
    dtype: str = "float32"
    export: str = "save_model"
    unit_rows: bool = False
    hook: str = HOOK
    meant: Mapping[str, Any] = field(default_factory=dict)
    """What the definition has and the arguments do not say."""


@dataclass(frozen=True)
class Built:
    """What SAELens wrote, and what was meant by it."""

    cfg: dict[str, Any]
    tensors: dict[str, torch.Tensor]
    meant: Meant


@dataclass(frozen=True)
class Meant:
    """The author's SAE: architecture and options of the definition, and the weights before any saving."""

    architecture: str
    options: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]
    original: Any
    """SAELens's object in memory: temporal has no independent reference and is compared with itself."""
    dtype: str = "float32"


TRANSCODER = {"apply_b_dec_to_input": False, "d_out": D_OUT}
EXPORT = {"export": "save_inference_model"}
RESCALED = {"k": 8, "rescale_acts_by_decoder_norm": True}
LEARNS = {"jumprelu_ste_to_input": True, "jumprelu_sparsity_loss_mode": "quadratic", "target_l0": 8.0}
MATRYOSHKA = {"k": 8, "matryoshka_widths": [16, 64]}
HEADS = {"n_heads": 4, "bottleneck_factor": 4, "kval_topk": 6}

SPECS: dict[str, Spec] = {
    "standard": Spec("StandardSAEConfig"),
    "gated": Spec("GatedSAEConfig"),
    "topk": Spec("TopKSAEConfig", RESCALED),
    "abstopk": Spec("AbsTopKSAEConfig", RESCALED),
    "jumprelu": Spec("JumpReLUSAEConfig"),
    "transcoder": Spec("TranscoderConfig", TRANSCODER),
    "skip_transcoder": Spec("SkipTranscoderConfig", TRANSCODER),
    "jumprelu_transcoder": Spec("JumpReLUTranscoderConfig", TRANSCODER),
    "jumprelu_skip_transcoder": Spec("JumpReLUSkipTranscoderConfig", TRANSCODER),
    "matching_pursuit": Spec("MatchingPursuitSAEConfig", {"residual_threshold": 1.5}, unit_rows=True),
    "temporal": Spec("TemporalSAEConfig", HEADS),
    # The same with another option.
    "standard, b_dec not subtracted": Spec("StandardSAEConfig", {"apply_b_dec_to_input": False}),
    "standard, layer_norm": Spec("StandardSAEConfig", {"normalize_activations": "layer_norm"}),
    "standard, constant_norm_rescale": Spec(
        "StandardSAEConfig", {"normalize_activations": "constant_norm_rescale"}
    ),
    "standard, scaled inputs": Spec("StandardSAEConfig", meant={"scale": 1.7}),
    "standard, tanh": Spec("StandardSAEConfig", meant={"activation": "tanh"}),
    "standard, hook_z": Spec(
        "StandardSAEConfig", {"reshape_activations": "hook_z"}, hook="blocks.2.attn.hook_z"
    ),
    "standard, hook_z joined": Spec("StandardSAEConfig", hook="blocks.2.attn.hook_z"),
    "topk, unit rows": Spec("TopKSAEConfig", {"k": 8}, unit_rows=True),
    "topk, unit rows, wide": Spec("TopKSAEConfig", {"k": 8}, unit_rows=True, d_sae=160),
    "abstopk, unit rows, wide": Spec("AbsTopKSAEConfig", {"k": 8}, unit_rows=True, d_sae=160),
    "jumprelu, square": Spec("JumpReLUSAEConfig", d_sae=D_IN),
    "jumprelu, wide": Spec("JumpReLUSAEConfig", d_sae=1024),
    "jumprelu, bfloat16": Spec("JumpReLUSAEConfig", dtype="bfloat16"),
    "standard, float16": Spec("StandardSAEConfig", dtype="float16"),
    "standard, float64": Spec("StandardSAEConfig", dtype="float64"),
    "transcoder, d_out = d_in": Spec("TranscoderConfig", TRANSCODER | {"d_out": D_IN}),
    "matching_pursuit, 3 steps": Spec("MatchingPursuitSAEConfig", {"max_iterations": 3}, unit_rows=True),
    "temporal, untied": Spec("TemporalSAEConfig", HEADS | {"tied_weights": False}),
    "temporal, scaled": Spec(
        "TemporalSAEConfig",
        HEADS | {"normalize_activations": "constant_scalar_rescale", "activation_normalization_factor": 20.0},
    ),
    # Exported by the training classes.
    "standard export": Spec("StandardTrainingSAEConfig", **EXPORT),
    "gated export": Spec("GatedTrainingSAEConfig", **EXPORT),
    "topk export": Spec("TopKTrainingSAEConfig", RESCALED, **EXPORT),
    "abstopk export": Spec("AbsTopKTrainingSAEConfig", RESCALED, **EXPORT),
    "jumprelu export": Spec("JumpReLUTrainingSAEConfig", LEARNS, **EXPORT),
    "jumprelu export, bfloat16": Spec("JumpReLUTrainingSAEConfig", LEARNS, dtype="bfloat16", **EXPORT),
    "batchtopk export": Spec("BatchTopKTrainingSAEConfig", {"k": 8}, **EXPORT),
    "matryoshka export": Spec("MatryoshkaBatchTopKTrainingSAEConfig", MATRYOSHKA, **EXPORT),
    "matching_pursuit export": Spec(
        "MatchingPursuitTrainingSAEConfig",
        {"decoder_init_norm": 1.0, "residual_threshold": 1.5},
        unit_rows=True,
        **EXPORT,
    ),
    # Training checkpoints: what TrainingSAE.save_model writes.
    "standard checkpoint": Spec("StandardTrainingSAEConfig"),
    "gated checkpoint": Spec("GatedTrainingSAEConfig"),
    "topk checkpoint": Spec("TopKTrainingSAEConfig", RESCALED),
    "jumprelu checkpoint": Spec("JumpReLUTrainingSAEConfig", LEARNS),
    "batchtopk checkpoint": Spec("BatchTopKTrainingSAEConfig", {"k": 8}),
    "matryoshka checkpoint": Spec("MatryoshkaBatchTopKTrainingSAEConfig", MATRYOSHKA),
}


@cache
def build(name: str) -> Built:
    """The SAE `name`, built, filled and saved by SAELens."""
    import torch

    spec = SPECS[name]
    sae = fresh(spec)
    _fill(sae, spec, torch.Generator().manual_seed(len(name)))
    return written(sae, spec)


def fresh(spec: Spec) -> Any:
    """SAELens's object as it is constructed."""
    package = sae_lens()
    module = import_module("sae_lens.saes.transcoder")
    config = getattr(package, spec.config, None) or getattr(module, spec.config)
    name = spec.config.removesuffix("Config")
    sae_class = getattr(package, name, None) or getattr(module, name)
    arguments = {"d_in": spec.d_in, "d_sae": spec.d_sae, "dtype": spec.dtype, **spec.arguments}
    out = {"hook_name_out": HOOK_OUT} if "Transcoder" in spec.config else {}
    metadata = package.saes.sae.SAEMetadata(model_name=MODEL, hook_name=spec.hook, **out)
    return sae_class(config(**arguments, metadata=metadata))


def written(sae: Any, spec: Spec) -> Built:
    """What SAELens writes of `sae`, beside what it is in memory."""
    tensors = {key: value.detach().clone() for key, value in sae.state_dict().items()}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        getattr(sae, spec.export)(folder)
        cfg, saved = _read(Path(folder))
    return Built(cfg, saved, Meant(sae.cfg.architecture(), _options(spec), tensors, sae, spec.dtype))


def _fill(sae: Any, spec: Spec, generator: torch.Generator) -> None:
    """Random weights as after a training: biases that matter, decoder rows of many lengths, thresholds that moved."""
    import torch

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    with torch.no_grad():
        for name, parameter in sae.state_dict().items():
            if name == "W_dec":
                value = torch.nn.functional.normalize(normal(*parameter.shape), dim=1)
                if not spec.unit_rows:
                    value *= 0.4 + 1.2 * torch.rand(len(value), 1, generator=generator)
            elif name == "threshold":
                value = 0.1 + 0.7 * torch.rand(*parameter.shape, generator=generator)
            elif name == "topk_threshold":
                value = torch.tensor(0.45)
            elif name == "r_mag":
                value = 0.3 * normal(*parameter.shape)
            elif name.endswith(("ctx.weight", "q_target.weight")):
                value = 10 * normal(*parameter.shape)  # so that the context matters beside the biases
            else:
                value = normal(*parameter.shape) * (
                    0.5 if parameter.ndim == 1 else parameter.shape[0] ** -0.5
                )
            parameter.copy_(value)


def _options(spec: Spec) -> dict[str, Any]:
    """The definition's options: those of the arguments over SAELens's defaults for a config that says nothing."""
    always = {"apply_b_dec_to_input": "Transcoder" not in spec.config, "normalize_activations": "none"}
    trained = {"rescale_acts_by_decoder_norm": True} if "TopKTraining" in spec.config else {}
    return {**always, **trained, **spec.arguments, **spec.meant}


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    from safetensors.torch import load_file

    cfg = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    return cfg, load_file(folder / "sae_weights.safetensors")
