"""One flow for a release and for a study: in one order, each thing once, and the card's code at the Hub that was pushed to."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import HfApi
from publish.releases import SEEDS, make_release, scaled
from typer.testing import CliRunner

from hubkit.cards.snippets import SnippetRun
from hubkit.cli.main import app
from hubkit.errors import UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish import files, flow, proof, rehearse
from hubkit.publish.gate import Gate
from hubkit.publish.plan import Target
from hubkit.validate.report import Report

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
Hub = tuple[RunningHub, HfApi]
SHAPE = scaled(SEEDS[3], 64)
NAMES = ["me/two-a", "me/two-b"]


@pytest.fixture
def study(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two small releases of one study; the commands speak to the local Hub."""
    monkeypatch.setattr("hubkit.publish.client.client", lambda: hub[1])
    for name in NAMES:
        make_release(tmp_path / name[-1], SHAPE, name)
    releases = [{"name": name[-1], "folder": name[-1]} for name in NAMES]
    (tmp_path / "study.yaml").write_text(
        yaml.safe_dump({"name": "two", "releases": releases}), encoding="utf-8"
    )
    return tmp_path / "study.yaml"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Where a card's code was run, and whose: nothing of it is, for that takes torch and minutes."""
    seen: list[tuple[str, str]] = []

    def run(card: str, *, endpoint: str | None, **_: Any) -> SnippetRun:
        seen.append((next(name for name in NAMES if name in card), endpoint or ""))
        return SnippetRun(ok=True, blocks=1, failed_line=None, error="", output="", seconds=0.0, checked={})

    for module in (proof, rehearse):
        monkeypatch.setattr(module, "run_snippets", run)
        monkeypatch.setattr(module, "missing_packages", lambda _: [])
    return seen


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[Path]:
    """How often each file was hashed."""
    counts: Counter[Path] = Counter()
    really = files.hash_file

    def counting(release: Path, path: str) -> files.LocalFile:
        counts[release / path] += 1
        return really(release, path)

    monkeypatch.setattr(files, "hash_file", counting)
    return counts


def typed(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["push", *arguments])


def test_a_study_runs_each_card_s_code_in_the_rehearsal_and_at_the_hub(
    hub: Hub, study: Path, ran: list[tuple[str, str]]
) -> None:
    done = typed(str(study), "--format", "json")
    assert done.exit_code == 0, done.stderr
    here = hub[1].endpoint
    assert [name for name, endpoint in ran if endpoint == here] == NAMES
    assert [name for name, endpoint in ran if endpoint != here] == NAMES
    assert [one["code"]["ok"] for one in json.loads(done.stdout)["releases"]] == [True, True]
    assert done.stderr.count("the card's code ran there") == 2
    ran.clear()
    again = typed(str(study))
    assert again.exit_code == 0, again.stderr
    assert ran == []  # what is there already was run when it came


@pytest.mark.parametrize("option", ["--no-code", "--no-rehearse"])
def test_who_wants_no_code_gets_none(hub: Hub, study: Path, ran: list[tuple[str, str]], option: str) -> None:
    assert typed(str(study), option).exit_code == 0
    assert ran == []


def test_a_dry_run_of_a_study_hashes_and_asks_once_for_each_release(
    hub: Hub, study: Path, hashed: Counter[Path]
) -> None:
    done = typed(str(study), "--dry-run", "--format", "json")
    assert done.exit_code == 0, done.stderr
    assert set(hashed.values()) == {1}
    assert {request.method for request in hub[0].requests} == {"GET"}
    asked = Counter(request.path for request in hub[0].requests)
    assert set(asked.values()) == {1}
    assert [plan["repo_id"] for plan in json.loads(done.stdout)] == NAMES
    for name in NAMES:
        assert f"{name}\nok gate " in done.stderr


def test_a_dry_run_is_the_plan_of_the_push(hub: Hub, study: Path) -> None:
    release = study.parent / "a"
    plan = json.loads(typed(str(release), "--dry-run", "--format", "json").stdout)
    assert "Checked by hubkit before it was sent: 1 SAE" in plan["description"]
    assert typed(str(release), "--no-rehearse", "--no-code").exit_code == 0
    (commit, *_) = hub[1].list_repo_commits(NAMES[0])
    assert (commit.title, commit.message) == (plan["message"], plan["description"])


def test_a_refused_release_is_planned_in_a_dry_run_and_nothing_is_asked_in_a_push(
    hub: Hub, study: Path
) -> None:
    (study.parent / "a" / "README.md").unlink()
    dry = typed(str(study), "--dry-run", "--format", "json")
    assert [plan["repo_id"] for plan in json.loads(dry.stdout)] == NAMES
    assert "CARD-NONE" in str(dry.exception)
    hub[0].clear_requests()
    assert "CARD-NONE" in str(typed(str(study)).exception)
    assert hub[0].requests == ()


def test_code_that_fails_at_the_hub_fails_the_push_of_a_study(
    hub: Hub, study: Path, ran: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = SnippetRun(
        ok=False,
        blocks=1,
        failed_line=3,
        error="",
        output="",
        seconds=0.0,
        checked={},
        reason="KeyError: 'x'",
    )
    monkeypatch.setattr(proof, "run_snippets", lambda *_, **__: failed)
    done = typed(str(study))
    assert "every file arrived, and the card's own code fails there: KeyError: 'x'" in str(done.exception)
    assert [name for name, _ in ran] == NAMES  # all of them were rehearsed first
    assert [model.id for model in hub[1].list_models(author="me")] == NAMES[:1]


@pytest.mark.parametrize(
    ("endpoint", "model", "goes"),
    [
        ("https://8.8.8.8", "hubkit/lab-llama-12x64-for-smollm2-135m", False),
        ("https://8.8.8.8", "HuggingFaceTB/SmolLM2-135M", True),
        ("http://127.0.0.1:8000", "hubkit/lab-llama-6x64", True),
        ("http://localhost:8000", "hubkit/lab-llama-6x64", True),
        ("http://192.168.1.9", "hubkit/lab-llama-6x64", True),
    ],
)
def test_saes_of_a_lab_model_go_to_no_public_hub(
    endpoint: str, model: str, goes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "make_plan", lambda *_, **__: SHAPE)
    monkeypatch.setattr(flow, "described", lambda made, _: made)
    release = flow.Released(tmp_path, Target("me/trial"))
    gate = Gate(Report("", None, [], [], [], [], 0, 0, 0, 0.0), (), model, "mit", 0)
    looked = [flow.Looked(release, (), gate)]
    if goes:
        assert flow.plan(looked, HfApi(endpoint=endpoint), flow.Choices()) == [SHAPE]
    else:
        with pytest.raises(UsageError, match="to a Hub on this machine only; nothing was sent"):
            flow.plan(looked, HfApi(endpoint=endpoint), flow.Choices())
