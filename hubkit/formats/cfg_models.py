"""The pydantic models of cfg.json: one per layout and architecture. `schemas/cfg.schema.json` is generated from them.

Unknown keys are allowed here: SAELens drops them, and saying so is a rule of its own (CFG016).
Source: the dataclasses in sae_lens 6.54.12, saes/*.py; the legacy keys of versions 2 to 5 as found in published configurations.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(strict=True, ge=1)]
Flag = Annotated[bool, Field(strict=True)]
Real = Annotated[float, Field(strict=True)]
Dtype = Literal[
    "float32", "float64", "float16", "bfloat16", "torch.float32", "torch.float64", "torch.float16", "torch.bfloat16"
]  # fmt: skip
Normalize = Literal[
    "none", "expected_average_only_in", "constant_norm_rescale", "layer_norm", "covariance_whitening"
]


class Configuration(BaseModel):
    """What both layouts have."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    d_in: Count
    """Width of the activations that go in."""
    d_sae: Count
    """Number of latents."""
    dtype: Dtype
    device: str = "cpu"
    """Overridden on load."""
    apply_b_dec_to_input: Flag = True
    reshape_activations: Literal["none", "hook_z"] = "none"


class V6(Configuration):
    """SAELens 6: the study's keys live in `metadata`."""

    architecture: str
    normalize_activations: Normalize = "none"
    metadata: dict[str, Any]


class V6Standard(V6):
    architecture: Literal["standard"]


class V6Gated(V6):
    architecture: Literal["gated"]


class V6JumpReLU(V6):
    architecture: Literal["jumprelu"]


class V6TopK(V6):
    architecture: Literal["topk"]
    k: Count
    rescale_acts_by_decoder_norm: Flag = False


class V6AbsTopK(V6):
    architecture: Literal["abstopk"]
    k: Count
    rescale_acts_by_decoder_norm: Flag = False


class V6AnyTranscoder(V6):
    apply_b_dec_to_input: Literal[False]
    d_out: Count


class V6Transcoder(V6AnyTranscoder):
    architecture: Literal["transcoder"]


class V6SkipTranscoder(V6AnyTranscoder):
    architecture: Literal["skip_transcoder"]


class V6JumpReLUTranscoder(V6AnyTranscoder):
    architecture: Literal["jumprelu_transcoder"]


class V6JumpReLUSkipTranscoder(V6AnyTranscoder):
    architecture: Literal["jumprelu_skip_transcoder"]


class V6MatchingPursuit(V6):
    architecture: Literal["matching_pursuit"]
    residual_threshold: Real = 1e-2
    max_iterations: Count | None = None
    stop_on_duplicate_support: Flag = True


class V6Temporal(V6):
    architecture: Literal["temporal"]
    normalize_activations: Literal[
        "none",
        "expected_average_only_in",
        "constant_norm_rescale",
        "layer_norm",
        "constant_scalar_rescale",
    ] = "none"  # type: ignore[assignment]  # other values than the others
    n_heads: Count = 8
    n_attn_layers: Count = 1
    bottleneck_factor: Count = 64
    """d_sae must be a multiple of bottleneck_factor x n_heads."""
    sae_diff_type: Literal["relu", "topk"] = "topk"
    kval_topk: Count | None = None
    """Without it a `topk` keeps every latent."""
    tied_weights: Flag = True
    """W_enc is the transpose of W_dec, and not in the file."""
    activation_normalization_factor: Real = 1.0
    """What `constant_scalar_rescale` multiplies the input by."""


class Legacy(Configuration):
    """SAELens 2 to 5: everything at the top level."""

    architecture: str = "standard"
    normalize_activations: Normalize | Flag | None = "none"
    hook_name: str | None = None
    hook_point: str | None = None
    hook_layer: Annotated[int, Field(strict=True, ge=0)] | None = None
    model_name: str | None = None
    activation_fn_str: str | None = None
    activation_fn_kwargs: dict[str, Any] = Field(default_factory=dict)
    context_size: Count | None = None
    prepend_bos: Flag | None = True


class LegacyStandard(Legacy):
    architecture: Literal["standard"] = "standard"


class LegacyGated(Legacy):
    architecture: Literal["gated"]


class LegacyJumpReLU(Legacy):
    architecture: Literal["jumprelu"]


class LegacyTopK(Legacy):
    architecture: Literal["topk"]
    k: Count | None = None
    """SAELens 3 to 5 keep it in `activation_fn_kwargs`."""


V6_MODELS: dict[str, type[V6]] = {
    "standard": V6Standard,
    "gated": V6Gated,
    "jumprelu": V6JumpReLU,
    "topk": V6TopK,
    "abstopk": V6AbsTopK,
    "transcoder": V6Transcoder,
    "skip_transcoder": V6SkipTranscoder,
    "jumprelu_transcoder": V6JumpReLUTranscoder,
    "jumprelu_skip_transcoder": V6JumpReLUSkipTranscoder,
    "matching_pursuit": V6MatchingPursuit,
    "temporal": V6Temporal,
}

LEGACY_MODELS: dict[str, type[Legacy]] = {
    "standard": LegacyStandard,
    "gated": LegacyGated,
    "jumprelu": LegacyJumpReLU,
    "topk": LegacyTopK,
}
