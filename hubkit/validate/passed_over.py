"""Weights files that belong to no SAE that was recognised: what was not judged must not look like nothing wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.formats.folder import PARTS, may_be_weights

if TYPE_CHECKING:
    from hubkit.repo.view import Entry
    from hubkit.validate.facts import RepoFacts


def passed_over(repo: RepoFacts) -> list[Entry]:
    """The files that may hold weights and are no SAE's; checkpoints inside an SAE's own folder are its."""
    used = {tensor.path for sae in repo.saes for tensor in sae.sae.tensors.values()}
    used |= {path for sae in repo.saes for path in (sae.sae.weights, *sae.sae.files) if path}
    own = {sae.folder.path for sae in repo.saes}
    return [
        entry
        for entry in repo.entries
        if may_be_weights(entry) and entry.path not in used and not _is_part(entry, own)
    ]


def _is_part(entry: Entry, own: set[str]) -> bool:
    outer, _, last = entry.folder.rpartition("/")
    return last in PARTS and (outer or ".") in own
