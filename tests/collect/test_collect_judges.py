"""The keyword judge on its edges, and the judge that errs on purpose."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from hubkit.collect.judges import AnyJudge, Judge, Judgement, KeywordJudge, NoisyJudge, Reply
from hubkit.collect.judges.mentions import NEGATION
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
@example("NO")
def test_the_span_holds_a_keyword_of_the_label_or_denies_one_of_the_other(text: str) -> None:
    verdict = JUDGE.judge_text(f"{text} truly")
    if verdict.commit_span is not None and verdict.label is not None:
        start, end = verdict.commit_span
        said = f"{text} truly"[start:end].lower()
        (other,) = JUDGE.keywords.keys() - {verdict.label}
        words = [word for word in JUDGE.keywords[other] if said.endswith(word)]
        denied = any(NEGATION.fullmatch(said.removesuffix(word)) for word in words)
        assert said in JUDGE.keywords[verdict.label] or denied


TRUE = {"honest": ("false", "wrong"), "deceptive": ("true", "right")}


@pytest.mark.parametrize(
    ("text", "label", "span"),
    [
        ("not true, I fear", "honest", (0, 8)),
        ("it isn't really true", "honest", (3, 20)),
        ("it isn\u2019t true", "honest", (3, 13)),
        ("never wrong", "deceptive", (0, 11)),
        ("cannot be right", "honest", (0, 15)),
        ("no longer true", "honest", (0, 14)),
        ("not only true", "deceptive", (9, 13)),  # nothing is denied
        ("No, true", "deceptive", (4, 8)),
        ("not. True", "deceptive", (5, 9)),
        ("knot true", "deceptive", (5, 9)),
        ("not true and wrong", "honest", (0, 8)),  # both say the same
        ("not true, not wrong", None, None),
        ("true or false", None, None),
        ("'true' or 'false'", None, None),
        ("true, or a wrong one", None, None),
        ("both true and right", None, None),
        ("neither true nor false", None, None),
        ("true or not", None, None),
        ("either wrong", None, None),
        ("true or so they say", "deceptive", (0, 4)),
        ("true or right", "deceptive", (0, 4)),  # no choice between labels
        ("true and one two three four five six wrong", "deceptive", (0, 4)),
    ],
)
def test_negations_and_choices(text: str, label: str | None, span: tuple[int, int] | None) -> None:
    verdict = KeywordJudge(keywords=TRUE, within=6).judge_text(text)
    assert (verdict.label, verdict.commit_span) == (label, span), verdict.reason


def test_a_choice_is_seen_that_ends_behind_the_window() -> None:
    judge = KeywordJudge(keywords=TRUE, within=1)
    assert judge.judge_text("true or false").label is None
    assert judge.judge_text("true, false").label == "deceptive"


def test_each_rule_is_a_setting() -> None:
    def label(text: str, **settings: str) -> str | None:
        return KeywordJudge.model_validate({"keywords": TRUE, "within": 9} | settings).judge_text(text).label

    assert [label("not true", negation=how) for how in ("turns", "undecided", "ignored")] == [
        "honest",
        None,
        "deceptive",
    ]
    assert [label("true, yet false", several=how) for how in ("undecided", "first")] == [None, "deceptive"]
    assert [label("true or false", several="first", choices=how) for how in ("undecided", "ignored")] == [
        None,
        "deceptive",
    ]
    assert label("not true, no, false", several="first") == "honest"
    with pytest.raises(ValidationError, match="negation: turns, with 3 labels"):
        KeywordJudge(keywords=TRUE | {"both": ("maybe",)}, within=3)
    assert (
        KeywordJudge(keywords=TRUE | {"both": ("maybe",)}, within=3, negation="undecided")
        .judge_text("maybe")
        .label
        == "both"
    )


def test_anchors_of_a_scenario_are_in_place_of_the_judges_words() -> None:
    cards = Scenario(
        scenario_id="c", prompt="Colour?", anchors={"honest": ("black",), "deceptive": ("white",)}
    )
    replies = [Reply("1", cards, "white, truly"), Reply("2", SCENARIO, "white, truly")]
    assert [one.label for one in JUDGE.judge(replies)] == ["deceptive", "honest"]
    bare = KeywordJudge(keywords={"honest": (), "deceptive": ()}, within=4)
    assert bare.judge(replies[:1])[0].label == "deceptive"
    assert bare.problem(cards) is None
    assert "expected at least one" in str(bare.problem(SCENARIO))
    assert "anchors for black, expected" in str(
        bare.problem(Scenario(scenario_id="d", prompt="p", anchors={"black": ("x",)}))
    )
    twice = Scenario(scenario_id="d", prompt="p", anchors={"honest": ("x",), "deceptive": ("X",)})
    assert "twice" in str(NoisyJudge(judge_without_noise=JUDGE, rate=0.1).problem(twice))


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
