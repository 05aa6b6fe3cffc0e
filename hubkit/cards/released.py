"""A release as one value: its SAEs, and what hubkit recorded of them. Read from a folder or by ranges, and judged by nobody: that is the validator's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from hubkit.errors import IncompleteError, NothingFound
from hubkit.release.layout import EVALUATION, POOL_REPORT, PROVENANCE
from hubkit.release.metrics import Evaluation
from hubkit.release.pool_report import PoolReport
from hubkit.release.provenance import Provenance
from hubkit.validate.finding import natural
from hubkit.validate.gather import gather
from hubkit.validate.need import Need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubkit.formats.sae import Sae
    from hubkit.release.metrics import SaeMetrics
    from hubkit.release.model import Artefact
    from hubkit.repo.view import RepoView

A = TypeVar("A", bound="Artefact")


@dataclass(frozen=True)
class Release:
    """What a release holds."""

    view: RepoView
    """Its files: values of a tensor are read through it (`sae.threshold.read(release.view)`)."""
    saes: tuple[Sae, ...]
    """Every SAE of a family that hubkit knows, by id (layer 2 before layer 11)."""
    evaluation: Evaluation | None
    """What hubkit computed; None where there is none, or its record is missing or no longer true."""
    provenance: Provenance | None
    pool: PoolReport | None
    """What its pool came to, where that was recorded."""

    @property
    def revision(self) -> str | None:
        """The commit that was read; None for a folder."""
        return self.view.revision

    def sae(self, sae_id: str) -> Sae:
        """One of them. Raises KeyError for an id that is none."""
        return {one.sae_id: one for one in self.saes}[sae_id]

    def metrics(self, sae_id: str) -> SaeMetrics | None:
        """What was computed of one of them; None where nothing was."""
        return self.evaluation.sae(sae_id) if self.evaluation else None


def read_release(view: RepoView) -> Release:
    """The release that `view` shows: configurations, headers of the weights, hubkit's own files.

    Raises NothingFound without an SAE, IncompleteError where something could not be read, or is damaged.
    """
    found = gather(view, Need.CFG | Need.HEADER)
    unread = dict(found.unread)  # by what is needed, of the target and of each SAE
    for one in found.saes:
        unread |= one.unread
    for reason in unread.values():
        raise IncompleteError(f"{view.name}: {reason}")
    return release_of(view, [one.sae for one in found.saes])


def release_of(view: RepoView, found: Iterable[Sae]) -> Release:
    """The same where its SAEs were read already, as a validation does. Raises NothingFound without an SAE, IncompleteError for a damaged file of hubkit's."""
    saes = sorted((one for one in found if one.is_judged), key=lambda one: natural(one.sae_id))
    if not saes:
        raise NothingFound(
            f"{view.name}: no SAE of a family that hubkit reads", hint=f"hubkit validate {view.name}"
        )
    there, provenance = artefact(view, EVALUATION, Evaluation), artefact(view, PROVENANCE, Provenance)
    return Release(
        view,
        tuple(saes),
        there if is_computed(there, provenance) else None,
        provenance,
        artefact(view, POOL_REPORT, PoolReport),
    )


def artefact(view: RepoView, path: str, kind: type[A]) -> A | None:
    """A file of hubkit's own; None where there is none, or another program's. Raises IncompleteError for a damaged one."""
    entry = view.entry(path)
    return kind.ours(view.read_range(path, 0, entry.size), f"{view.name}/{path}") if entry else None


def is_computed(there: Evaluation | None, provenance: Provenance | None) -> bool:
    """Whether an evaluation.json holds what hubkit computed: by its own record, and by that of provenance.json where it has one."""
    if there is None or there.computed is None or not there.is_computed:
        return False
    other = provenance.evaluation if provenance else None
    return other is None or other.values_sha256 == there.computed.values_sha256
