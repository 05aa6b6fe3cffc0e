"""Repositories of tiny SAEs on a local Hub, made with the real client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from builders import D_IN, README, cfg, tensors
from huggingface_hub import CommitOperationAdd, HfApi
from safetensors.numpy import save

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER = "lab"


def sae_files(
    count: int, zero: int = 0, *, d_sae: int = 32, architectures: tuple[str, ...] = ("jumprelu", "topk")
) -> dict[str, bytes]:
    """`count` SAEs of `architectures` in turn; the thresholds of the first `zero` JumpReLUs never moved."""
    files = {"README.md": README.encode(), "evaluation.json": b"{}"}
    for number in range(count):
        architecture = architectures[number % len(architectures)]
        values = tensors(architecture, D_IN, d_sae)
        if "threshold" in values:
            values["threshold"] *= 0 if number // len(architectures) < zero else 1 + number / 1000
        folder = f"layer_{number:02d}"
        files[f"{folder}/cfg.json"] = json.dumps(cfg(architecture, d_sae=d_sae)).encode()
        files[f"{folder}/sae_weights.safetensors"] = save(values)
    return files


def publish(api: HfApi, repo_id: str, files: Mapping[str, bytes]) -> str:
    """One commit with `files`; gives its id."""
    api.create_repo(repo_id, exist_ok=True)
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit(repo_id, operations, commit_message="add").oid
