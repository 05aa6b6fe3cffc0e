"""What the real Hub does and a rehearsal may lean on, each by the real client, with what must not be taken for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hubkit.localhub import RunningHub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "me/Release"


@pytest.fixture
def repo(api: HfApi) -> str:
    api.create_repo(REPO)
    return REPO


def write(api: HfApi, message: str = "more", **more: bytes) -> str:
    files = {name.replace("__", "/").replace("_", "."): data for name, data in more.items()}
    adds = [CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit(REPO, adds, commit_message=message).oid


@pytest.mark.parametrize("one_folder", [True, False])
def test_files_that_a_gitignore_names_are_left_out(
    api: HfApi, repo: str, source: Path, one_folder: bool
) -> None:
    text = b"*.safetensors\n!keep.safetensors\n"
    if one_folder:
        (source / ".gitignore").write_bytes(text)
    else:
        api.upload_file(path_or_fileobj=text, path_in_repo=".gitignore", repo_id=repo)
    (source / "keep.safetensors").write_bytes(b"kept")
    api.upload_folder(folder_path=source, repo_id=repo)
    files = api.list_repo_files(repo)
    assert {"keep.safetensors", "layer 3/cfg.json", ".gitignore"} <= set(files)
    assert "layer 3/sae_weights.safetensors" not in files


def test_a_gitignore_that_goes_with_the_commit_counts_instead_of_the_one_there(api: HfApi, repo: str) -> None:
    write(api, _gitignore=b"*.bin\n")
    write(api, a_bin=b"1")
    assert "a.bin" not in api.list_repo_files(repo)
    write(api, _gitignore=b"*.pt\n", a_bin=b"1", b_pt=b"2")
    files = api.list_repo_files(repo)
    assert "a.bin" in files
    assert "b.pt" not in files


def test_a_name_without_an_owner_is_not_found(api: HfApi, hub: RunningHub, tmp_path: Path) -> None:
    assert not api.repo_exists("gpt2")
    assert not api.revision_exists("gpt2", "main")
    assert not api.file_exists("gpt2", "config.json")
    asked = (
        lambda: api.model_info("gpt2"),
        lambda: list(api.list_repo_tree("gpt2")),
        lambda: api.list_repo_refs("gpt2"),
        lambda: api.list_repo_commits("gpt2"),
        lambda: api.get_paths_info("gpt2", ["config.json"]),
        lambda: api.hf_hub_download("gpt2", "config.json", cache_dir=tmp_path),
        lambda: api.create_tag("gpt2", tag="v1"),
        lambda: api.create_discussion("gpt2", title="hello"),
        lambda: api.auth_check("gpt2"),
    )
    for ask in asked:
        with pytest.raises(RepositoryNotFoundError):
            ask()


def test_what_this_hub_does_not_serve_is_no_missing_repository(api: HfApi, repo: str) -> None:
    with pytest.raises(HfHubHTTPError, match="does not serve") as told:
        list(api.list_lfs_files(repo))
    assert not isinstance(told.value, RepositoryNotFoundError)


def test_a_name_is_understood_in_any_case(api: HfApi, repo: str, tmp_path: Path) -> None:
    head = write(api, a_txt=b"1", w_bin=b"large")
    assert api.model_info("me/release").id == REPO
    commit = api.create_commit(
        "ME/RELEASE", [CommitOperationAdd("b.bin", b"2")], commit_message="b", parent_commit=head
    )
    assert api.model_info(repo).sha == commit.oid
    path = api.hf_hub_download("Me/release", "b.bin", cache_dir=tmp_path)
    assert Path(path).read_bytes() == b"2"
    api.delete_repo("me/release")
    assert not api.repo_exists(REPO)


def test_gitattributes_stay_as_they_were_left(api: HfApi, repo: str) -> None:
    write(api, w_bin=b"large")
    api.delete_file(".gitattributes", repo)
    write(api, a_txt=b"1")
    assert set(api.list_repo_files(repo)) == {"w.bin", "a.txt"}
    assert next(iter(api.get_paths_info(repo, ["w.bin"]))).lfs is not None
    big = CommitOperationAdd("big.txt", b"x" * 10_000_001)  # large by its size: no line covers it
    api.create_commit(repo, [big], commit_message="big")
    assert ".gitattributes" in api.list_repo_files(repo)


def test_a_folder_is_deleted_by_its_name(api: HfApi, repo: str) -> None:
    write(api, old__a_txt=b"1", old__b_bin=b"2", older__c_txt=b"3", old_txt=b"4")
    api.create_commit(repo, [CommitOperationDelete("old")], commit_message="gone")
    assert set(api.list_repo_files(repo)) == {".gitattributes", "older/c.txt", "old.txt"}
    with pytest.raises(EntryNotFoundError):
        api.create_commit(repo, [CommitOperationDelete("old")], commit_message="gone")
    with pytest.raises(EntryNotFoundError):
        api.create_commit(
            repo, [CommitOperationDelete("old.txt", is_folder=True)], commit_message="no folder"
        )


def test_a_pull_request_goes_to_the_branch_that_it_names(api: HfApi, repo: str) -> None:
    head = write(api, a_txt=b"1")
    api.create_branch(repo, branch="dev")
    made = api.create_commit(
        repo,
        [CommitOperationAdd("new.txt", b"2")],
        commit_message="to dev",
        revision="dev",
        create_pr=True,
    )
    details = api.get_discussion_details(repo, made.pr_num or 0)
    assert details.target_branch == "refs/heads/dev"
    assert "+2" in (details.diff or "")
    api.merge_pull_request(repo, details.num)
    assert "new.txt" in api.list_repo_files(repo, revision="dev")
    assert api.model_info(repo).sha == head
    for wrong in (head, "missing"):
        with pytest.raises(RevisionNotFoundError):
            api.create_commit(
                repo, [CommitOperationAdd("x", b"")], commit_message="x", revision=wrong, create_pr=True
            )
    assert len(list(api.get_repo_discussions(repo))) == 1


def test_a_pull_request_clashes_with_its_own_branch_only(api: HfApi, repo: str) -> None:
    write(api, a_txt=b"1")
    api.create_branch(repo, branch="dev")
    pulls = [
        api.create_commit(
            repo, [CommitOperationAdd("a.txt", b"2")], commit_message="2", revision=branch, create_pr=True
        ).pr_num
        for branch in ("dev", "main")
    ]
    write(api, a_txt=b"3")
    found = [api.get_discussion_details(repo, num or 0).conflicting_files for num in pulls]
    assert found == [[], ["a.txt"]]
    api.merge_pull_request(repo, pulls[0] or 0)
    with pytest.raises(HfHubHTTPError, match="main and pull request"):
        api.merge_pull_request(repo, pulls[1] or 0)


def test_the_words_by_which_people_find_help(api: HfApi, repo: str) -> None:
    head = write(api, a_txt=b"1")
    write(api, a_txt=b"2")
    api.create_repo("me/other")
    api.create_branch(repo, branch="dev")
    said = (
        (412, "The branch was updated since you opened this page", lambda: api.create_commit(repo, [CommitOperationAdd("a", b"")], commit_message="x", parent_commit=head)),
        (409, "A model repository called me/other already exists", lambda: api.move_repo(repo, "me/other")),
        (409, "Reference refs/heads/dev already exists", lambda: api.create_branch(repo, branch="dev")),
        (404, "Invalid rev id: refs/heads/gone", lambda: api.delete_branch(repo, branch="gone")),
        (404, "Repository Not Found", lambda: api.model_info("me/nothing")),
        (404, "Invalid rev id", lambda: api.create_tag(repo, tag="not a name", revision="gone")),
        (422, "is not a path", lambda: api.upload_file(path_or_fileobj=b"", path_in_repo="..\\x", repo_id=repo)),
    )  # fmt: skip
    for status, words, ask in said:
        with pytest.raises(HfHubHTTPError, match=words) as told:
            ask()
        assert told.value.response.status_code == status, words
    with pytest.raises(RepositoryNotFoundError) as told:
        api.model_info("me/nothing")
    assert str(told.value).lower().count("repository not found") == 1


def test_a_request_is_known_by_the_clients_number(api: HfApi, hub: RunningHub, ask: Any) -> None:
    with pytest.raises(RepositoryNotFoundError) as told:
        api.model_info("me/nothing")
    assert told.value.request_id == told.value.response.request.headers["X-Amzn-Trace-Id"]
    assert ask("GET", "/api/models", X_Request_Id="mine-7").headers["x-request-id"] == "mine-7"
    assert len(ask("GET", "/api/models", X_Request_Id="two words").headers["x-request-id"]) == 36


def test_a_branch_becomes_one_commit_and_the_others_stay(api: HfApi, repo: str) -> None:
    write(api, a_txt=b"1")
    write(api, a_txt=b"2", w_bin=b"3")
    api.create_branch(repo, branch="before")
    api.super_squash_history(repo, commit_message="all of it")
    assert [commit.title for commit in api.list_repo_commits(repo)] == ["all of it"]
    assert len(api.list_repo_commits(repo, revision="before")) == 3
    assert set(api.list_repo_files(repo)) == set(api.list_repo_files(repo, revision="before"))
    api.create_tag(repo, tag="v1")
    with pytest.raises(RevisionNotFoundError):
        api.super_squash_history(repo, branch="v1")
    write(api, b_txt=b"4")
    assert len(api.list_repo_commits(repo, formatted=True)) == 2
    assert api.list_repo_commits(repo, formatted=True)[1].formatted_title == "all of it"


def test_a_comment_is_edited_by_who_wrote_it(api: HfApi, repo: str) -> None:
    num = api.create_discussion(repo, title="A question", description="firts").num
    said = api.get_discussion_details(repo, num).events[0]
    edited = api.edit_discussion_comment(repo, num, said.id, "first")
    assert (edited.content, edited.edited) == ("first", True)
    assert api.get_discussion_details(repo, num).events[0] == edited
    with pytest.raises(HfHubHTTPError, match="no comment"):
        api.edit_discussion_comment(repo, num, "0" * 24, "x")


def test_access_is_granted_taken_back_and_refused(api: HfApi, repo: str) -> None:
    with pytest.raises(BadRequestError, match="is not gated"):
        api.grant_access(repo, "bob")
    api.update_repo_settings(repo, gated="manual")
    api.grant_access(repo, "bob")
    with pytest.raises(HfHubHTTPError, match="has access"):
        api.grant_access(repo, "bob")
    assert [one.username for one in api.list_accepted_access_requests(repo)] == ["bob"]
    api.cancel_access_request(repo, "bob")
    assert [one.username for one in api.list_pending_access_requests(repo)] == ["bob"]
    api.reject_access_request(repo, "bob", rejection_reason="no")
    with pytest.raises(HfHubHTTPError):
        api.reject_access_request(repo, "bob", rejection_reason="no")
    assert list(api.list_accepted_access_requests(repo)) == []
    assert [one.status for one in api.list_rejected_access_requests(repo)] == ["rejected"]


def test_a_license_must_be_on_the_hubs_list(api: HfApi, repo: str) -> None:
    head = write(api, README_md=b"---\nlicense: other\nlicense_name: ours\nlicense_link: LICENSE\n---\n")
    with pytest.raises(ValueError, match=r"license.*must be one of.*new-license-9\.0"):
        write(api, README_md=b"---\nlicense: new-license-9.0\n---\n")
    assert api.model_info(repo).sha == head
