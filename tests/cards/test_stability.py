"""The arithmetic of the Gemma card's own stability table: differences, the mean, which standard deviation, and a maximum that lies below the null of its size."""

from __future__ import annotations

from pathlib import Path
from statistics import pstdev

import pytest
from cards.shapes import d_max
from cards.variants import put
from cards.variants import sae as sae_files

from hubkit.cards.build import draft_card
from hubkit.release.evidence import Evidence
from hubkit.release.experiments import Stability, StabilityRun

VALUES = {101: 0.561, 107: 0.775, 113: 0.643}


def test_the_numbers_are_those_of_the_card_and_the_deviation_is_the_samples(tmp_path: Path) -> None:
    folder = put(tmp_path / "x", sae_files("a"))
    runs = [
        StabilityRun(seed=seed, value=d_max(value, 10, 1.66), shared=1, of=5)
        for seed, value in VALUES.items()
    ]
    one = Stability(sae_id="a", varied="the sample", reference=d_max(0.753, 10, 1.66), runs=runs)
    Evidence(source="the earlier card", stability=[one]).save(folder / "evidence.yaml")
    text = draft_card(folder).text
    for seed, delta in ((101, "0.192"), (107, "0.022"), (113, "0.110")):
        assert f"| {seed} | {VALUES[seed]:.3f} | {delta} |" in text
    assert "Mean 0.660, sample standard deviation 0.108 (3 seeds)." in text
    assert pstdev(VALUES.values()) == pytest.approx(0.088, abs=5e-4), (
        "which the author's card gave without saying so"
    )
    assert "above 1.660" in text
    assert "what is stable here is what noise gives" in text
