"""WTS: which tensors there are and what they are called, from the header of the weights file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hubkit.formats import architectures, saelens
from hubkit.formats.sae import BATCH_TOPK, THRESHOLDED
from hubkit.formats.tensor_names import common_prefix, meant, shards_of
from hubkit.repo.view import Entry
from hubkit.tensors.header import TensorInfo
from hubkit.validate.facts import WEIGHTS, SaeFacts
from hubkit.validate.finding import Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule

SCALING = "scaling_factor"


@sae_rule("WTS001", Severity.ERROR, Need.TREE, fix="safe")
def configuration_without_weights(sae: SaeFacts) -> Iterator[Found]:
    """The folder has a configuration and no weights, or not under the name that SAELens looks for.

    SAELens opens `sae_weights.safetensors` and nothing else: no other name, no parts of a state that was split (`...-00001-of-00002.safetensors` with
    an index). The fix writes that file beside what is there, bit for bit; what was there stays for a person to remove.
    """
    if sae.cfg_path is None or not sae.is_saelens or WEIGHTS in sae.files:
        return
    if sae.weights is None:
        yield Found(
            "cfg.json has no weights beside it", f"add {WEIGHTS}, or remove the folder", path=sae.cfg_path
        )
    elif sae.sae.files:
        yield _split(sae, sae.weights)
    elif sae.weights.name.endswith(".safetensors"):
        yield Found(
            f"the weights are called {sae.weights.name}; SAELens looks for {WEIGHTS}",
            f"rename the file to {WEIGHTS}, or {mend('WTS001')}, which writes it beside yours",
            path=sae.weights.path,
            fix="safe",
        )
    else:
        yield Found(
            f"the weights are {sae.weights.name}; SAELens looks for {WEIGHTS}",
            f"{mend('WTS014')} writes {WEIGHTS} beside it",
            path=sae.weights.path,
        )


def _split(sae: SaeFacts, weights: Entry) -> Found:
    """Weights in parts: together they are whole, or a part is not there."""
    names, count = shards_of(weights.name, sae.files)
    said = f"the weights are split over {count} files ({names[0]}, ...); SAELens looks for {WEIGHTS} alone"
    if len(names) != count:
        numbers = {int(name.rpartition("-of-")[0][-5:]) for name in names}
        missing = ", ".join(str(number) for number in range(1, count + 1) if number not in numbers)
        return Found(
            f"{said}; part {missing} is not there",
            f"add the missing part, then {mend('WTS001')} merges them",
            path=weights.path,
        )
    return Found(
        said,
        f"{mend('WTS001')} merges them into {WEIGHTS}; the parts stay for you to remove",
        path=weights.path,
        fix="safe",
    )


def shapes_of(sae: SaeFacts) -> dict[str, tuple[int, ...]] | None:
    return saelens.shapes_of(sae.cfg) if sae.cfg else None


def tensors_of(sae: SaeFacts) -> Mapping[str, TensorInfo]:
    """By the names that they would have without what stands before all of them: WTS004 says that once."""
    return {name: tensor.info for name, tensor in sae.sae.tensors.items()} if sae.header else {}


def prefix_of(sae: SaeFacts) -> str:
    """What stands before the name of every tensor; empty where nothing does."""
    return common_prefix(tensor.info.name for tensor in sae.sae.tensors.values())


@sae_rule("WTS004", Severity.ERROR, Need.CFG | Need.HEADER, fix="safe")
def tensor_missing(sae: SaeFacts) -> Iterator[Found]:
    """A tensor that the architecture needs is missing, or has another name: loading raises "Missing key(s) in state_dict".

    A wrapper's prefix before every name (`module.` of DataParallel, `_orig_mod.` of torch.compile, `state_dict.`, `sae.` of a training script) is one
    finding, and the fix takes it off. Two `nn.Linear` keep the same numbers under other names, the matrices the other way round: where names and shapes
    leave one reading, the fix renames and turns them, which a person must have meant.
    """
    shapes, tensors = shapes_of(sae), tensors_of(sae)
    if shapes is None or sae.header is None or sae.weights is None:
        return
    if prefix := prefix_of(sae):
        yield Found(
            f"every tensor's name begins with {prefix!r}: SAELens finds none of them",
            f"{mend('WTS004')} takes the prefix off and keeps every bit",
            path=sae.weights.path,
            identity="prefix",
            fix="safe",
        )
    missing = [name for name in shapes if name not in tensors]
    if not missing:
        return
    renamed = meant({name: info.shape for name, info in tensors.items()}, shapes)
    covered = set(missing) <= {name for name, _ in renamed.values()}
    yield Found(
        f"{sae.architecture} needs {', '.join(missing)}; the file has {', '.join(tensors) or 'no tensors'}",
        _about_missing(missing, tensors, renamed),
        **sae.in_weights(missing[0]),
        fix="unsafe" if covered else None,
    )


def _about_missing(
    missing: list[str], tensors: Mapping[str, TensorInfo], renamed: Mapping[str, tuple[str, bool]]
) -> str:
    """What helps: the names that are meant, the exponential of a log-threshold, or the training's own export."""
    if renamed:
        listed = ", ".join(
            f"{own} to {name}{' (transposed)' if turned else ''}" for own, (name, turned) in renamed.items()
        )
        rest = [name for name in missing if name not in {name for name, _ in renamed.values()}]
        more = f", and add {', '.join(rest)}" if rest else f": {mend('WTS004', unsafe=True)}"
        return f"rename {listed}{more}"
    if missing == ["threshold"] and "log_threshold" in tensors:
        return "SAELens before 6.48 trained log_threshold: save exp(log_threshold) as threshold, and log_threshold not at all"
    return (
        f"save the SAE again with {', '.join(missing)}, or correct the architecture if it never had "
        f"{'it' if len(missing) == 1 else 'them'}"
    )


