"""CFG: what cfg.json says, field by field."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any

from hubkit.formats import saelens
from hubkit.formats.shipped import shipped_schema
from hubkit.formats.strict_json import escape
from hubkit.tensors.dtypes import CFG_NAMES
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import sae_rule

NARROWEST = {"enum", "const"}
"""Of several errors at one place these say most."""

SAFETENSORS_WITHOUT_CFG = {"sae_weights.safetensors", "sae.safetensors"}


@sae_rule("CFG001", Severity.ERROR, "T")
def weights_without_configuration(sae: SaeFacts) -> Iterator[Found]:
    """The SAE folder has weights and no configuration.

    SAELens asks for `cfg.json` first and fails with FileNotFoundError; from the weights alone nobody can tell the architecture,
    the hook, or whether b_dec is subtracted from the input.
    """
    if sae.cfg_path is None and sae.weights and sae.weights.name in SAFETENSORS_WITHOUT_CFG:
        yield Found(
            f"{sae.weights.name} has no cfg.json beside it",
            "write a cfg.json with architecture, d_in, d_sae, dtype and metadata (sae_lens_version, model_name, hook_name)",
            path=sae.weights.path,
        )


@sae_rule("CFG002", Severity.ERROR, "C")
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
def _validator() -> Any:
    """The shipped schema with strict integers: 8.0 is no integer to SAELens, which passes it on to torch.topk."""
    from jsonschema import Draft202012Validator, validators

    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    extend: Any = validators.extend
    return extend(Draft202012Validator, type_checker=checker)(shipped_schema("cfg"))


@sae_rule("CFG003", Severity.ERROR, "C")
def field_breaks_schema(sae: SaeFacts) -> Iterator[Found]:
    """A field breaks the JSON Schema of its layout and architecture.

    Type, range or allowed values; `hubkit schema cfg` prints the schema. Integers are strict: `"k": 8.0` loads, and encode then fails.
    A missing key is CFG005, an unknown architecture CFG004.
    """
    if not sae.is_saelens or sae.document is None:
        return
    causes: dict[str, Any] = {}
    for error in _validator().iter_errors(sae.document.value):
        pointer = "".join(f"/{escape(str(part))}" for part in error.absolute_path)
        if (
            error.validator != "required"
            and not _said_elsewhere(pointer, error)
            and (pointer not in causes or error.validator in NARROWEST)
        ):
            causes[pointer] = error
    for pointer, error in causes.items():
        yield Found(
            f"{pointer.lstrip('/') or 'the file'} is {_shown(error.instance)}, expected {_expected(error.validator, error.validator_value)}",
            "correct the value; `hubkit schema cfg` prints what is allowed",
            **sae.at(pointer),
        )


def _said_elsewhere(pointer: str, error: Any) -> bool:
    """Whether another rule says what follows: CFG008 of metadata, CFG010 of a normalisation, CFG017 of a transcoder's b_dec."""
    return (
        (pointer == "/metadata" and error.validator == "type")
        or (pointer == "/normalize_activations" and isinstance(error.instance, str))
        or (pointer == "/apply_b_dec_to_input" and error.instance is True)
    )


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


@sae_rule("CFG004", Severity.ERROR, "C", fix="safe")
def architecture_unknown(sae: SaeFacts) -> Iterator[Found]:
    """The architecture is not in SAELens's registry.

    Loading ends in a bare KeyError. Usual causes: wrong case (`JumpReLU`), the name of an activation (`relu`), a training-only name
    (`batchtopk`, `matryoshka_batchtopk`, whose inference form is a jumprelu), or another family's file.
    """
    if not sae.is_saelens or "architecture" not in sae.raw:
        return
    written = sae.raw["architecture"]
    if written in saelens.INFERENCE:
        return
    effective = sae.cfg.architecture if sae.cfg else None
    if effective in saelens.INFERENCE:  # the legacy migration takes it from activation_fn_str
        return
    message = f"architecture is {_shown(written)}, which SAELens does not know"
    yield _by_cause(written, message, sae.at("/architecture"))


