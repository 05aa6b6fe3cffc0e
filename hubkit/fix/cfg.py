"""Fixes of single keys of cfg.json: what the name, the tensors or SAELens's own default decides."""

from __future__ import annotations

from typing import Any

from hubkit.fix.registry import Refusal, cfg_fix
from hubkit.formats import architectures, saelens
from hubkit.models.hooks import parse_hook
from hubkit.models.mixed_hooks import translated
from hubkit.validate.facts import SaeFacts
from hubkit.validate.rules.cfg import right_case
from hubkit.validate.rules.cfg_required import from_header
from hubkit.validate.rules.vocabulary import dropped, near_key
from hubkit.validate.rules.wts_shapes import agreed_sizes
from hubkit.validate.secret_kinds import holds_secret


@cfg_fix("CFG004", "safe")
def right_architecture_case(sae: SaeFacts) -> dict[str, Any] | None:
    """`JumpReLU` becomes `jumprelu`: only case and separators differ."""
    written = sae.raw.get("architecture")
    right = (
        right_case(written) if isinstance(written, str) and written not in architectures.INFERENCE else None
    )
    return {**sae.raw, "architecture": right} if right else None


@cfg_fix("CFG005", "safe")
def sizes_from_header(sae: SaeFacts) -> dict[str, Any] | None:
    """d_in, d_sae and dtype as the tensors have them, where the key is missing."""
    found = {key: from_header(sae, key) for key in ("d_in", "d_sae", "dtype") if key not in sae.raw}
    return {**sae.raw, **{key: value for key, value in found.items() if value is not None}}


@cfg_fix("CFG008", "safe")
def version_of_the_layout(sae: SaeFacts) -> dict[str, Any] | None:
    """`sae_lens_version: 6.0.0`, the first version of this layout; never the installed one, which says nothing about the file."""
    metadata = sae.raw.get("metadata")
    if not isinstance(metadata, dict) or saelens.keeps_metadata(sae.raw):
        return None
    marks = sorted((saelens.LEGACY_MARKS - {"architecture"}) & sae.raw.keys())
    if marks:
        raise Refusal(
            f"{', '.join(marks)} stand beside metadata: nobody can tell which of the two layouts is meant"
        )
    return {**sae.raw, "metadata": {**metadata, "sae_lens_version": "6.0.0"}}


@cfg_fix("CFG009", "unsafe")
def b_dec_stated(sae: SaeFacts) -> dict[str, Any] | None:
    """`apply_b_dec_to_input` and `normalize_activations` as SAELens takes them when they are missing: true (false for a transcoder, which loads with nothing else) and none.

    Unsafe although the bits stay: the file then claims what was only a default, and an SAE trained in another way stays wrong.
    """
    if sae.architecture is None or not saelens.keeps_metadata(sae.raw):
        return None
    guessed = {
        "apply_b_dec_to_input": sae.architecture not in architectures.TRANSCODERS,
        "normalize_activations": "none",
    }
    return {**sae.raw, **{key: value for key, value in guessed.items() if key not in sae.raw}}


@cfg_fix("WTS006", "safe")
def sizes_that_all_tensors_have(sae: SaeFacts) -> dict[str, Any] | None:
    """d_in and d_sae, where every tensor agrees on them against the configuration."""
    agreed = agreed_sizes({name: tensor.info for name, tensor in sae.sae.tensors.items()})
    if agreed is None or not {"d_in", "d_sae"} <= sae.raw.keys():
        return None
    return {**sae.raw, "d_in": agreed[0], "d_sae": agreed[1]}


@cfg_fix("CFG013", "unsafe")
def hook_in_both_forms(sae: SaeFacts) -> dict[str, Any] | None:
    """`model.layers.21.hook_resid_post` becomes `blocks.21.hook_resid_post`, with the module path as hf_hook_name where the two name one place.

    Unsafe: that the mixture meant this place is an assumption, though a likely one.
    """
    metadata = sae.raw.get("metadata")
    nested = isinstance(metadata, dict) and isinstance(metadata.get("hook_name"), str)
    place: dict[str, Any] = dict(metadata) if nested and isinstance(metadata, dict) else dict(sae.raw)
    key = "hook_name" if isinstance(place.get("hook_name"), str) else "hook_point"
    written = place.get(key)
    if not isinstance(written, str) or parse_hook(written).form != "mixed":
        return None
    try:
        place[key], module = translated(written)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if module is not None:
        stated = place.setdefault("hf_hook_name", module)
        if stated != module:
            raise Refusal(f"hook_name {written!r} means the module {module!r}, hf_hook_name says {stated!r}")
    return {**sae.raw, "metadata": place} if nested else place


@cfg_fix("CFG016", "unsafe")
def unknown_keys_into_metadata(sae: SaeFacts) -> dict[str, Any] | None:
    """Keys that SAELens drops move into `metadata`, where they survive.

    Unsafe: a key may be a known one misspelt; where it is near to one the fix refuses.
    """
    metadata = sae.raw.get("metadata")
    if not isinstance(metadata, dict) or sae.architecture is None or not saelens.keeps_metadata(sae.raw):
        return None
    lost = dropped(sae.architecture, sae.raw)
    for key in lost:
        if holds_secret(key, sae.raw[key]):
            raise Refusal("a key that SAELens drops holds a secret: revoke it and remove the key")
        meant, foreign = near_key(sae.architecture, key)
        if foreign:
            raise Refusal(
                f"{key!r} is a field of another architecture than {sae.architecture}: a person must say which it is"
            )
        if meant:
            raise Refusal(f"{key!r} looks like a misspelling of {meant!r}: a person must say which is meant")
        if key in metadata and metadata[key] != sae.raw[key]:
            raise Refusal(f"{key!r} is {sae.raw[key]!r} at the top level and {metadata[key]!r} in metadata")
    kept = {key: value for key, value in sae.raw.items() if key not in lost}
    return {**kept, "metadata": {**metadata, **{key: sae.raw[key] for key in lost}}}
