"""WTS: whole weights, with `--deep`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from packaging.version import Version

from hubkit.errors import IncompleteError
from hubkit.formats import architectures, saelens
from hubkit.formats.sae import DIMENSIONS
from hubkit.formats.strict_json import escape
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.errata import training_version

FIRST_RESCALED = Version("6.14.0")
"""SAELens before this chose the k latents by their activation alone, whatever the norms."""
MULTIPLIED = ("W_enc", "W_dec", "b_dec")
UNIT = 1e-2
"""How far a decoder row's norm may be from 1: bfloat16 rows that were normalised are off by some thousandths."""
OVERSHOOTS = 2.0
"""Squared norm of an atom."""
LARGE = 100
"""Times the median norm."""
TIED_SHARE = 0.5
DUPLICATE_SHARE = 0.001
"""Share of latents in equal rows below which they are chance copies not worth a word."""


@sae_rule("WTS011", Severity.ERROR, Need.WEIGHTS)
def not_finite(sae: SaeFacts) -> Iterator[Found]:
    """A tensor holds NaN or infinity.

    It loads without a word, and every output that touches it is NaN. The training diverged, or a conversion overflowed in float16. A warning, where W_enc, W_dec or
    b_dec has values whose square is more than float32 holds (1.8e19 and more): they are finite, and what is computed with them is not. In b_enc and thresholds they are a way to
    switch latents off.
    """
    judged = {tensor.info.name for canonical, tensor in sae.sae.tensors.items() if canonical in DIMENSIONS}
    for name, tensor in (sae.whole.scan.tensors if sae.whole else {}).items():
        count = tensor.nan + tensor.inf
        if not sae.is_saelens and name not in judged:  # buffers of other families hold NaN until they are set
            continue
        if not count or (name == _threshold_name(sae) and sae.thresholds is not None):  # there THR005 says it
            continue
        first = _index(sae, name, tensor.first_bad or 0)
        kinds = " and ".join(
            f"{n:,} {kind}" for n, kind in ((tensor.nan, "NaN"), (tensor.inf, "infinite")) if n
        )
        yield Found(
            f"{name} has {kinds} of {tensor.values:,} values, the first at {first}",
            "train again with a smaller learning rate, or convert again from the float32 weights",
            path=sae.sae.weights,
            pointer=f"/{escape(name)}",
            measured={"count": count, "nan": tensor.nan, "inf": tensor.inf, "first": first},
        )
    yield from _overflowing(sae)
    for name, reason in (sae.whole.scan.unread if sae.whole else {}).items():
        if sae.is_saelens or name in judged:
            raise IncompleteError(f"{sae.weights.path if sae.weights else sae.sae_id}: {reason}")


def _overflowing(sae: SaeFacts) -> Iterator[Found]:
    """Values that are finite themselves, and nothing that is computed with them."""
    scanned = sae.whole.scan.tensors if sae.whole else {}
    for canonical in MULTIPLIED:
        tensor = sae.sae.tensors.get(canonical)
        found = scanned.get(tensor.info.name) if tensor else None
        if tensor and found and found.huge:
            yield Found(
                f"{tensor.info.name} has {found.huge:,} of {found.values:,} values beyond 1.8e19: their square is more than float32 holds",
                "train again with a smaller learning rate, or convert again from the float32 weights: such a value is no weight",
                path=sae.sae.weights,
                pointer=f"/{escape(tensor.info.name)}",
                severity=Severity.WARNING,
                measured={"huge": found.huge},
                identity="huge",
            )


def _threshold_name(sae: SaeFacts) -> str | None:
    tensor = sae.sae.threshold.tensor if sae.sae.threshold else None
    return tensor.info.name if tensor else None


def _index(sae: SaeFacts, name: str, flat: int) -> list[int]:
    shape = sae.header.tensors[name].shape if sae.header else ()
    return [int(i) for i in np.unravel_index(flat, shape)] if shape else []


@sae_rule("WTS012", Severity.WARNING, Need.WEIGHTS)
def decoder_norms(sae: SaeFacts) -> Iterator[Found]:
    """Decoder rows whose norms change what the SAE means.

    A TopK trained with `rescale_acts_by_decoder_norm` chooses its k latents by activation x norm; saved unfolded and without that key, SAELens chooses by
    the activation alone: another selection. Matching pursuit needs atoms of a norm below 1.41. In any architecture a zero row is a latent that writes nothing (all of them: an error), and a row far longer than the
    others (100 x the median) is usually a decoder that grew to cheat the penalty.
    """
    norms = sae.whole.norms("W_dec") if sae.whole else None
    if norms is None or not np.isfinite(norms).all() or norms.size == 0:
        return
    yield from _unit(sae, norms)
    zero, median = int((norms == 0).sum()), _median(norms)
    place = sae.in_weights("W_dec")
    measured = {"min": float(norms.min()), "median": median, "max": float(norms.max()), "zero_rows": zero}
    if zero:
        yield Found(
            f"{zero:,} of {norms.size:,} decoder rows are zero: those latents write nothing",
            "save the SAE without those latents (and with a smaller d_sae), or say in the card that they are dead",
            **place,
            measured=measured,
            identity="zero",
            severity=Severity.ERROR if zero == norms.size else None,  # whatever goes in, b_dec comes out
        )
    if median > 0 and norms.max() > LARGE * median:
        count, at = int((norms > LARGE * median).sum()), int(norms.argmax())
        yield Found(
            f"{count:,} decoder rows are over {LARGE} x the median norm {median:.4g}; latent {at} has {norms.max():.4g}",
            "train again with decoder rows of norm 1: one that grows without bound cheats the sparsity penalty",
            **place,
            measured=measured | {"latent": at},
            identity="large",
        )


