"""One function per fix: from an SAE's facts to the keys that its configuration should have. Only what the tensors or the name prove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubkit.formats import saelens
from hubkit.validate.facts import SaeFacts
from hubkit.validate.rules.cfg import from_header, right_case
from hubkit.validate.rules.wts import agreed_sizes

Edit = Callable[[SaeFacts], dict[str, Any]]


def right_architecture_case(sae: SaeFacts) -> dict[str, Any]:
    """CFG004: `JumpReLU` is `jumprelu`."""
    written = sae.raw.get("architecture")
    right = right_case(written) if isinstance(written, str) and written not in saelens.INFERENCE else None
    return {"architecture": right} if right else {}


def sizes_from_header(sae: SaeFacts) -> dict[str, Any]:
    """CFG005: d_in, d_sae and dtype as the tensors have them, where the key is missing."""
    found = {key: from_header(sae, key) for key in ("d_in", "d_sae", "dtype") if key not in sae.raw}
    return {key: value for key, value in found.items() if value is not None}


def version_of_the_layout(sae: SaeFacts) -> dict[str, Any]:
    """CFG008: `6.0.0`, the first version of this layout; never the installed one, which says nothing about the file."""
    metadata = sae.raw.get("metadata")
    if (
        not isinstance(metadata, dict)
        or saelens.keeps_metadata(sae.raw)
        or saelens.LEGACY_MARKS - {"architecture"} & sae.raw.keys()
    ):
        return {}
    return {"metadata": metadata | {"sae_lens_version": "6.0.0"}}


def sizes_that_all_tensors_have(sae: SaeFacts) -> dict[str, Any]:
    """WTS006: d_in and d_sae, where every tensor agrees on them against the configuration."""
    agreed = agreed_sizes(sae.header.tensors) if sae.header else None
    if agreed is None or not {"d_in", "d_sae"} <= sae.raw.keys():
        return {}
    return {key: value for key, value in zip(("d_in", "d_sae"), agreed, strict=True) if sae.raw[key] != value}


EDITS: dict[str, Edit] = {
    "CFG004": right_architecture_case,
    "CFG005": sizes_from_header,
    "CFG008": version_of_the_layout,
    "WTS006": sizes_that_all_tensors_have,
}
"""The safe fixes, by the rule whose finding they mend."""
