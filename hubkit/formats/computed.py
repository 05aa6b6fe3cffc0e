"""What an SAE of any family computes, from its files alone: by its own library's definition, or by that of the architecture, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError, UsageError
from hubkit.formats.architectures import TOPK, TRANSCODERS
from hubkit.formats.foreign_forward import definition_of, outputs
from hubkit.formats.forward import DEFINED, NORMALISED, Array, forward
from hubkit.tensors.arrays import whole

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae, Tensor
    from hubkit.repo.view import RepoView

Run = Callable[[Array], tuple[Array, Array]]
"""Rows (n, d_in) to latents (n, d_sae) and reconstruction (n, d_in)."""
PLAIN = {"normalize_activations": "none", "apply_b_dec_to_input": True}


def computation(sae: Sae, view: RepoView) -> Run:
    """What `sae` of `view` computes. Raises UsageError where no definition is known, IncompleteError where its tensors are not there."""
    if "transcoder" in (sae.architecture or ""):
        raise UsageError(
            f"{sae.sae_id}: a {sae.architecture} writes to other activations than it reads, expected an autoencoder"
        )
    definition, cfg = definition_of(sae), _by_architecture(sae)
    if definition is None and cfg is None:
        raise UsageError(
            f"{sae.sae_id}: what a {sae.architecture or 'nameless'} SAE of {sae.family.name} computes is not known here",
            hint="convert it to SAELens's format (hubkit fix), or evaluate it with the library that wrote it",
        )
    missing = sorted(sae.required - sae.tensors.keys())
    if missing or not sae.tensors:
        raise IncompleteError(f"{sae.weights or sae.sae_id}: {', '.join(missing) or 'weights'} is not there")
    if sae.k is None and (definition.written_as if definition else sae.architecture) in TOPK:
        raise UsageError(f"{sae.sae_id}: its files do not say k, expected it in the configuration")
    if definition is not None:
        own = {one.info.name: _stored(view, one) for one in sae.tensors.values()}
        return lambda x: outputs(definition, own, x, sae.k)
    tensors = {
        name: _stored(view, one).T if one.transposed else _stored(view, one)
        for name, one in sae.tensors.items()
    }
    if sae.threshold is not None:
        tensors["threshold"] = sae.threshold.read(view)
    return lambda x: forward(cfg or {}, tensors, x)


def _by_architecture(sae: Sae) -> Mapping[str, Any] | None:
    """The keys that decide what SAELens's definition of the architecture computes; None where that is not this SAE's."""
    if sae.cfg is None:
        return None
    found = PLAIN | dict(sae.cfg.effective) | {"architecture": sae.architecture}
    fits = sae.architecture in DEFINED - TRANSCODERS and found["normalize_activations"] in NORMALISED
    return found if fits else None


def _stored(view: RepoView, tensor: Tensor) -> Array:
    """All values in the shape that the file has, however large."""
    return whole(view, tensor.path, tensor.info)
