"""What the make_*.py scripts share: plausible weights, and the one list of what each folder is. Never run in tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "EXPECTED.json"
D_IN, D_SAE, D_OUT, K = 16, 64, 24, 4

KEYS = (
    "folder",
    "sae_id",
    "family",
    "layout",
    "judged",
    "architecture",
    "d_in",
    "d_sae",
    "d_out",
    "k",
    "hook",
    "layer",
    "model",
    "threshold",
    "loader",
)


def fresh(family: str) -> Path:
    """An empty folder for `family`; its entries leave EXPECTED.json."""
    folder = HERE / family
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _write([entry for entry in read() if entry["folder"].split("/")[0] != family])
    return folder


def read() -> list[dict[str, Any]]:
    """What EXPECTED.json says now."""
    return json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.is_file() else []


def expect(**entry: Any) -> None:
    """Add one SAE to EXPECTED.json. What is not said is null; `d_out` is then `d_in`, `sae_id` is `.`, `judged` true."""
    unknown = entry.keys() - set(KEYS)
    if unknown:
        raise KeyError(sorted(unknown))
    row = {key: entry.get(key) for key in KEYS}
    row["sae_id"] = entry.get("sae_id", ".")
    row["judged"] = entry.get("judged", True)
    if "d_out" not in entry:
        row["d_out"] = row["d_in"]
    _write([*read(), row])


def _write(entries: list[dict[str, Any]]) -> None:
    ordered = sorted(entries, key=lambda entry: (entry["folder"], entry["sae_id"]))
    EXPECTED.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def weights(
    seed: int, d_in: int = D_IN, d_sae: int = D_SAE, d_out: int | None = None, *, dtype: str = "float32"
) -> dict[str, np.ndarray]:
    """Weights as training leaves them: unit decoder rows, an encoder that looks like the decoder, a negative b_enc, varied thresholds.

    W_enc [d_in, d_sae], W_dec [d_sae, d_out], b_enc, threshold [d_sae], b_dec [d_out], W_skip [d_out, d_in].
    """
    rng = np.random.default_rng(seed)
    out = d_in if d_out is None else d_out
    decoder = rng.standard_normal((d_sae, out))
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    if out == d_in:
        encoder = decoder.T * rng.uniform(0.7, 1.3, d_sae) + 0.08 * rng.standard_normal((d_in, d_sae))
    else:
        encoder = rng.standard_normal((d_in, d_sae)) / np.sqrt(d_in)
    found = {
        "W_enc": encoder,
        "W_dec": decoder,
        "b_enc": -np.abs(0.2 * rng.standard_normal(d_sae)) - 0.05,
        "b_dec": 0.3 * rng.standard_normal(out),
        "threshold": np.exp(rng.normal(-0.4, 0.35, d_sae)),
        "W_skip": 0.3 * rng.standard_normal((out, d_in)) / np.sqrt(d_in),
    }
    return {name: value.astype(dtype) for name, value in found.items()}


def sparse_batch(rng: np.random.Generator, rows: int, width: int = D_IN, causes: int = 48) -> np.ndarray:
    """Rows made of a few of `causes` fixed directions each, plus noise: something that an SAE can learn."""
    directions = np.random.default_rng(7).standard_normal((causes, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    active = rng.random((rows, causes)) < 3 / causes
    strength = rng.gamma(4.0, 0.5, (rows, causes))
    return ((active * strength) @ directions + 0.02 * rng.standard_normal((rows, width)) + 0.1).astype(
        np.float32
    )
