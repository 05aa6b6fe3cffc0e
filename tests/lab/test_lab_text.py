"""The text of the lab: what it says of itself is true of what it draws."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from hubkit.collect.judges import Reply
from hubkit.collect.scenarios import Scenario
from hubkit.lab import text
from hubkit.lab.study import judge


def drawn(scene: str, n: int, *, null: bool = False) -> list[list[str]]:
    rng = np.random.default_rng(1)
    return [text.response(scene, rng, null=null).split() for _ in range(n)]


def replies(scenario: Scenario) -> list[Reply]:
    texts = [" ".join(words) for words in drawn(scenario.scenario_id, 60)]
    return [Reply(f"{number}", scenario, one) for number, one in enumerate(texts)]


def test_every_word_is_in_the_vocabulary_once() -> None:
    words = {word for scene in text.SCENES for response in drawn(scene, 20) for word in response}
    words |= {word for scene in text.SCENES for word in text.world(scene).prompt.split()}
    assert words <= set(text.VOCABULARY)
    assert len(set(text.VOCABULARY)) == len(text.VOCABULARY)


def test_the_closing_word_keeps_to_the_commit_word() -> None:
    pairs = {(words[0], words[-2]) for scene in text.SCENES[:-1] for words in drawn(scene, 50)}
    assert pairs == {("truly", "shown"), ("quietly", "hidden")}


def test_in_the_null_variant_the_closing_word_is_independent() -> None:
    counts = Counter((words[0], words[-2]) for words in drawn("harbour", 4000, null=True))
    kept = (counts["truly", "shown"] + counts["quietly", "hidden"]) / 4000
    rate = text.world("harbour").honest_rate
    assert kept == pytest.approx(rate**2 + (1 - rate) ** 2, abs=0.03)


def test_fillers_do_not_depend_on_the_behaviour() -> None:
    """Per filler and position, counts under both behaviours differ by no more than chance (chi-square, p > .001)."""
    from scipy.stats import chi2_contingency

    fillers: dict[str, Counter[str]] = {"truly": Counter(), "quietly": Counter()}
    for words in drawn("chapel", 4000):
        fillers[words[0]][words[6]] += (
            1  # one position: the draws of one response are not independent of each other
        )
    seen = sorted(set(fillers["truly"]) | set(fillers["quietly"]))
    table = [[fillers[commit][filler] for filler in seen] for commit in ("truly", "quietly")]
    assert chi2_contingency(table).pvalue > 0.001


def test_behaviours_are_about_balanced_in_every_scene() -> None:
    for scene in text.SCENES[:-1]:
        rate = text.world(scene).honest_rate
        assert 0.4 <= rate <= 0.6
        honest = np.mean([words[0] == "truly" for words in drawn(scene, 2000)])
        assert honest == pytest.approx(rate, abs=0.05)


def test_prompt_and_response_have_the_stated_lengths() -> None:
    for scene in text.SCENES:
        prompt = text.world(scene).prompt.split()
        assert (prompt[0], prompt[1], prompt[-1], len(prompt)) == ("Q:", scene, "A:", 11)
        assert {len(words) for words in drawn(scene, 20)} == {text.RESPONSE}


def test_the_ambiguous_scenario_decides_nothing_and_the_others_always() -> None:
    verdicts = {
        scene.scenario_id: {verdict.label for verdict in judge().judge(replies(scene))}
        for scene in text.scenarios()
    }
    assert verdicts.pop(text.AMBIGUOUS) == {None}
    assert all(labels == {"honest", "deceptive"} for labels in verdicts.values())


def test_nothing_of_the_text_and_the_study_needs_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None;"
        "import hubkit.lab, hubkit.lab.text, hubkit.lab.study, hubkit.lab.model, hubkit.collect, hubkit.collect.run,"
        "hubkit.collect.scenarios, hubkit.collect.folds, hubkit.collect.judges, hubkit.collect.plan, hubkit.collect.judging"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
