"""The claims read out of real cards are those that were read by hand, and at least 95 of 100 are what the card says."""

from __future__ import annotations

import json

import pytest
from claim_samples import VERDICTS, CardSample, card_samples, digest_of
from corpus import FOLDER, THERE

pytestmark = pytest.mark.skipif(not THERE, reason="HUBKIT_CORPUS is not set")

PRECISION = 0.95


@pytest.fixture(scope="module")
def samples() -> list[CardSample]:
    return list(card_samples())


@pytest.fixture(scope="module")
def verdicts() -> dict[str, dict[str, bool]]:
    held: dict[str, dict[str, bool]] = json.loads(VERDICTS.read_text(encoding="utf-8"))
    return held


def test_every_claim_was_read_by_hand(
    samples: list[CardSample], verdicts: dict[str, dict[str, bool]]
) -> None:
    """When this fails: python benchmarks/claims.py, read what it prints, then --right."""
    for sample in samples:
        assert {digest_of(claim) for claim in sample.claims} == set(verdicts[sample.key]), sample.name
    if (FOLDER.parent / "seeds").is_dir():
        assert {sample.key for sample in samples} == set(verdicts)


def test_precision(samples: list[CardSample], verdicts: dict[str, dict[str, bool]]) -> None:
    judged = [verdicts[sample.key][digest_of(claim)] for sample in samples for claim in sample.claims]
    assert len(judged) > 400
    assert sum(judged) / len(judged) >= PRECISION
