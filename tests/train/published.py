"""What becomes of an SAE once it is published: trained, saved, read back through SAELens, validated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.train.member import Member, Trained

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from hubkit.release.pool import PoolManifest
    from hubkit.train.spec import SaeSpec


def fit(spec: SaeSpec, rows: torch.Tensor) -> Trained:
    """One SAE, trained on `rows`."""
    from hubkit.train.stack import train_stack

    (trained,) = train_stack([Member(spec.sae_id, spec, rows)])
    assert isinstance(trained, Trained), trained
    return trained


def saved(trained: Trained, manifest: PoolManifest, rows: torch.Tensor, folder: Path) -> list[str]:
    """Saved, read back through SAELens, and the codes that `hubkit validate` finds."""
    from hubkit.repo.local import open_folder
    from hubkit.train.readback import read_back
    from hubkit.train.save import Origin, save
    from hubkit.validate.finding import Severity
    from hubkit.validate.run import validate
    from hubkit.validate.selection import Selection

    save(trained, Origin(manifest, "all", len(rows), "0" * 64), folder / "sae")
    read_back(trained, rows, folder / "sae")
    report = validate(open_folder(folder), Selection(ignore=("CARD",)))  # there is no card
    return [finding.code for finding in report.findings if finding.severity > Severity.NOTE]
