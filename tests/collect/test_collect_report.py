"""The pool report against counts by hand and formulas elsewhere, each warning with its good twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hubkit.collect.completions import Completion
from hubkit.collect.judges import KeywordJudge
from hubkit.collect.plan import CollectPlan
from hubkit.collect.report import pool_report
from hubkit.collect.texts import refuses, repetition, texts_of
from hubkit.measures.shares import cramers_v, newcombe, wilson
from hubkit.release.pool import PoolManifest
from hubkit.release.pool_report import PoolReport

LABELS = ("deceptive", "honest")
JUDGE = KeywordJudge(keywords={"honest": ("yes",), "deceptive": ("no",)}, within=3)
CONTROLS = [("t", "turned"), ("n", "neutral")]


def completion(scenario: str, number: int, label: str | None, text: str = "", **more: Any) -> Completion:
    text = text or f"{ {'honest': 'yes', 'deceptive': 'no'}.get(str(label), 'hm') } {scenario} {number % 97}"
    span = (0, len(text.split()[0])) if label else None
    return Completion(
        f"{scenario}/{more.get('variant', '')}{number:04d}",
        scenario,
        more.pop("variant", ""),
        text,
        tuple(range(5)),
        number,
        label=label,
        commit_span=span,
        split=f"fold{number % 5}" if label and not more.get("control") else None,
        **more,
    )


def report_of(completions: list[Completion], d_in: int = 8) -> PoolReport:
    names = dict.fromkeys((one.scenario_id, one.variant, one.control) for one in completions)
    plan = CollectPlan.model_validate(
        {
            "model": "m", "model_name": "m", "max_new_tokens": 8, "labels": LABELS, "judge": JUDGE, "layers": (1,), "samples": 500,
            "scenarios": [
                {"scenario_id": name, "variant": variant, "control": control, "prompt": "x"} for name, variant, control in names
            ],
        }
    )  # fmt: skip
    manifest = PoolManifest.model_construct(inputs_sha256="0", d_in=d_in)
    return pool_report(plan, completions, manifest)


def pool(each: int = 20, scenarios: int = 14, share: float = 0.5, turned: float = 0.9) -> list[Completion]:
    """Scenarios alike, with controls in which the first label is as frequent as `turned` says."""
    found = []
    for name in (f"s{number:02d}" for number in range(scenarios)):
        found += [completion(name, i, LABELS[i >= share * each]) for i in range(each)]
        how = {"variant": "turned", "control": "turned"}
        found += [completion(name, i, LABELS[i >= turned * 10], **how) for i in range(10)]
    return found


def warned(report: PoolReport, words: str) -> bool:
    return any(words in warning for warning in report.warnings)


def test_the_funnel_is_counted_and_controls_stand_apart() -> None:
    found = report_of([*pool(), *(completion("s00", 100 + i, None) for i in range(5))])
    assert (found.sampled, found.decisive, found.counts) == (285, 280, {"deceptive": 140, "honest": 140})
    first = found.main[0]
    assert (first.sampled, first.decisive, first.ambiguous, first.counts) == (
        25,
        20,
        5,
        {"deceptive": 10, "honest": 10},
    )
    assert found.n_effective == 140
    assert found.confounding == 0
    assert not [warning for warning in found.warnings if "turning" not in warning]


def test_turned_facts_are_told_by_scenario_and_together() -> None:
    moves = report_of(pool(turned=0.9))
    assert (moves.turned[0].told, moves.turned[0].turned, moves.turned[0].difference) == (0.5, 0.9, 0.4)
    assert moves.turned_mean is not None
    assert (moves.turned_mean.rise, moves.turned_mean.fall, moves.turned_mean.mean) == (14, 0, 0.4)
    assert warned(moves, "moves the labels only a little")
    stays = report_of(pool(turned=0.5))
    assert warned(stays, "does not move the labels")
    heeds = report_of(pool(share=0.1, turned=1.0))
    assert not warned(heeds, "turning")
    assert warned(
        report_of([one for one in pool() if not one.control]), "no scenario with its facts turned around"
    )


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (pool(each=8), "few decisive completions: 112"),
        ([*pool(), *(completion("s00", 100 + i, None) for i in range(400))], "are ambiguous"),
        ([*pool(), *(completion("s00", 100 + i, LABELS[i % 2]) for i in range(300))], "one scenario dominates: s00"),
        ([*pool(), completion("lost", 0, None)], "no decisive completion of lost"),
        (pool(scenarios=11), "11 scenarios have both labels"),
        ([completion(f"s{i % 14:02d}", i, LABELS[i % 14 < 6]) for i in range(280)], "confounded"),
        (pool(share=0.1), "unbalanced labels"),
        ([completion(f"s{i % 14:02d}", i, LABELS[i % 3 > 0], "yes it is so") for i in range(280)], "word for word"),
        ([completion(f"s{i % 14:02d}", i, LABELS[i % 3 > 0], f"I'm sorry, but {i} no") for i in range(280)], "like a refusal"),
        ([*pool(), completion("s00", 900, None, " ")], "1 completions are empty"),
        ([completion(f"s{i % 14:02d}", i, LABELS[i % 3 > 0], f"yes {i} " + "and then so " * 9) for i in range(280)], "again and again"),
        ([completion(f"s{i % 14:02d}", i, LABELS[i // 14 % 2], f"yes {'red' if i // 14 % 2 else 'blue'} {i}") for i in range(280)], "words beside"),
    ],
)  # fmt: skip
def test_each_warning_is_there_where_it_should_and_not_in_a_good_pool(
    bad: list[Completion], words: str
) -> None:
    assert warned(report_of(bad), words), report_of(bad).warnings
    assert not warned(report_of(pool()), words)


def test_fewer_rows_than_dimensions_is_said() -> None:
    assert warned(report_of(pool(), d_in=281), "fewer rows than dimensions: 280 rows of 281")
    assert not warned(report_of(pool(), d_in=280), "fewer rows than dimensions")


def test_words_alone_are_at_chance_where_there_is_nothing_in_them() -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"w{number}" for number in range(40)]
    none = [
        completion(f"s{i % 14:02d}", i, LABELS[rng.integers(2)], "x " + " ".join(rng.choice(vocabulary, 12)))
        for i in range(700)
    ]
    words = report_of(none).words
    assert words.interval is not None
    assert words.interval[0] < 0.5 < words.interval[1]
    only_commit = [completion(f"s{i % 14:02d}", i, LABELS[i // 14 % 2], "yes") for i in range(280)]
    assert report_of(only_commit).words.reason == "no words beside those that commit"
    told_by_scenario = [completion(f"s{i % 2}", i, LABELS[i % 2]) for i in range(40)]
    assert "confounded" in str(report_of(told_by_scenario).words.reason)


def test_texts_are_counted() -> None:
    rows = [
        completion("s", 0, None, "The cat  sat"),
        completion("s", 1, None, "the CAT sat "),
        completion("s", 2, None, "", ended="limit"),
        completion("t", 3, None, "the cat sat"),
        completion("s", 4, None, "As an AI, I do not sit."),
    ]
    found = texts_of(rows)
    assert (found.duplicates, found.at_limit, found.refusals, found.mean_tokens) == (1, 1, 1, 5.0)
    assert texts_of([]).mean_tokens == 0
    assert refuses("I’m sorry, no.")
    assert not refuses("He said that " + "x" * 100 + " I cannot")
    assert repetition("a b c a b c") == pytest.approx(1 / 4)
    assert repetition("a b c d e f") == 0 == repetition("a b")


def test_intervals_and_association_are_those_of_the_books() -> None:
    """Newcombe 1998, table II (a): 56/70 - 48/80 is .0524 to .3339. Bias-corrected Cramér's V by scipy's chi-squared."""
    low, high = newcombe(48, 80, 56, 70)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert wilson(0, 10)[0] == pytest.approx(0, abs=1e-12)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe 1998, table I (3)
    from scipy.stats import chi2_contingency

    table = np.array([[10, 20], [25, 6], [14, 15]])
    n = table.sum()
    phi2 = chi2_contingency(table, correction=False)[0] / n
    corrected = max(0, phi2 - 2 / (n - 1))
    expected = np.sqrt(corrected / min(3 - 4 / (n - 1) - 1, 2 - 1 / (n - 1) - 1))
    assert cramers_v([(int(a), int(b)) for a, b in table]) == pytest.approx(expected, abs=5e-5)
    assert cramers_v([(5, 0), (0, 5)]) == pytest.approx(1.0, abs=0.02)
    assert cramers_v([(5, 5)]) is None
    assert cramers_v([(5, 0), (6, 0)]) is None
