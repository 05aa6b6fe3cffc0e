"""What the files say of a field of an SAE: several values where any of them is right, none where they do not say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.architectures import INFERENCE
from hubkit.formats.foreign import sizes_of
from hubkit.formats.sae import BATCH_TOPK, TOPK
from hubkit.models.hooks import parse_hook
from hubkit.models.names import is_placeholder
from hubkit.validate.card import shape_of

if TYPE_CHECKING:
    from hubkit.validate.facts import SaeFacts

SHORT_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
OF_WEIGHTS = {"tied_weights", "unit_norm_decoder"}
"""Fields that only whole weights say: with `--deep`."""
OF_DETAILS = {"l1_coefficient", "lr"}
"""Keys that SAELens 6 writes among the details of the training."""
TIED, UNTIED = 0.999, 0.9
"""Cosines from which two directions are one, and below which they are two."""
UNIT, FEW, MANY = 0.01, 0.01, 0.5
"""How far a norm may be from 1, of how many rows for all to be called so, and of how many for none."""
INFINITE = 1e30
RESIDUAL = ("resid_pre", "resid_mid", "resid_post", "mlp_out", "attn_out", "hook_out")
SITES = {"resid_pre", "resid_mid", "resid_post", "mlp_out", "attn_out", "z", "result", "post", "mid", "out"}
"""Of TransformerLens's names those that cards have words for."""
PARTS = (
    ("mlp", re.compile(r"(?:mlp|feed_?forward|ffn)$")),
    ("attn", re.compile(r"(?:self_)?attn$|attention$")),
    ("out", re.compile(r"\d$")),
)
"""The last part of a module's path, and the place that its output is."""


def values_of(sae: SaeFacts, field: str) -> list[Any]:
    """What the files say of a field; several where any of them is right. Nothing where they do not say, or where configuration and weights say two things (WTS006)."""
    if field in {"d_in", "d_sae"} and not sizes_agree(sae):
        return []
    special = {
        "architecture": _architectures, "model_name": _models, "hook_name": _hooks, "d_model": _d_models, "k": _ks, "l0": _most_active, "dtype": _dtypes, "model_dtype": _model_dtypes, "layer": _layers, "place": _places_named, "tied_weights": _tied, "unit_norm_decoder": _unit_norm,
    }  # fmt: skip
    if field in special:
        return list(special[field](sae))
    value = getattr(sae.sae, field) if hasattr(type(sae.sae), field) else _written(sae, field)
    return [] if value is None else [value]


def sizes_agree(sae: SaeFacts) -> bool:
    """Whether the tensors, as far as they were read, have the widths of the configuration. Where they have not, WTS006 says so, and neither of the two is a card's measure."""
    if not sae.is_saelens:
        return True
    sizes = sizes_of(sae.sae.tensors)
    return all(
        by_weights is None or stated is None or by_weights == stated
        for by_weights, stated in ((sizes.d_in, sae.sae.d_in), (sizes.d_sae, sae.sae.d_sae))
    )


def _written(sae: SaeFacts, key: str) -> Any:
    """A key of SAELens's configuration as the file has it: what SAELens would take for a missing one was stated by nobody."""
    raw = sae.cfg.raw if sae.cfg else {}
    metadata = raw.get("metadata")
    inside = metadata.get(key) if isinstance(metadata, dict) else None
    if inside is None and isinstance(metadata, dict) and key in OF_DETAILS:
        details = metadata.get("training_architecture_details")
        inside = details.get(key) if isinstance(details, dict) else None
    return raw.get(key) if inside is None else inside


def _architectures(sae: SaeFacts) -> Iterator[set[str]]:
    """All names by which people may call it, in one set."""
    built, trained = sae.sae.architecture, sae.sae.training.architecture
    if built is None:
        return
    plain = built.removesuffix("_transcoder").removesuffix("_skip")
    names = {plain, *({"transcoder"} if "transcoder" in built else ())}
    names |= {"standard"} if built in ("transcoder", "skip_transcoder") else set()
    names |= {"topk"} if built in TOPK else set()
    for one in (built, trained):
        names |= {"batchtopk", "topk", "jumprelu"} if one in BATCH_TOPK else set()
        names |= {"matryoshka"} if one == "matryoshka_batchtopk" else set()
    names |= {trained} if trained else {"matryoshka"}
    if trained is None and names & {"topk", "jumprelu"}:
        names.add("batchtopk")  # nothing says what it was trained as
    yield names if plain in KNOWN_ARCHITECTURES or built in BATCH_TOPK else set()


KNOWN_ARCHITECTURES = {*INFERENCE, "groupmax"} - {"temporal"}
"""Whose names say what a card would."""


def says_architecture(sae: SaeFacts, stated: Any) -> bool:
    """Whether the files themselves call it one of the stated names: what nothing contradicts, as that a JumpReLU was trained as a Matryoshka, agrees with nothing either."""
    assumed = set() if sae.sae.training.architecture else {"matryoshka", "batchtopk"}
    built = sae.sae.architecture
    if built in BATCH_TOPK:
        assumed -= {"batchtopk"} | ({"matryoshka"} if "matryoshka" in str(built) else set())
    return any(set(stated or ()) & names - assumed for names in _architectures(sae))


