"""The corpus as repositories: what the alarm rates and the goldens are taken over. HUBKIT_CORPUS names the folder; nothing of it is committed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.report import Report
from hubkit.validate.run import Selection, validate

FOLDER = Path(os.environ.get("HUBKIT_CORPUS", ""))
THERE = bool(os.environ.get("HUBKIT_CORPUS"))
NOT_A_REPOSITORY = ("CARD001", "RUN")
"""A configuration alone has no card, and weights that are listed and cannot be read."""


@dataclass(frozen=True)
class Sample:
    """One file of the corpus, validated."""

    kind: str
    """`configurations`, `cards` or `generated folders`."""
    name: str
    key: str
    """sha256 of the file: names it without holding it."""
    report: Report

    @property
    def codes(self) -> list[str]:
        """`CFG007 error`, ... of everything found, notes included."""
        return sorted(
            {
                f"{f.code} {f.severity.word}"
                for f in self.report.findings
                if not f.code.startswith(NOT_A_REPOSITORY)
            }
        )


def samples() -> Iterator[Sample]:
    """Every file of the corpus."""
    for record in records():
        data = (FOLDER / str(record["file"])).read_bytes()
        yield Sample("configurations", str(record["file"]), _key(data), validate(repository(record)))
    for path in sorted((FOLDER / "cards").glob("*.md")):
        view = MemoryView(name=path.name, files={"README.md": path.read_bytes()})
        yield Sample("cards", f"cards/{path.name}", _key(path.read_bytes()), validate(view, Selection()))
    for folder in sorted(path.parent for path in (FOLDER / "generated_v6").glob("*/cfg.json")):
        key = _key((folder / "cfg.json").read_bytes() + (folder / "sae_weights.safetensors").read_bytes())
        yield Sample(
            "generated folders", f"generated_v6/{folder.name}", key, validate(open_folder(folder), deep=True)
        )


def _key(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def records() -> list[dict[str, object]]:
    """The lines of the index that have a file."""
    lines = (FOLDER / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for line in lines if (record := json.loads(line)).get("file")]


def repository(record: dict[str, object]) -> MemoryView:
    """The configuration where it stood, with weights that are listed and cannot be read."""
    path = PurePosixPath(str(record["path"]))
    view = MemoryView(
        name=str(record["repo"]), files={str(path): (FOLDER / str(record["file"])).read_bytes()}
    )
    if path.name in {"cfg.json", "config.json", "hyperparams.json"}:
        weights = record.get("weights")
        known = weights if isinstance(weights, dict) else {}
        name = "sae_weights.safetensors" if "saelens-" in str(record.get("format")) else "sae.safetensors"
        view.unreadable[str(path.parent / str(known.get("file", name)))] = int(known.get("size", 1000))
    return view
