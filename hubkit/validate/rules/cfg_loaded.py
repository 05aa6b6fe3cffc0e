"""CFG: what SAELens makes of a configuration in silence: defaults, migration, dropped keys."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from hubkit.formats import saelens
from hubkit.formats.strict_json import escape
from hubkit.models.names import is_placeholder
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.vocabulary import KNOWN, TRAINING, keys_of

NORMALIZATIONS = {
    "none",
    "expected_average_only_in",
    "constant_norm_rescale",
    "layer_norm",
    "covariance_whitening",
}
SCALED = "expected_average_only_in"
SCALER = "activation_scaler.json"


@sae_rule("CFG009", Severity.WARNING, "C", fix="unsafe")
def subtraction_guessed(sae: SaeFacts) -> Iterator[Found]:
    """The v6 layout does not say whether b_dec is subtracted from the input.

    SAELens then takes `apply_b_dec_to_input` for true. For an SAE trained without the subtraction every activation is shifted by
    W_enc b_dec, with no word: errors of several units were measured. Write the value of the training, true or false.
    """
    cfg = sae.cfg
    if (
        cfg is None
        or cfg.layout != "v6"
        or sae.architecture is None
        or sae.architecture in saelens.TRANSCODERS
    ):
        return
    if "apply_b_dec_to_input" not in sae.raw:
        yield Found(
            "apply_b_dec_to_input is missing: SAELens subtracts b_dec from the input",
            'write "apply_b_dec_to_input" as it was in the training',
            **(sae.at("") | {"pointer": "/apply_b_dec_to_input"}),
            fix="unsafe",
        )


@sae_rule("CFG010", Severity.WARNING, "C")
def factor_stored_nowhere(sae: SaeFacts) -> Iterator[Found]:
    """The activations must be normalised by a factor that is stored nowhere.

    `expected_average_only_in` multiplies the input by a factor estimated in the training. SAELens folds it into the weights when a run ends and
    then writes `none`; a checkpoint saved before that keeps the word and loses the factor, and the loader scales by 1. Fold the factor
    (`fold_activation_norm_scaling_factor`) and write `none`. A value that SAELens does not know is an error: loading raises ValueError.
    """
    if sae.cfg is None:
        return
    value = sae.cfg.effective.get("normalize_activations")
    place = sae.at("/normalize_activations")
    if value == SCALED and SCALER in sae.files:
        yield Found(
            f"the input factor is in {SCALER}, which SAELens does not read on loading: it scales by 1",
            'fold the factor into the weights and write "normalize_activations": "none"',
            severity=Severity.NOTE,
            **place,
        )
    elif value == SCALED:
        yield Found(
            f"normalize_activations is {SCALED!r} and the factor is stored nowhere: SAELens scales by 1",
            'fold the factor of the training into the weights and write "none"',
            **place,
        )
    elif isinstance(value, str) and value not in NORMALIZATIONS and not _known_to_temporal(sae, value):
        yield Found(
            f"normalize_activations is {value!r}, expected {' or '.join(sorted(NORMALIZATIONS))}",
            "write the value of the training",
            severity=Severity.ERROR,
            **place,
        )


def _known_to_temporal(sae: SaeFacts, value: str) -> bool:
    return sae.architecture == "temporal" and value == "constant_scalar_rescale"


@sae_rule("CFG011", Severity.WARNING, "C")
def origin_unknown(sae: SaeFacts) -> Iterator[Found]:
    """No hook_name or no model_name after loading: nobody can tell where the activations come from.

    SAELens keeps both in `metadata` (v6), or takes them from the top level (legacy). A placeholder counts as none. Where the version is what
    loses them, CFG008 says so and this rule is silent.
    """
    cfg = sae.cfg
    if cfg is None:
        return
    for key in ("model_name", "hook_name"):
        value = cfg.metadata.get(key)
        if isinstance(value, str) and value and not is_placeholder(value):
            continue
        if not saelens.keeps_metadata(sae.raw) and _in_metadata(sae, key):
            continue
        pointer = f"/metadata/{key}" if cfg.layout == "v6" else f"/{key}"
        yield Found(
            _absence(sae, key, value),
            f"write {key!r} into metadata" if cfg.layout == "v6" else f"write {key!r}",
            **(sae.at(pointer) | {"pointer": pointer}),
        )


def _in_metadata(sae: SaeFacts, key: str) -> bool:
    metadata = sae.raw.get("metadata")
    return isinstance(metadata, Mapping) and metadata.get(key) is not None


def _absence(sae: SaeFacts, key: str, value: object) -> str:
    if isinstance(value, str) and value:
        return f"{key} is {value!r}, a placeholder"
    if isinstance(sae.raw.get(key), str):
        return f"{key} stands at the top level, where SAELens 6 does not look: after loading it is None"
    return f"there is no {key}"


@sae_rule("CFG014", Severity.NOTE, "C", fix="safe")
def legacy_layout(sae: SaeFacts) -> Iterator[Found]:
    """A legacy configuration of SAELens 2 to 5.

    It loads through SAELens's migration, which assumes what the file does not say: `standard` without an architecture, b_dec subtracted, a BOS token
    in front, no normalisation, hook_z reshaped where the hook's name says so. Writing the v6 layout makes these explicit.
    """
    cfg = sae.cfg
    if cfg is None or cfg.layout != "legacy" or saelens.keeps_metadata(sae.raw):
        return
    assumed = _assumptions(sae.raw)
    yield Found(
        "a legacy configuration" + (f"; SAELens assumes {', '.join(assumed)}" if assumed else ""),
        "write it in the v6 layout, with every value explicit",
        path=sae.cfg_path,
        fix="safe",
    )


def _assumptions(raw: Mapping[str, object]) -> list[str]:
    found = []
    if "architecture" not in raw:
        found.append("architecture standard")
    if "apply_b_dec_to_input" not in raw:
        found.append("apply_b_dec_to_input true")
    if "prepend_bos" not in raw:
        found.append("prepend_bos true")
    normalize = raw.get("normalize_activations")
    if normalize is None or isinstance(normalize, bool):
        found.append(f"normalize_activations {SCALED if normalize else 'none'}")
    hook = raw.get("hook_name", raw.get("hook_point"))
    if "reshape_activations" not in raw and isinstance(hook, str) and "hook_z" in hook:
        found.append("reshape_activations hook_z")
    return found


@sae_rule("CFG015", Severity.NOTE, "C", fix="safe")
def training_configuration(sae: SaeFacts) -> Iterator[Found]:
    """A training configuration was published: optimizer, loss, wandb or checkpoint keys.

    SAELens drops these keys on loading. They say how the SAE was trained, which is good to know; in the v6 layout they belong into
    `metadata.training_architecture_details`, where they survive.
    """
    if sae.cfg is None:
        return
    keys = [key for key in sae.raw if key in TRAINING]
    if keys:
        shown = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
        yield Found(
            f"keys of the training: {shown}; SAELens drops them on loading",
            "move them into metadata, or save with save_inference_model()",
            **sae.at(f"/{escape(keys[0])}"),
            fix="safe",
        )


@sae_rule("CFG016", Severity.WARNING, "C", fix="unsafe")
def key_dropped(sae: SaeFacts) -> Iterator[Found]:
    """A key that SAELens drops without a word.

    In the v6 layout only the fields of the architecture and `metadata` survive loading; a misspelled field keeps its default, and a key of the
    study's own at the top level is gone. Move own keys into `metadata`, which is carried as it is. Keys of older layouts and of SAELens's
    training are known and never fire.
    """
    cfg = sae.cfg
    if cfg is None or cfg.layout != "v6" or sae.architecture is None:
        return
    fields = keys_of(sae.architecture)
    for key in sae.raw:
        if key in fields or key in KNOWN or key.startswith(("_", "$")):
            continue
        near = difflib.get_close_matches(key.lower(), fields, n=1, cutoff=0.8)
        meant = near[0] if near and near[0] not in sae.raw else None
        yield Found(
            f"SAELens drops the key {key!r}" + (f"; {meant!r} is meant" if meant else ""),
            f"rename it to {meant!r}" if meant else "move it into metadata: only there it survives a load",
            **sae.at(f"/{escape(key)}"),
            fix="unsafe",
        )
