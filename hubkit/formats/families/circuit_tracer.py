"""Transcoders for circuit-tracer: a root `config.yaml` and one safetensors file a layer; the same in mwhanna's repositories; and the cross-layer kind.

Source: safety-research/circuit-tracer, transcoder/single_layer_transcoder.py and cross_layer_transcoder.py. One file is one transcoder; W_enc is stored
(d_sae, d_in). The hooks are named without their layer, which the file's name has. `activation: topk` has its k beside it, in the set or in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named
from hubkit.formats.folder import YAML_NAMES
from hubkit.formats.foreign import Names, number_in, one_threshold, sizes_of, stored_number, under_known_names
from hubkit.formats.sae import Origin, Refused, Sae, Tensor

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

LAYER = r"layer_(\d{1,9})\.safetensors"
NAMES: Names = {"W_enc": ("W_enc", True), "activation_function.threshold": ("threshold", False)}
ACTIVATIONS = ("relu", "topk", "jumprelu")
"""What the set may name; the last is made of the thresholds in the files, and where there are none everything but `topk` is a ReLU."""
FIRST_NAMES: Names = {**NAMES, "W_dec": ("W_dec", True)}
"""Before version 0.2, whose list of transcoders is one of objects."""
REQUIRED = frozenset({"W_enc", "W_dec", "b_enc", "b_dec"})
WANDB = ("wandb-config.yaml", "wanb-config.yaml")
"""The second spelling is that of several published repositories."""


def _is_set(keys: Mapping[str, Any]) -> bool:
    return {"feature_input_hook", "feature_output_hook"} <= keys.keys() and not _is_cross_layer(keys)


def _is_cross_layer(keys: Mapping[str, Any]) -> bool:
    return "feature_input_hook" in keys and keys.get("model_kind") == "cross_layer_transcoder"


def _is_wandb(keys: Mapping[str, Any]) -> bool:
    return {"d_model", "d_feature"} <= keys.keys()


def _is_layer(head: Head) -> bool:
    """A file a layer whose encoder and decoder lie the same way round: (d_sae, d_in) and (d_sae, d_out)."""
    encoder, decoder = head.shapes.get("W_enc", ()), head.shapes.get("W_dec", ())
    alike = (
        len(encoder) == len(decoder) == 2 and encoder[0] == decoder[0] == head.shapes.get("b_enc", (0,))[0]
    )
    return alike and re.fullmatch(LAYER, head.entry.name) is not None


def _is_cross_layer_file(head: Head) -> bool:
    return any(re.fullmatch(r"W_(?:enc|dec)_\d+", name) for name in head.shapes)


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """A transcoder for each layer's file; a list of files elsewhere is named."""
    layers = [head for head in folder.heads() if re.fullmatch(LAYER, head.entry.name)]
    name = next((name for name in YAML_NAMES if name in folder.files), None)
    keys = folder.yaml(name) if name else {}
    if not layers:
        yield Sae(folder.path, family, "list", model_name=_text(keys, "model_name"))
        return
    path = folder.files[name].path if name else folder.path
    mwhanna = any(wandb in folder.files for wandb in WANDB)
    for head in layers:
        yield _layer(MWHANNA if mwhanna else family, folder, head, keys, path)


def _layer(family: Family, folder: Folder, head: Head, keys: Mapping[str, Any], path: str) -> Sae:
    tensors = under_known_names(head, FIRST_NAMES if _is_first_form(keys) else NAMES)
    sizes, layer = sizes_of(tensors), number_in(LAYER, head.entry.name)
    return Sae(
        head.entry.path.removesuffix(".safetensors"),
        family,
        "wandb_config" if family is MWHANNA else "layer_files",
        architecture=_architecture(keys, tensors) if tensors else None,
        d_in=sizes.d_in,
        d_sae=sizes.d_sae,
        d_out=sizes.d_out,
        k=_k(folder, keys, tensors),
        stated_layer=layer,
        model_name=_text(keys, "model_name"),
        weights=head.entry.path,
        tensors=tensors,
        required=REQUIRED,
        threshold=one_threshold(tensors),
        refused=_refused(keys, tensors) if tensors else None,
        origins={
            "activation": Origin(path, "/activation"),
            "model_name": Origin(path, "/model_name"),
            "layer": Origin(head.entry.path),
            "k": Origin(path, "/k"),
        },
        hook_name=_hook(keys, "feature_input_hook", layer),
        hook_name_out=_hook(keys, "feature_output_hook", layer),
    )


def _k(folder: Folder, keys: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> int | None:
    """Of the set, or of the file."""
    value = keys.get("k")
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool)
        else stored_number(folder, tensors.get("k"))
    )


def _is_first_form(keys: Mapping[str, Any]) -> bool:
    listed = keys.get("transcoders")
    return (
        "model_kind" not in keys
        and isinstance(listed, list)
        and any(isinstance(one, Mapping) for one in listed)
    )


def _hook(keys: Mapping[str, Any], key: str, layer: int | None) -> str | None:
    """The set names the site, the file the layer."""
    site = _text(keys, key)
    return f"blocks.{layer}.{site}" if site and layer is not None else None


def _architecture(keys: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    skip = "skip_transcoder" if "W_skip" in tensors else "transcoder"
    activation = "jumprelu" if "threshold" in tensors else _text(keys, "activation")
    return skip if activation in {None, "relu"} else f"{activation}_{skip}"


def _refused(keys: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Refused | None:
    """Without thresholds an activation that is neither `relu` nor `topk` is a ReLU, and nothing says so."""
    activation = keys.get("activation")
    if activation in (None, "relu", "topk") or "threshold" in tensors:
        return None
    return Refused(
        f"activation is {activation!r} and the file has no activation_function.threshold",
        ACTIVATIONS,
        "circuit-tracer runs a ReLU without a word",
    )


def _text(keys: Mapping[str, Any], key: str) -> str | None:
    value = keys.get(key)
    return value if isinstance(value, str) else None


FAMILY = Family(
    "circuit_tracer",
    "circuit-tracer (ReplacementModel.from_pretrained)",
    read,
    detect=_is_set,
    detect_head=_is_layer,
)
MWHANNA = Family(
    "mwhanna_transcoder", "circuit-tracer, or SAELens by release name (converter mwhanna_transcoder)", read, detect=_is_wandb,
)  # fmt: skip
CROSS_LAYER = Family(
    "cross_layer_transcoder", "circuit-tracer, or SAELens by release name (converter mntss_clt_layer_transcoder), one layer at a time", named,
    detect=_is_cross_layer, detect_head=_is_cross_layer_file, turn="first",
)  # fmt: skip
