"""SAELens: the layouts of cfg.json, what its loader makes of each, and the tensors each architecture needs.

Source: sae_lens 6.54.12, loading/pretrained_sae_loaders.py (handle_config_defaulting, handle_pre_6_0_config) and saes/*.py.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from packaging.version import Version

from hubkit.formats.architectures import INFERENCE, JUMPRELU, TRANSCODERS
from hubkit.formats.cfg import Cfg, Layout

LEGACY_MARKS = {
    "activation_fn_str",
    "activation_fn_kwargs",
    "hook_point",
    "hook_name",
    "hook_layer",
    "hook_point_layer",
    "model_name",
    "architecture",
}

DTYPES = ("float32", "float64", "float16", "bfloat16")

METADATA_KEYS = (
    "model_name", "hook_name", "model_class_name", "hook_head_index", "model_from_pretrained_kwargs", "prepend_bos",
    "exclude_special_tokens", "neuronpedia_id", "context_size", "seqpos_slice", "dataset_path", "sae_lens_version",
    "sae_lens_training_version", "hook_name_out", "hook_head_index_out", "hf_hook_name", "hf_hook_name_out",
)  # fmt: skip
"""The top-level keys that a legacy configuration keeps."""

RENAMED = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}
FIRST_V6 = Version("6.0.0rc0")


_FILTERS = threading.RLock()
"""The filters of warnings are the whole process's."""


@contextmanager
def no_model_is_run() -> Iterator[None]:
    """Keep back what SAELens says whenever it opens an SAE whose configuration tells how its base model was loaded: here only the SAE is wanted."""
    with _FILTERS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*This SAE has non-empty model_from_pretrained_kwargs")
        yield


def read_cfg(raw: Mapping[str, Any]) -> Cfg:
    """The configuration as SAELens loads it. Never raises: what SAELens would stumble over is left as written, for the rules to name."""
    layout: Layout = "v6" if "metadata" in raw else "legacy"
    return Cfg(raw, layout, dict(raw) if keeps_metadata(raw) else migrated(raw))


def stated_version(raw: Mapping[str, Any]) -> object:
    """The `sae_lens_version` that SAELens's defaulting looks at: top level first, then metadata."""
    metadata = raw.get("metadata")
    return raw.get("sae_lens_version") or (
        metadata.get("sae_lens_version") if isinstance(metadata, Mapping) else None
    )


def version_fault(raw: Mapping[str, Any]) -> str | None:
    """The stated version that `packaging` cannot read, as text: load_from_disk and from_pretrained then raise. None where there is none, or a good one."""
    version = stated_version(raw)
    if not version:
        return None
    try:
        Version(version if isinstance(version, str) else "")
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return repr(version)
    return None


def keeps_metadata(raw: Mapping[str, Any]) -> bool:
    """Whether the loader takes the configuration as v6, that is, as it stands."""
    version = stated_version(raw)
    try:
        return isinstance(version, str) and Version(version) >= FIRST_V6
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return False


