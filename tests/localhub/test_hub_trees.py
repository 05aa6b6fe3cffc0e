"""Long lists in pages, what `expand` adds, and every way to name a revision, through the real client."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import BadRequestError, EntryNotFoundError, HfHubHTTPError, RevisionNotFoundError

from hubkit.localhub import RunningHub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "me/release"


def write(api: HfApi, message: str, revision: str | None = None, **files: bytes) -> str:
    adds = [CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit(REPO, adds, commit_message=message, revision=revision).oid


@pytest.fixture(autouse=True)
def repo(api: HfApi) -> str:
    api.create_repo(REPO)
    return REPO


def test_a_tree_comes_in_pages(api: HfApi, hub: RunningHub) -> None:
    write(api, "many", **{f"d/{number:04}.json": b"{}" for number in range(1005)})
    hub.clear_requests()
    assert len(list(api.list_repo_tree(REPO, "d"))) == 1005
    assert len(hub.requests) == 2
    hub.clear_requests()
    paths = [item.path for item in api.list_repo_tree(REPO, "d", expand=True)]
    assert (len(set(paths)), len(hub.requests)) == (1005, 21)
    assert len(api.get_paths_info(REPO, paths[:1000])) == 1000
    assert len(api.list_repo_files(REPO)) == 1006


def test_the_history_comes_in_pages(api: HfApi, hub: RunningHub) -> None:
    made = [write(api, f"commit {number}", a=str(number).encode()) for number in range(60)]
    hub.clear_requests()
    assert [commit.commit_id for commit in api.list_repo_commits(REPO)][:-1] == made[::-1]
    assert len(hub.requests) == 2


def test_expand_says_who_last_changed_it_and_claims_no_scan(api: HfApi) -> None:
    first = write(api, "first", **{"a/x": b"1", "a/y": b"1", "b/z": b"1"})
    second = write(api, "second", **{"a/x": b"2"})
    third = api.create_commit(REPO, [CommitOperationDelete("b/z")], commit_message="third").oid
    write(api, "back", **{"b/z": b"1"})
    tree = {item.path: item for item in api.list_repo_tree(REPO, recursive=True, expand=True, revision=third)}
    assert {path: tree[path].last_commit.oid for path in ("a", "a/x", "a/y")} == {
        "a": second,
        "a/x": second,
        "a/y": first,
    }
    assert tree["a/x"].last_commit.title == "second"
    assert (tree["a/x"].security.status, tree["a/x"].security.safe) == ("unscanned", False)
    (info,) = api.get_paths_info(REPO, "b/z", expand=True)
    assert info.last_commit.title == "back"
    assert api.model_info(REPO, securityStatus=True).security_repo_status["scansDone"] is False


def test_branches_and_tags_come_and_go(api: HfApi) -> None:
    first = write(api, "first", a=b"1")
    api.create_branch(REPO, branch="dev/x")
    api.create_tag(REPO, tag="v1.0", tag_message="a release")
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_branch(REPO, branch="dev/x")
    assert caught.value.response.status_code == 409
    with pytest.raises(HfHubHTTPError):
        api.create_tag(REPO, tag="v1.0")
    api.create_branch(REPO, branch="dev/x", exist_ok=True)
    api.create_tag(REPO, tag="v1.0", exist_ok=True)
    on_branch = write(api, "second", "dev/x", a=b"2")
    assert api.model_info(REPO).sha == first
    assert api.model_info(REPO, revision="dev/x").sha == on_branch
    api.create_branch(REPO, branch="old", revision="v1.0")
    refs = api.list_repo_refs(REPO)
    assert {ref.name: ref.target_commit for ref in refs.branches} == {
        "main": first,
        "dev/x": on_branch,
        "old": first,
    }
    assert [(ref.ref, ref.target_commit) for ref in refs.tags] == [("refs/tags/v1.0", first)]
    api.delete_branch(REPO, branch="dev/x")
    api.delete_tag(REPO, tag="v1.0")
    assert api.list_repo_refs(REPO).tags == []
    for gone in (lambda: api.delete_branch(REPO, branch="dev/x"), lambda: api.delete_tag(REPO, tag="v1.0")):
        with pytest.raises(RevisionNotFoundError):
            gone()
    with pytest.raises(BadRequestError, match="Cannot delete refs/heads/main"):
        api.delete_branch(REPO, branch="main")
    with pytest.raises(RevisionNotFoundError):
        api.create_branch(REPO, branch="new", revision="absent")
    for name in ("a..b", "-x", "x.lock", "a b", "refs/heads/x", "a//b", "0" * 40):
        with pytest.raises(BadRequestError):
            api.create_branch(REPO, branch=name)


def test_a_commit_is_named_by_its_first_digits(api: HfApi) -> None:
    first = write(api, "first", a=b"1")
    second = write(api, "second", a=b"2")
    assert api.model_info(REPO, revision=first[:7]).sha == first
    assert api.list_repo_files(REPO, revision=second[:12]) == [".gitattributes", "a"]
    with pytest.raises(RevisionNotFoundError):
        api.model_info(REPO, revision=first[:6])
    change = [CommitOperationAdd("a", b"3")]
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_commit(REPO, change, commit_message="third", parent_commit=first[:7])
    assert caught.value.response.status_code == 412
    api.create_commit(REPO, change, commit_message="third", parent_commit=second[:7])


def test_what_other_kinds_of_repositories_get_is_a_clear_404(api: HfApi) -> None:
    for act in (
        lambda: api.dataset_info("me/data"),
        lambda: api.space_info("me/app"),
        lambda: api.create_repo("me/data", repo_type="dataset"),
        lambda: api.delete_repo("me/data", repo_type="dataset"),
        lambda: list(api.list_datasets()),
    ):
        with pytest.raises(HfHubHTTPError, match="model repositories only") as caught:
            act()
        assert caught.value.response.status_code == 404
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(REPO, "absent"))
