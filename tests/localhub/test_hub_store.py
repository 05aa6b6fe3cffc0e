"""The store without HTTP: git's own ids, one winner per parent, and nothing half done."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from hubkit.localhub import history
from hubkit.localhub.attributes import DEFAULT_ATTRIBUTES, goes_to_lfs
from hubkit.localhub.disk import write_json
from hubkit.localhub.entries import Commit, Delete, Put
from hubkit.localhub.names import RepoId
from hubkit.localhub.refusals import HeadMovedError, InvalidRequestError, LinkError, RevisionMissingError
from hubkit.localhub.signing import Signer
from hubkit.localhub.store import Store

REPO = RepoId("me", "release")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(tmp_path / "hub")
    opened.create(REPO, private=False, author="local")
    return opened


def write(store: Store, files: dict[str, bytes], parent: str | None = None) -> Commit:
    puts = [Put(path, store.regular(data)) for path, data in files.items()]
    return store.commit(REPO, "main", puts, ("title", "and more"), parent=parent)


def git(folder: Path, *arguments: str, **env: str) -> str:
    command = ["git", "-c", "core.autocrlf=false", *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | env, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git itself")
def test_trees_and_commits_have_the_ids_that_git_gives(store: Store, tmp_path: Path) -> None:
    # a folder sorts as if it ended in a slash: `a.txt` < `a/` < `a0`
    files = {"a/deep/x": b"1", "a.txt": b"2", "a0": b"", "ä/y": b"3\n"}
    first = store.commit_at(REPO, "main")
    made = write(store, files)
    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "-q")
    for path, data in files.items() | {(".gitattributes", DEFAULT_ATTRIBUTES.encode())}:
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_bytes(data)
        oid = git(clone, "hash-object", "-w", "--no-filters", path)
        git(clone, "update-index", "--add", "--cacheinfo", f"100644,{oid},{path}")
    assert git(clone, "write-tree") == made.tree
    body = f"tree {made.tree}\nparent {first.id}\n"
    seconds = int(datetime.fromisoformat(made.date).timestamp())
    for role in ("author", "committer"):
        body += f"{role} local <local@localhost> {seconds} +0000\n"
    (tmp_path / "commit").write_bytes(f"{body}\ntitle\n\nand more\n".encode())
    assert git(clone, "hash-object", "-t", "commit", "--literally", str(tmp_path / "commit")) == made.id


def test_of_many_commits_on_one_parent_one_wins(store: Store) -> None:
    parent = store.commit_at(REPO, "main").id
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        try:
            outcomes.append(write(store, {f"file{number}": b"x"}, parent).id)
        except HeadMovedError:
            outcomes.append("late")

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome == "late" for outcome in outcomes) == [False] + [True] * 7
    assert store.commit_at(REPO, "main").id in outcomes


@pytest.mark.parametrize("cut", ["trees", "commits", "refs.json"])
def test_a_crash_while_committing_leaves_the_head(
    store: Store, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    before = store.commit_at(REPO, "main")

    def crash(path: Path, value: object) -> None:
        if cut in path.parts:
            raise OSError("the disk is full")
        write_json(path, value)

    with monkeypatch.context() as patched:
        patched.setattr(history, "write_json", crash)
        with pytest.raises(OSError, match="full"):
            write(store, {"a": b"1"})
    again = Store(store.folder)
    assert again.commit_at(REPO, "main") == before
    assert write(again, {"a": b"1"}).parent == before.id


def test_an_unfinished_creation_is_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "hub")

    def crash(path: Path, value: object) -> None:
        if path.name == "repo.json":
            raise OSError("cut")
        write_json(path, value)

    with monkeypatch.context() as patched:
        patched.setattr(history, "write_json", crash)
        with pytest.raises(OSError, match="cut"):
            store.create(REPO, private=False, author="local")
    assert store.repos() == []
    assert store.create(REPO, private=True, author="local").private


def test_a_deleted_repository_takes_its_commits_along(store: Store) -> None:
    old = write(store, {"a": b"1"})
    store.delete(REPO)
    store.create(REPO, private=False, author="local")
    with pytest.raises(RevisionMissingError):
        store.commit_at(REPO, old.id)


@pytest.mark.parametrize(
    "changes",
    [["a", "a/b"], ["a/b", "a"]],
)
def test_a_path_is_a_file_or_a_folder(store: Store, changes: Sequence[str]) -> None:
    with pytest.raises(InvalidRequestError, match="folder too"):
        write(store, dict.fromkeys(changes, b"x"))


def test_changes_apply_in_order_and_nothing_changed_is_no_commit(store: Store) -> None:
    head = write(store, {"a": b"1"})
    put = Put("a", store.regular(b"1"))
    assert store.commit(REPO, "main", [Delete("a"), put], ("again", "")) == head
    assert store.commit(REPO, "main", [], ("empty", "")) == head


@pytest.mark.parametrize(
    ("path", "lfs"),
    [
        ("w.safetensors", True),
        ("deep/er/w.npz", True),
        ("a.tar.xyz", True),
        ("saved_model/v/variables", True),
        ("events.out.tfevents.1", True),
        ("cfg.json", False),
        ("bin", False),
        ("safetensors.md", False),
        ("other/saved_model.txt", False),
    ],
)
def test_which_names_go_to_lfs(path: str, lfs: bool) -> None:
    assert goes_to_lfs(path, DEFAULT_ATTRIBUTES) is lfs


def test_the_last_line_of_gitattributes_decides() -> None:
    assert not goes_to_lfs("a/w.bin", "*.bin filter=lfs\n# a remark\nw.bin -filter -text\n")
    assert goes_to_lfs("a/b/c.txt", "a/**/c.txt filter=lfs\n")
    assert not goes_to_lfs("b/a/c.txt", "/a/*.txt filter=lfs\n")


def test_a_link_expires() -> None:
    now = [1000.0]
    signer = Signer(b"secret", 60, lambda: now[0])
    link = signer.sign("GET", "/x", {"filename": "a&b=c"})
    path, _, query = link.partition("?")
    fields = dict(parse_qsl(query))
    assert signer.check("HEAD", path, fields)["filename"] == "a&b=c"
    now[0] = 1061.0
    with pytest.raises(LinkError, match="expired"):
        signer.check("GET", path, fields)
    with pytest.raises(LinkError, match="does not fit"):
        Signer(b"other", 60, lambda: 1000.0).check("GET", path, fields)