def _by_cause(written: object, message: str, place: dict[str, Any]) -> Found:
    if written in saelens.TRAINING_ONLY:
        return Found(
            f"{message}: it is a training architecture",
            "export it again with save_inference_model(): it becomes a jumprelu",
            **place,
        )
    if isinstance(written, str) and (right := right_case(written)):
        return Found(f"{message}; {right!r} is meant", "hubkit fix --select CFG004", fix="safe", **place)
    near = difflib.get_close_matches(str(written).lower(), saelens.INFERENCE, n=1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else "a plain ReLU SAE is `standard`"
        if written == "relu"
        else f"expected one of {', '.join(saelens.INFERENCE)}"
    )
    return Found(message, hint, **place)


def right_case(written: str) -> str | None:
    """The registered name that differs only in case and separators, or None."""
    plain = written.lower().replace("-", "").replace("_", "")
    return next((name for name in saelens.INFERENCE if name.replace("_", "") == plain), None)


@sae_rule("CFG005", Severity.ERROR, "C H", fix="safe")
def required_key_missing(sae: SaeFacts) -> Iterator[Found]:
    """A key is missing that loading needs, or that SAELens then guesses.

    Without `d_in` or `d_sae` the constructor raises; without `dtype` load_from_disk raises KeyError('dtype') while from_dict guesses float32;
    without `architecture` a legacy file becomes `standard`: the weights of a TopK then run dense, with no word. A transcoder without `d_out` gets 768.
    """
    if not sae.is_saelens or sae.document is None:
        return
    output = ("d_out",) if sae.architecture in saelens.TRANSCODERS else ()
    for key in ("architecture", "d_in", "d_sae", "dtype", *output):
        if key in sae.raw or (key == "architecture" and _standard_by_age(sae)):
            continue
        value = from_header(sae, key)
        fixable = value is not None and key != "d_out"
        shown = f"; the tensors say {value!r}" if value is not None else ""
        yield Found(
            f"{key} is missing: {_consequence(key, sae)}{shown}",
            "hubkit fix --select CFG005" if fixable else f"add {key!r} to the configuration",
            path=sae.cfg_path,
            pointer=f"/{key}",
            fix="safe" if fixable else None,
            measured={"header": value} if value is not None else {},
        )


def _standard_by_age(sae: SaeFacts) -> bool:
    """SAELens 2 knew one architecture, and activation_fn_str names the activation of versions 3 to 5."""
    return (
        sae.cfg is not None
        and sae.cfg.layout == "legacy"
        and bool({"hook_point", "activation_fn_str"} & sae.raw.keys())
    )


def _consequence(key: str, sae: SaeFacts) -> str:
    if key == "architecture":
        return (
            "KeyError on load"
            if sae.cfg and saelens.keeps_metadata(sae.raw)
            else "SAELens takes it for `standard`, whatever the weights are"
        )
    return {
        "dtype": "load_from_disk raises KeyError, from_dict guesses float32",
        "d_out": "SAELens takes 768",
    }.get(key, "loading raises TypeError")


def from_header(sae: SaeFacts, key: str) -> int | str | None:
    """What the tensors say about `d_in`, `d_sae`, `d_out` or `dtype`; None where they do not agree or say nothing."""
    if sae.header is None:
        return None
    if key == "dtype":
        names = {
            CFG_NAMES.get(info.dtype) for name, info in sae.header.tensors.items() if name != "threshold"
        }
        return next(iter(names)) if len(names) == 1 else None
    tensors = sae.header.tensors
    if key == "d_out":
        shape = tensors["W_dec"].shape if "W_dec" in tensors else ()
        return shape[1] if len(shape) == 2 else None
    if "W_enc" not in tensors or "W_dec" not in tensors or key not in {"d_in", "d_sae"}:
        return None
    encoder, bias = tensors["W_enc"].shape, tensors["b_enc"].shape if "b_enc" in tensors else None
    if (
        len(encoder) != 2
        or tensors["W_dec"].shape[:1] != encoder[1:]
        or (bias is not None and bias != encoder[1:])
    ):
        return None
    return encoder[0] if key == "d_in" else encoder[1]
