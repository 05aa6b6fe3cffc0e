"""What came of a card's code is looked at once, and said again by every rebuild of the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from cards.shapes import write
from cards.test_author import release_of, rewrite

from hubkit.cards.build import build_card
from hubkit.cards.snippets import SnippetOutcome, SnippetRun
from hubkit.errors import UsageError


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write(release_of(), tmp_path / "release", small=True)


class Runner:
    """Says that it ran, and counts."""

    def __init__(self, outcome: SnippetOutcome) -> None:
        self.outcome = outcome
        self.calls = 0

    def __call__(self, card: str, release: Path) -> SnippetOutcome:
        self.calls += 1
        assert "```python" in card
        return self.outcome


def ran(ok: bool = True) -> SnippetOutcome:
    return SnippetOutcome(
        SnippetRun(3, ok, None if ok else 9, "", "", 1.0, {"loaded": 4}, "" if ok else "KeyError: 'resid'", (), {"sae-lens": "6.54.12"})
    )  # fmt: skip


def test_a_card_says_what_came_of_its_code_and_does_not_run_it_twice(release: Path) -> None:
    run = Runner(ran())
    first = build_card(release, run=run)
    assert "Ran as printed with sae-lens 6.54.12; 4 of 4 SAEs load so" in first.text
    assert build_card(release, run=run).text == first.text
    assert build_card(release).text == first.text
    assert run.calls == 1
    rewrite(release / "lab_topk_L1_mixed" / "cfg.json", '"k": 4', '"k": 5')
    assert "Not run when this card was written." in build_card(release).text
    build_card(release, run=run)
    assert run.calls == 2


def test_code_that_could_not_be_run_is_run_where_it_can(release: Path) -> None:
    assert "Not run: torch not installed" in build_card(release, run=Runner(SnippetOutcome(None, "torch not installed"))).text  # fmt: skip
    assert "Not run: torch" in build_card(release).text
    assert "Ran as printed" in build_card(release, run=Runner(ran())).text


def test_code_that_fails_stops_the_build(release: Path) -> None:
    with pytest.raises(UsageError, match="does not run: Fails: KeyError: 'resid'"):
        build_card(release, run=Runner(ran(ok=False)))
    assert not (release / "README.md").exists()
