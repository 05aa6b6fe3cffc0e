"""CFG: what cfg.json says, field by field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from hubkit.formats import architectures, saelens
from hubkit.formats.conversion import cfg_to_write
from hubkit.formats.shipped import shipped_schema
from hubkit.formats.strict_json import escape
from hubkit.release.layout import CFG, WEIGHTS
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.conformity import conforms

NARROWEST = {"enum", "const"}
"""Of several errors at one place these say most."""

FLAGS = {
    f"/{key}"
    for key in (
        "apply_b_dec_to_input",
        "rescale_acts_by_decoder_norm",
        "stop_on_duplicate_support",
        "tied_weights",
    )
}
IGNORED = {
    f"/{key}"
    for key in (
        "device",
        "context_size",
        "prepend_bos",
        "hook_layer",
        "model_name",
        "reshape_activations",
        "activation_fn_str",
    )
}
"""Fields that SAELens overrides, carries or drops unread; of reshape_activations it only looks whether it is hook_z, of the activation whether topk."""
RELU = {"relu", "vanilla", "l1"}
"""What people call the architecture `standard`."""
HEADS = {"n_heads", "bottleneck_factor"}
SAFETENSORS_WITHOUT_CFG = {WEIGHTS, "sae.safetensors"}
BARE = "unnamed"
"""The family of SAE tensors whose configuration is nobody's that hubkit knows."""


@sae_rule("CFG001", Severity.ERROR, Need.TREE)
def weights_without_configuration(sae: SaeFacts) -> Iterator[Found]:
    """The SAE folder has weights and no configuration.

    SAELens asks for `cfg.json` first and fails with FileNotFoundError; from the weights alone nobody can tell the architecture,
    the hook, or whether b_dec is subtracted from the input. A configuration of SAELens under another name (`config.json`) is none to it. Tensors of an SAE
    in a file of any other name, without a configuration of a family that hubkit knows, are a warning: their author's own code may know more.
    """
    name = PurePosixPath(sae.cfg_path).name if sae.cfg_path else None
    if name not in {None, CFG} and sae.is_saelens and WEIGHTS in sae.files:
        yield Found(
            f"the configuration is called {name}; SAELens looks for cfg.json",
            "rename the file to cfg.json",
            path=sae.cfg_path,
        )
    if sae.cfg_path is None and sae.weights and sae.weights.name in SAFETENSORS_WITHOUT_CFG:
        yield Found(
            f"{sae.weights.name} has no cfg.json beside it",
            cfg_to_write(sae.sae),
            path=sae.weights.path,
        )
    elif sae.sae.family.name == BARE:
        yield Found(
            f"{PurePosixPath(sae.sae.weights or '').name} holds an SAE's tensors, and no configuration that hubkit knows lies beside it",
            f"{cfg_to_write(sae.sae)}; or add the configuration of the library that wrote it",
            path=sae.sae.weights,
            severity=Severity.WARNING,
        )


@sae_rule("CFG002", Severity.ERROR, Need.CFG)
def not_strict_json(sae: SaeFacts) -> Iterator[Found]:
    """cfg.json is not strict JSON.

    Syntax errors, duplicate keys (which of the two counts depends on the reader), NaN and Infinity, bytes that are not UTF-8, a byte order
    mark, a value that is no object, a file above 1 MiB.
    """
    if sae.cfg_fault:
        yield Found(
            sae.cfg_fault.message,
            "save it again as plain JSON: UTF-8, every key once, null where a number is missing",
            path=sae.cfg_path,
            pointer=sae.cfg_fault.pointer or None,
            line=sae.cfg_fault.line,
        )


@cache
def validator() -> Any:
    """The shipped schema with strict integers: 8.0 is no integer to SAELens, which passes it on to torch.topk."""
    from jsonschema import Draft202012Validator, validators

    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    extend: Any = validators.extend
    return extend(Draft202012Validator, type_checker=checker)(shipped_schema("cfg"))


@sae_rule("CFG003", Severity.ERROR, Need.CFG)
def field_breaks_schema(sae: SaeFacts) -> Iterator[Found]:
    """A field breaks the JSON Schema of its layout and architecture.

    Type, range or allowed values; `hubkit schema cfg` prints the schema. Integers are strict: `"k": 8.0` loads, and encode then fails.
    A missing key is CFG005, an unknown architecture CFG004. Where SAELens overrides or ignores the field, or takes 0 and 1 for false and true, it is
    a warning. Between fields: d_sae of a temporal SAE must be a multiple of bottleneck_factor x n_heads, and only a hook_z is reshaped as one.
    """
    if not sae.is_saelens or sae.document is None:
        return
    value, schema = sae.document.value, shipped_schema("cfg")
    causes: dict[str, Any] = {}
    for error in () if conforms(value, schema, schema) else validator().iter_errors(value):
        pointer = "".join(f"/{escape(str(part))}" for part in error.absolute_path)
        if (
            error.validator != "required"
            and not _said_elsewhere(sae, pointer, error)
            and (pointer not in causes or error.validator in NARROWEST)
        ):
            causes[pointer] = error
    for pointer, error in causes.items():
        yield Found(
            f"{pointer.lstrip('/') or 'the file'} is {_shown(error.instance)}, expected {_expected(error.validator, error.validator_value)}",
            _about_value(pointer, error),
            severity=Severity.WARNING if _without_consequence(sae, pointer, error.instance) else None,
            **sae.at(pointer),
        )
    if sae.cfg and sae.raw.keys() >= HEADS and (reason := saelens.heads_do_not_fit(sae.cfg)):
        yield Found(
            f"{reason}: loading raises AssertionError",
            "write the n_heads and bottleneck_factor of the training: their product divides d_sae",
            **sae.at("/n_heads"),
        )
    hook = sae.sae.hook_name
    if sae.raw.get("reshape_activations") == "hook_z" and hook and not hook.endswith("_z"):
        yield Found(
            f"reshape_activations is hook_z and hook_name is {hook}: loading raises ValueError",
            'write "reshape_activations": "none": heads are laid side by side at hook_z alone',
            **sae.at("/reshape_activations"),
        )


