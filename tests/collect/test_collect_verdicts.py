"""A judge is asked in batches, its answers are checked, and what it has answered it is not asked again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from hubkit.collect.judges import Judge, Judgement, KeywordJudge, Reply
from hubkit.collect.scenarios import Scenario
from hubkit.collect.verdicts import answered_later, forget_lost, verdicts_file, verdicts_of
from hubkit.engine.events import Event
from hubkit.errors import HubkitError, IncompleteError

SCENARIO = Scenario(scenario_id="s", prompt="Is it so?")
REPLIES = [Reply(f"s/{number}", SCENARIO, f"ja {number}") for number in range(7)]
ASKED: list[list[str]] = []


class InThrees(Judge):
    """Wants three at a time, and stops, forgets or invents at the completion that it is told."""

    kind: Literal["threes"] = "threes"
    dies_at: str = ""
    forgets: str = ""
    label: str = "yes"

    @property
    def name(self) -> str:
        return self.kind

    @property
    def labels(self) -> frozenset[str]:
        return frozenset({"yes", "no"})

    @property
    def batch_size(self) -> int:
        return 3

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        ASKED.append([reply.completion_id for reply in replies])
        if self.dies_at in ASKED[-1]:
            raise KeyboardInterrupt
        return [
            Judgement(self.label, f"{reply.scenario.prompt} {reply.text}", (0, 2), self.label)
            for reply in replies
            if reply.completion_id != self.forgets
        ]


@pytest.fixture(autouse=True)
def _nothing_asked() -> None:
    ASKED.clear()


def test_batches_are_asked_in_order_and_told(tmp_path: Path) -> None:
    events: list[Event] = []
    verdicts = verdicts_of(InThrees(), REPLIES, tmp_path / "x" / "kept.jsonl", events.append)
    assert ASKED == [["s/0", "s/1", "s/2"], ["s/3", "s/4", "s/5"], ["s/6"]]
    assert [verdict.reason for verdict in verdicts] == [f"Is it so? ja {number}" for number in range(7)]
    assert [(event.done, event.total) for event in events] == [(3, 7), (6, 7), (7, 7)]


@pytest.mark.parametrize("torn", [b"", b'{"completion_id": "s/3", "lab'])
def test_a_killed_run_goes_on_behind_the_last_batch(tmp_path: Path, torn: bytes) -> None:
    kept = tmp_path / "kept.jsonl"
    with pytest.raises(KeyboardInterrupt):
        verdicts_of(InThrees(dies_at="s/4"), REPLIES, kept)
    with kept.open("ab") as file:
        file.write(torn)
    ASKED.clear()
    verdicts = verdicts_of(InThrees(), REPLIES, kept)
    assert ASKED == [["s/3", "s/4", "s/5"], ["s/6"]], "the first three were kept"
    ASKED.clear()
    assert verdicts_of(InThrees(), REPLIES, kept) == verdicts == InThrees().judge(REPLIES)
    assert [[reply.completion_id for reply in REPLIES]] == ASKED, "only this test asked: everything was kept"


class LosesTwice(InThrees):
    """Gives no verdict on one completion, the first two times."""

    kind: Literal["twice"] = "twice"  # type: ignore[assignment]

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        found = super().judge(replies)
        before = sum("s/4" in batch for batch in ASKED)
        lost = Judgement(None, "no answer", lost="timeout", tokens=5, requests=1)
        return [
            lost if reply.completion_id == "s/4" and before < 3 else one
            for reply, one in zip(replies, found, strict=True)
        ]


def test_what_was_lost_is_asked_for_again_when_asked(tmp_path: Path) -> None:
    judge, kept = LosesTwice(), tmp_path / "kept.jsonl"
    first = verdicts_of(judge, REPLIES, kept)
    assert [one.lost for one in first] == [None] * 4 + ["timeout"] + [None] * 2
    ASKED[:] = ASKED[1:2]
    assert verdicts_of(judge, REPLIES, kept) == first
    assert len(ASKED) == 1, "not by itself"
    again = verdicts_of(judge, REPLIES, kept, ask_lost=True)
    assert (again[4].lost, again[4].tokens, again[4].requests) == ("timeout", 10, 2)
    assert answered_later(kept) == {}
    last = verdicts_of(judge, REPLIES, kept, ask_lost=True)
    assert ASKED[1:] == [["s/4"], ["s/4"]]
    assert (last[4].label, last[4].lost, last[4].tokens) == ("yes", None, 10)
    assert answered_later(kept) == {"s/4": "yes"}
    assert verdicts_of(judge, REPLIES, kept, ask_lost=True) == last
    assert len(ASKED) == 3


def test_lost_verdicts_that_no_pool_was_made_from_are_forgotten(tmp_path: Path) -> None:
    judge, kept = LosesTwice(), tmp_path / "kept.jsonl"
    verdicts_of(judge, REPLIES, kept)
    forget_lost(kept)
    forget_lost(tmp_path / "none.jsonl")
    ASKED[:] = ASKED[1:2] * 2
    assert [one.label for one in verdicts_of(judge, REPLIES, kept)] == ["yes"] * 7
    assert ASKED[2:] == [["s/4"]]
    assert answered_later(kept) == {}


def test_a_judge_that_forgets_one_or_invents_a_label_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    with pytest.raises(HubkitError, match="judge `threes`: 2 verdicts on 3 completions"):
        verdicts_of(InThrees(forgets="s/5"), REPLIES, kept)
    with pytest.raises(
        HubkitError, match=r"judge `threes`: label 'maybe' for completion s/3, expected one of no, yes"
    ):
        verdicts_of(InThrees(label="maybe"), REPLIES, kept)
    assert len(kept.read_bytes().splitlines()) == 3, "of the good batch before it"


def test_verdicts_of_other_settings_or_other_texts_are_other_files(tmp_path: Path) -> None:
    one = KeywordJudge(keywords={"yes": ("ja",), "no": ("nein",)}, within=3)
    files = {
        verdicts_file(tmp_path, judge, texts)
        for judge in (one, one.model_copy(update={"within": 4}))
        for texts in ("a", "b")
    }
    assert len(files) == 4


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(b"[1]\n")
    with pytest.raises(IncompleteError, match=r"kept\.jsonl: not the verdicts of a judge") as error:
        verdicts_of(InThrees(), REPLIES, kept)
    assert "delete it" in str(error.value.hint)
