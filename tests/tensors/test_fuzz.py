"""The quick form of benchmarks/fuzz.py."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tensors import fuzz


@pytest.mark.train
def test_some_seconds_of_damage(tmp_path: Path) -> None:
    tried, wrong = fuzz.fuzz(120, seed=random.randrange(1 << 30), keep=tmp_path, rounds=1000)
    assert not wrong, (wrong[:5], tmp_path)
    assert tried["npz, refused"] > 20
    assert tried["torch, refused"] > 20
    assert tried["npz, read"] + tried["torch, read"] > 5  # a reader that refuses everything would pass, too
    assert tried["a call, rings"] > 5


def test_the_questions_see_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad twins: a reader that sees no fault, a search that finds nothing."""
    chance = random.Random(0)
    values = fuzz.arrays(chance)
    monkeypatch.setattr(fuzz, "ours", lambda data, name: values)
    assert any(fuzz.broken_passes(chance)[2] for _ in range(50))
    monkeypatch.setattr(fuzz, "told", lambda data, name: False)
    assert any(fuzz.call_passes(chance)[2] for _ in range(50))
