"""The record that hubkit computed the values of an evaluation: what tells a computed number from one that was typed in.

It is no seal: who writes the digest anew can write any. It tells an honest author, and their readers, which numbers a computation gave.
"""

from __future__ import annotations

from hubkit.release.model import Artefact


class Computation(Artefact):
    """By what, from what, and what came of it."""

    hubkit_version: str
    """That computed it."""
    inputs_sha256: str
    """Of everything that the values depend on."""
    values_sha256: str
    """Of the values themselves, as they were when they were computed (`values_sha256`)."""
