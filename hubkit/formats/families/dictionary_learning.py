"""saprmarks/dictionary_learning: `trainer_N/config.json` {trainer, buffer} + `ae.pt`, a pickled state_dict.

Source: dictionary_learning, dictionary.py and trainers/*.py. AutoEncoderTopK keeps k latents and a running threshold that only its option
use_threshold reads; BatchTopKSAE and MatryoshkaBatchTopKSAE encode with that threshold, which is -1 until `threshold_start_step`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family
from hubkit.formats.foreign import (
    LINEAR,
    Fields,
    Names,
    layer_of_path,
    one_threshold,
    sizes_of,
    under_known_names,
)
from hubkit.formats.sae import BATCH_TOPK, THRESHOLDED, Sae, Training

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head
    from hubkit.repo.view import Entry

WEIGHTS = "ae.pt"
NAMES: Names = {
    **LINEAR,
    "bias": ("b_dec", False), "decoder_bias": ("b_dec", False), "gate_bias": ("b_gate", False), "mag_bias": ("b_mag", False),
}  # fmt: skip
CLASSES = {
    "AutoEncoder": "standard", "AutoEncoderNew": "standard", "GatedAutoEncoder": "gated", "AutoEncoderTopK": "topk",
    "BatchTopKSAE": "batchtopk", "MatryoshkaBatchTopKSAE": "matryoshka_batchtopk", "JumpReluAutoEncoder": "jumprelu",
}  # fmt: skip
TRAINERS = (
    ("matryoshka", "matryoshka_batchtopk"), ("batchtopk", "batchtopk"), ("topk", "topk"), ("jumprelu", "jumprelu"), ("gated", "gated"),
    ("anneal", "standard"), ("standard", "standard"),
)  # fmt: skip
"""Parts of a trainer's name, where there is no class of dictionaries: older configurations."""
NO_THRESHOLD_YET = -1.0
SITES = {
    "resid_post": "hook_resid_post",
    "resid_pre": "hook_resid_pre",
    "mlp_out": "hook_mlp_out",
    "attn_out": "hook_attn_out",
}
SUBMODULE = re.compile(r"(resid_post|resid_pre|mlp_out|attn_out)_layer_(\d{1,9})")


def _is_config(keys: Mapping[str, Any]) -> bool:
    trainer = keys.get("trainer")
    return isinstance(trainer, Mapping) and bool({"dict_class", "trainer_class"} & trainer.keys())


def _has_its_tensors(head: Head) -> bool:
    """Pickled dictionaries without a configuration: two linear layers under its names."""
    names = head.shapes.keys()
    pickled = head.header is not None and head.header.container in {"torch", "pickle"}
    return (
        pickled
        and {"encoder.weight", "decoder.weight"} <= names
        and bool({"bias", "b_dec", "decoder_bias"} & names)
    )


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """The one dictionary of a trainer's folder; the checkpoints inside it are no SAEs of their own."""
    trainer = folder.keys.get("trainer")
    entries: list[Entry | None] = [*_weights(folder)]
    for entry in entries or [None]:
        yield _dictionary(family, folder, trainer if isinstance(trainer, Mapping) else {}, entry)


def _weights(folder: Folder) -> list[Entry]:
    """`ae.pt`; without a configuration every file that is one."""
    if WEIGHTS in folder.files:
        return [folder.files[WEIGHTS]]
    if folder.keys:
        return folder.candidates()[:1]
    return [head.entry for head in folder.heads() if _has_its_tensors(head)]


def _dictionary(family: Family, folder: Folder, trainer: Mapping[str, Any], entry: Entry | None) -> Sae:
    tensors = under_known_names(folder.head(entry), NAMES) if entry else {}
    fields = Fields(folder.config.path if folder.config else folder.path, folder.keys)
    architecture, found = _architecture(trainer, tensors.keys()), sizes_of(tensors)
    hook, layer = _hook(fields), fields.number("layer", "trainer/layer")
    alone = entry is None or bool(folder.keys) or entry.name == WEIGHTS
    return Sae(
        folder.path if alone or entry is None else entry.path.rpartition(".")[0],
        family,
        "trainer" if trainer else "weights only",
        architecture=architecture,
        d_in=fields.number("d_in", "trainer/activation_dim", "buffer/d_submodule") or found.d_in,
        d_sae=fields.number("d_sae", "trainer/dict_size") or found.d_sae,
        k=fields.number("k", "trainer/k"),
        hook_name=hook,
        stated_layer=layer
        if layer is not None
        else layer_of_path(folder.path if alone or not entry else entry.path),
        model_name=fields.text("model_name", "trainer/lm_name"),
        weights=entry.path if entry else None,
        tensors=tensors,
        required=_required(architecture),
        threshold=one_threshold(tensors, each=architecture == "jumprelu")
        if architecture in THRESHOLDED
        else None,
        training=Training(
            threshold_init=NO_THRESHOLD_YET if architecture in BATCH_TOPK else None,
            evidence=bool(trainer),
            steps=fields.number("steps", "trainer/steps"),
        ),
        origins=fields.origins,
    )


def _architecture(trainer: Mapping[str, Any], names: Any) -> str | None:
    if (found := CLASSES.get(str(trainer.get("dict_class")))) is not None:
        return found
    plain = str(trainer.get("trainer_class", "")).lower()
    by_trainer = next((architecture for part, architecture in TRAINERS if part in plain), None)
    return by_trainer or ("gated" if "b_gate" in names else None)


def _required(architecture: str | None) -> frozenset[str]:
    if architecture == "gated":
        return frozenset({"W_enc", "W_dec", "b_dec", "b_gate", "b_mag", "r_mag"})
    base = frozenset({"W_enc", "W_dec", "b_enc", "b_dec"})
    return base | {"threshold"} if architecture in THRESHOLDED else base


def _hook(fields: Fields) -> str | None:
    """`resid_post_layer_14` in TransformerLens's words; a module's own path as it is."""
    name = fields.text("hook_name", "trainer/submodule_name", "trainer/submodule")
    match = SUBMODULE.fullmatch(name) if name else None
    if match is None:
        return name if name and "." in name else None
    return f"blocks.{match[2]}.{SITES[match[1]]}"


FAMILY = Family(
    "dictionary_learning", "dictionary_learning (load_dictionary), or SAELens's converter dictionary_learning_1", read,
    detect=_is_config, detect_head=_has_its_tensors, turn="first",
)  # fmt: skip
