"""EleutherAI sparsify: a folder a hook point with `cfg.json` + `sae.safetensors`; the run's `config.json` is above them.

Source: eai-sparsify, SparseCoder and SparseCoderConfig (sparse_coder.py, config.py). The hook is the folder's name, a path of the base model's inner module;
`num_latents` 0 means d_in x expansion_factor and any other value overrides it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named
from hubkit.formats.foreign import LINEAR, Fields, layer_of_path, sizes_of, under_known_names
from hubkit.formats.sae import Origin, Refused, Sae

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

WEIGHTS = "sae.safetensors"
ACTIVATIONS = ("topk", "groupmax")
"""Of fused_encoder.py; anything else raises there."""
REQUIRED = frozenset({"W_enc", "b_enc", "W_dec", "b_dec"})
SEED = re.compile(r"seed\d+")
CROSS_LAYER = {"n_targets", "n_sources", "tp_output"}
"""Keys of a fork whose SAEs write to several layers."""


def _is_cfg(keys: Mapping[str, Any]) -> bool:
    return "num_latents" in keys or (
        "expansion_factor" in keys and "d_sae" not in keys and "k" in keys and "hook_point_in" not in keys
    )


def _is_run(keys: Mapping[str, Any]) -> bool:
    inner = keys.get("sae")
    return (
        isinstance(inner, Mapping)
        and "expansion_factor" in inner
        and bool({"hookpoints", "layers"} & keys.keys())
    )


def _has_its_tensors(head: Head) -> bool:
    return {"encoder.weight", "encoder.bias", "W_dec"} <= head.shapes.keys()


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """The one SAE, or transcoder, of a hook point; one that writes to several layers is only named."""
    if CROSS_LAYER & folder.keys.keys():
        yield from named(family, folder)
        return
    entry = folder.files.get(WEIGHTS) or next(iter(folder.candidates()), None)
    tensors = under_known_names(folder.head(entry), LINEAR) if entry else {}
    fields = Fields(folder.config.path if folder.config else folder.path, folder.keys)
    d_in, found = fields.number("d_in", "d_in"), sizes_of(tensors)
    latents, factor = (
        fields.number("d_sae", "num_latents"),
        fields.number("expansion_factor", "expansion_factor"),
    )
    d_sae = latents or (d_in * factor if d_in and factor else None)
    hook = _hook(folder)
    architecture = _architecture(folder.keys, skip="W_skip" in tensors)
    yield Sae(
        folder.path,
        family,
        "current" if "activation" in folder.keys or "transcode" in folder.keys else "old",
        architecture=architecture,
        d_in=d_in or found.d_in,
        d_sae=d_sae or found.d_sae,
        d_out=found.d_out if "transcoder" in architecture else None,
        k=fields.number("k", "k"),
        hook_name=hook,
        stated_layer=layer_of_path(hook) if hook else None,
        model_name=_model(folder, fields),
        weights=entry.path if entry else None,
        tensors=tensors,
        refused=_refused(folder.keys),
        required=REQUIRED | ({"W_skip"} if folder.keys.get("skip_connection") is True else set()),
        origins={
            **fields.origins,
            "hook_name": Origin(folder.path),
            "activation": Origin(fields.path, "/activation"),
        },
    )


def _hook(folder: Folder) -> str | None:
    """The folder's name; where a hook point has an SAE a seed, that of the folder around it."""
    point = folder.outer if SEED.fullmatch(folder.name) and folder.outer else folder
    return point.name or None


def _refused(keys: Mapping[str, Any]) -> Refused | None:
    activation = keys.get("activation", ACTIVATIONS[0])
    if activation in ACTIVATIONS:
        return None
    return Refused(f"activation is {activation!r}", ACTIVATIONS, "encoding raises ValueError")


def _architecture(keys: Mapping[str, Any], *, skip: bool) -> str:
    activation = keys.get("activation", ACTIVATIONS[0])
    if not isinstance(activation, str):
        activation = "unknown"
    if keys.get("signed") is True:  # 2024-06 to 2024-08: the k of largest magnitude, without a ReLU
        activation = f"abs{activation}"
    if skip or keys.get("skip_connection") is True:
        return f"{activation}_skip_transcoder"
    return f"{activation}_transcoder" if keys.get("transcode") is True else activation


def _model(folder: Folder, fields: Fields) -> str | None:
    """The base model stands in the run's configuration, one folder up."""
    run = folder.outer.json("config.json") if folder.outer else None
    name = run.value.get("model") if run else None
    if run is None or not isinstance(name, str) or not _is_run(run.value):
        return None
    fields.origins["model_name"] = Origin(run.path, "/model")
    return name


def read_run(family: Family, folder: Folder) -> list[Sae]:
    """A run's configuration and its optimizer's state are no SAE; its hook points are folders of their own."""
    return [] if folder.has_inner else named(family, folder)


LOADER = "sparsify (SparseCoder.load_from_hub, SparseCoder.load_from_disk); SAELens's own converter is broken for current files"
FAMILY = Family("sparsify", LOADER, read, detect=_is_cfg, detect_head=_has_its_tensors)
RUN = Family("sparsify_run", "sparsify (SparseCoder.load_many)", read_run, detect=_is_run, turn="first")
