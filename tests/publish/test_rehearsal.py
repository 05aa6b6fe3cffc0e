"""The rehearsal: the same plan on a throw-away Hub, in the state in which it will find the real one; what goes wrong there stops the push."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi, close_session
from publish.hubs import ending_later

from hubkit.cards.build import build_card
from hubkit.errors import HubkitError, UsageError
from hubkit.localhub.seeding import seed
from hubkit.localhub.server import RunningHub
from hubkit.publish import flow
from hubkit.publish.flow import Choices, Published, Released
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push
from hubkit.publish.rehearse import (
    Prepared,
    Rehearsal,
    check_rehearsal,
    local_hub,
    rehearsal_hub,
    rehearse_prepared,
)

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAME = "owner/release"
NO_CODE = Choices(run_code=False)
Hub = tuple[RunningHub, HfApi]


def prepare(release: Path, target: Target, api: HfApi, choices: Choices | None = None) -> Prepared:
    (prepared,) = flow.prepare([Released(release, target)], api, choices)
    return prepared


def rehearse(prepared: Prepared) -> Rehearsal:
    return flow.rehearse([prepared], NO_CODE)[NAME]


def publish(prepared: Prepared, api: HfApi, rehearsal: Rehearsal) -> Published:
    (done,) = flow.publish([prepared], api, NO_CODE, {NAME: rehearsal}).releases
    return done


def test_a_new_repository(hub: Hub, release: Path) -> None:
    prepared = prepare(release, Target(NAME, tag="v1", revision="dev"), hub[1])
    hub[0].clear_requests()
    outcome = rehearse(prepared)
    assert outcome.ok
    assert outcome.verification.compared == len(prepared.plan.local)
    assert outcome.snippet is None
    assert hub[0].requests == ()
    done = publish(prepared, hub[1], outcome)
    assert done.verification.ok


def test_changes_and_deletions_are_rehearsed_on_what_is_there(
    hub: Hub, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = hub[1]
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    push(make_plan(release, Target(NAME), api), release, api)
    api.upload_file(path_or_fileobj=b"old", path_in_repo="old.txt", repo_id=NAME)
    (release / "notes.md").write_text("new\n", encoding="utf-8")
    build_card(release)
    prepared = prepare(release, Target(NAME), api, Choices(prune=True))
    plan = prepared.plan
    assert {plan.count("add"), plan.count("modify"), plan.count("delete")} == {1}
    with rehearsal_hub([prepared]) as (running, local):
        before = set(local.list_repo_files(NAME))
        assert "old.txt" in before
        assert "notes.md" not in before
        outcome = rehearse_prepared(prepared, local, run_code=False)
        assert set(local.list_repo_files(NAME)) == {file.path for file in plan.local} | {".gitattributes"}
        sent = [request for request in running.requests if request.method == "PUT"]
        assert sent == []  # no weights changed, so none is sent, here as there
    assert outcome.ok
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_disk_without_room_is_told_and_nothing_is_sent(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(release, Target(NAME), hub[1])
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil has it
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 50_000_000))
    with pytest.raises(UsageError, match=r"50\.0 MB are free.*nothing was sent") as told:
        rehearse(prepared)
    assert "--no-rehearse" in (told.value.hint or "")


def test_files_that_arrive_otherwise_stop_the_push(hub: Hub, release: Path) -> None:
    prepared = prepare(release, Target(NAME), hub[1])
    outcome = rehearse(prepared)
    broken = replace(outcome, verification=replace(outcome.verification, differing=("a.txt",)))
    with pytest.raises(HubkitError, match=r"a\.txt arrived with other bytes; nothing was sent"):
        check_rehearsal(prepared, broken)


def test_a_front_matter_that_the_hub_refuses_is_told_before_a_large_file_is_sent(
    hub: Hub, release: Path
) -> None:
    card = release / "README.md"
    text = card.read_text(encoding="utf-8").replace(
        "base_model: openai-community/gpt2", "base_model: C:\\models\\gpt2"
    )
    card.write_text(text, encoding="utf-8")
    plan = make_plan(release, Target(NAME), hub[1])
    with pytest.raises(UsageError, match="refuses the card's front matter"):
        push(plan, release, hub[1])
    assert not [request for request in hub[0].requests if request.method == "PUT"]
    assert not list(hub[1].list_models(author="owner"))


@pytest.mark.train
def test_a_card_whose_code_fails_is_not_published_unless_somebody_says_why(hub: Hub, release: Path) -> None:
    card = release / "README.md"
    # without its own block, which imports SAELens: what follows the code is not reached anyway
    text = re.sub(r"```python\n.*?```\n", "", card.read_text(encoding="utf-8"), flags=re.DOTALL)
    card.write_text(text + "\n```python\nsae = 1\nsae.nonsense()\n```\n", encoding="utf-8")
    edited = {"CARD-EDITED": "its code was replaced on purpose"}
    bad = prepare(release, Target(NAME), hub[1], Choices(allow=edited))
    with rehearsal_hub([bad]) as (_, api):
        outcome = rehearse_prepared(bad, api)
    with pytest.raises(HubkitError, match="SNIPPET: the card's own code fails") as told:
        check_rehearsal(bad, outcome)
    assert "nonsense" in told.value.message
    assert "--allow SNIPPET" in (told.value.hint or "")
    allowed = prepare(
        release, Target(NAME), hub[1], Choices(allow=edited | {"SNIPPET": "shows an error on purpose"})
    )
    check_rehearsal(allowed, outcome)
    assert not list(hub[1].list_models(author="owner"))


def with_license(release: Path, name: str) -> None:
    for card in (release / "README.md", release / "card.yaml"):
        text = card.read_text(encoding="utf-8").replace("license: mit", f"license: {name}")
        card.write_text(text, encoding="utf-8")


def test_a_license_that_is_not_on_the_hubs_list_stops_the_rehearsal(hub: Hub, release: Path) -> None:
    with_license(release, "new-license-9.0")
    prepared = prepare(
        release,
        Target(NAME),
        hub[1],
        Choices(allow={"CARD-EDITED": "on purpose", "CARD-STALE": "on purpose"}),
    )
    with pytest.raises(UsageError, match=r"license.*must be one of.*new-license-9\.0") as told:
        rehearse(prepared)
    assert "--no-rehearse" in (told.value.hint or "")
    assert not list(hub[1].list_models(author="owner"))


def test_a_card_that_is_there_unchanged_is_no_matter_of_todays_list(
    hub: Hub, release: Path, tmp_path: Path
) -> None:
    with_license(release, "new-license-9.0")
    files = {file.relative_to(release).as_posix(): file for file in release.rglob("*.*") if file.is_file()}
    with ending_later(local_hub_with(tmp_path / "newer", files)) as (_, api):
        (release / "more.txt").write_text("new\n", encoding="utf-8")
        allowed = {"CARD-EDITED": "on purpose", "CARD-STALE": "on purpose"}
        prepared = prepare(release, Target(NAME), api, Choices(allow=allowed))
        assert {file.path: file.action for file in prepared.plan.files}["README.md"] == "unchanged"
        rehearsal = rehearse(prepared)
        assert rehearsal.ok
        assert publish(prepared, api, rehearsal).verification.ok
        close_session()


@contextmanager
def local_hub_with(folder: Path, files: dict[str, Path]) -> Iterator[Hub]:
    """A Hub that has the release already."""
    folder.mkdir()
    seed(folder, NAME, files, any_card=True)
    with local_hub(folder) as running:
        yield running
