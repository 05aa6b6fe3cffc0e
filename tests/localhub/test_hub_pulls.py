"""Pull requests and discussions, through the real client."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.community import DiscussionCommit, DiscussionStatusChange
from huggingface_hub.errors import HfHubHTTPError

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "me/release"


@pytest.fixture(autouse=True)
def repo(api: HfApi) -> str:
    api.create_repo(REPO)
    files = [CommitOperationAdd("a.txt", b"one\ntwo\n"), CommitOperationAdd("b.txt", b"b\n")]
    api.create_commit(REPO, files, commit_message="first")
    return REPO


def content(api: HfApi, path: str, revision: str, folder: Path) -> bytes:
    return Path(api.hf_hub_download(REPO, path, revision=revision, cache_dir=folder)).read_bytes()


def test_a_commit_as_a_pull_request_leaves_main_until_it_is_merged(api: HfApi, tmp_path: Path) -> None:
    head = api.model_info(REPO).sha
    operations = [CommitOperationAdd("a.txt", b"one\n2\n"), CommitOperationDelete("b.txt")]
    made = api.create_commit(
        REPO, operations, commit_message="better", commit_description="why", create_pr=True
    )
    assert (made.pr_revision, made.pr_num) == ("refs/pr/1", 1)
    assert api.model_info(REPO).sha == head
    assert api.model_info(REPO, revision="refs/pr/1").sha == made.oid
    assert content(api, "a.txt", "refs/pr/1", tmp_path) == b"one\n2\n"
    refs = api.list_repo_refs(REPO, include_pull_requests=True)
    assert [(ref.ref, ref.target_commit) for ref in refs.pull_requests] == [("refs/pr/1", made.oid)]
    (tmp_path / "w").write_bytes(b"weights" * 1000)
    more = [CommitOperationAdd("w.safetensors", tmp_path / "w")]
    second = api.create_commit(REPO, more, commit_message="and", revision="refs/pr/1", parent_commit=made.oid)
    late = {"commit_message": "late", "revision": "refs/pr/1", "parent_commit": made.oid}
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(REPO, [CommitOperationAdd("c", b"c")], **late)
    pull = api.get_discussion_details(REPO, 1)
    assert (pull.status, pull.is_pull_request, pull.target_branch) == ("open", True, "refs/heads/main")
    assert [event.oid for event in pull.events if isinstance(event, DiscussionCommit)] == [
        made.oid,
        second.oid,
    ]
    assert pull.conflicting_files == []
    assert "--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n" in pull.diff
    assert "deleted file mode 100644" in pull.diff
    assert "+oid sha256:" in pull.diff
    api.merge_pull_request(REPO, 1, comment="thanks")
    pull = api.get_discussion_details(REPO, 1)
    assert (pull.status, pull.merge_commit_oid) == ("merged", api.model_info(REPO).sha)
    assert api.list_repo_files(REPO) == [".gitattributes", "a.txt", "w.safetensors"]
    assert next(commit.title for commit in api.list_repo_commits(REPO)) == "better (#1)"
    with pytest.raises(HfHubHTTPError, match="merged"):
        api.create_commit(REPO, [CommitOperationAdd("c", b"c")], commit_message="late", revision="refs/pr/1")


def test_a_pull_request_that_changed_what_main_changed_conflicts(api: HfApi) -> None:
    base = api.model_info(REPO).sha
    theirs = [CommitOperationAdd("a.txt", b"theirs\n"), CommitOperationAdd("b.txt", b"same\n")]
    ours = [CommitOperationAdd("a.txt", b"ours\n"), CommitOperationAdd("b.txt", b"same\n")]
    api.create_commit(REPO, ours, commit_message="ours")
    made = api.create_commit(REPO, theirs, commit_message="theirs", create_pr=True, parent_commit=base)
    head = api.model_info(REPO).sha
    assert api.get_discussion_details(REPO, made.pr_num).conflicting_files == ["a.txt"]
    with pytest.raises(HfHubHTTPError, match=r"both changed a\.txt"):
        api.merge_pull_request(REPO, made.pr_num)
    assert api.model_info(REPO).sha == head


def test_one_side_each_merges(api: HfApi, tmp_path: Path) -> None:
    made = api.create_commit(
        REPO, [CommitOperationAdd("a.txt", b"theirs\n")], commit_message="t", create_pr=True
    )
    api.create_commit(REPO, [CommitOperationAdd("b.txt", b"ours\n")], commit_message="o")
    api.merge_pull_request(REPO, made.pr_num)
    assert content(api, "a.txt", "main", tmp_path) == b"theirs\n"
    assert content(api, "b.txt", "main", tmp_path) == b"ours\n"


def test_a_refused_commit_opens_no_pull_request(api: HfApi) -> None:
    with pytest.raises(HfHubHTTPError):
        api.create_commit(REPO, [CommitOperationDelete("absent")], commit_message="x", create_pr=True)
    assert list(api.get_repo_discussions(REPO)) == []
    assert api.list_repo_refs(REPO, include_pull_requests=True).pull_requests == []


def test_a_draft_is_opened_before_it_is_merged(api: HfApi) -> None:
    draft = api.create_pull_request(REPO, title="a plan", description="to do")
    assert (draft.status, draft.num, draft.diff) == ("draft", 1, "")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=REPO, revision=draft.git_reference)
    with pytest.raises(HfHubHTTPError, match="is draft"):
        api.merge_pull_request(REPO, 1)
    change = api.change_discussion_status(REPO, 1, "open", comment="ready")
    assert isinstance(change, DiscussionStatusChange)
    api.merge_pull_request(REPO, 1)
    assert api.file_exists(REPO, "x")


def test_a_discussion_is_talked_about_renamed_and_closed(api: HfApi) -> None:
    for number in range(12):
        api.create_discussion(REPO, title=f"question {number}", description="hello")
    api.create_pull_request(REPO, title="a plan")
    assert api.comment_discussion(REPO, 1, "an *answer*").content == "an *answer*"
    renamed = api.rename_discussion(REPO, 1, "answered")
    assert (renamed.old_title, renamed.new_title) == ("question 0", "answered")
    api.change_discussion_status(REPO, 1, "closed")
    one = api.get_discussion_details(REPO, 1)
    assert (one.title, one.status, one.author) == ("answered", "closed", "local")
    assert [event.type for event in one.events] == ["comment", "comment", "title-change", "status-change"]
    assert [d.num for d in api.get_repo_discussions(REPO)] == list(range(13, 0, -1))
    assert [d.num for d in api.get_repo_discussions(REPO, discussion_status="closed")] == [1]
    assert [d.num for d in api.get_repo_discussions(REPO, discussion_type="pull_request")] == [13]
    for wrong in (lambda: api.merge_pull_request(REPO, 2), lambda: api.get_discussion_details(REPO, 99)):
        with pytest.raises(HfHubHTTPError):
            wrong()


def page(api: HfApi, path: str) -> tuple[int, str]:
    answer = httpx.get(f"{api.endpoint}{path}")
    return answer.status_code, answer.text


def test_the_address_of_a_pull_request_is_a_page(api: HfApi) -> None:
    text = "It **mends** `a.txt`.\n\n<script>alert(1)</script>"
    made = api.create_commit(
        REPO,
        [CommitOperationAdd("a.txt", b"one\n2 <b>\n")],
        commit_message="better <i>",
        commit_description=text,
        create_pr=True,
    )
    status, shown = page(api, f"/{REPO}/discussions/{made.pr_num}")
    assert status == 200
    assert "<h1>better &lt;i&gt; " in shown
    assert "#1, open" in shown
    assert "It <strong>mends</strong> <code>a.txt</code>." in shown
    assert "<script" not in shown
    assert "-two\n+2 &lt;b&gt;" in shown
    assert page(api, f"/{REPO}/tree/refs%2Fpr%2F1")[0] == 200
    assert f'href="/{REPO}/tree/refs%2Fpr%2F1"' in shown
    talk = api.create_discussion(REPO, title="a word", description="of mine")
    assert "Changes" not in page(api, f"/{REPO}/discussions/{talk.num}")[1]
    assert page(api, f"/{REPO}/discussions/99")[0] == 404
    assert page(api, f"/{REPO}/discussions/x")[0] == 400
