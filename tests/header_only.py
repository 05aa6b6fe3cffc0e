"""Weights of their full size of which only header and thresholds exist: as large as real ones, and nothing to hold."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from builders import cfg

from hubkit.formats.saelens import tensor_shapes
from hubkit.repo.memory import MemoryView
from hubkit.repo.view import Entry


@dataclass(frozen=True)
class Cell:
    """One SAE of a release."""

    sae_id: str
    architecture: str
    hook_name: str
    condition: str = "mixed"
    threshold: float = 0.1
    k: int = 64


@dataclass
class HeaderOnlyView(MemoryView):
    """`files` hold the beginning of the weights, `unreadable` their size; what lies behind reads as zeros."""

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        if entry.path not in self.unreadable:
            return super()._read_range(entry, start, stop)
        return self.files[entry.path][start:stop].ljust(min(stop, entry.size) - start, b"\0")


def release(
    name: str, readme: bytes, cells: Iterable[Cell], d_in: int, d_sae: int, model: str
) -> HeaderOnlyView:
    """A card beside SAEs in SAELens's format, with an evaluation nobody judges."""
    view = HeaderOnlyView(name=name, files={"README.md": readme, "evaluation.json": b"{}"})
    for cell in cells:
        metadata = {
            "model_name": model, "hook_name": cell.hook_name, "training_condition": cell.condition, "training_architecture": cell.architecture,
        }  # fmt: skip
        extra: dict[str, Any] = {"k": cell.k} if cell.architecture == "topk" else {}
        folder = f"{cell.sae_id}/" if cell.sae_id != "." else ""
        view.files[f"{folder}cfg.json"] = json.dumps(
            cfg(cell.architecture, d_in=d_in, d_sae=d_sae, metadata=metadata, **extra)
        ).encode()
        head, size = _weights(cell, d_in, d_sae)
        view.files[f"{folder}sae_weights.safetensors"] = head
        view.unreadable[f"{folder}sae_weights.safetensors"] = size
    return view


def _weights(cell: Cell, d_in: int, d_sae: int) -> tuple[bytes, int]:
    """The file up to the end of its thresholds, and the size of the whole."""
    shapes = tensor_shapes(cell.architecture, d_in, d_sae)
    assert shapes is not None
    header: dict[str, object] = {}
    end = 0
    for name, shape in sorted(shapes.items(), key=lambda item: item[0] != "threshold"):
        begin, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    values = (
        np.linspace(cell.threshold, 2 * cell.threshold, d_sae, dtype=np.float32)
        if "threshold" in shapes
        else np.zeros(0, np.float32)
    )
    return len(text).to_bytes(8, "little") + text + values.tobytes(), 8 + len(text) + end
