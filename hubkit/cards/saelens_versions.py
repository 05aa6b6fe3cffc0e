"""Which versions of SAELens load an architecture: the first release whose inference registry has it (`formats/architectures.py`).

A v6 configuration (with `metadata`) needs 6.0; older layouts load there through its migration.
"""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from hubkit.formats.architectures import BY_NAME, NEWEST

RESCALE = "6.14.0"
"""The first version whose TopK reads `rescale_acts_by_decoder_norm`; an older one ignores it."""


@dataclass(frozen=True)
class Loads:
    """One row of the card's table."""

    architecture: str
    first: str | None
    """None for an architecture that no version loads."""
    note: str


def needed(architecture: str, *, rescaled: bool) -> str | None:
    """The first version that loads SAEs of `architecture` and computes what they are; None where none does."""
    known = BY_NAME.get(architecture)
    first = known.first if known else None
    return max(first, RESCALE, key=Version) if first and rescaled else first


def loads(architecture: str, *, rescaled: bool) -> Loads:
    """Which versions load SAEs of `architecture`; `rescaled` where a configuration asks for rescaling by decoder norms."""
    known = BY_NAME.get(architecture)
    first = known.first if known else None
    if first is None:
        return Loads(architecture, None, "in no registry for inference up to " + NEWEST)
    note = f"before {RESCALE} the scaling by decoder norms is ignored" if rescaled else ""
    return Loads(architecture, first, note)
