"""What the record of a release says of its judges."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hubkit.collect.agreement import agreement
from hubkit.collect.judges import Judgement
from hubkit.collect.panel import Panel, Voice
from hubkit.collect.plan import CollectPlan
from hubkit.lab import text
from hubkit.release.pool import PoolImport
from hubkit.study.provenance import _commit, _labelling

KEYWORD = {"kind": "keyword", "keywords": {"honest": ["truly"], "deceptive": ["quietly"]}, "within": 3}


def plan(**changes: Any) -> CollectPlan:
    return CollectPlan.model_validate(
        {
            "model": "m", "model_name": "m", "max_new_tokens": 3, "samples": 8, "layers": [0], "labels": ["honest", "deceptive"],
            "scenarios": [{"scenario_id": "a", "prompt": "p"}, {"scenario_id": "b", "prompt": "q", "anchors": {"honest": ["moon"], "deceptive": ["sun"]}}],
            "judge": KEYWORD,
        } | changes
    )  # fmt: skip


def said(labels: str) -> dict[str, Judgement]:
    names = {"h": text.HONEST, "d": text.DECEPTIVE}
    return {f"c{number}": Judgement(names.get(letter), "") for number, letter in enumerate(labels)}


def test_who_decided_who_was_asked_beside_and_how_far_they_agree() -> None:
    voices = (
        Voice("keyword", "decides", "keywords", said("hhhddda")),
        Voice("ann", "second", "a person (ann)", said("hhdddda")),
    )
    found = agreement(Panel(dict.fromkeys(voices[0].said, "a"), ("deceptive", "honest"), voices))
    sampled = cast("Any", SimpleNamespace(imported=None))
    told = _labelling(plan(), sampled, found)
    assert (told.judge, told.temperature, told.same_prompt) == (
        "a match of keywords within the first 3 words",
        1.0,
        True,
    )
    assert told.other_judges == ["a person (ann)"]
    (pair,) = told.agreements
    assert (pair.judges, pair.n, pair.share) == (("keywords", "a person (ann)"), 6, pytest.approx(5 / 6))
    assert (pair.kappa, pair.kappa_n) == (found.pair("keyword", "ann").kappa.value, 7)
    taken = cast("Any", SimpleNamespace(imported=PoolImport(files={})))
    other = _labelling(plan(), taken, None)
    assert (other.temperature, other.same_prompt, other.agreements) == (None, None, []), (
        "of imported ones nothing is claimed"
    )


def test_the_words_that_decide_are_those_of_every_scenario() -> None:
    commit = _commit(plan())
    assert commit is not None
    assert commit.words == ["moon", "quietly", "sun", "truly"]
