"""SAE folders on disk for the tests of fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builders
import numpy as np
from safetensors.numpy import save_file

from hubkit.fix.run import Plan, apply_fix, planned
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.run import validate

SAE = builders.FOLDER


def sae(
    root: Path, cfg: Any = None, tensors: Any = None, folder: str = SAE, readme: str | None = builders.README
) -> Path:
    """A folder with one SAE; `cfg` may be a dict, text or None for a good one."""
    cfg = builders.cfg() if cfg is None else cfg
    place = root / folder
    place.mkdir(parents=True, exist_ok=True)
    if readme is not None:
        (root / "README.md").write_bytes(readme.encode())
    (place / "cfg.json").write_bytes((cfg if isinstance(cfg, str) else json.dumps(cfg, indent=2)).encode())
    if tensors is None:
        tensors = builders.tensors(cfg["architecture"] if isinstance(cfg, dict) else "jumprelu")
    if tensors is not builders.GONE:
        save_file(tensors, place / "sae_weights.safetensors")
    return place


def zero(architecture: str = "jumprelu", sign: float = 1.0, **changes: Any) -> dict[str, np.ndarray]:
    """A JumpReLU that never learned."""
    return builders.tensors(
        architecture, threshold=np.zeros(builders.D_SAE, np.float32) * np.float32(sign), **changes
    )


def fixed(root: Path, select: str = "", *, unsafe: bool = False) -> Plan:
    """Plan and write."""
    view = open_folder(root)
    with planned(view, tuple(filter(None, select.split(","))), unsafe=unsafe) as plan:
        for one in plan.fixes:
            apply_fix(view, one)
    return plan


def read(place: Path) -> dict[str, Any]:
    """cfg.json."""
    found: dict[str, Any] = json.loads((place / "cfg.json").read_bytes())
    return found


OURS = ("CFG", "WTS", "THR", "SEC", "CARD003", "CARD012", "RUN001")


def codes(root: Path) -> list[str]:
    """The errors and warnings that the rooms of these fixes could cause, sorted."""
    return sorted(f.code for f in validate(open_folder(root)).findings if counts(f))


def counts(finding: Finding) -> bool:
    """Whether a finding is one of those."""
    return finding.code.startswith(OURS) and finding.severity >= Severity.WARNING


def contents(root: Path) -> dict[str, bytes]:
    """Every file, hidden ones too."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
