"""Which versions of SAELens load an architecture: the first release on PyPI whose inference registry has it, read in the wheels themselves.

A v6 configuration (with `metadata`) needs 6.0; older layouts load there through its migration.
"""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

FIRST: dict[str, str] = {
    "standard": "6.0.0",
    "gated": "6.0.0",
    "topk": "6.0.0",
    "jumprelu": "6.0.0",
    "transcoder": "6.5.0",
    "skip_transcoder": "6.5.0",
    "jumprelu_transcoder": "6.5.0",
    "temporal": "6.20.1",
    "matching_pursuit": "6.26.0",
    "jumprelu_skip_transcoder": "6.24.0",
    "abstopk": "6.53.0",
}
"""`sae_lens/__init__.py`, `register_sae_class`."""
RESCALE = "6.14.0"
"""The first version whose TopK reads `rescale_acts_by_decoder_norm`; an older one ignores it."""
NEWEST = "6.54.12"
"""The newest version whose registry was read."""


@dataclass(frozen=True)
class Loads:
    """One row of the card's table."""

    architecture: str
    first: str | None
    """None for an architecture that no version loads."""
    note: str


def needed(architecture: str, *, rescaled: bool) -> str | None:
    """The first version that loads SAEs of `architecture` and computes what they are; None where none does."""
    first = FIRST.get(architecture)
    return max(first, RESCALE, key=Version) if first and rescaled else first


def loads(architecture: str, *, rescaled: bool) -> Loads:
    """Which versions load SAEs of `architecture`; `rescaled` where a configuration asks for rescaling by decoder norms."""
    first = FIRST.get(architecture)
    if first is None:
        return Loads(architecture, None, "in no registry for inference up to " + NEWEST)
    note = f"before {RESCALE} the scaling by decoder norms is ignored" if rescaled else ""
    return Loads(architecture, first, note)