@sae_rule("WTS005", Severity.ERROR, Need.CFG | Need.HEADER | Need.THRESHOLD, fix="safe")
def tensor_unexpected(sae: SaeFacts) -> Iterator[Found]:
    """A tensor is there that makes loading raise "Unexpected key(s) in state_dict".

    SAELens loads strictly: `b_enc` in gated, `threshold` in standard or topk, `b_dec_out`, `log_threshold`, `topk_threshold`. A prefix before every name is
    WTS004. SAELens 2 and 3 wrote a `scaling_factor`: load_from_disk takes it out where every value is 1, and raises where one is not. A `k` that says what
    cfg.json says is taken out by the fix; one that says something else is a contradiction, and a person must find out which is right.
    """
    shapes, tensors = shapes_of(sae), tensors_of(sae)
    if shapes is None or sae.weights is None:
        return
    renamed = meant({name: info.shape for name, info in tensors.items()}, shapes)
    extra = [name for name in tensors if name not in shapes and name != SCALING and name not in renamed]
    if sae.scaling is not None and SCALING not in shapes and not np.allclose(sae.scaling, 1.0):
        yield Found(
            f"{SCALING} is not all ones ({np.min(sae.scaling):.4g} to {np.max(sae.scaling):.4g}): loading raises",
            "multiply the rows of W_dec by it if the training used it, and save the file without the tensor",
            **sae.in_weights(SCALING),
            identity=SCALING,
        )
    if not extra:
        return
    if sae.stored_k is not None and extra == ["k"]:
        yield _stored_k(sae, sae.stored_k)
        return
    yield Found(
        f"{', '.join(extra)}: a {sae.architecture} has no such tensor",
        _about_extra(sae, extra, [name for name in shapes if name not in tensors]),
        **sae.in_weights(extra[0]),
    )


MEANT = ("jumprelu", "gated", "skip_transcoder")
"""Architectures that a tensor more makes of another."""


def _about_extra(sae: SaeFacts, extra: list[str], missing: list[str]) -> str:
    """A tensor says what the SAE was trained as, where all tensors of that architecture are there; only one that says nothing may go."""
    names = ", ".join(extra)
    if missing:
        return f"see WTS004: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; save the file without {names}"
    other = next(
        (name for name in MEANT if set(tensors_of(sae)) == set(saelens.tensor_shapes(name, 1, 1, 1) or ())),
        None,
    )
    if other is None:
        return f"save the file without {names}"
    of_topk = sae.architecture in architectures.TOPK
    keys = [key for key in ("k", "rescale_acts_by_decoder_norm") if of_topk and key in sae.raw]
    more = f" and take out {', '.join(keys)}" if keys else ""
    more += (
        ' with "d_out", "hook_name_out" and "apply_b_dec_to_input": false'
        if other == "skip_transcoder"
        else ""
    )
    if other == "jumprelu" and of_topk:
        trained = sae.sae.training.architecture
        if trained in architectures.TOPK and trained not in BATCH_TOPK:
            return f"save the file without {names}: it was trained as {trained}, which keeps k latents a row"
        if trained in BATCH_TOPK:
            return f'write "architecture": "jumprelu"{more}: it was trained as {trained}, whose inference compares with the threshold'
        return (
            f'write "architecture": "jumprelu"{more} if it was trained as a BatchTopK, whose inference compares with the threshold; '
            f"save the file without {names} if it keeps k latents a row"
        )
    return (
        f'write "architecture": "{other}"{more} if it was trained as one; else save the file without {names}'
    )


