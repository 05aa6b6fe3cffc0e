"""Gemma Scope: 1 is `params.npz` and nothing else, 2 is `config.json` + `params.safetensors` with lower-case names and hooks of transformers.

Source: google/gemma-scope and google/gemma-scope-2 on the Hub; SAELens's converters gemma_2, gemma_2_transcoder and gemma_3. Both compute
relu(pre) * (pre > threshold) with pre = x @ W_enc + b_enc: b_dec is not subtracted from the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named
from hubkit.formats.foreign import Fields, Names, layer_of_path, one_threshold, sizes_of, under_known_names
from hubkit.formats.sae import Sae, Tensor

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

LOWER: Names = {
    "w_enc": ("W_enc", False), "w_dec": ("W_dec", False), "affine_skip_connection": ("W_skip", True),
    "wenc": ("W_enc", False), "w_e": ("W_enc", False), "wdec": ("W_dec", False), "w_d": ("W_dec", False),
}  # fmt: skip
"""The skip connection is stored (d_in, d_out)."""
REQUIRED = frozenset({"W_enc", "W_dec", "b_enc", "b_dec", "threshold"})
PARTS = {"w_enc", "w_dec", "b_enc", "b_dec", "threshold"}
SITES = {
    "resid_post": ("hook_resid_post", None), "attn_out": ("attn.hook_z", None), "mlp_out": ("hook_mlp_out", None),
    "transcoder": ("hook_mlp_in", "hook_mlp_out"),
}  # fmt: skip
"""The folders of Gemma Scope 2, and the hooks that SAELens's converter gives their SAEs."""


def _has_params(head: Head) -> bool:
    """An npz with a matrix of an SAE and something beside it: one whose other tensors are missing is a broken one."""
    names = {name.lower() for name in head.shapes}
    return (
        head.header is not None
        and head.header.container == "npz"
        and bool({"w_enc", "w_dec"} & names)
        and len(PARTS & names) > 1
    )


def _has_lower_params(head: Head) -> bool:
    return {"w_enc", "w_dec", "b_enc", "b_dec", "threshold"} <= head.shapes.keys()


def read_1(family: Family, folder: Folder) -> Iterator[Sae]:
    """Everything but the tensors stands in the path: `layer_20/width_16k/average_l0_71`."""
    for head in folder.heads():
        tensors = under_known_names(head, LOWER)
        if not _has_params(head):
            continue
        sizes = sizes_of(tensors)
        transcoder = "transcoder" in f"{folder.view.name}/{folder.path}"
        yield Sae(
            folder.path,
            family,
            "npz",
            architecture="jumprelu_transcoder" if transcoder else "jumprelu",
            d_in=sizes.d_in,
            d_sae=sizes.d_sae,
            d_out=sizes.d_out if transcoder else None,
            stated_layer=layer_of_path(folder.path),
            weights=head.entry.path,
            tensors=tensors,
            required=REQUIRED,
            threshold=one_threshold(tensors, each=True),
        )


def read_2(family: Family, folder: Folder) -> Iterator[Sae]:
    """One SAE, or transcoder, a folder. Its sizes stand in no key: `width` counts latents."""
    entry = folder.files.get("params.safetensors") or next(iter(folder.candidates()), None)
    tensors: dict[str, Tensor] = under_known_names(folder.head(entry), LOWER) if entry else {}
    if "W_dec" in tensors and len(tensors["W_dec"].shape) != 2:
        yield from named(family, folder)  # its cross-layer transcoders: a decoder for each later layer
        return
    sizes, config = sizes_of(tensors), folder.config
    fields = Fields(config.path if config else folder.path, folder.keys)
    site = next((hooks for name, hooks in SITES.items() if name in folder.path), None)
    layer = layer_of_path(folder.path)
    model = fields.text("model_name", "model_name")
    architecture = _architecture(folder.keys, folder.path, tensors)
    yield Sae(
        folder.path,
        family,
        "config_json" if config else "no_config",
        architecture=architecture,
        d_in=sizes.d_in,
        d_sae=fields.number("d_sae", "width") or sizes.d_sae,
        d_out=sizes.d_out if "transcoder" in architecture else None,
        hook_name=fields.text("hook_name", "hf_hook_point_in") or _hook(site and site[0], layer),
        hook_name_out=fields.text("hook_name_out", "hf_hook_point_out") or _hook(site and site[1], layer),
        stated_layer=layer,
        model_name=_model(model) if model else None,
        weights=entry.path if entry else None,
        tensors=tensors,
        required=REQUIRED | ({"W_skip"} if folder.keys.get("affine_connection") is True else frozenset()),
        threshold=one_threshold(tensors, each=True),
        origins=fields.origins,
    )


def _hook(site: str | None, layer: int | None) -> str | None:
    return f"blocks.{layer}.{site}" if site and layer is not None else None


def _model(name: str) -> str:
    """`gemma-v3-1b-it` is google/gemma-3-1b-it; the smallest pretrained one has no ending."""
    full = (name if "/" in name else f"google/{name}").replace("-v3", "-3")
    return full.removesuffix("-pt") if "270m" in full else full


def _architecture(keys: Mapping[str, Any], path: str, tensors: Mapping[str, Tensor]) -> str:
    transcoder = keys.get("type") == "transcoder" or "transcoder" in path
    if not transcoder:
        return "jumprelu"
    skip = keys.get("affine_connection") is True or "W_skip" in tensors
    return "jumprelu_skip_transcoder" if skip else "jumprelu_transcoder"


GEMMA_SCOPE_1 = Family(
    "gemma_scope", "SAELens by release name (converters gemma_2, gemma_2_transcoder)", read_1, detect_head=_has_params,
)  # fmt: skip
GEMMA_SCOPE_2 = Family(
    "gemma_scope_2", "SAELens by release name (converter gemma_3)", read_2,
    detect=lambda keys: "hf_hook_point_in" in keys, detect_head=_has_lower_params,
)  # fmt: skip
