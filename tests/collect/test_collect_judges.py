"""The keyword judge on its edges, and the judge that errs on purpose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hubkit.collect.judges import AnyJudge, Judge, Judgement, KeywordJudge, NoisyJudge, Reply
from hubkit.collect.scenarios import Scenario

JUDGE = KeywordJudge(keywords={"honest": ("truly", "not lying"), "deceptive": ("quietly", "lying")}, within=4)
SCENARIO = Scenario(scenario_id="s", prompt="Are you lying?")


def judged(judge: Judge, *texts: str) -> list[Judgement]:
    return judge.judge([Reply(f"s/{number}", SCENARIO, text) for number, text in enumerate(texts)])


@pytest.mark.parametrize(
    ("text", "label", "span"),
    [
        ("truly it is so", "honest", (0, 5)),
        ("well, Quietly now", "deceptive", (6, 13)),
        ("  TRULY.", "honest", (2, 7)),
        ("truly truly", "honest", (0, 5)),
        ("truly or quietly", None, None),  # both
        ("it is so", None, None),  # none
        ("", None, None),
        ("one two three four truly", None, None),  # behind the window
        ("one two three truly", "honest", (14, 19)),  # the last word of it
        ("untruly so", None, None),  # part of a word
        ("truly-ish", "honest", (0, 5)),
        ("I am not lying", "honest", (5, 14)),  # the longer keyword, not the one inside
        ("one two not lying", "honest", (8, 17)),
        ("one two three not lying", None, None),  # cut by the window
    ],
)
def test_the_keyword_judge(text: str, label: str | None, span: tuple[int, int] | None) -> None:
    verdict = JUDGE.judge_text(text)
    assert (verdict.label, verdict.commit_span, verdict.label_unflipped) == (label, span, label)
    assert "within the first 4 words" in verdict.reason


def test_a_window_of_characters_needs_the_whole_word() -> None:
    judge = KeywordJudge(keywords={"yes": ("true",), "no": ("false",)}, within=8, unit="characters")
    assert judge.judge_text("it: true").label == "yes"
    assert judge.judge_text("its: true").label is None
    assert judge.judge_text("it: truest").label is None  # cut to "true" by the window


def test_the_reason_names_both_words() -> None:
    assert JUDGE.judge_text("quietly truly").reason == "'quietly' and 'truly' within the first 4 words"


@given(st.text())
def test_the_span_holds_a_keyword_of_the_label(text: str) -> None:
    verdict = JUDGE.judge_text(f"{text} truly")
    if verdict.commit_span is not None and verdict.label is not None:
        start, end = verdict.commit_span
        assert f"{text} truly"[start:end].lower() in JUDGE.keywords[verdict.label]


def test_settings_that_cannot_tell_apart_are_refused() -> None:
    for keywords in (
        {"a": ("x",), "b": ("X",)},
        {"a": ("x",), "b": ()},
        {"a": ("x",)},
        {"a": ("x",), "b": (" ",)},
    ):
        with pytest.raises(ValidationError):
            KeywordJudge(keywords=keywords, within=3)


def test_noise_flips_the_stated_share_and_keeps_the_truth() -> None:
    noisy = NoisyJudge(judge_without_noise=JUDGE, rate=0.15)
    texts = [f"truly {number}" for number in range(4000)]
    verdicts = judged(noisy, *texts)
    assert {verdict.label_unflipped for verdict in verdicts} == {"honest"}
    flipped = sum(verdict.label == "deceptive" for verdict in verdicts) / 4000
    assert flipped == pytest.approx(0.15, abs=0.02)
    assert verdicts == [verdict for text in texts for verdict in judged(noisy, text)], (
        "one by one as all at once"
    )
    other = NoisyJudge(judge_without_noise=JUDGE, rate=0.15, seed=1)
    assert [verdict.label for verdict in judged(other, *texts[:100])] != [
        verdict.label for verdict in verdicts[:100]
    ]


def test_noise_leaves_the_undecided_alone() -> None:
    noisy = NoisyJudge(judge_without_noise=JUDGE, rate=0.49)
    assert {verdict.label for verdict in judged(noisy, *(f"perhaps {number}" for number in range(200)))} == {
        None
    }
    assert noisy.name == "keyword, 49 % of the labels flipped"


def test_a_study_file_names_a_judge_by_its_kind() -> None:
    judge = NoisyJudge(judge_without_noise=JUDGE, rate=0.15)
    read = TypeAdapter(AnyJudge).validate_python(judge.model_dump(mode="json"))
    assert read == judge
