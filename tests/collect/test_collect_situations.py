"""Situations become scenarios: wordings, controls, the sets that ship, and what a study file may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from hubkit.collect.judges import KeywordJudge
from hubkit.collect.plan import CollectPlan
from hubkit.collect.scenarios import Scenario
from hubkit.collect.situations import builtin_sets, load_scenarios, named
from hubkit.errors import UsageError
from hubkit.inference.decoding import Decoding
from hubkit.study.study import load_study

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("deceptive", "honest")
JUDGE = KeywordJudge(keywords={"honest": ("yes",), "deceptive": ("no",)}, within=3)
SETS = """
variants: {neutral: "{prompt}", instructed: "Hide it. {prompt}"}
scenarios:
- {scenario_id: a, prompt: "Is it {so}?", turned: "Is it not?", labels: {honest: says so}}
- {scenario_id: b, prompt: "And {prompt}?", variants: {plain: "{prompt}"}, temperature: 0.5, stop: ["\\n"]}
- scenario_id: c
  messages: [{role: user, content: One}, {role: assistant, content: Two}, {role: user, content: Three}]
- {scenario_id: n, prompt: "Tea or coffee?", control: neutral}
"""


def plan(**changes: Any) -> CollectPlan:
    base: dict[str, Any] = {
        "model": "m", "model_name": "m", "scenarios": [{"scenario_id": "a", "prompt": "So?"}], "max_new_tokens": 8,
        "labels": WORDS, "judge": JUDGE, "layers": (1,),
    }  # fmt: skip
    return CollectPlan.model_validate(base | changes)


def test_each_wording_and_each_control_is_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SETS, encoding="utf-8")
    found = {one.key: one for one in load_scenarios(tmp_path / "s.yaml")}
    assert list(found) == [
        "a/neutral", "a/instructed", "a/turned", "b/plain", "c/neutral", "c/instructed", "n",
    ]  # fmt: skip
    assert found["a/instructed"].prompt == "Hide it. Is it {so}?", "braces of a prompt are its own"
    assert found["b/plain"].prompt == "And {prompt}?"
    assert [one.content for one in found["c/instructed"].messages] == ["One", "Two", "Hide it. Three"]
    assert (found["a/turned"].control, found["n"].control, found["a/neutral"].control) == (
        "turned",
        "neutral",
        "",
    )
    assert found["a/turned"].labels == {}, "what a label means is of the facts as they are told"
    study = Decoding(temperature=1.0, max_new_tokens=9)
    assert found["b/plain"].decoding(study) == Decoding(temperature=0.5, max_new_tokens=9, stop=("\n",))
    assert found["n"].decoding(study) == study


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{scenario_id: a}", "expected either `prompt` or `messages`"),
        ("{scenario_id: a, prompt: x, messages: [{role: user, content: y}]}", "expected either"),
        ("{scenario_id: a, prompt: x, variants: {v: no place}}", r"variant 'v': 'no place'"),
        ("{scenario_id: a, prompt: x, variant: v, variants: {w: '{prompt}'}}", "expected one of them"),
        ("{scenario_id: a, prompt: x, control: neutral, turned: y}", "no control of its own"),
        ("{scenario_id: a, prompt: x, stop: ['']}", "ends every completion"),
        ("{scenario_id: a, prompt: x, top_p: 0}", "top_p"),
        ("{scenario_id: a, messages: [{role: robot, content: y}]}", "role"),
        ("{scenario_id: a, prompt: x, anchors: {honest: [off, on]}}", "anchors"),
        ("{scenario_id: a, messages: [{role: assistant, content: y}], variants: {v: '{prompt}'}}", "no message of the user"),
        ("{scenario_id: a, prompt: x, control: neutral}", "at least one that is no control"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_by_its_place(tmp_path: Path, entry: str, message: str) -> None:
    (tmp_path / "s.yaml").write_text(f"- {entry}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        load_scenarios(tmp_path / "s.yaml")


def test_what_ships_is_sixteen_with_controls_that_keyword_judges_can_judge() -> None:
    assert builtin_sets() == ["true_or_useful"]
    found = named("builtin:true_or_useful")
    main = [one for one in found if not one.control]
    assert len(main) >= 16
    assert {one.family for one in main} == {"incentive", "role_play"}
    ids = {one.scenario_id for one in main}
    assert ids >= {
        "insider_info", "accounting_error", "ai_oversight_log", "ai_capability_hide", "surprise_party", "job_interview_gap",
        "secret_role_game", "secret_role_game_v2", "werewolf_game", "day_night",
    }  # fmt: skip
    assert {one.scenario_id for one in found if one.control == "turned"} == ids
    assert sum(one.control == "neutral" for one in found) >= 3
    judge = KeywordJudge(keywords={"honest": (), "deceptive": ()}, within=40, unit="characters")
    assert not [one.key for one in found if judge.problem(one)]
    told = {one.scenario_id: one for one in main}
    for control in found:
        if control.control == "turned":
            assert control.prompt != told[control.scenario_id].prompt
            assert (control.prefill, control.anchors) == (
                told[control.scenario_id].prefill,
                told[control.scenario_id].anchors,
            )
    with pytest.raises(UsageError, match="no such set"):
        named("builtin:nothing")


def test_a_plan_says_the_same_again(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SETS, encoding="utf-8")
    for source in ("builtin:true_or_useful", str(tmp_path / "s.yaml")):
        made = plan(scenarios=source)
        assert CollectPlan.model_validate_json(made.model_dump_json()) == made
    with pytest.raises(ValidationError, match="no such set of scenarios"):
        plan(scenarios="builtin:x")
    with pytest.raises(ValidationError, match=r"name the labels \['truthful'\]"):
        plan(scenarios=[Scenario(scenario_id="a", prompt="x", labels={"truthful": "y"})])


def test_samples_are_spread_over_what_is_no_control() -> None:
    made = plan(scenarios="builtin:true_or_useful", samples=35, control_samples=4)
    counts = [made.samples_of(position) for position in range(len(made.scenarios))]
    main = [n for n, one in zip(counts, made.scenarios, strict=True) if not one.control]
    assert (sum(main), max(main), min(main)) == (35, 3, 2)
    assert {n for n, one in zip(counts, made.scenarios, strict=True) if one.control} == {4}
    assert made.total == sum(counts)


def test_texts_hang_on_prompts_and_draws_and_on_nothing_else() -> None:
    first = plan().completions_sha256("r")
    for change in ({"top_p": 0.9}, {"stop": ("x",)}, {"control_samples": 3}, {"chat": True}, {"seed": 1}):
        assert plan(**change).completions_sha256("r") != first, change
    for change in (
        {"layers": (2,)},
        {"pooling": "last"},
        {"folds": 3},
        {"skip_after_commit": 1},
        {"batch_size": 3},
    ):
        assert plan(**change).completions_sha256("r") == first, change
    told = [{"scenario_id": "a", "prompt": "So?", "anchors": {"honest": ["so"], "deceptive": ["not"]}}]
    other = plan(scenarios=told)
    assert other.completions_sha256("r") == first
    assert other.questions_sha256(first) != plan().questions_sha256(first), "a judge is asked anew"


def test_a_study_file_names_scenarios_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "s.yaml").write_text(SETS, encoding="utf-8")
    study = """
name: x
collect: {model: m, model_name: m, scenarios: %s, max_new_tokens: 8, labels: [deceptive, honest], layers: [1],
  judge: {kind: keyword, keywords: {honest: [yes], deceptive: [no]}, within: 3}, completions_from: ../other}
grid: {prefix: p, architectures: {topk: {d_sae: 64, k: 4}}, conditions: [mixed]}
card: {repo_id: a/b, base_model: gpt2, license: mit, title: t, measures: m, does_not_measure: n}
"""
    (tmp_path / "a" / "study.yaml").write_text(
        study.replace("yes", "'yes'").replace("[no]", "['no']") % "s.yaml", "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    loaded = load_study(tmp_path / "a" / "study.yaml").collect
    assert len(loaded.scenarios) == 7
    assert loaded.completions_from == str(tmp_path / "a" / ".." / "other")
    (tmp_path / "a" / "study.yaml").write_text(
        study.replace("yes", "'yes'").replace("[no]", "['no']") % "gone.yaml", "utf-8"
    )
    with pytest.raises(UsageError, match=r"collect\.scenarios: .*gone\.yaml: not readable"):
        load_study(tmp_path / "a" / "study.yaml")
