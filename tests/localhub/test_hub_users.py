"""Several users, tokens that only read, private and gated repositories, through the real client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from hubkit.localhub import RunningHub, User, serving

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
USERS = (
    User("alice", "alice-token"),
    User("bob", "bob-token", orgs=("team",)),
    User("alice", "alice-reads", role="read"),
)


@pytest.fixture
def hub(tmp_path: Path, plain_client: None) -> Iterator[RunningHub]:
    with serving(tmp_path / "hub", users=USERS) as running:
        yield running


def client(hub: RunningHub, token: str | bool) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=token)


@pytest.fixture
def alice(hub: RunningHub) -> HfApi:
    return client(hub, "alice-token")


@pytest.fixture
def bob(hub: RunningHub) -> HfApi:
    return client(hub, "bob-token")


@pytest.fixture
def nobody(hub: RunningHub) -> HfApi:
    return client(hub, False)


def status(act: object) -> int:
    with pytest.raises(HfHubHTTPError) as caught:
        act()  # type: ignore[operator]
    return int(caught.value.response.status_code)


def add() -> list[CommitOperationAdd]:
    """One small file; an operation serves one commit."""
    return [CommitOperationAdd("a.json", b"{}")]


def test_each_writes_at_home_only(hub: RunningHub, alice: HfApi, bob: HfApi, nobody: HfApi) -> None:
    reader = client(hub, "alice-reads")
    assert alice.whoami()["name"] == "alice"
    assert [org["name"] for org in bob.whoami()["orgs"]] == ["team"]
    assert reader.whoami()["auth"]["accessToken"]["role"] == "read"
    assert alice.create_repo("own").repo_id == "alice/own"
    assert bob.create_repo("team/shared").repo_id == "team/shared"
    assert status(lambda: alice.create_repo("team/mine")) == 403
    assert status(lambda: reader.create_repo("other")) == 403
    assert status(lambda: nobody.create_repo("alice/x")) == 401
    for act in (
        lambda: bob.create_commit("alice/own", add(), commit_message="no"),
        lambda: reader.create_commit("alice/own", add(), commit_message="no"),
        lambda: bob.delete_repo("alice/own"),
        lambda: bob.move_repo("alice/own", "bob/own"),
        lambda: alice.move_repo("alice/own", "team/own"),
        lambda: bob.update_repo_settings("alice/own", private=True),
        lambda: bob.create_branch("alice/own", branch="x"),
    ):
        assert status(act) == 403
    assert status(lambda: client(hub, "wrong").model_info("alice/own")) == 401
    alice.create_commit("alice/own", add(), commit_message="yes")
    commit, _ = alice.list_repo_commits("alice/own")
    assert commit.authors == ["alice"]


def test_a_stranger_may_propose_and_the_owner_merges(alice: HfApi, bob: HfApi, tmp_path: Path) -> None:
    alice.create_repo("own")
    (tmp_path / "w.bin").write_bytes(b"w" * 100)
    large = CommitOperationAdd("w.bin", tmp_path / "w.bin")
    made = bob.create_commit("alice/own", [*add(), large], commit_message="please", create_pr=True)
    again = [CommitOperationAdd("b.json", b"{}")]
    bob.create_commit("alice/own", again, commit_message="and", revision=made.pr_revision)
    assert status(lambda: bob.merge_pull_request("alice/own", made.pr_num)) == 403
    other = alice.create_pull_request("alice/own", title="mine")
    assert status(lambda: bob.change_discussion_status("alice/own", other.num, "closed")) == 403
    alice.merge_pull_request("alice/own", made.pr_num)
    assert {"a.json", "b.json", "w.bin"} < set(alice.list_repo_files("alice/own"))
    assert alice.get_discussion_details("alice/own", made.pr_num).author == "bob"


def test_what_is_private_is_missing_for_others(alice: HfApi, bob: HfApi, nobody: HfApi) -> None:
    alice.create_repo("own", private=True)
    assert alice.model_info("alice/own").private
    for other in (bob, nobody):
        for name in ("alice/own", "alice/absent"):
            with pytest.raises(RepositoryNotFoundError):
                other.model_info(name)
        assert list(other.list_models(author="alice")) == []
    assert status(lambda: bob.create_commit("alice/own", add(), commit_message="no")) == 404
    assert status(lambda: bob.delete_repo("alice/own")) == 404
    alice.update_repo_settings("alice/own", private=False)
    assert nobody.model_info("alice/own").private is False


def test_a_gated_repository_shows_its_list_and_keeps_its_files(
    hub: RunningHub, alice: HfApi, bob: HfApi, nobody: HfApi, tmp_path: Path
) -> None:
    alice.create_repo("own")
    alice.create_commit("alice/own", add(), commit_message="add")
    alice.update_repo_settings("alice/own", gated="manual")
    assert bob.model_info("alice/own").gated == "manual"
    assert nobody.list_repo_files("alice/own") == [".gitattributes", "a.json"]
    for number, (who, code) in enumerate(((bob, 403), (nobody, 401))):
        with pytest.raises(GatedRepoError) as caught:
            who.hf_hub_download("alice/own", "a.json", cache_dir=tmp_path / str(number))
        assert caught.value.response.status_code == code
        with pytest.raises(GatedRepoError):
            who.auth_check("alice/own")
    alice.hf_hub_download("alice/own", "a.json", cache_dir=tmp_path / "owner")
    alice.grant_access("alice/own", "bob")
    bob.auth_check("alice/own")
    bob.hf_hub_download("alice/own", "a.json", cache_dir=tmp_path / "granted")
    assert status(lambda: bob.auth_check("alice/own", write=True)) == 403
    alice.update_repo_settings("alice/own", gated=False)
    nobody.auth_check("alice/own")


def test_a_moved_repository_is_found_under_its_old_name(
    alice: HfApi, bob: HfApi, nobody: HfApi, tmp_path: Path
) -> None:
    alice.create_repo("own")
    head = alice.create_commit("alice/own", add(), commit_message="add").oid
    alice.move_repo("alice/own", "alice/new")
    assert nobody.model_info("alice/own").id == "alice/new"
    copy = nobody.hf_hub_download("alice/own", "a.json", cache_dir=tmp_path)
    assert (Path(copy).read_bytes(), head in copy) == (b"{}", True)
    assert [model.id for model in alice.list_models()] == ["alice/new"]
    alice.move_repo("alice/new", "alice/newer")
    assert nobody.model_info("alice/own").id == "alice/newer"
    assert status(lambda: alice.delete_repo("alice/own")) == 404  # by body: no address to lead from
    alice.move_repo("alice/newer", "alice/new")
    late = alice.create_commit("alice/own", [CommitOperationAdd("b", b"b")], commit_message="by the old name")
    assert alice.model_info("alice/new").sha == late.oid
    alice.create_repo("third")
    assert status(lambda: alice.move_repo("alice/new", "alice/third")) == 409
    alice.update_repo_settings("alice/new", private=True)
    with pytest.raises(RepositoryNotFoundError):
        bob.model_info("alice/own")  # the new name of what is private is nobody's business
    alice.create_repo("own")
    assert alice.model_info("alice/own").id == "alice/own"


def test_deleting_takes_the_objects_that_nobody_else_has(
    hub: RunningHub, alice: HfApi, tmp_path: Path
) -> None:
    def objects() -> int:
        return sum(path.is_file() for path in (hub.folder / "objects").rglob("*"))

    for name in ("shared.bin", "only.bin"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    shared, only = (CommitOperationAdd(name, tmp_path / name) for name in ("shared.bin", "only.bin"))
    alice.create_repo("one")
    alice.create_commit("alice/one", [shared], commit_message="add")
    before = objects()
    alice.create_repo("two")
    again = CommitOperationAdd("shared.bin", tmp_path / "shared.bin")
    alice.create_commit("alice/two", [again, only, *add()], commit_message="add")
    assert objects() == before + 2
    alice.delete_repo("alice/two")
    assert objects() == before
    copy = alice.hf_hub_download("alice/one", "shared.bin", cache_dir=tmp_path / "cache")
    assert Path(copy).read_bytes() == b"shared.bin" * 100


def test_a_user_is_shown_without_the_token() -> None:
    assert "alice-token" not in repr(USERS)
