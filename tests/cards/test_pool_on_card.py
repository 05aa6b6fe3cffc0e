"""What a card says of its pool: from pool_report.json, under the labels; without one nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cards import variants
from cards.reading import section

from hubkit.cards.build import build_card
from hubkit.release.layout import POOL_REPORT
from hubkit.release.pool_report import PoolReport, ScenarioReport, Texts, Turned, TurnedMean, Words

if TYPE_CHECKING:
    from pathlib import Path

TITLE = "Classification methodology"
TEXTS = Texts(
    completions=40,
    empty=0,
    duplicates=3,
    refusals=2,
    at_limit=9,
    mean_tokens=24.5,
    repetition=0.01,
    repetitive=1,
)


@pytest.fixture
def computed(tmp_path: Path) -> Path:
    return variants.computed(tmp_path / "release")


def one(name: str, control: str = "", **more: object) -> ScenarioReport:
    counts = {"deceptive": 10, "honest": 9}
    return ScenarioReport.model_validate(
        {
            "scenario_id": name,
            "control": control,
            "sampled": 20,
            "decisive": 19,
            "counts": counts,
            "texts": TEXTS,
            **more,
        }
    )


def report(**changes: object) -> PoolReport:
    made = PoolReport(
        pool_sha256="0",
        model_name="m",
        judge="a judge",
        labels=("deceptive", "honest"),
        token_span="whole response",
        pooling="mean",
        d_in=8,
        sampled=40,
        decisive=38,
        counts={"deceptive": 20, "honest": 18},
        n_effective=18.9,
        confounding=0.1,
        texts=TEXTS,
        refusal_phrases=["i cannot"],
        words=Words(value=0.6123, interval=(0.55, 0.67), n=38),
        scenarios=[one("a", meanings={"honest": "says | so"}), one("b"), one("tea", "neutral")],
        turned=[Turned(scenario_id="a", told=0.5, turned=0.6, difference=0.1)],
        turned_mean=TurnedMean(scenarios=2, fall=1, rise=1, mean=0.078, interval=(-0.003, 0.158)),
        warnings=["few decisive completions: 38, fewer than 181"],
    )
    return made.model_copy(update=changes)


def test_it_stands_under_the_labels(computed: Path) -> None:
    assert "worth" not in section(build_card(computed).text, TITLE)
    report().save(computed / POOL_REPORT)
    said = section(build_card(computed).text, TITLE)
    for words in (
        "24.5 tokens long on average, 3 of 40 repeat another word for word, 2 begin like a refusal, 1 say the same",
        "balanced accuracy of 0.612 (95 % 0.550 to 0.670) within scenarios (n = 38)",
        "the share of `deceptive` moves by +7.8 points (95 % -0.3 to +15.8), up in 1 and down in 1 of 2 scenarios",
        "`tea` was decided in 19 of 20 completions.",
        "- Few decisive completions: 38, fewer than 181.",
        r"| a | – | says \| so |",
    ):
        assert words in said, words


def test_what_was_not_measured_is_left_out(computed: Path) -> None:
    bare = report(
        words=Words(value=None, n=0, reason="none"),
        turned=[],
        turned_mean=None,
        warnings=[],
        scenarios=[one("a")],
    )
    bare.save(computed / POOL_REPORT)
    said = section(build_card(computed).text, TITLE)
    assert "worth" in said
    assert not any(
        words in said for words in ("balanced accuracy", "turned around", "nothing at stake", "means")
    )