def _about_value(pointer: str, error: Any) -> str:
    """The value that is meant, where only its form is wrong; else where the allowed ones are listed."""
    key, value = pointer.rpartition("/")[2], error.instance
    schema = "`hubkit schema cfg` prints what is allowed"
    kinds = error.validator_value if error.validator == "type" else ()
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "integer" in kinds and isinstance(value, float | str) and re.fullmatch(r"\d{1,15}(\.0*)?", str(value)):
        return f'write "{key}": {int(float(value))}; {schema}'
    if "boolean" in kinds and str(value).lower() in {"0", "1", "true", "false"}:
        return f'write "{key}": {"true" if str(value).lower() in {"1", "true"} else "false"}; {schema}'
    if value is None:
        return f"write the value of the training, or remove the key; {schema}"
    return f"write the value of the training in that form; {schema}"


def _said_elsewhere(sae: SaeFacts, pointer: str, error: Any) -> bool:
    """Whether another rule says what follows: CFG008 of metadata, CFG010 of a normalisation, CFG017 of a transcoder's b_dec."""
    return bool(
        (pointer == "/metadata" and error.validator == "type")
        or (pointer == "/normalize_activations" and isinstance(error.instance, str))
        or (
            pointer == "/apply_b_dec_to_input"
            and sae.architecture in architectures.TRANSCODERS
            and error.instance
        )
    )


def _without_consequence(sae: SaeFacts, pointer: str, value: object) -> bool:
    """Whether SAELens loads and computes the same with this value as with the right one."""
    if pointer == "/apply_b_dec_to_input" and sae.architecture in architectures.TRANSCODERS:
        return True  # CFG017 says what is not false
    if pointer in FLAGS:
        return isinstance(value, int) and value in {0, 1}
    if pointer == "/activation_normalization_factor":
        return sae.raw.get("normalize_activations") != "constant_scalar_rescale"
    if pointer == "/hook_name":  # a list can be looked into for "hook_z", a number raises TypeError
        return isinstance(value, list | dict)
    if pointer == "/activation_fn_kwargs":
        return sae.cfg is not None and "topk" not in {
            sae.cfg.architecture,
            sae.cfg.effective.get("activation_fn"),
        }
    return pointer in IGNORED


def _shown(value: object) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return "null" if value is None else text if len(text) <= 60 else text[:57] + "..."


def _expected(keyword: str, value: Any) -> str:
    if keyword == "type":
        return "or ".join(
            f"{'true or false' if name == 'boolean' else name} "
            for name in ([value] if isinstance(value, str) else value)
        ).strip()
    if keyword in {"enum", "const"}:
        allowed = value if keyword == "enum" else [value]
        return " or ".join(sorted({_shown(item) for item in allowed}))
    return {
        "minimum": f"at least {value}",
        "maximum": f"at most {value}",
        "exclusiveMinimum": f"more than {value}",
    }.get(keyword, f"{keyword} {value}")


@sae_rule("CFG004", Severity.ERROR, Need.CFG, fix="safe")
def architecture_unknown(sae: SaeFacts) -> Iterator[Found]:
    """The architecture is not in SAELens's registry.

    Loading ends in a bare KeyError. Usual causes: wrong case (`JumpReLU`), the name of an activation (`relu`), a training-only name
    (`batchtopk`, `matryoshka_batchtopk`, whose inference form is a jumprelu), or another family's file.
    """
    if not sae.is_saelens or "architecture" not in sae.raw:
        return
    written = sae.raw["architecture"]
    if written in architectures.INFERENCE:
        return
    effective = sae.cfg.architecture if sae.cfg else None
    if effective in architectures.INFERENCE:  # the legacy migration takes it from activation_fn_str
        return
    message = f"architecture is {_shown(written)}, which SAELens does not know"
    yield _by_cause(written, message, sae.at("/architecture"))


def _by_cause(written: object, message: str, place: dict[str, Any]) -> Found:
    if written in architectures.TRAINING_ONLY:
        return Found(
            f"{message}: it is a training architecture",
            "export it again with save_inference_model(), which writes a jumprelu with the threshold of the training",
            **place,
        )
    if isinstance(written, str) and (right := right_case(written)):
        return Found(f"{message}; {right!r} is meant", mend("CFG004"), fix="safe", **place)
    if str(written).lower() in RELU:  # all but "jumprelu", by its letters
        return Found(message, 'write "architecture": "standard": that is a plain ReLU SAE', **place)
    near = difflib.get_close_matches(str(written).lower(), architectures.INFERENCE, n=1)
    hint = (
        f"write {near[0]!r} if that is meant"
        if near
        else f"write one of {', '.join(architectures.INFERENCE)}"
    )
    return Found(message, hint, **place)


def right_case(written: str) -> str | None:
    """The registered name that differs only in case and separators, or None."""
    plain = written.lower().replace("-", "").replace("_", "")
    return next((name for name in architectures.INFERENCE if name.replace("_", "") == plain), None)
