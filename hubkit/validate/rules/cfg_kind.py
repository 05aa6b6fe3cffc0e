"""CFG: what kind of SAE it is, against what the configuration calls it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from packaging.version import Version

from hubkit.formats import architectures
from hubkit.formats.cfg import Cfg
from hubkit.formats.saelens import tensor_shapes
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.errata import errata_of, training_version

TRANSCODER_NAME = re.compile(r"(?<![a-z])(?:skip)?[-_.]?transcoders?(?![a-z])", re.IGNORECASE)
WITH_ACTIVATION = {"standard", "gated", "jumprelu", "topk"}
"""The architectures of SAELens 3 to 5, whose configurations name an activation."""
TANH = "tanh-relu"
FIRST_TOPK = Version("5.0")
"""Until then SAELens itself wrote TopK as `standard` with `activation_fn_str: topk`."""


@sae_rule("CFG017", Severity.WARNING, Need.CFG)
def transcoder_as_autoencoder(sae: SaeFacts) -> Iterator[Found]:
    """A transcoder was published as an autoencoder, or subtracts b_dec from its input.

    A transcoder reads one hook and writes another. Called `standard`, SAELens builds an autoencoder of it: it loads where d_in equals d_out,
    is spliced in at the wrong place, and b_dec (which lives in the output) is subtracted from the input.
    On a transcoder `apply_b_dec_to_input` must be false; true, or missing, is an error: loading raises ValueError.
    """
    cfg = sae.cfg
    if cfg is None or sae.architecture is None:
        return
    if sae.architecture in architectures.TRANSCODERS:
        if cfg.effective.get("apply_b_dec_to_input", True):
            yield Found(
                f"apply_b_dec_to_input is {json.dumps(sae.raw['apply_b_dec_to_input']) if 'apply_b_dec_to_input' in sae.raw else 'missing'} on a {sae.architecture}, expected false: loading raises ValueError",
                'write "apply_b_dec_to_input": false',
                severity=Severity.ERROR,
                **(sae.at("/apply_b_dec_to_input") | {"pointer": "/apply_b_dec_to_input"}),
            )
    elif reason := _transcoder_mark(sae):
        yield Found(
            f"architecture is {sae.architecture!r}, but {reason}: SAELens builds an autoencoder",
            _about_transcoder(sae),
            confidence="medium",
            **sae.at("/architecture"),
        )


def _about_transcoder(sae: SaeFacts) -> str:
    """Everything that a transcoder's configuration has and an autoencoder's has not, with what is known of it."""
    decoder = sae.sae.tensors.get("W_dec")
    stated = sae.raw.get("d_out")
    width = (
        stated if stated is not None else decoder.shape[1] if decoder and len(decoder.shape) == 2 else None
    )
    kind = {"jumprelu": "jumprelu_transcoder"}.get(str(sae.architecture), "transcoder")
    skip = kind.replace("transcoder", "skip_transcoder") if "W_skip" in sae.sae.tensors else kind
    out = f'"d_out": {width}' if width is not None else '"d_out"'
    return (
        f'write "architecture": "{skip}", "apply_b_dec_to_input": false, {out} and "hook_name_out"; '
        "if it is an autoencoder, remove what says otherwise"
    )


def _transcoder_mark(sae: SaeFacts) -> str | None:
    """What says that this is a transcoder, or None."""
    cfg = sae.cfg
    if cfg is None:
        return None
    out = cfg.metadata.get("hook_name_out", sae.raw.get("hook_name_out"))
    if isinstance(out, str) and out != cfg.metadata.get("hook_name"):
        return f"hook_name_out is {out!r}"
    if sae.raw.get("d_out") is not None:  # no autoencoder of SAELens has the key, whatever its value
        return f"d_out is {sae.raw['d_out']!r}"
    if sae.raw.get("is_transcoder") is True or "use_b_dec_out" in sae.raw:
        return f"the key {'is_transcoder' if 'is_transcoder' in sae.raw else 'use_b_dec_out'} is there"
    return f"the folder {sae.sae_id!r} says transcoder" if TRANSCODER_NAME.search(sae.sae_id) else None


@sae_rule("CFG018", Severity.NOTE, Need.CFG)
def trained_in_a_defective_window(sae: SaeFacts) -> Iterator[Found]:
    """Trained by a SAELens version with a known defect that touches this architecture.

    By `sae_lens_training_version` and hubkit's table of SAELens's own threads. The confidence is low: the table was read from the changelog, and
    whether this run was hit depends on settings that the configuration may not show. Look at the thread before trusting old numbers.
    """
    cfg = sae.cfg
    if cfg is None or sae.architecture is None:
        return
    for one in errata_of(cfg):
        threads = " ".join(f"#{number}" for number in one.threads)
        yield Found(
            f"trained with SAELens {cfg.text('sae_lens_training_version')}; before {one.until}: {one.defect} ({threads})",
            f"train it again with SAELens {one.until} or later, if https://github.com/decoderesearch/SAELens/issues/{one.threads[0]} touches this run",
            path=sae.cfg_path,
            pointer="/metadata/sae_lens_training_version"
            if cfg.layout == "v6"
            else "/sae_lens_training_version",
            confidence="low",
            identity=one.key,
        )


@sae_rule("CFG019", Severity.WARNING, Need.CFG)
def activation_not_followed(sae: SaeFacts) -> Iterator[Found]:
    """`activation_fn_str` says another SAE than the one that SAELens builds.

    In legacy files `topk` with a k in `activation_fn_kwargs` wins over the architecture `standard`, `jumprelu` or `gated`: SAELens loads it as a TopK, the
    threshold or the gate is not used, and with their tensors there loading fails. Until version 5 SAELens itself wrote its TopK as `standard` with
    this activation; for such a file, or one of no stated version, it is a note. Without that k, and in the v6 layout in any case, `topk` is dropped:
    a `standard` then runs dense, an error. SAELens 6 also has no `tanh-relu` any more: it runs a plain ReLU, an error too.
    """
    cfg = sae.cfg
    pointer = "/activation_fn_str" if "activation_fn_str" in sae.raw else "/activation_fn"
    stated = sae.raw.get(pointer[1:])
    if cfg is None or sae.architecture not in WITH_ACTIVATION or not isinstance(stated, str):
        return
    if stated == "topk":
        yield from _topk_stated(sae, cfg, pointer)
    elif stated != "relu" and (stated == TANH or sae.architecture == "standard"):
        yield Found(
            f"the activation is {stated!r}, which SAELens 6 does not have: it runs a plain ReLU",
            f'write "{pointer[1:]}": "relu" if it was trained with that; else train it again with an activation that SAELens 6 has',
            severity=Severity.ERROR if stated == TANH else None,
            **sae.at(pointer),
        )


def _topk_stated(sae: SaeFacts, cfg: Cfg, pointer: str) -> Iterator[Found]:
    written = sae.raw.get("architecture", "standard")
    if cfg.architecture == "topk" and written != "topk":
        version = training_version(cfg)
        old_form = written == "standard" and (version is None or version < FIRST_TOPK)
        yield Found(
            f"architecture is {written!r} and the activation is topk: SAELens loads a TopK with k = {cfg.effective.get('k')!r}",
            'write "architecture": "topk"',
            severity=Severity.NOTE if old_form else None,
            **sae.at(pointer),
        )
    elif cfg.architecture != "topk":
        dense = cfg.architecture == "standard"
        yield Found(
            f"architecture is {written!r} and the activation is topk, which SAELens drops: it runs {'dense' if dense else f'a {cfg.architecture}'}",
            f'write "architecture": "topk" with "k"{_stated_k(sae)}{_without(cfg.architecture)} if it was trained as one; else remove {pointer[1:]!r}',
            severity=Severity.ERROR if dense else None,
            **sae.at(pointer),
        )


def _without(architecture: str) -> str:
    """What a TopK has no tensors for."""
    own = set(tensor_shapes(architecture, 1, 1) or ()) - set(tensor_shapes("topk", 1, 1) or ())
    return f", and save the weights without {', '.join(sorted(own))}," if own else ""


def _stated_k(sae: SaeFacts) -> str:
    """`: 64`, where the activation's own arguments have it."""
    kwargs = sae.raw.get("activation_fn_kwargs")
    k = kwargs.get("k") if isinstance(kwargs, dict) else None
    return f": {k}" if k is not None else ""


@sae_rule("CFG024", Severity.WARNING, Need.CFG)
def training_says_otherwise(sae: SaeFacts) -> Iterator[Found]:
    """`training_architecture_details` of the metadata says otherwise than the configuration itself.

    SAELens and hubkit keep there what the training was set to: k, d_in, d_sae. What is published has the same sizes, and the same k where it still has one. One of the two is
    of another SAE. An L0 that was trained for is no fact of what came of it, and is not compared.
    """
    details = sae.cfg.training_details if sae.cfg else {}
    for key, true in (("d_in", sae.sae.d_in), ("d_sae", sae.sae.d_sae), ("k", sae.sae.k)):
        stated = details.get(key)
        if isinstance(stated, int) and not isinstance(stated, bool) and true is not None and stated != true:
            yield Found(
                f"training_architecture_details says {key} {stated}, the SAE has {true}",
                f"write {true}",
                **sae.at(f"/metadata/training_architecture_details/{key}"),
                measured={"stated": stated, "true": true},
            )
