"""CFG: what SAELens makes of a configuration in silence: defaults, migration, dropped keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubkit.formats import architectures, saelens
from hubkit.formats.strict_json import escape
from hubkit.models.hooks import layers_named
from hubkit.models.names import is_placeholder
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.vocabulary import TRAINING, dropped, keys_of, near_key
from hubkit.validate.secret_kinds import holds_secret, masked

NORMALIZATIONS = {"none", "expected_average_only_in", "constant_norm_rescale", "layer_norm"}
"""What every architecture takes; `covariance_whitening` and `constant_scalar_rescale` are each refused by some."""
SCALED = "expected_average_only_in"
WHITENED = "covariance_whitening"
RESCALED = "constant_scalar_rescale"
STATISTICS = {
    SCALED: ("factor", "activation_scaler.json", "scales by 1", "fold_activation_norm_scaling_factor"),
    WHITENED: ("matrix", "activation_whitening.safetensors", "whitens nothing", "fold_activation_whitening"),
}
"""By normalisation: what it needs, the file of a training checkpoint that has it, what SAELens does without, and its function that folds it."""
FACTOR = "activation_normalization_factor"
CHOICES = {
    "apply_b_dec_to_input": "true or false",
    "normalize_activations": "none, layer_norm, constant_norm_rescale",
}


@sae_rule("CFG009", Severity.WARNING, Need.CFG, fix="unsafe")
def input_guessed(sae: SaeFacts) -> Iterator[Found]:
    """The v6 layout does not say what is done to the input: whether b_dec is subtracted, or how it is normalised.

    SAELens then takes `apply_b_dec_to_input` for true and `normalize_activations` for none. For an SAE trained without the subtraction every
    activation is shifted by W_enc b_dec, and one trained with layer_norm sees inputs of another scale, with no word: errors of several units were
    measured. SAELens itself always writes both. Write what the training had.
    """
    cfg = sae.cfg
    if cfg is None or cfg.layout != "v6" or sae.architecture is None:
        return
    guesses = {"normalize_activations": "SAELens normalises nothing (none)"}
    if sae.architecture not in architectures.TRANSCODERS:  # there loading raises: CFG017
        guesses = {"apply_b_dec_to_input": "SAELens subtracts b_dec from the input"} | guesses
    for key, guess in guesses.items():
        if key not in sae.raw:
            yield Found(
                f"{key} is missing: {guess}",
                f'write "{key}" as it was in the training ({CHOICES[key]}); {mend("CFG009", unsafe=True)} writes what SAELens takes',
                **(sae.at("") | {"pointer": f"/{key}"}),
                fix="unsafe",
            )


@sae_rule("CFG010", Severity.WARNING, Need.CFG)
def statistics_stored_nowhere(sae: SaeFacts) -> Iterator[Found]:
    """The activations must be normalised by a factor or a matrix that is stored nowhere.

    `expected_average_only_in` multiplies the input by a factor estimated in the training, `covariance_whitening` by a matrix. SAELens folds them into
    the weights when a run ends and then writes `none`; a checkpoint saved before that keeps the word and loses the numbers, and the loader does
    nothing to the input. Fold them (`fold_activation_norm_scaling_factor`, `fold_activation_whitening`) and write `none`. `constant_scalar_rescale` of a
    temporal SAE needs `activation_normalization_factor`. A value that SAELens does not know is an error: loading raises ValueError.
    """
    if sae.cfg is None:
        return
    value = sae.cfg.effective.get("normalize_activations")
    place = sae.at("/normalize_activations")
    if isinstance(value, str) and value not in _allowed(sae):
        yield Found(
            f"normalize_activations is {value!r}, expected {' or '.join(sorted(_allowed(sae)))}",
            'write the one of the training; "none" where the input was used as it was',
            severity=Severity.ERROR,
            **place,
        )
    elif isinstance(value, str) and value in STATISTICS:
        yield _unfolded(sae, value)
    elif value == RESCALED and FACTOR not in sae.raw:
        yield Found(
            f"normalize_activations is {value!r} and {FACTOR} is missing: SAELens scales by 1",
            f'write "{FACTOR}" with the number of the training, or "normalize_activations": "none" if there was none',
            **place,
        )


def _unfolded(sae: SaeFacts, value: str) -> Found:
    what, file, consequence, fold = STATISTICS[value]
    if file in sae.files:
        return Found(
            f"the input {what} is in {file}, which SAELens does not read on loading: it {consequence}",
            f'fold it into the weights ({fold}) and write "normalize_activations": "none"',
            severity=Severity.NOTE,
            **sae.at("/normalize_activations"),
        )
    return Found(
        f"normalize_activations is {value!r} and the {what} is stored nowhere: SAELens {consequence}",
        f'fold the {what} of the training into the weights ({fold}) and write "none"',
        **sae.at("/normalize_activations"),
    )


def _allowed(sae: SaeFacts) -> set[str]:
    return NORMALIZATIONS | {RESCALED if sae.architecture == "temporal" else WHITENED}


UNKNOWN = {
    "model_name": "No model_name after loading: the configuration does not say of which model the activations are.",
    "hook_name": "No hook_name after loading: nobody can tell where in the model the activations come from.",
    "hook_name_out": "No hook_name_out: nobody can tell where in the model the transcoder's output belongs.",
}
"""What a card says of each key that is missing."""


@sae_rule("CFG011", Severity.WARNING, Need.CFG)
def origin_unknown(sae: SaeFacts) -> Iterator[Found]:
    """No hook_name or no model_name after loading: nobody can tell where the activations come from.

    SAELens keeps both in `metadata` (v6), or takes them from the top level (legacy). A placeholder counts as none. Where the version is what
    loses them, CFG008 says so and this rule is silent. A transcoder needs `hook_name_out` as well, the place that it writes to. A `hook_name` that is there and null is an error in a legacy file: the migration looks for
    "hook_z" in it and raises TypeError.
    """
    cfg = sae.cfg
    if cfg is None or ("metadata" in sae.raw and not isinstance(sae.raw["metadata"], Mapping)):
        return
    for key in ("model_name", "hook_name"):
        value = cfg.metadata.get(key)
        if isinstance(value, str) and value and not is_placeholder(value):
            continue
        if not saelens.keeps_metadata(sae.raw) and _in_metadata(sae, key):
            continue
        if cfg.layout == "legacy" and value is not None and not isinstance(value, str):  # CFG003
            continue
        pointer = f"/metadata/{key}" if cfg.layout == "v6" else f"/{key}"
        raises = key == "hook_name" and _null_hook(sae)
        yield Found(
            "hook_name is null: load_from_disk raises TypeError" if raises else _absence(sae, key, value),
            _about_origin(sae, key),
            severity=Severity.ERROR if raises else None,
            title=UNKNOWN[key],
            **(sae.at(pointer) | {"pointer": pointer}),
        )

    if (
        sae.architecture in architectures.TRANSCODERS
        and cfg.text("hook_name")
        and not cfg.text("hook_name_out")
    ):
        pointer = "/metadata/hook_name_out" if cfg.layout == "v6" else "/hook_name_out"
        yield Found(
            "there is no hook_name_out: nobody can tell where the transcoder's output belongs",
            _about_origin(sae, "hook_name_out"),
            title=UNKNOWN["hook_name_out"],
            **(sae.at(pointer) | {"pointer": pointer}),
        )


def _about_origin(sae: SaeFacts, key: str) -> str:
    """What to write, with the layer where the files say it."""
    where = " into metadata" if sae.cfg and sae.cfg.layout == "v6" else ""
    if where and isinstance(sae.raw.get(key), str):
        return f"move {key!r}{where}"
    named = layers_named(sae.sae_id)
    layer = sae.sae.layer if sae.sae.layer is not None else named.pop() if len(named) == 1 else None
    number = "N" if layer is None else layer
    known, else_ = f"blocks.{number}", ", with the layer for N" if layer is None else ""
    said = {
        "model_name": '"model_name"{}: the base model\'s id on the Hub (OWNER/MODEL)',
        "hook_name": f'"hook_name"{{}}: "{known}.hook_resid_post" if it was trained on what block {number} gives to the residual stream, "{known}.hook_resid_pre" if on what the block takes from it{else_}',
        "hook_name_out": f'"hook_name_out"{{}}, the place that it writes to: "{known}.hook_mlp_out" for an MLP{else_}',
    }
    return "write " + said[key].format(where)


def _null_hook(sae: SaeFacts) -> bool:
    """Whether the migration meets a hook_name that is null."""
    written = [value for key, value in sae.raw.items() if key in {"hook_name", "hook_point"}]
    return written[-1:] == [None] and not saelens.keeps_metadata(sae.raw)


def _in_metadata(sae: SaeFacts, key: str) -> bool:
    metadata = sae.raw.get("metadata")
    return isinstance(metadata, Mapping) and metadata.get(key) is not None


def _absence(sae: SaeFacts, key: str, value: object) -> str:
    if isinstance(value, str) and value:
        return f"{key} is {value!r}, a placeholder"
    if isinstance(sae.raw.get(key), str):
        return f"{key} stands at the top level, where SAELens 6 does not look: after loading it is None"
    return f"there is no {key}"


@sae_rule("CFG014", Severity.NOTE, Need.CFG, fix="safe")
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
        f"{mend('CFG014')} writes it in the v6 layout, with every value explicit",
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


@sae_rule("CFG015", Severity.NOTE, Need.CFG, fix="safe")
def training_configuration(sae: SaeFacts) -> Iterator[Found]:
    """A training configuration was published: optimizer, loss, wandb or checkpoint keys.

    SAELens drops these keys on loading. They say how the SAE was trained, which is good to know; in the v6 layout they belong into
    `metadata.training_architecture_details`, where they survive.
    """
    cfg = sae.cfg
    if cfg is None:
        return
    keys = [key for key in sae.raw if key in TRAINING]
    if keys:
        shown = ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
        yield Found(
            f"keys of the training: {shown}; SAELens drops them on loading",
            f"{mend('CFG015')} moves them into metadata"
            if cfg.layout == "v6"
            else f"{mend('CFG014')} writes the v6 layout, where they survive",
            **sae.at(f"/{escape(keys[0])}"),
            fix="safe",
        )


@sae_rule("CFG016", Severity.WARNING, Need.CFG, fix="unsafe")
def key_dropped(sae: SaeFacts) -> Iterator[Found]:
    """A key that SAELens drops without a word.

    In the v6 layout only the fields of the architecture and `metadata` survive loading; a misspelled field keeps its default, a field of another
    architecture (the `k` of a topk in a `standard`) says that the architecture is wrong, and a key of the study's own at the top level is gone.
    Move own keys into `metadata`, which is carried as it is. Keys of older layouts and of SAELens's training are known and never fire.
    """
    cfg = sae.cfg
    if cfg is None or cfg.layout != "v6" or sae.architecture is None:
        return
    for key in dropped(sae.architecture, sae.raw):
        if holds_secret(key, sae.raw[key]):
            yield Found(
                "SAELens drops a key that holds a secret",
                "revoke the secret and remove the key (SEC002)",
                **{**sae.at(f"/{escape(key)}"), "pointer": f"/{escape(masked(key))}"},
            )
            continue
        meant, foreign = near_key(sae.architecture, key)
        said, hint = (
            "",
            f"{mend('CFG016', unsafe=True)} moves it into metadata: only there it survives a load",
        )
        if meant:
            said, hint = f"; {meant!r} is meant", f"rename it to {meant!r}"
            if meant in sae.raw:
                said, hint = (
                    f"; {meant!r} is there as well",
                    f"remove {key!r}, or write its value as {meant!r}",
                )
        elif foreign:
            said, hint = f": a {sae.architecture} has no such field", _about_foreign(sae.architecture, key)
        yield Found(
            f"SAELens drops the key {key!r}{said}",
            hint,
            **sae.at(f"/{escape(key)}"),
            fix=None if meant or foreign else "unsafe",
        )


def _about_foreign(architecture: str, key: str) -> str:
    """Which architectures have the field."""
    having = [name for name in architectures.INFERENCE if key in keys_of(name)]
    return f"remove the key if it is a {architecture}; else write the right architecture ({', '.join(having)} have {key!r})"