def _stored_k(sae: SaeFacts, stored: int) -> Found:
    """A buffer that other libraries keep beside the weights; whether it may go depends on what cfg.json says."""
    stated = sae.sae.k
    if stated is not None and stated != stored:
        message = f"a tensor k says {stored}, cfg.json says {stated}; loading raises"
        hint = (
            f'find out whether the SAE was trained with k = {stored} or {stated} and write "k" into cfg.json; '
            f"if it was {stored}, {mend('WTS005')} then takes the tensor out, else save the weights without it"
        )
    elif stated is None:
        message = f"a tensor k ({stored}): a {sae.architecture} of SAELens has none, loading raises"
        hint = f'write "k": {stored} into cfg.json, then {mend("WTS005")} takes the tensor out'
        if sae.architecture not in architectures.TOPK:
            hint = f'write "architecture": "topk" and "k": {stored} if it was trained as one; else save the weights without k'
    else:
        message = f"a tensor k ({stored}) beside the same k in cfg.json: loading raises"
        hint = f"{mend('WTS005')} takes the tensor out"
    return Found(
        message,
        hint,
        **sae.in_weights("k"),
        measured={"tensor": stored, "cfg": stated},
        fix="safe" if stated == stored else None,
    )


INTEGERS = {"I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "BOOL"}


def integer_weights(sae: SaeFacts) -> list[str]:
    """The matrices that are stored as whole numbers."""
    tensors = sae.sae.tensors
    return [
        name
        for name in ("W_enc", "W_dec", "W_skip")
        if name in tensors and tensors[name].info.dtype in INTEGERS
    ]


def integer_threshold(sae: SaeFacts) -> str | None:
    """The format of a threshold that is stored as whole numbers, where inference compares with it; None for any other."""
    dtype = sae.sae.threshold.dtype if sae.sae.threshold else None
    return dtype if dtype in INTEGERS and sae.architecture in THRESHOLDED else None


@sae_rule("WTS018", Severity.ERROR, Need.HEADER)
def weights_are_integers(sae: SaeFacts) -> Iterator[Found]:
    """The matrices are stored as integers: nothing can be computed from them without their scales.

    A quantized weight is an integer times a scale (and a zero point) that lie in tensors of their own. SAELens casts the integers to cfg's dtype and computes
    with them as they are, without a word. Thresholds likewise: true is 1 and false 0 once they are loaded, which no training ends at; other integers are a warning, for they may have been
    typed in.
    """
    if kind := integer_threshold(sae):
        logic = kind == "BOOL"
        yield Found(
            "the thresholds are stored as BOOL: true is 1 once it is loaded, and false 0, whatever was trained"
            if logic
            else f"the thresholds are stored as {kind}: they are whole numbers once they are loaded",
            "save the thresholds as the floating-point numbers that were trained, in the dtype of the encoder",
            **sae.at_threshold(),
            severity=None if logic else Severity.WARNING,
            identity="threshold",
        )
    names = integer_weights(sae)
    if names:
        kinds = " and ".join(sorted({sae.sae.tensors[name].info.dtype for name in names}))
        yield Found(
            f"{', '.join(names)} are stored as {kinds}: without their scales no number of them means anything",
            _about_integers(sae, names),
            **sae.in_weights(names[0]),
        )


def _about_integers(sae: SaeFacts, names: list[str]) -> str:
    """Where the scales are, if they are in the file; the numbers that were trained are better in any case."""
    scales = [
        tensor.info.name
        for name, tensor in sae.sae.tensors.items()
        if "scale" in name.lower() or "zero" in name.lower()
    ]
    found = f", or integer x scale ({', '.join(scales)})" if scales else ""
    what = ", ".join(names)
    return (
        f"save {what} as the floating-point numbers that were trained{found}, in the dtype that cfg.json says"
    )