def _median(values: np.ndarray) -> float:
    """np.median's first call imports numpy.ma, 12 ms of a run that takes 250."""
    ordered = np.sort(values)
    return float(ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) / 2


def _unit(sae: SaeFacts, norms: np.ndarray) -> Iterator[Found]:
    cfg = sae.cfg
    if sae.architecture == "matching_pursuit":
        yield from _atoms(sae, norms)
    if cfg is None or cfg.architecture not in architectures.TOPK or cfg.layout != "v6":
        return
    version = training_version(cfg)
    if "rescale_acts_by_decoder_norm" in sae.raw or (version and version < FIRST_RESCALED):
        return
    shapes = saelens.shapes_of(cfg)
    if shapes is not None and not sae.sae.tensors.keys() <= shapes.keys():
        return  # another architecture's tensors: WTS005
    live = norms[norms > 0]
    off = int((np.abs(live - 1) > UNIT).sum())
    if off > live.size * 0.01:
        yield Found(
            f"{off:,} of {norms.size:,} decoder rows have a norm other than 1 ({live.min():.4g} to {live.max():.4g}), and rescale_acts_by_decoder_norm is not written",
            "write rescale_acts_by_decoder_norm as it was in the training, or fold the norms (fold_W_dec_norm)",
            **sae.in_weights("W_dec"),
            measured={"min": float(live.min()), "max": float(live.max()), "off": off},
            identity="unit",
        )


def _atoms(sae: SaeFacts, norms: np.ndarray) -> Iterator[Found]:
    """Matching pursuit takes <residual, atom> along each atom, norm squared times the right step: from a squared norm of 2 on the residual grows.

    A training starts at norms of 1 and drifts around them.
    """
    off = int((norms**2 >= OVERSHOOTS).sum())
    if off > norms.size * 0.01:
        yield Found(
            f"{off:,} of {norms.size:,} atoms have a norm above 1.41 (up to {norms.max():.4g}): a step along them makes the residual larger",
            "divide the rows of W_dec by their norms before saving, if the training did",
            **sae.in_weights("W_dec"),
            measured={"max": float(norms.max()), "off": off},
            identity="unit",
        )


@sae_rule("WTS013", Severity.NOTE, Need.WEIGHTS)
def untrained_latents(sae: SaeFacts) -> Iterator[Found]:
    """Latents that no training touched: identical decoder rows or encoder columns, zero columns, an encoder that still is the decoder's transpose.

    SAELens initialises W_enc as the transpose of W_dec; where most columns still equal their row, those latents never received a gradient.
    Identical rows or columns are copies: latents that write, or read, one direction; a warning where they are more than half. A zero column fires on its bias alone; where all are zero, an error, the latents are the same for every input.
    """
    whole = sae.whole
    if whole is None:
        return
    rows, columns = whole.norms("W_dec"), whole.norms("W_enc")
    for name, lines, norms, copies in (
        ("W_dec", "decoder rows are copies of another row", rows, whole.copies),
        ("W_enc", "encoder columns are copies of another column", columns, whole.encoder_copies),
    ):
        if norms is not None and copies and copies > max(1, norms.size * DUPLICATE_SHARE):
            mostly = Severity.WARNING if copies * 2 > norms.size else None
            text = f"{copies:,} of {norms.size:,} {lines}"
            yield _note(sae, name, text, copies, "copies" if name == "W_enc" else "", mostly)
    if columns is not None and (zero := int((columns == 0).sum())):
        every = Severity.ERROR if zero == columns.size else None  # the latents are the same for every input
        yield _note(sae, "W_enc", f"{zero:,} of {columns.size:,} encoder columns are zero", zero, "", every)
    if rows is not None and whole.tied is not None and whole.tied > TIED_SHARE:
        text = f"about {whole.tied:.0%} of the encoder columns equal their decoder row: untouched since initialisation"
        yield _note(sae, "W_enc", text, round(whole.tied * rows.size), "tied")


def _note(
    sae: SaeFacts, tensor: str, text: str, count: int, identity: str = "", severity: Severity | None = None
) -> Found:
    return Found(
        text,
        "count them as dead in the card, or save the SAE without them (and with a smaller d_sae)"
        if severity is None
        else "train it again: it has far fewer latents than d_sae says; or save each of them once (with a smaller d_sae)",
        **sae.in_weights(tensor),
        measured={"count": count},
        identity=identity,
        severity=severity,
    )
