"""Transcoders for circuit-tracer: a root `config.yaml` and one safetensors file a layer; and the cross-layer kind."""

from __future__ import annotations

import re

from hubkit.formats.family import Family

LAYER = re.compile(r"layer_\d+\.safetensors")
CROSS_LAYER = re.compile(r"W_(?:enc|dec)_\d+\.safetensors")


def _has_layers(names: frozenset[str]) -> bool:
    return any(LAYER.fullmatch(name) for name in names)


MWHANNA = Family(
    name="mwhanna_transcoder",
    loader="circuit-tracer, or SAELens by release name (converter mwhanna_transcoder); W_enc is [d_sae, d_in]",
    detect=lambda cfg: {"d_model", "d_feature"} <= cfg.keys(),
    # the second spelling is that of several published repositories
    detect_files=lambda names: _has_layers(names) and bool({"wandb-config.yaml", "wanb-config.yaml"} & names),
)

CROSS_LAYER_TRANSCODER = Family(
    name="cross_layer_transcoder",
    loader="circuit-tracer, or SAELens by release name (converter mntss_clt_layer_transcoder), one layer at a time",
    detect=lambda cfg: "feature_input_hook" in cfg and cfg.get("model_kind") == "cross_layer_transcoder",
    detect_files=lambda names: any(CROSS_LAYER.fullmatch(name) for name in names),
)

FAMILY = Family(
    name="circuit_tracer",
    loader="circuit-tracer (ReplacementModel.from_pretrained)",
    detect=lambda cfg: {"feature_input_hook", "feature_output_hook"} <= cfg.keys(),
    detect_files=lambda names: _has_layers(names) and "config.yaml" in names,
)
