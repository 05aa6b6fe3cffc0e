"""Fixes of whole configurations: a legacy one written as what SAELens makes of it, a training one as SAELens exports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubkit.fix.registry import Refusal, cfg_fix
from hubkit.fix.vocabulary import RUNNER_KEYS
from hubkit.formats import architectures, saelens
from hubkit.release.sae_record import KEY, SaeRecord, added
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Severity
from hubkit.validate.rules.cfg_kind import activation_not_followed
from hubkit.validate.rules.cfg_layout import layers_disagree
from hubkit.validate.rules.vocabulary import keys_of

FIRST_VERSION = "6.0.0"
EXTRAS: dict[str, Any] = {"rescale_acts_by_decoder_norm": False}
"""SAELens's defaults of the keys that only some architectures have, and that it may leave out."""


@cfg_fix("CFG014", "safe")
def explicit_v6(sae: SaeFacts) -> dict[str, Any] | None:
    """A configuration of SAELens 2 to 5, written as what the migration of 6.54.12 makes of it, with every default spelt out.

    Everything else that the file said stays in `metadata.hubkit.legacy`. The version becomes 6.0.0, that of the layout; the training version is
    what the file said, or null: SAELens itself would stamp the installed one on it.
    """
    if "metadata" in sae.raw or saelens.keeps_metadata(sae.raw):
        return None
    _refuse_what_it_would_hide(sae)
    return migrated_to_v6(sae.raw)


def _refuse_what_it_would_hide(sae: SaeFacts) -> None:
    """What only the legacy file says against itself would be said nowhere after the migration: which side is right, no file tells."""
    for code, check in (("CFG019", activation_not_followed), ("CFG012", layers_disagree)):
        for found in check(sae):
            if found.severity is not Severity.NOTE:
                raise Refusal(f"{found.message} ({code}): a person must say which is right")


def migrated_to_v6(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The v6 form of a legacy configuration. Raises Refusal where SAELens would not load it, or would guess."""
    effective = saelens.migrated(raw)
    architecture = effective["architecture"]
    _refuse_what_does_not_load(raw, effective)
    defaults = {**effective, **{key: value for key, value in EXTRAS.items() if key not in effective}}
    order = (
        "architecture",
        "d_in",
        "d_sae",
        "dtype",
        "device",
        "apply_b_dec_to_input",
        "normalize_activations",
        "reshape_activations",
    )
    extras = sorted(keys_of(architecture) - set(order) - {"metadata"})
    cfg = {key: defaults[key] for key in (*order, *extras) if key in defaults}
    kept = {key: value for key, value in effective["metadata"].items() if key != "sae_lens_version"}
    metadata = {
        "sae_lens_version": FIRST_VERSION,
        "sae_lens_training_version": None,
        "neuronpedia_id": None,
        **kept,
    }
    rest = {
        key: value
        for key, value in raw.items()
        if not _says(cfg, key, value) and not _says(metadata, key, value)
    }
    hubkit = {KEY: {"legacy": rest}} if rest else {}
    return {**cfg, "metadata": {**metadata, **hubkit}}


def _says(cfg: Mapping[str, Any], key: str, value: object) -> bool:
    # 1 == True == 1.0 in Python, and they are different things in a configuration
    return key in cfg and cfg[key] == value and type(cfg[key]) is type(value)


def _refuse_what_does_not_load(raw: Mapping[str, Any], effective: Mapping[str, Any]) -> None:
    architecture = effective["architecture"]
    if architecture not in architectures.INFERENCE or architecture == "temporal":
        raise Refusal(f"architecture {architecture!r}: SAELens's migration knows no such thing")
    missing = [key for key in ("d_in", "d_sae", "dtype") if key not in raw]
    if missing:
        raise Refusal(
            f"{', '.join(missing)} must be there first: CFG005 writes them where the tensors say them"
        )
    if architecture in architectures.TRANSCODERS and (
        raw.get("apply_b_dec_to_input") is not False or "d_out" not in raw
    ):
        raise Refusal("a transcoder without d_out and apply_b_dec_to_input: false does not load")
    kwargs = raw.get("activation_fn_kwargs")
    if (
        architecture == "topk"
        and isinstance(kwargs, Mapping)
        and ("k" not in kwargs or raw.get("k", kwargs["k"]) != kwargs["k"])
    ):
        raise Refusal(
            "k and activation_fn_kwargs contradict each other (CFG007): a person must say which k is right"
        )
    if architecture in architectures.TOPK and effective.get("k") is None:
        raise Refusal("no k anywhere (CFG006): SAELens would take 100, which only the training can confirm")


@cfg_fix("CFG015", "safe")
def training_keys_into_metadata(sae: SaeFacts) -> dict[str, Any] | None:
    """Training keys leave the top level, as in SAELens's own export: the SAE's into `training_architecture_details`, the runner's into `hubkit.training`.

    `training_architecture` is written only where the keys are those of one training architecture, and then as SAELens writes it.
    """
    metadata = sae.raw.get("metadata")
    if not isinstance(metadata, dict) or sae.architecture is None or not saelens.keeps_metadata(sae.raw):
        return None
    own = keys_of(sae.architecture)
    training = {key: value for key, value in sae.raw.items() if key in architectures.ALL_TRAINING_KEYS - own}
    runner = {
        key: value
        for key, value in sae.raw.items()
        if key in RUNNER_KEYS - own - architectures.ALL_TRAINING_KEYS
    }
    if not training and not runner:
        return None
    metadata = dict(metadata)
    if training:
        metadata["training_architecture_details"] = _joined(
            metadata.get("training_architecture_details"), training
        )
        if training.keys() >= architectures.TRAINING_KEYS.get(sae.architecture, {""}):
            metadata.setdefault("training_architecture", sae.architecture)
    if runner:
        there = SaeRecord.read(metadata.get(KEY)).training
        metadata[KEY] = added(metadata.get(KEY), {"training": _joined(there, runner)})
    kept = {key: value for key, value in sae.raw.items() if key not in training and key not in runner}
    return {**kept, "metadata": metadata}


def _joined(there: object, more: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(there) if isinstance(there, Mapping) else {}
    for key, value in more.items():
        if found.setdefault(key, value) != value:
            raise Refusal(f"{key} is {value!r} at the top level and {found[key]!r} in metadata")
    return found