def _models(sae: SaeFacts) -> Iterator[str]:
    name = sae.sae.model_name
    if name and not is_placeholder(name):
        yield name


def _hooks(sae: SaeFacts) -> Iterator[str]:
    yield from filter(
        None, (sae.sae.hook_name, sae.sae.hf_hook_name, sae.sae.hook_name_out, sae.sae.hf_hook_name_out)
    )


def _d_models(sae: SaeFacts) -> Iterator[int]:
    """Width of the base model; where it is not known, that of an SAE of the residual stream. People also call the SAE's own sizes hidden."""
    shape = shape_of(sae.sae.model_name) if sae.sae.model_name else None
    residual = sae.sae.hook_name is not None and sae.sae.hook_name.endswith(RESIDUAL)
    if shape is not None:
        yield shape.d_model
    elif not residual:
        return
    yield from filter(None, (sae.sae.d_in, sae.sae.d_sae))


def _ks(sae: SaeFacts) -> Iterator[float]:
    """At inference, or of the training where that kept k on average."""
    trained = sae.cfg.training_details.get("k") if sae.cfg else None
    for value in (sae.sae.k, trained):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield value


def _most_active(sae: SaeFacts) -> Iterator[int]:
    if sae.sae.architecture in TOPK and sae.sae.k:
        yield sae.sae.k


def _dtypes(sae: SaeFacts) -> Iterator[str]:
    if sae.sae.dtype:
        yield sae.sae.dtype
        yield from (
            SHORT_DTYPES[tensor.info.dtype]
            for tensor in sae.sae.tensors.values()
            if tensor.info.dtype in SHORT_DTYPES
        )


def _model_dtypes(sae: SaeFacts) -> Iterator[str]:
    """In which the base model is loaded, as `model_from_pretrained_kwargs` says; a quantized one computes in a dtype too."""
    kwargs = _written(sae, "model_from_pretrained_kwargs")
    if not isinstance(kwargs, Mapping):
        return
    inner = kwargs.get("quantization_config")
    for source in (kwargs, inner if isinstance(inner, Mapping) else {}):
        for key in ("torch_dtype", "dtype", "bnb_4bit_compute_dtype"):
            if isinstance(name := source.get(key), str):
                yield name.removeprefix("torch.")
        for bits in ("4", "8"):
            if source.get(f"load_in_{bits}bit") is True:
                yield f"{bits}-bit"


def _tied(sae: SaeFacts) -> Iterator[bool]:
    """Whether the encoder is the decoder's transpose, up to a scale for each latent: from whole weights."""
    alignment = sae.whole.alignment if sae.whole else None
    if alignment is not None and not UNTIED < alignment < TIED:
        yield alignment >= TIED
    elif sae.architecture == "temporal":
        yield bool(sae.raw.get("tied_weights", True))


def _unit_norm(sae: SaeFacts) -> Iterator[bool]:
    """Whether the decoder's rows have the norm 1, those that are zero aside: from whole weights."""
    norms = sae.whole.norms("W_dec") if sae.whole else None
    live = norms[norms > 0] if norms is not None else None
    if live is None or not live.size or not bool((live < INFINITE).all()):
        return
    off = float((abs(live - 1) > UNIT).sum()) / live.size
    if off < FEW or off > 1 - MANY:
        yield off < FEW


def _layers(sae: SaeFacts) -> Iterator[int]:
    """Counted from 0, and from the last layer, which is -1, where the depth of the base model is known."""
    layer = sae.sae.layer
    if layer is None:
        return
    yield layer
    shape = shape_of(sae.sae.model_name) if sae.sae.model_name else None
    if shape is not None and shape.n_layers:
        yield layer - shape.n_layers


def _places_named(sae: SaeFacts) -> Iterator[str]:
    """The site of each hook, that of the output too."""
    names = (sae.sae.hook_name, sae.sae.hook_name_out)
    yield from {site for name in names if name and (site := site_of(name)) is not None}


def site_of(name: str) -> str | None:
    """`resid_post`, `mlp_out`, `z`; of a module's path `mlp`, `attn`, or `out` for the block; None for a place that has no word."""
    hook = parse_hook(name)
    if hook.form == "transformer_lens":
        return hook.site if hook.site in SITES and ".ln" not in name else None
    return (
        next((site for site, words in PARTS if words.search(name)), None)
        if hook.form == "module_path"
        else None
    )


def places_of(sae: SaeFacts) -> set[tuple[str, int]]:
    """The places in the model that the SAE's hooks are, as pairs of site and layer: the output of block N is also what block N + 1 reads."""
    found: set[tuple[str, int]] = set()
    for name in filter(None, (sae.sae.hook_name, sae.sae.hook_name_out)):
        site, layer = site_of(name), parse_hook(name).layer
        if site is None or layer is None:
            continue
        found.add((site, layer))
        if site in ("resid_post", "out"):
            found.add(("resid_pre", layer + 1))
        if site == "resid_pre":
            found.add(("resid_post", layer - 1))
    return found
