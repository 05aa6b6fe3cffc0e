"""Kappa against independent computations, and what is recorded of a panel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from hubkit.collect.agreement import agreement, judge_warnings
from hubkit.collect.judges import Judgement, KeywordJudge, Reply
from hubkit.collect.panel import Panel, Role, Voice, write_judgements
from hubkit.collect.scenarios import Scenario
from hubkit.measures.agreement import cohen_kappa, fleiss_kappa
from hubkit.release.agreement import Agreement

FLEISS_1971 = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
"""Ten subjects, fourteen raters, five categories; kappa .210 in every textbook that has the table."""
RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("kinds", [2, 3, 5])
def test_cohens_kappa_is_scikit_learns(kinds: int) -> None:
    for _ in range(20):
        one = RANDOM.integers(kinds, size=60)
        other = np.where(RANDOM.random(60) < 0.6, one, RANDOM.integers(kinds, size=60))
        table = np.array([[np.sum((one == a) & (other == b)) for b in range(kinds)] for a in range(kinds)])
        assert cohen_kappa(table) == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)


def test_cohens_kappa_of_many_tables_and_of_none() -> None:
    tables = np.array([[[20, 5], [10, 15]], [[10, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 5], [5, 0]]])
    found = cohen_kappa(tables)
    assert found[0] == pytest.approx(0.4)  # .7 observed, .5 expected
    assert np.isnan(found[1:3]).all()
    assert found[3] == pytest.approx(-1)


def test_fleiss_kappa_is_the_published_one() -> None:
    assert fleiss_kappa(np.array(FLEISS_1971)) == pytest.approx(0.210, abs=5e-4)
    twice = np.array([np.ones(10), np.full(10, 2)])
    assert fleiss_kappa(np.array(FLEISS_1971), twice) == pytest.approx([0.2099, 0.2099], abs=1e-4)
    weights = np.array([0, 1, 2, 0, 1, 3, 0, 0, 1, 2])
    repeated = np.repeat(FLEISS_1971, weights, axis=0)
    assert fleiss_kappa(np.array(FLEISS_1971), weights) == pytest.approx(float(fleiss_kappa(repeated)))
    assert np.isnan(fleiss_kappa(np.array([[3, 0], [3, 0]])))


def voice(name: str, role: Role, said: str) -> Voice:
    """y, n, a(mbiguous), t(imeout): a letter for each completion."""
    labels = {"y": "yes", "n": "no"}
    return Voice(
        name, role, f"judge {name}",
        {
            f"c{number}": Judgement(labels.get(letter), "r", None, labels.get(letter), "timeout" if letter == "t" else None, "m1", 5, 1)
            for number, letter in enumerate(said)
            if letter != " "
        },
    )  # fmt: skip


def panel(*voices: Voice, scenarios: int = 2) -> Panel:
    ids = list(voices[0].said)
    return Panel({name: f"s{number % scenarios}" for number, name in enumerate(ids)}, ("no", "yes"), voices)


def test_counts_pairs_and_recall_by_hand() -> None:
    found = agreement(panel(voice("top", "decides", "yyynnnaaty"), voice("low", "second", "yyannyyatt")))
    top, low = found.judges
    assert (top.labels, top.ambiguous, top.lost) == ({"no": 3, "yes": 4}, 2, {"timeout": 1})
    assert (low.labels, low.ambiguous, low.lost) == ({"no": 2, "yes": 4}, 2, {"timeout": 2})
    assert (top.tokens, top.requests, top.by, top.without_span) == (50, 10, {"m1": 10}, 7)
    both = found.pair("low", "top")
    assert (both.same.n, both.same.value) == (8, pytest.approx(5 / 8))
    assert both.kappa.value == pytest.approx(cohen_kappa_score(list("yyynnnaa"), list("yyannyya")))
    sure = found.pair("top", "low", "decisive")
    assert (sure.same.n, sure.same.value) == (5, pytest.approx(4 / 5))
    assert sure.kappa.value == pytest.approx(cohen_kappa_score(list("yynnn"), list("yynny")))
    either, no, yes = found.recall
    assert (either.label, either.recall.value, either.recall.n) == (None, pytest.approx(4 / 7), 7)
    assert (no.label, no.recall.value, no.precision.value) == ("no", pytest.approx(2 / 3), 1.0)
    assert (yes.label, yes.recall.value, yes.undecided.value) == (
        "yes",
        pytest.approx(2 / 4),
        pytest.approx(2 / 4),
    )
    assert yes.precision.value == pytest.approx(2 / 4)
    first, second = found.by_scenario
    assert (first.scenario_id, first.same.n, first.lost) == ("s0", 4, 1)
    assert (first.recall.n, second.recall.n, second.lost) == (3, 4, 1)
    assert found.panel == []


def test_a_vote_is_not_among_those_that_are_held_against_each_other() -> None:
    found = agreement(
        panel(
            voice("vote", "decides", "yynn"),
            voice("a", "member", "yynn"),
            voice("b", "member", "yyna"),
            voice("c", "member", "ynny"),
        )
    )
    sure, whole = found.panel[1], found.panel[0]
    assert whole.judges == ["a", "b", "c"]
    assert whole.kappa.value == pytest.approx(
        float(fleiss_kappa(np.array([[0, 0, 3], [0, 1, 2], [0, 3, 0], [1, 1, 1]])))
    )
    assert (sure.kappa.n, whole.kappa.n) == (3, 4)
    assert {one.judge for one in found.recall} == {"a", "b", "c"}


def test_intervals_say_what_they_resample() -> None:
    said = "".join(RANDOM.choice(list("yn"), size=200))
    other = "".join(letter if RANDOM.random() < 0.8 else "a" for letter in said)
    few = agreement(panel(voice("x", "decides", said), voice("y", "second", other), scenarios=3))
    many = agreement(panel(voice("x", "decides", said), voice("y", "second", other), scenarios=20))
    assert (few.resampled, many.resampled) == ("completions", "scenarios")
    for found in (few, many):
        kappa = found.pair("x", "y").kappa
        assert kappa.interval is not None
        assert kappa.value is not None
        assert kappa.interval[0] < kappa.value < kappa.interval[1]
        assert 0.05 < kappa.interval[1] - kappa.interval[0] < 0.3


def test_the_interval_covers_the_true_kappa() -> None:
    """Two judges of a known kappa, 100 panels of 120 completions: nominal 95 %."""
    covered = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        one = draw.integers(2, size=120)
        other = np.where(draw.random(120) < 0.2, 1 - one, one)  # kappa .6
        found = agreement(
            panel(
                voice("x", "decides", "".join("ny"[i] for i in one)),
                voice("y", "second", "".join("ny"[i] for i in other)),
                scenarios=12,
            )
        )
        low, high = found.pair("x", "y").kappa.interval or (1.0, 0.0)
        covered += low <= 0.6 <= high
    assert covered >= 88


def test_nothing_to_compare_is_told_as_that() -> None:
    found = agreement(
        panel(voice("x", "decides", "yyyy"), voice("y", "second", "yyyy"), voice("z", "second", "tttt"))
    )
    assert found.pair("x", "y").kappa.value is None
    assert found.pair("x", "y").same.value == 1.0
    low, high = found.pair("x", "y").same.interval or (0.0, 0.0)
    assert (low, high) == (pytest.approx(0.51, abs=0.01), pytest.approx(1.0))  # Wilson, 4 of 4
    assert (found.pair("x", "z").same.n, found.pair("x", "z").same.value) == (0, None)
    alone = agreement(panel(voice("x", "decides", "yn")))
    assert (alone.pairs, alone.recall, alone.panel) == ([], [], [])
    with pytest.raises(KeyError):
        alone.pair("x", "y")


def test_what_a_reader_must_know_of_the_judges() -> None:
    good = agreement(panel(voice("x", "decides", "yynnaayn"), voice("y", "second", "yynnaayt")))
    assert judge_warnings(good) == []
    bad = agreement(
        panel(
            voice("x", "decides", "yynnaatt"),
            voice("y", "second", "ynynyaat"),
            voice("x", "asked again", "nyny    "),
        )
    )
    assert judge_warnings(bad) == [
        "x gave no verdict on 2 of 8 completions (2 timeout): losing them is a selection; hubkit collect STUDY.yaml --ask-again asks for them once more",
        "x and y agree little: kappa 0.25 on 6 completions",
        "x gave 50% of 4 completions the same label when they were asked again among others: its labels depend on what stands beside them",
    ]


def test_a_judge_against_itself() -> None:
    found = agreement(panel(voice("x", "decides", "yynnaayn"), voice("x", "asked again", "yn n  a ")))
    (again,) = found.asked_again
    assert (again.judge, again.same.n, again.same.value) == ("x", 4, 0.5)
    assert [one.judge for one in found.judges] == ["x"]


def test_both_files_read_back(tmp_path: Path) -> None:
    from pyarrow import parquet

    several = panel(
        voice("x", "decides", "ynat"), voice("x", "asked again", " n  "), voice("y", "second", "yyyy")
    )
    found = agreement(several)
    found.save(tmp_path / "agreement.json")
    assert Agreement.load(tmp_path / "agreement.json") == found
    write_judgements(tmp_path / "j.parquet", several)
    rows = parquet.read_table(tmp_path / "j.parquet").to_pylist()
    assert len(rows) == 9
    assert rows[3] == {
        "completion_id": "c3", "scenario_id": "s1", "judge": "x", "role": "decides", "label": None, "reason": "r",
        "lost": "timeout", "by": "m1", "tokens": 5, "requests": 1,
    }  # fmt: skip


def test_the_keyword_judge_on_completions_that_were_read() -> None:
    """A hundred completions of a real model, read one by one: where both decide they agree, and the reader decides a few more."""
    read = json.loads(Path(__file__).with_name("read_by_hand.json").read_text(encoding="utf-8"))
    judge = KeywordJudge(
        keywords={"honest": (), "deceptive": ()}, within=40, unit="characters", several="first"
    )
    scenarios = {
        name: Scenario.model_validate({"scenario_id": name, "prompt": "p", "anchors": anchors})
        for name, anchors in read["anchors"].items()
    }
    reader, words = {}, {}
    for name, label, text in read["rows"]:
        reader[name] = Judgement(None if label == "ambiguous" else label, "")
        (words[name],) = judge.judge([Reply(name, scenarios[name.partition("/")[0]], text)])
    ids = {name: name.partition("/")[0] for name in reader}
    voices = (Voice("reader", "decides", "a reader", reader), Voice("keyword", "second", "words", words))
    found = agreement(Panel(ids, ("deceptive", "honest"), voices))
    kappa = found.pair("reader", "keyword").kappa
    assert (kappa.n, kappa.value, kappa.interval) == (
        100, pytest.approx(0.876, abs=1e-3), (pytest.approx(0.793, abs=1e-3), pytest.approx(0.960, abs=1e-3)),
    )  # fmt: skip
    sure = found.pair("reader", "keyword", "decisive").same
    assert (sure.n, sure.value) == (89, 1.0)
    assert found.recall[0].recall.value == pytest.approx(89 / 92)
