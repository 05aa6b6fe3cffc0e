"""What makes a card quick changes nothing in it: templates compiled before, weights hashed ahead."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from cards.seeds import gemma4_e2b
from cards.shapes import write
from jinja2 import PackageLoader

from hubkit.cards import environment, render
from hubkit.cards.build import draft_card
from hubkit.cards.checksums import Checksums
from hubkit.release.digests import sha256_of_file


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where compiled templates go in this test."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    cache = tmp_path / "templates"
    cache.mkdir()

    def shipped() -> object:
        return environment.environment(PackageLoader("hubkit.cards"), environment.Compiled(cache))

    monkeypatch.setattr(render, "shipped", shipped)
    return cache


def compiled(templates: Path) -> list[Path]:
    return sorted((templates / "__pycache__").glob("*.cache"))


def test_compiled_templates_are_used_and_give_the_same_card(templates: Path, tmp_path: Path) -> None:
    release = write(gemma4_e2b(), tmp_path / "release", small=True)
    first = draft_card(release).text
    kept = compiled(templates)
    assert len(kept) > 15
    stamps = [path.stat().st_mtime_ns for path in kept]
    assert draft_card(release).text == first
    assert [path.stat().st_mtime_ns for path in compiled(templates)] == stamps


def test_a_damaged_one_is_compiled_again(templates: Path, tmp_path: Path) -> None:
    release = write(gemma4_e2b(), tmp_path / "release", small=True)
    first = draft_card(release).text
    for number, path in enumerate(compiled(templates)):
        path.write_bytes(path.read_bytes()[: number * 7])
    assert draft_card(release).text == first


def test_a_place_that_cannot_be_written_and_a_wish_not_to_are_respected(
    templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = write(gemma4_e2b(), tmp_path / "release", small=True)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    first = draft_card(release).text
    assert not compiled(templates)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    shutil.rmtree(templates)
    templates.write_text("no folder", encoding="utf-8")
    assert draft_card(release).text == first


def test_weights_hashed_ahead_are_the_weights(tmp_path: Path) -> None:
    release = write(gemma4_e2b(), tmp_path / "release", small=True)
    found = Checksums.of(release).get()
    assert set(found) == {
        "evaluation.json",
        "gf1_behavior_topk_k16_L25/cfg.json",
        "gf1_behavior_topk_k16_L25/metrics.json",
        "gf1_behavior_topk_k16_L25/sae_weights.safetensors",
    }
    assert found == {path: sha256_of_file(release / path) for path in found}
    assert draft_card(release, checksums=Checksums.of(release)).text == draft_card(release).text
