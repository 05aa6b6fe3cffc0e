"""Tensors of an SAE without a configuration that is known: what they are can be judged, what they belong to cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hubkit.formats.family import Family
from hubkit.formats.foreign import (
    LINEAR,
    Sizes,
    is_converted,
    layer_of_path,
    one_threshold,
    sizes_of,
    under_known_names,
)
from hubkit.formats.sae import Sae, Tensor
from hubkit.formats.tensor_names import common_prefix
from hubkit.release.layout import WEIGHTS

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head

MOST_TENSORS = 16
"""An SAE has a handful; a model that has layers called encoder and decoder has more."""


def _has_both_matrices(head: Head) -> bool:
    """An encoder and a decoder that fit each other, under SAELens's names or those of two linear layers; SAELens's own file is SAELens's."""
    if head.entry.name == WEIGHTS or not 2 <= len(head.shapes) <= MOST_TENSORS:
        return False
    tensors = _tensors(head)
    pair = [tensors[name].shape for name in ("W_enc", "W_dec") if name in tensors]
    return len(pair) == 2 and all(len(shape) == 2 for shape in pair) and bool(set(pair[0]) & set(pair[1]))


def _tensors(head: Head) -> dict[str, Tensor]:
    """By SAELens's names, those of two linear layers too; without what a training script put before all of them (`state_dict.`)."""
    prefix = common_prefix(head.shapes)
    return under_known_names(head, {f"{prefix}{own}": name for own, name in LINEAR.items()}, prefix)


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """Every file of the folder that holds one. One that is alone goes by its folder, several by their names.

    What lies under `state_dict.` inside a folder with a configuration is that one's: a checkpoint of a library which is only named.
    """
    configured = folder.outer is not None and folder.outer.config_entry is not None
    heads = [
        head
        for head in folder.heads(identifying=True)
        if _has_both_matrices(head)
        and not is_converted(folder, head.entry)
        and not (configured and common_prefix(head.shapes))
    ]
    for head in heads:
        tensors = _tensors(head)
        sizes = sizes_of(tensors)
        tensors = _as_they_lie(tensors, sizes)
        alone = len(heads) == 1 and folder.path != "."
        yield Sae(
            folder.path if alone else head.entry.path.rpartition(".")[0],
            family,
            "weights only",
            architecture=_architecture(set(tensors)),
            d_in=sizes.d_in,
            d_sae=sizes.d_sae,
            stated_layer=layer_of_path(head.entry.path),
            weights=head.entry.path,
            tensors=tensors,
            threshold=one_threshold(tensors),
        )


def _as_they_lie(tensors: dict[str, Tensor], sizes: Sizes) -> dict[str, Tensor]:
    """Both matrices the other way round is the way of code that calls `nn.Linear`'s by SAELens's names; one alone is a contradiction (CFG022)."""
    turned = {"W_enc": (sizes.d_sae, sizes.d_in), "W_dec": (sizes.d_in, sizes.d_sae)}
    if sizes.d_in == sizes.d_sae or any(tensors[name].shape != shape for name, shape in turned.items()):
        return tensors
    return tensors | {
        name: replace(tensors[name], transposed=not tensors[name].transposed) for name in turned
    }


def _architecture(names: set[str]) -> str | None:
    """What only its tensors can tell."""
    return "jumprelu" if "threshold" in names else "gated" if {"b_gate", "r_mag"} <= names else None


FAMILY = Family(
    "unnamed", "the code of its own repository", read, detect_head=_has_both_matrices, turn="last"
)
