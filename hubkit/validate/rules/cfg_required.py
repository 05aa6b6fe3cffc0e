"""CFG: the keys that must be there."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.formats import architectures, saelens
from hubkit.formats.conversion import architectures_of
from hubkit.tensors.dtypes import CFG_NAMES
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule


@sae_rule("CFG005", Severity.ERROR, Need.CFG | Need.HEADER, fix="safe")
def required_key_missing(sae: SaeFacts) -> Iterator[Found]:
    """A key is missing that loading needs, or that SAELens then guesses.

    Without `d_in` or `d_sae` the constructor raises; without `dtype` load_from_disk raises KeyError('dtype') while from_dict guesses float32;
    without `architecture` a legacy file becomes `standard`: the weights of a TopK then run dense, with no word. A transcoder without `d_out` gets 768,
    a temporal SAE without `bottleneck_factor` 64, and without `kval_topk` it keeps every latent. Where the guess loads and may be right, it is a
    warning: `n_heads` 8 of a temporal SAE, `residual_threshold` 0.01 and `max_iterations` d_in of matching pursuit.
    """
    if not sae.is_saelens or sae.document is None:
        return
    for key in ("architecture", "d_in", "d_sae", "dtype", *_needed_by(sae)):
        if key in sae.raw or (key == "architecture" and _standard_by_age(sae)):
            continue
        value = from_header(sae, key)
        fixable = value is not None and key != "d_out"
        shown = f"; the tensors say {value!r}" if value is not None else ""
        yield Found(
            f"{key} is missing: {_consequence(key, sae)}{shown}",
            mend("CFG005") if fixable else _about_key(sae, key, value),
            path=sae.cfg_path,
            pointer=f"/{key}",
            severity=Severity.WARNING if _may_be_right(key, sae) else None,
            fix="safe" if fixable else None,
            measured={"header": value} if value is not None else {},
        )


def _about_key(sae: SaeFacts, key: str, value: int | str | None) -> str:
    """What to write: the value where the tensors say it, the architectures that have these tensors, else what the training had."""
    if value is not None:
        return f'add "{key}": {value}, as the tensors have it'
    kinds = architectures_of(sae.sae) if key == "architecture" else []
    if len(kinds) == 1:
        return f'add "architecture": "{kinds[0]}": only it has these tensors'
    if key == "architecture":
        choice = ", ".join(kinds or architectures.INFERENCE)
        return f'add "architecture" with what was trained: {choice}'
    return f'add "{key}" with the value of the training'


def _needed_by(sae: SaeFacts) -> tuple[str, ...]:
    """What this architecture computes with, and SAELens always writes."""
    if sae.architecture in architectures.TRANSCODERS:
        return ("d_out",)
    if sae.architecture == "matching_pursuit":
        return ("residual_threshold", "max_iterations")
    if sae.architecture == "temporal":
        topk = sae.raw.get("sae_diff_type", "topk") == "topk"
        return ("n_heads", "bottleneck_factor", *(["kval_topk"] if topk else []))
    return ()


def _may_be_right(key: str, sae: SaeFacts) -> bool:
    """Whether SAELens loads it without the key and the author may have meant what it then takes."""
    if key == "n_heads":
        return sae.cfg is not None and saelens.heads_do_not_fit(sae.cfg) is None
    return key in {"residual_threshold", "max_iterations"}


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
        "n_heads": "SAELens takes 8",
        "bottleneck_factor": "SAELens takes 64",
        "kval_topk": "SAELens keeps every latent",
        "residual_threshold": "SAELens takes 0.01",
        "max_iterations": "SAELens takes d_in",
    }.get(key, "loading raises TypeError")


def from_header(sae: SaeFacts, key: str) -> int | str | None:
    """What the tensors say about `d_in`, `d_sae`, `d_out` or `dtype`; None where they do not agree or say nothing."""
    if sae.header is None:
        return None
    if key == "dtype":
        names = {
            CFG_NAMES.get(tensor.info.dtype)
            for name, tensor in sae.sae.tensors.items()
            if name != "threshold"
        }
        return next(iter(names)) if len(names) == 1 else None
    tensors = sae.sae.tensors
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
