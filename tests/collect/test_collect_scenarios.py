"""Scenario files, good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubkit.collect.scenarios import Scenario
from hubkit.collect.situations import load_scenarios
from hubkit.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "s.jsonl",
            '{"scenario_id": "a", "prompt": "Where?"}\n\n{"scenario_id": "a", "variant": "v", "prompt": "Wo, bitte?"}\n',
        ),
        (
            "s.yaml",
            "- {scenario_id: a, prompt: 'Where?'}\n- {scenario_id: a, variant: v, prompt: 'Wo, bitte?'}\n",
        ),
    ],
)
def test_both_forms_say_the_same(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert load_scenarios(tmp_path / name) == (
        Scenario(scenario_id="a", prompt="Where?"),
        Scenario(scenario_id="a", variant="v", prompt="Wo, bitte?"),
    )


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("s.jsonl", '{"scenario_id": "a"}', UsageError, r"entry 1 is not a scenario"),
        ("s.jsonl", '{"scenario_id": "a", "prompt": "p", "promt": "q"}', UsageError, r"promt"),
        ("s.jsonl", '{"scenario_id": "a", "prompt": "p"}\n' * 2, UsageError, r"'a' is there twice"),
        ("s.jsonl", "", UsageError, r"no scenarios"),
        ("s.jsonl", "{", IncompleteError, r"not readable"),
        ("s.yaml", "a: [", IncompleteError, r"not readable"),
        ("s.yaml", "scenario_id: 3\nprompt: p", UsageError, r"entry 1 is not a scenario"),
        ("s.csv", "a,b", UsageError, r"expected \.jsonl"),
    ],
)
def test_bad_files_are_refused(
    tmp_path: Path, name: str, content: str, error: type[Exception], message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(error, match=message):
        load_scenarios(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match=r"gone\.jsonl"):
        load_scenarios(tmp_path / "gone.jsonl")
