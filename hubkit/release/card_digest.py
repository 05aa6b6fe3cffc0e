"""The digests by which a card is found to be stale: of what it was written from, as far as a validation reads it anyway.

`texts` covers every cfg.json and evaluation.json; `weights` the checksums of the weights, which the Hub's listing gives without a download; `settings` what card.yaml said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubkit.release.digests import sha256_of_json

KEY = "hubkit"
"""The front matter's key that holds them."""


@dataclass(frozen=True)
class RecordedDigests:
    """What a card's front matter records; None where it records nothing."""

    texts: str | None = None
    weights: str | None = None
    settings: str | None = None


def settings_digest(values: Mapping[str, Any]) -> str:
    """Of what card.yaml says, whatever its layout, its comments and the order of its keys."""
    return hashlib.sha256(
        json.dumps(values, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    ).hexdigest()


def texts_digest(files: Mapping[str, bytes]) -> str:
    """Of the bytes of cfg.json files and evaluation.json, by path in the repository."""
    return sha256_of_json({path: hashlib.sha256(data).hexdigest() for path, data in files.items()})


def weights_digest(checksums: Mapping[str, str]) -> str:
    """Of the sha256 of each SAE's file of weights, by path in the repository."""
    return sha256_of_json(dict(checksums))


def figures_digest(checksums: Mapping[str, str]) -> str | None:
    """Of the sha256 of each picture that hubkit drew, by path in the repository; None where it drew none."""
    return sha256_of_json(dict(checksums)) if checksums else None


def recorded_digests(front_matter: Mapping[str, Any] | None) -> RecordedDigests:
    """`hubkit.texts_sha256`, `hubkit.weights_sha256` and `hubkit.settings_sha256` of a card's front matter."""
    ours = (front_matter or {}).get(KEY)
    values = ours if isinstance(ours, Mapping) else {}
    found = {name: values.get(f"{name}_sha256") for name in ("texts", "weights", "settings")}
    return RecordedDigests(**{name: value for name, value in found.items() if isinstance(value, str)})
