"""A folder as a source of bytes: what is listed, what is refused, what is counted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hubkit.errors import IncompleteError, UsageError
from hubkit.repo.local import open_folder
from hubkit.repo.target import open_target
from hubkit.repo.view import SMALL_FILE, TooLargeError
from hubkit.validate.run import validate

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links and permissions")


def test_lists_files_with_forward_slashes_and_sizes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "f.json").write_bytes(b"12345")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_bytes(b"x")
    assert [(e.path, e.size, e.folder, e.name) for e in open_folder(tmp_path).list()] == [
        ("a/b/f.json", 5, "a/b", "f.json")
    ]


def test_reads_ranges_and_counts_them(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(range(100)))
    view = open_folder(tmp_path)
    assert view.read_range("f", 10, 20) == bytes(range(10, 20))
    assert view.read_range("f", 90, 200) == bytes(range(90, 100))
    assert view.read_range("f", 100, 200) == b""
    assert (view.bytes_read, view.requests) == (20, 2)


def test_a_file_that_shrank_since_the_listing_is_incomplete(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"123456")
    view = open_folder(tmp_path)
    view.list()
    (tmp_path / "f").write_bytes(b"123")
    with pytest.raises(IncompleteError, match="3 bytes came where 6"):
        view.read("f")


def test_whole_reads_have_a_limit(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(SMALL_FILE + 1)
    with pytest.raises(TooLargeError, match="f:"):
        open_folder(tmp_path).read("f")


@posix
def test_links_never_lead_outside_and_loops_end(tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_bytes(b"x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "real").write_bytes(b"y")
    (root / "inside").symlink_to(root / "real")
    (root / "outside").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    (root / "folder").symlink_to(tmp_path)
    (root / "specs").mkdir()
    (root / "again").symlink_to(root / "specs")
    view = open_folder(root)
    assert [e.path for e in view.list()] == ["inside", "real"]
    assert sorted(view.outward) == ["folder", "outside"]
    assert sorted(view.unfollowed) == ["again", "loop"]
    assert any(one.startswith("again, loop: not looked at") for one in validate(view).remarks)


@posix
def test_pipes_are_no_files_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"y")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    view = open_folder(tmp_path)
    assert [e.path for e in view.list()] == ["real"]
    assert view.odd == ["pipe"]
    assert any(one.startswith("pipe: not looked at") for one in validate(view).remarks)


@posix
def test_a_snapshot_of_the_hubs_cache_is_followed_into_its_blobs(tmp_path: Path) -> None:
    cache = tmp_path / "models--o--r"
    (cache / "blobs").mkdir(parents=True)
    (cache / "blobs" / "abc").write_bytes(b"weights")
    snapshot = cache / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    (snapshot / "f").symlink_to(Path("../../blobs/abc"))
    view = open_folder(snapshot)
    assert view.read("f") == b"weights"
    assert view.outward == []


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_incomplete_and_names_the_path(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "f").chmod(0)
    with pytest.raises(IncompleteError, match="Permission denied"):
        open_folder(tmp_path).read("f")


def test_no_permission_is_incomplete_also_where_tests_run_as_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"x")
    view = open_folder(tmp_path)
    view.list()

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(IncompleteError, match=r"f: cannot be read: Permission denied"):
        view.read("f")
    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(IncompleteError, match="cannot be listed: Permission denied"):
        open_folder(tmp_path).list()


@pytest.mark.parametrize(("name", "words"), [("nope", "no such folder"), ("file", "this is a file")])
def test_missing_folder_and_file_are_usage_errors(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=words):
        open_folder(tmp_path / name)


def test_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "repo").mkdir(parents=True)
    assert type(open_target("owner/repo")).__name__ == "LocalView"
    for text, repo, revision in (
        ("o/r", "o/r", None),
        ("o/r@refs/pr/1", "o/r", "refs/pr/1"),
        ("hf://o/r@main", "o/r", "main"),
    ):
        view = open_target(text)
        assert (view.name, view.revision) == (repo, revision)
    with pytest.raises(UsageError, match="no such folder"):
        open_target("a/b/c")
