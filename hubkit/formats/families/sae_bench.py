"""SAEBench's custom SAEs: a `cfg.json` with SAELens's older keys, an empty `architecture`, and a pickled `ae.pt` beside it.

Source: adamkarvonen/SAEBench, sae_bench/custom_saes/custom_sae_config.py and the classes beside it. What an SAE is, its class says, which no file names;
the tensors do: a scalar `k` is a TopK, with a scalar threshold a BatchTopK, a threshold a latent is a JumpReLU. b_dec is subtracted only by some.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named
from hubkit.formats.foreign import (
    Fields,
    Names,
    one_threshold,
    sizes_of,
    stored_number,
    under_known_names,
)
from hubkit.formats.sae import THRESHOLDED, Sae, Tensor, Training

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

NAMES: Names = {"gate_bias": ("b_gate", False)}
REQUIRED = frozenset({"W_enc", "W_dec", "b_enc", "b_dec"})
OF_GATED = frozenset({"W_enc", "W_dec", "b_dec", "b_gate", "b_mag", "r_mag"})
"""GatedSAE has no b_enc."""


def _is_cfg(keys: Mapping[str, Any]) -> bool:
    return (
        keys.get("architecture") == ""
        and "d_in" in keys
        and "training_tokens" in keys
        and "metadata" not in keys
    )


def _is_pca(head: Head) -> bool:
    return head.shapes.keys() == {"W_enc", "W_dec", "mean"}


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """The one SAE of a folder."""
    entry = folder.files.get("ae.pt") or next(iter(folder.candidates()), None)
    tensors = under_known_names(folder.head(entry), NAMES) if entry else {}
    fields = Fields(folder.config.path if folder.config else folder.path, folder.keys)
    architecture, found = _architecture(tensors), sizes_of(tensors)
    yield Sae(
        folder.path,
        family,
        "custom_cfg",
        architecture=architecture,
        d_in=fields.number("d_in", "d_in") or found.d_in,
        d_sae=fields.number("d_sae", "d_sae") or found.d_sae,
        k=stored_number(folder, tensors.get("k")) if "topk" in str(architecture) else None,
        hook_name=fields.text("hook_name", "hook_name"),
        stated_layer=fields.number("layer", "hook_layer"),
        model_name=fields.text("model_name", "model_name"),
        dtype=fields.text("dtype", "dtype"),
        weights=entry.path if entry else None,
        tensors=tensors,
        required=OF_GATED if architecture == "gated" else REQUIRED,
        threshold=one_threshold(tensors, each=architecture == "jumprelu")
        if architecture in THRESHOLDED
        else None,
        training=Training(evidence=True),
        origins=fields.origins | ({"k": tensors["k"].origin} if "k" in tensors else {}),
    )


def _architecture(tensors: Mapping[str, Tensor]) -> str | None:
    if not tensors:
        return None
    if "k" in tensors:
        return "batchtopk" if "threshold" in tensors else "topk"
    if "threshold" in tensors:
        return "jumprelu"
    return "gated" if "b_gate" in tensors else "standard"


FAMILY = Family(
    "sae_bench",
    "SAEBench (sae_bench.custom_saes, the class that wrote it)",
    read,
    detect=_is_cfg,
    turn="first",
)
PCA = Family(
    "sae_bench", "SAEBench (sae_bench.custom_saes.pca_sae)", named, detect_head=_is_pca, turn="first"
)
