"""The real huggingface_hub client, in LFS mode, against the local Hub."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hubkit.localhub import RunningHub, serving

# The client's own way of sending a PUT body; nothing that a caller can change.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "me/release"
WEIGHTS = "layer 3/sae_weights.safetensors"
TOKEN = "local-token"


def additions(source: Path) -> list[CommitOperationAdd]:
    files = sorted(path for path in source.rglob("*") if path.is_file())
    return [CommitOperationAdd(path.relative_to(source).as_posix(), path) for path in files]


def publish(api: HfApi, source: Path, **more: Any) -> str:
    return api.create_commit(REPO, additions(source), commit_message="add", **more).oid


def content(folder: Path) -> dict[str, bytes]:
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    return {path: data for path, data in found.items() if path != ".gitattributes" and ".cache" not in path}


def received(hub: RunningHub, method: str) -> int:
    return sum(request.received for request in hub.requests if request.method == method)


@pytest.fixture
def repo(api: HfApi) -> str:
    api.create_repo(REPO)
    return REPO


def test_create_says_where_and_a_second_time_needs_exist_ok(api: HfApi, hub: RunningHub) -> None:
    assert str(api.create_repo(REPO)) == f"{hub.endpoint}/{REPO}"
    assert api.create_repo(REPO, exist_ok=True).repo_id == REPO
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_repo(REPO)
    assert caught.value.response.status_code == 409
    with pytest.raises(HfHubHTTPError):
        api.create_repo("ME/Release")  # one folder on Windows and macOS: one name everywhere
    assert api.whoami()["name"] == "local"
    assert [model.id for model in api.list_models(author="me")] == [REPO]


def test_what_was_published_is_listed_with_sizes_and_digests(api: HfApi, repo: str, source: Path) -> None:
    head = publish(api, source)
    info = api.model_info(repo, files_metadata=True)
    weights = (source / WEIGHTS).read_bytes()
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
    assert info.sha == head
    assert siblings.keys() == content(source).keys() | {".gitattributes"}
    assert siblings[WEIGHTS].lfs.sha256 == hashlib.sha256(weights).hexdigest()
    assert {path: siblings[path].size for path in content(source)} == {
        p: len(b) for p, b in content(source).items()
    }
    assert siblings["config.json"].lfs is None
    assert info.card_data.to_dict()["base_model"] == "gpt2"
    tree = {item.path: item for item in api.list_repo_tree(repo, recursive=True)}
    assert tree.keys() == siblings.keys() | {"layer 3"}
    assert [item.path for item in api.list_repo_tree(repo, "layer 3")] == ["layer 3/cfg.json", WEIGHTS]
    assert tree[WEIGHTS].blob_id == siblings[WEIGHTS].blob_id
    paths = api.get_paths_info(repo, ["layer 3", WEIGHTS, "absent"])
    assert {item.path for item in paths} == {"layer 3", WEIGHTS}


def test_downloads_are_the_source(api: HfApi, repo: str, source: Path, tmp_path: Path) -> None:
    head = publish(api, source)
    single = api.hf_hub_download(repo, WEIGHTS, cache_dir=tmp_path / "cache")
    assert Path(single).read_bytes() == (source / WEIGHTS).read_bytes()
    assert head in single
    copy = Path(api.snapshot_download(repo, local_dir=tmp_path / "copy", cache_dir=tmp_path / "cache"))
    assert content(copy) == content(source)


def test_a_range_moves_only_its_bytes_and_needs_no_token(
    api: HfApi, repo: str, source: Path, hub: RunningHub, ask: Any
) -> None:
    publish(api, source)
    url = hf_hub_url(repo, WEIGHTS, endpoint=hub.endpoint)
    metadata = get_hf_file_metadata(url, token=TOKEN)
    weights = (source / WEIGHTS).read_bytes()
    assert metadata.size == len(weights)
    assert metadata.etag == hashlib.sha256(weights).hexdigest()
    assert metadata.location.startswith("http://localhost:")
    hub.clear_requests()
    part = ask("GET", metadata.location, token=None, Range="bytes=5000000-5001023")
    assert (part.status, part.body) == (206, weights[5_000_000:5_001_024])
    assert part.headers["content-range"] == "bytes 5000000-5001023/12000000"
    assert [request.sent for request in hub.requests] == [1024]
    tail = ask("GET", metadata.location, token=None, Range="bytes=-16")
    assert tail.body == weights[-16:]
    assert ask("GET", metadata.location, token=None, Range="bytes=12000000-").status == 416


def test_a_parent_that_is_not_the_head_is_412(api: HfApi, repo: str, source: Path) -> None:
    first = api.model_info(repo).sha
    head = publish(api, source, parent_commit=first)
    change = [CommitOperationAdd("config.json", b"{}")]
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_commit(repo, change, commit_message="late", parent_commit=first)
    assert caught.value.response.status_code == 412
    assert api.model_info(repo).sha == head


def test_the_same_content_again_is_no_commit_and_no_bytes(
    api: HfApi, repo: str, source: Path, hub: RunningHub
) -> None:
    head = publish(api, source)
    hub.clear_requests()
    assert publish(api, source) == head
    assert received(hub, "PUT") == 0
    assert len(api.list_repo_commits(repo)) == 2
    api.create_repo("me/other")
    api.create_commit("me/other", additions(source), commit_message="add")
    assert received(hub, "PUT") == 0  # the objects are here, under whatever repository they came


def test_history_and_deletion(api: HfApi, repo: str, source: Path) -> None:
    head = publish(api, source, commit_description="why")
    gone = [CommitOperationDelete("config.json"), CommitOperationDelete("layer 3/", is_folder=True)]
    after = api.create_commit(repo, gone, commit_message="remove").oid
    assert api.list_repo_files(repo) == [".gitattributes", "README.md"]
    assert WEIGHTS in api.list_repo_files(repo, revision=head)
    commits = api.list_repo_commits(repo)
    assert [commit.title for commit in commits] == ["remove", "add", "initial commit"]
    assert commits[1].message == "why"
    assert api.list_repo_refs(repo).branches[0].target_commit == after
    with pytest.raises(EntryNotFoundError):
        api.create_commit(repo, [CommitOperationDelete("config.json")], commit_message="again")
    api.delete_repo(repo)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info(repo)


def test_what_is_missing_raises_the_clients_own_errors(api: HfApi, repo: str, tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("me/absent")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(repo, revision="absent")
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download(repo, "absent.json", cache_dir=tmp_path)
    assert not api.file_exists(repo, "absent.json")
    with pytest.raises(RevisionNotFoundError):
        api.create_commit(repo, [CommitOperationAdd("a", b"x")], commit_message="a", revision="absent")


def test_without_the_token_nobody_writes_or_sees_what_is_private(
    api: HfApi, hub: RunningHub, source: Path
) -> None:
    api.create_repo("me/secret", private=True)
    api.create_repo("me/open")
    stranger = HfApi(endpoint=hub.endpoint, token=False)
    assert [model.id for model in stranger.list_models()] == ["me/open"]
    assert stranger.model_info("me/open").id == "me/open"
    for name in ("me/secret", "me/absent"):
        with pytest.raises(RepositoryNotFoundError):
            stranger.model_info(name)
    for act in (
        lambda: stranger.create_repo("me/new"),
        lambda: stranger.delete_repo("me/open"),
        lambda: stranger.create_commit("me/open", additions(source), commit_message="no"),
    ):
        with pytest.raises(HfHubHTTPError) as caught:
            act()
        assert caught.value.response.status_code == 401
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        HfApi(endpoint=hub.endpoint, token="wrong").model_info("me/open")
    assert api.model_info("me/secret").private is True


def test_large_objects_come_in_parts(tmp_path: Path, plain_client: None) -> None:
    data = bytes(range(256)) * 13_701  # 3,507,456 bytes: three whole parts and a rest
    with serving(tmp_path / "hub", chunk_size=1_000_000) as hub:
        api = HfApi(endpoint=hub.endpoint, token="any")
        api.create_repo(REPO)
        (tmp_path / "w.safetensors").write_bytes(data)
        api.create_commit(
            REPO, [CommitOperationAdd("w.safetensors", tmp_path / "w.safetensors")], commit_message="add"
        )
        assert [r.received for r in hub.requests if r.method == "PUT"] == [1_000_000] * 3 + [507_456]
        copy = api.hf_hub_download(REPO, "w.safetensors", cache_dir=tmp_path / "cache")
        assert Path(copy).read_bytes() == data
        assert [path for path in (tmp_path / "hub" / "tmp").rglob("*") if path.is_file()] == []


def test_a_restart_keeps_everything(tmp_path: Path, source: Path, plain_client: None) -> None:
    with serving(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.endpoint, token="any")
        api.create_repo(REPO, private=True)
        head = publish(api, source)
    with serving(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.endpoint, token="any")
        info = api.model_info(REPO)
        assert (info.sha, info.private) == (head, True)
        copy = Path(api.snapshot_download(REPO, local_dir=tmp_path / "copy", cache_dir=tmp_path / "cache"))
        assert content(copy) == content(source)


def test_a_card_that_the_hub_would_refuse_is_refused_before_any_upload(
    api: HfApi, repo: str, hub: RunningHub
) -> None:
    before = api.model_info(repo).sha
    for head in ("license: My License", "base_model: ./runs/7", "- a list", "tags: [.nan]", "a: 1\na: 2"):
        card = CommitOperationAdd("README.md", f"---\n{head}\n---\ntext\n".encode())
        with pytest.raises(ValueError, match=r"Invalid metadata in README\.md"):
            api.create_commit(repo, [card, CommitOperationAdd("w.bin", b"x" * 100)], commit_message="add")
    assert received(hub, "PUT") == 0
    assert api.model_info(repo).sha == before


def test_a_large_file_of_any_name_goes_by_lfs_and_into_gitattributes(
    api: HfApi, repo: str, tmp_path: Path
) -> None:
    (tmp_path / "big file.json").write_bytes(b" " * 10_000_001)
    api.create_commit(
        repo, [CommitOperationAdd("big file.json", tmp_path / "big file.json")], commit_message="add"
    )
    siblings = {s.rfilename: s for s in api.model_info(repo, files_metadata=True).siblings or []}
    assert siblings["big file.json"].lfs is not None
    attributes = Path(api.hf_hub_download(repo, ".gitattributes", cache_dir=tmp_path / "cache")).read_text(
        encoding="utf-8"
    )
    assert attributes.endswith("big[[:space:]]file.json filter=lfs diff=lfs merge=lfs -text\n")
