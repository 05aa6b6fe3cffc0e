"""Proof at a commit: the remote's files are the plan's, and it validates as the folder did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.publish.errors import hub_errors
from hubkit.publish.plan import PushPlan, same_content
from hubkit.repo.hub import open_repo
from hubkit.validate.report import Report
from hubkit.validate.run import validate

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Verification:
    """What was compared at a commit."""

    repo_id: str
    commit: str
    compared: int
    differing: tuple[str, ...]
    """Files that are missing on the remote, or have other bytes."""
    report: Report
    """`hubkit validate` of the remote, by ranges."""

    @property
    def ok(self) -> bool:
        """Every file is there with the same bytes, and everything could be read."""
        return not self.differing and self.report.complete


def verify(plan: PushPlan, commit: str, api: HfApi) -> Verification:
    """Compare the tree at `commit` with the plan, by checksum, and validate it there."""
    with hub_errors(plan.repo_id):
        info = api.model_info(plan.repo_id, revision=commit, files_metadata=True, timeout=30)
    remote = {sibling.rfilename: sibling for sibling in info.siblings or []}
    differing = tuple(
        f.path
        for f in plan.files
        if f.path not in remote or not same_content(remote[f.path], f.sha256, f.git_oid)
    )
    return Verification(
        plan.repo_id, commit, len(plan.files), differing, validate(open_repo(plan.repo_id, commit, api))
    )


def compare_loaded(
    namespace: Mapping[str, Any], repo_id: str, folder: str, sae_ids: list[str]
) -> dict[str, Any]:
    """Load every SAE from the Hub and from disk with SAELens and compare what they compute. Called after a card's code, in its process.

    Returns how many were loaded, and the largest absolute difference of encode and decode on random inputs (0.0 is expected).
    """
    import torch
    from sae_lens import SAE

    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for sae_id in sae_ids:
        there, here = (
            SAE.from_pretrained(repo_id, sae_id, device="cpu"),
            SAE.load_from_disk(Path(folder) / sae_id, device="cpu"),
        )
        x = torch.randn(64, here.cfg.d_in, generator=generator)
        with torch.no_grad():
            features = here.encode(x)
            worst = max(
                worst,
                (there.encode(x) - features).abs().max().item(),
                (there.decode(features) - here.decode(features)).abs().max().item(),
            )
    first = namespace.get("features")
    return {
        "loaded": len(sae_ids),
        "max_difference": worst,
        "features_shape": list(first.shape) if first is not None else None,
    }
