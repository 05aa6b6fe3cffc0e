"""Fixes of tensors. Every tensor that a fix does not name is copied byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hubkit.fix.content import Piece, Text, rebuilt
from hubkit.fix.legacy import migrated_to_v6
from hubkit.fix.registry import Change, Refusal, Subject, relaid, sae_fix
from hubkit.formats import saelens
from hubkit.release.sae_record import KEY, Rewritten, added
from hubkit.tensors.dtypes import BITS, CFG_NAMES
from hubkit.tensors.header import Header, TensorInfo
from hubkit.validate.facts import WEIGHTS, SaeFacts

SAFETENSORS_NAMES = {cfg: name for name, cfg in CFG_NAMES.items()}
WITHOUT_THRESHOLD = {
    "jumprelu": "standard",
    "jumprelu_transcoder": "transcoder",
    "jumprelu_skip_transcoder": "skip_transcoder",
}


@sae_fix("WTS007", "unsafe")
def turned_back(subject: Subject) -> Change | None:
    """W_enc, W_dec or W_skip saved the other way round are transposed.

    Unsafe: the shapes prove which way SAELens wants them, not that nothing else was turned. Where d_in equals d_sae nothing can tell.
    """
    sae, header = opened(subject)
    shapes = shapes_of(sae)
    if header is None or shapes is None:
        return None
    turned = {
        name
        for name, info in header.tensors.items()
        if len(info.shape) == 2 and info.shape[0] != info.shape[1] and shapes.get(name) == info.shape[::-1]
    }
    if not turned:
        return None
    return rewritten(
        subject, header, lambda info: Piece(info, "transpose" if info.name in turned else "keep")
    )


@sae_fix("WTS008", "safe")
def widened_to_cfg(subject: Subject) -> Change | None:
    """Tensors narrower than cfg's dtype are saved in that dtype: the numbers are the same.

    Changing cfg's dtype would change what is computed: load_from_disk casts to it and computes in it. Narrowing the tensors would change what
    from_pretrained sees, which casts to float32 whatever cfg says. Widening is exact on both ways, so it is the only fix here; the price
    is a larger file. Tensors that are wider than cfg says are left to a person.
    """
    sae, header = opened(subject)
    stated = str(sae.cfg.effective.get("dtype")).removeprefix("torch.") if sae.cfg else ""
    target = SAFETENSORS_NAMES.get(stated)
    if header is None or target is None:
        return None
    others = {
        info.dtype for name, info in header.tensors.items() if name != "threshold" and info.dtype != target
    }
    if not others:
        return None
    if not others <= CFG_NAMES.keys() or any(BITS[dtype] >= BITS[target] for dtype in others):
        raise Refusal(
            f"tensors in {', '.join(sorted(others))}, cfg says {stated}: load_from_disk rounds them to it and from_pretrained does not, "
            "so neither the tensors nor cfg can be changed without changing what one of the two computes"
        )

    def widened(info: TensorInfo) -> Piece:
        narrow = info.dtype in CFG_NAMES and BITS[info.dtype] < BITS[target]
        return Piece(info, "widen", target) if narrow else Piece(info)

    return rewritten(subject, header, widened)


@sae_fix("THR001", "unsafe")
def jumprelu_without_thresholds(subject: Subject) -> Change | None:
    """A JumpReLU whose thresholds are all zero is published as the ReLU it computes: `standard`, without the threshold tensor.

    `training_architecture` says jumprelu and `hubkit.rewritten` names the rule, so the defect stays on record. Two files change, cfg.json first:
    killed between the two, the folder says `standard` with a zero `threshold` beside it. SAELens refuses that state ("Unexpected key"), so it
    is never silently wrong; nothing is lost, and the record in cfg.json with the zeros in the tensor is what `completed` recognises.
    Weights first would leave a JumpReLU without thresholds, of which nobody could tell what they were.
    """
    sae, header = opened(subject)
    if header is None or sae.architecture not in WITHOUT_THRESHOLD or not _all_zero(sae):
        return None
    cfg = (
        dict(sae.raw)
        if saelens.keeps_metadata(sae.raw) and "metadata" in sae.raw
        else migrated_to_v6(sae.raw)
    )
    before = sae.architecture
    metadata: dict[str, Any] = dict(cfg["metadata"])
    metadata["training_architecture"] = metadata.get("training_architecture") or "jumprelu"
    record = Rewritten("THR001", before, WITHOUT_THRESHOLD[before]).written(_value(sae, header))
    metadata[KEY] = added(metadata.get(KEY), {"rewritten": record})
    cfg |= {"architecture": WITHOUT_THRESHOLD[before], "metadata": metadata}
    weights = rewritten(subject, header, lambda info: None if info.name == "threshold" else Piece(info))
    return Change({str(sae.cfg_path): Text(relaid(cfg, sae.cfg_text).encode("utf-8")), **weights.files})


@sae_fix("THR001", "safe", finding="WTS005")
def completed(subject: Subject) -> Change | None:
    """The threshold tensor of an SAE whose cfg.json already records the rewriting, where a run was killed between the two files."""
    sae, header = opened(subject)
    record = sae.sae.training.record.rewritten
    if record is None or record.rule != "THR001" or header is None:
        return None
    if (
        "threshold" not in header.tensors
        or sae.architecture not in WITHOUT_THRESHOLD.values()
        or not _all_zero(sae)
    ):
        return None
    return rewritten(subject, header, lambda info: None if info.name == "threshold" else Piece(info))


def opened(subject: Subject) -> tuple[SaeFacts, Header | None]:
    """The SAE, and its header where it is SAELens's. Raises Refusal where its weights first need SAELens's name."""
    sae = subject.sae
    if not sae.is_saelens or sae.weights is None or sae.document is None:
        return sae, None
    if sae.weights.name != WEIGHTS:
        first = "WTS001" if sae.weights.name.endswith(".safetensors") else "WTS014"
        raise Refusal(f"the weights are {sae.weights.name}: {first} writes them as {WEIGHTS} first")
    return sae, sae.header


def shapes_of(sae: SaeFacts) -> dict[str, tuple[int, ...]] | None:
    """The shapes that SAELens demands of its configuration."""
    return saelens.shapes_of(sae.cfg) if sae.cfg else None


def _all_zero(sae: SaeFacts) -> bool:
    return sae.thresholds is not None and sae.thresholds.size > 0 and not np.any(sae.thresholds)


def _value(sae: SaeFacts, header: Header) -> dict[str, Any]:
    info = header.tensors["threshold"]
    return {
        "value": 0.0,
        "n": int(sae.thresholds.size) if sae.thresholds is not None else 0,
        "dtype": info.dtype,
    }


def rewritten(subject: Subject, header: Header, change: Callable[[TensorInfo], Piece | None]) -> Change:
    """The weights again, every tensor as `change` has it."""
    sae, view = subject.sae, subject.view
    path = sae.weights.path if sae.weights else ""

    def read(start: int, stop: int) -> bytes:
        return view.read_range(path, start, stop)

    return Change({path: rebuilt(read, header, change)})