def migrated(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What `handle_pre_6_0_config` makes of a configuration older than 6.0 (or taken for one)."""
    cfg = {RENAMED.get(key, key): value for key, value in raw.items()}
    cfg.setdefault("apply_b_dec_to_input", True)
    cfg.setdefault("architecture", "standard")
    kwargs = cfg.get("activation_fn_kwargs")
    if cfg.get("activation_fn") == "topk" and isinstance(kwargs, Mapping) and kwargs.get("k") is not None:
        cfg["architecture"] = "topk"
    if cfg["architecture"] == "topk" and isinstance(kwargs, Mapping) and "k" in kwargs:
        cfg["k"] = kwargs["k"]  # over one at the top level, whatever the activation is
    hook = cfg.get("hook_name")
    cfg.setdefault("reshape_activations", "hook_z" if isinstance(hook, str) and "hook_z" in hook else "none")
    normalize = cfg.get("normalize_activations")
    if normalize is None or isinstance(normalize, bool):
        cfg["normalize_activations"] = "expected_average_only_in" if normalize else "none"
    cfg.setdefault("device", "cpu")
    cfg.setdefault("prepend_bos", True)
    cfg["metadata"] = {key: cfg[key] for key in METADATA_KEYS if key in cfg}
    return cfg


DEFAULT_D_OUT = 768
HEADS = {"n_heads": 8, "bottleneck_factor": 64, "n_attn_layers": 1}
"""What TemporalSAEConfig takes for a missing key."""

Shapes = dict[str, tuple[int, ...]]


def shapes_of(cfg: Cfg) -> Shapes | None:
    """The tensors that SAELens's strict `load_state_dict` demands of this configuration, with their shapes.

    None where the configuration does not determine them: an unknown architecture, or a size that is no whole number of at least 1.
    """
    d_in, d_sae = cfg.integer("d_in") or 0, cfg.integer("d_sae") or 0
    d_out = cfg.integer("d_out") if "d_out" in cfg.effective else DEFAULT_D_OUT
    output = d_out if cfg.architecture in TRANSCODERS else d_in
    if min(d_in, d_sae, output or 0) < 1:
        return None
    if cfg.architecture == "temporal":
        return _temporal_shapes(cfg, d_in, d_sae)
    return tensor_shapes(cfg.architecture, d_in, d_sae, output)


def tensor_shapes(architecture: str, d_in: int, d_sae: int, d_out: int | None = None) -> Shapes | None:
    """The same by sizes alone; None for an unknown architecture, and for temporal, whose tensors depend on more (`shapes_of`)."""
    out = d_out if architecture in TRANSCODERS and d_out is not None else d_in
    if architecture == "matching_pursuit":
        return {"W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    if architecture not in INFERENCE or architecture == "temporal":
        return None
    shapes: Shapes = {"W_enc": (d_in, d_sae), "W_dec": (d_sae, out), "b_dec": (out,)}
    if architecture == "gated":
        return shapes | {"b_gate": (d_sae,), "b_mag": (d_sae,), "r_mag": (d_sae,)}
    shapes["b_enc"] = (d_sae,)
    if architecture in JUMPRELU:
        shapes["threshold"] = (d_sae,)
    if architecture.endswith("skip_transcoder"):
        shapes["W_skip"] = (out, d_in)
    return shapes


def heads_do_not_fit(cfg: Cfg) -> str | None:
    """Why the attention of a temporal SAE cannot be built, or None: d_sae must be a multiple of bottleneck_factor x n_heads."""
    d_sae, heads, factor = cfg.integer("d_sae"), *_heads(cfg)[:2]
    if (
        cfg.architecture != "temporal"
        or not d_sae
        or not heads
        or not factor
        or d_sae % (heads * factor) == 0
    ):
        return None
    return f"d_sae {d_sae} is no multiple of bottleneck_factor x n_heads = {factor} x {heads}"


def _heads(cfg: Cfg) -> tuple[int, int, int]:
    """n_heads, bottleneck_factor and n_attn_layers as loaded; 0 for what is no whole number of at least 1."""
    found = [max(cfg.integer(key) or 0, 0) if key in cfg.effective else value for key, value in HEADS.items()]
    return found[0], found[1], found[2]


def _temporal_shapes(cfg: Cfg, d_in: int, d_sae: int) -> Shapes | None:
    """Source: saes/temporal_sae.py, ManualAttention: keys and queries are narrower than the latents by the bottleneck."""
    heads, factor, layers = _heads(cfg)
    if not heads or not factor or not layers or heads_do_not_fit(cfg):
        return None
    shapes: Shapes = {"W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    if not cfg.effective.get("tied_weights", True):
        shapes["W_enc"] = (d_in, d_sae)
    for layer in range(layers):
        for name, out in (
            ("k_ctx", d_sae // factor),
            ("q_target", d_sae // factor),
            ("v_ctx", d_sae),
            ("c_proj", d_sae),
        ):
            prefix = f"attn_layers.{layer}.{name}"
            shapes |= {f"{prefix}.weight": (out, d_sae), f"{prefix}.bias": (out,)}
    return shapes
