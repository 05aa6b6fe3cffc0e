"""Pull requests: for repositories of others, and for releases that one commit cannot take."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, close_session

from hubkit.errors import IncompleteError, UsageError
from hubkit.localhub import User, serving
from hubkit.localhub.faults import Fault
from hubkit.localhub.server import RunningHub
from hubkit.publish import retry
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import Limits, push
from hubkit.publish.verify import verify

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAME = "owner/release"
TINY = Limits(files=2)
People = tuple[RunningHub, HfApi, HfApi]


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.01)
    users = (User("owner", "owner-token"), User("stranger", "stranger-token"))
    with serving(tmp_path / "people", users=users) as hub:
        yield (hub, *(HfApi(endpoint=hub.endpoint, token=user.token) for user in users))
    close_session()


def commits(people: People) -> int:
    return sum("/commit/" in request.path and request.status == 200 for request in people[0].requests)


def test_a_release_above_the_limits_is_committed_in_parts_verified_and_merged(
    people: People, release: Path
) -> None:
    api = people[1]
    plan = make_plan(release, Target(NAME), api)
    pushed = push(plan, release, api, limits=TINY)
    assert commits(people) == -(-len(plan.sent) // 2)
    assert pushed.commit == api.model_info(NAME).sha
    assert verify(plan, pushed.commit, api).differing == ()
    (pull,) = api.get_repo_discussions(NAME)
    assert pull.status == "merged"
    assert not make_plan(release, Target(NAME), api).changes


def test_one_that_was_cut_off_is_continued_and_nothing_is_opened_twice(people: People, release: Path) -> None:
    hub, api = people[0], people[1]
    api.create_repo(NAME)
    before = api.model_info(NAME).sha
    plan = make_plan(release, Target(NAME), api)
    hub.faults.add(Fault("status", match="/commit/refs%2Fpr%2F1", skip=1, status=401, times=None))
    with pytest.raises(UsageError, match="does not know this token"):
        push(plan, release, api, limits=TINY)
    assert api.model_info(NAME).sha == before
    hub.faults.clear()
    hub.clear_requests()
    again = make_plan(release, Target(NAME), api)
    push(again, release, api, limits=TINY)
    assert commits(people) == -(-len(plan.sent) // 2) - 1
    assert [pull.status for pull in api.get_repo_discussions(NAME)] == ["merged"]


def test_another_commit_on_main_stops_the_merge(people: People, release: Path) -> None:
    api = people[1]
    api.create_repo(NAME)
    plan = make_plan(release, Target(NAME), api)
    api.upload_file(path_or_fileobj=b"first", path_in_repo="first.txt", repo_id=NAME)
    head = api.model_info(NAME).sha
    with pytest.raises(IncompleteError, match="was not merged"):
        push(plan, release, api, limits=TINY)
    assert api.model_info(NAME).sha == head


def test_a_stranger_proposes_and_main_stays(people: People, release: Path, tmp_path: Path) -> None:
    owner, stranger = people[1], people[2]
    push(make_plan(release, Target(NAME), owner), release, owner)
    head = owner.model_info(NAME).sha
    better = tmp_path / "better"
    shutil.copytree(release, better)
    (better / "config.json").write_text('{"better": true}\n', encoding="utf-8")
    target = Target(NAME, pull_request=True)
    plan = make_plan(better, target, stranger)
    pushed = push(plan, better, stranger)
    assert pushed.pull_request == f"{people[0].endpoint}/{NAME}/discussions/1"
    assert owner.model_info(NAME).sha == head
    assert verify(plan, pushed.commit, stranger).ok
    assert push(make_plan(better, target, stranger), better, stranger).commit == pushed.commit
    (pull,) = owner.get_repo_discussions(NAME)
    assert (pull.status, pull.author) == ("open", "stranger")
    with pytest.raises(UsageError, match="may not do this"):
        push(make_plan(better, Target(NAME), stranger), better, stranger)
