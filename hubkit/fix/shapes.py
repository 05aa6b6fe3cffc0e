"""Fixes of tensors that hold the right values in a wrong shape."""

from __future__ import annotations

from hubkit.fix.content import Piece
from hubkit.fix.registry import Change, Subject, sae_fix
from hubkit.fix.weights import opened, rewritten, shapes_of
from hubkit.tensors.header import TensorInfo
from hubkit.validate.finding import FixKind
from hubkit.validate.rules.wts_shapes import how_reshaped, is_scalar, without_ones


@sae_fix("WTS006", "safe")
def without_axes_of_one(subject: Subject) -> Change | None:
    """`b_dec [1, d_in]` becomes `[d_in]`: the same bits. The one threshold of a BatchTopK is repeated for every latent, as SAELens's own export does."""
    return _reshaped(subject, "safe")


@sae_fix("WTS006", "unsafe")
def threshold_for_every_latent(subject: Subject) -> Change | None:
    """One threshold for all latents is repeated for each.

    Unsafe: `pre > threshold` is the same for one number and for d_sae equal ones; that the author's code compared like this is an assumption.
    """
    return _reshaped(subject, "unsafe")


def _reshaped(subject: Subject, kind: FixKind) -> Change | None:
    sae, header = opened(subject)
    shapes = shapes_of(sae)
    if header is None or shapes is None or how_reshaped(sae) != kind:
        return None
    own = {tensor.info.name: name for name, tensor in sae.sae.tensors.items()}

    def change(info: TensorInfo) -> Piece:
        name = own[info.name]
        expected = shapes.get(name, info.shape)
        if info.shape == expected:
            return Piece(info)
        if is_scalar(name, info.shape):
            return Piece(info, "repeat", shape=expected)
        same = without_ones(info.shape) == without_ones(expected)
        return Piece(info, shape=expected) if same else Piece(info)

    return rewritten(subject, header, change)
