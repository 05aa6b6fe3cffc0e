"""OpenMOSS: Llama Scope and what came after it. `hyperparams.json` + `checkpoints/final.safetensors`, then `config.json` + `sae_weights.safetensors`.

Source: OpenMOSS/Language-Model-SAEs (2024-10, 2025-04) and llamascopium 2. The hook and the width stand in the configuration, the base model in
`lm_config.json`. Llama Scope's threshold is one number of the configuration; later ones keep the logarithm of one a latent, and a number beside it that
means nothing (0.0). Its threshold is compared after the activations were scaled to norm sqrt(d_model) and, with `sparsity_include_decoder_norm`, times the
decoder norms: norms other than 1 are right here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named
from hubkit.formats.foreign import LINEAR, Fields, Names, one_threshold, sizes_of, under_known_names
from hubkit.formats.sae import TOPK, Origin, Refused, Sae, Tensor, Threshold, Training

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head
    from hubkit.repo.view import Entry

LOG = ("log_jumprelu_threshold", "activation_function.log_jumprelu_threshold")
NAMES: Names = {
    **LINEAR,
    "W_E": ("W_enc", False), "W_D": ("W_dec", False), "b_E": ("b_enc", False), "b_D": ("b_dec", False),
}  # fmt: skip
ACTIVATIONS = {"relu": "standard", "jumprelu": "jumprelu", "topk": "topk", "batchtopk": "batchtopk"}
ACT_FNS = ("relu", "jumprelu", "topk", "batchtopk", "batchlayertopk", "layertopk")
"""`act_fn` of BaseSAEConfig; the last two are those of its cross-layer kinds."""
NORM = "dataset_average_activation_norm"
"""In the configuration of Llama Scope (`in`, `out`); later a tensor a hook, of that name and the hook's."""
LAYOUTS = {"hyperparams.json": "hyperparams"}


def _is_sae(keys: Mapping[str, Any]) -> bool:
    return "hook_point_in" in keys and "d_model" in keys and keys.get("sae_type", "sae") == "sae"


def _has_its_tensors(head: Head) -> bool:
    return {"W_E", "W_D"} <= head.shapes.keys() and len(head.shapes["W_E"]) == 2


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """One SAE, or transcoder, a folder."""
    fields = Fields(folder.config.path if folder.config else folder.path, folder.keys)
    entry = _weights(folder)
    tensors = under_known_names(folder.head(entry), NAMES) if entry else {}
    d_in, found = fields.number("d_in", "d_model"), sizes_of(tensors)
    factor = fields.real("expansion_factor", "expansion_factor")
    hook, out = fields.text("hook_name", "hook_point_in"), fields.text("hook_name_out", "hook_point_out")
    architecture = _architecture(folder.keys, tensors, transcoder=out is not None and out != hook)
    yield Sae(
        folder.path,
        family,
        _layout(folder, tensors),
        architecture=architecture,
        d_in=d_in or found.d_in,
        d_sae=fields.number("d_sae", "d_sae") or (round(d_in * factor) if d_in and factor else found.d_sae),
        d_out=found.d_out if "transcoder" in str(architecture) else None,
        k=fields.number("k", "top_k") if architecture in TOPK or architecture == "batchtopk" else None,
        hook_name=hook,
        hook_name_out=out if out != hook else None,
        model_name=_model(folder, fields),
        dtype=str(folder.keys["dtype"]).removeprefix("torch.")
        if isinstance(folder.keys.get("dtype"), str)
        else None,
        weights=entry.path if entry else None,
        tensors=tensors,
        required=_required(folder.keys),
        threshold=_threshold(architecture, tensors, fields),
        refused=_refused(folder.keys),
        training=Training(evidence=bool(folder.keys)),
        origins={**fields.origins, "activation": Origin(fields.path, "/act_fn")},
    )


def _weights(folder: Folder) -> Entry | None:
    inner = folder.at(f"{folder.path}/checkpoints" if folder.path != "." else "checkpoints").files
    return inner.get("final.safetensors") or next(iter(folder.candidates()), None)


def _layout(folder: Folder, tensors: Mapping[str, Tensor]) -> str:
    name = folder.config_entry.name if folder.config_entry else ""
    return LAYOUTS.get(name) or (
        "config_linear" if any(tensor.transposed for tensor in tensors.values()) else "config_w_e"
    )


def _architecture(keys: Mapping[str, Any], tensors: Mapping[str, Tensor], *, transcoder: bool) -> str | None:
    """By `act_fn`; the first files had none, and were ReLU."""
    name = ACTIVATIONS.get(str(keys.get("act_fn", "relu")).lower())
    if not keys and any(log in tensors for log in LOG):
        name = "jumprelu"
    if name is None or not transcoder:
        return name
    return "transcoder" if name == "standard" else f"{name}_transcoder"


def _refused(keys: Mapping[str, Any]) -> Refused | None:
    activation = keys.get("act_fn", ACT_FNS[0])
    if isinstance(activation, str) and activation.lower() in ACT_FNS:
        return None
    return Refused(f"act_fn is {activation!r}", ACT_FNS, "its configuration is refused on loading")


def _required(keys: Mapping[str, Any]) -> frozenset[str]:
    decoder_bias = keys.get("use_decoder_bias", True) is not False
    return frozenset({"W_enc", "b_enc", "W_dec"} | ({"b_dec"} if decoder_bias else set()))


def _threshold(architecture: str | None, tensors: Mapping[str, Tensor], fields: Fields) -> Threshold | None:
    """The tensor where there is one: the number beside it is the default, whatever it is. One under a name that is not known is not taken for none."""
    for name in LOG:
        if name in tensors:
            return one_threshold(tensors, name, log=True)
    number = fields.real("threshold", "jump_relu_threshold")
    if number is None or "jumprelu" not in str(architecture) or any("threshold" in name for name in tensors):
        return None
    return Threshold("scalar", fields.origins["threshold"], number=number)


def _model(folder: Folder, fields: Fields) -> str | None:
    file = folder.json("lm_config.json")
    name = file.value.get("model_name") if file else None
    if file is None or not isinstance(name, str):
        return None
    fields.origins["model_name"] = Origin(file.path, "/model_name")
    return name


LOADER = "Language-Model-SAEs (OpenMOSS), or SAELens by release name (converters llama_scope, llama_scope_r1_distill)"
FAMILY = Family("llama_scope", LOADER, read, detect=_is_sae, detect_head=_has_its_tensors)


def _of_type(name: str) -> Family:
    return Family(
        f"openmoss_{name}",
        "Language-Model-SAEs (OpenMOSS: llamascopium)",
        named,
        detect=lambda keys: keys.get("sae_type") == name,
        turn="first",
    )


CLT, CROSSCODER, LORSA, MOLT = (_of_type(name) for name in ("clt", "crosscoder", "lorsa", "molt"))
