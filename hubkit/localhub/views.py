"""Repositories, files and commits in the words of the Hub's API."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from hubkit.localhub.entries import ancestors
from hubkit.localhub.frontmatter import card_data
from hubkit.localhub.gitids import lfs_pointer, tree_ids
from hubkit.localhub.store import README

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hubkit.localhub.entries import Commit, Entry, Repo
    from hubkit.localhub.store import Store

LARGEST_CARD = 10_000_000


def info_view(store: Store, repo: Repo, commit: Commit, *, blobs: bool) -> dict[str, Any]:
    """What `model_info` reads; with `blobs` each file's size and digests."""
    files = store.tree(repo.id, commit)
    card = card_data(readme(store, files) or "")
    created = repo.created
    return {
        "_id": str(repo.id),
        "id": str(repo.id),
        "modelId": str(repo.id),
        "author": repo.id.namespace,
        "sha": commit.id,
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "trendingScore": 0,
        "createdAt": created,
        "lastModified": commit.date,
        "tags": _tags(card),
        "pipeline_tag": card.get("pipeline_tag"),
        "library_name": card.get("library_name"),
        "cardData": card,
        "usedStorage": sum(entry.size for entry in files.values()),
        "siblings": [_sibling(path, entry, blobs=blobs) for path, entry in sorted(files.items())],
    }


LISTED = (
    "_id",
    "id",
    "likes",
    "private",
    "downloads",
    "tags",
    "pipeline_tag",
    "library_name",
    "createdAt",
    "modelId",
)
"""What the Hub says of each model in a list, when nothing more is asked for."""
LISTED_FULL = ("author", "gated", "lastModified", "sha", "siblings")


def listed_view(info: dict[str, Any], *, full: bool, card: bool, wanted: list[str]) -> dict[str, Any]:
    """What a list of models shows of one; `wanted` are the names of `expand`, which then stand alone."""
    keys = {*LISTED, *(LISTED_FULL if full else ()), *(("cardData",) if card else ())}
    return {key: value for key, value in info.items() if key in ({"_id", "id", *wanted} if wanted else keys)}


def expanded(
    store: Store, repo: Repo, commit: Commit, views: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Files and folders with the commit that last changed them, and what scanners say: nothing, there are none here."""
    last = _last_commits(store, repo, commit, {view["path"] for view in views})
    found = []
    for view in views:
        changed = last[view["path"]]
        more: dict[str, Any] = {
            "lastCommit": {"id": changed.id, "title": changed.title, "date": changed.date}
        }
        if view["type"] == "file":
            more["securityFileStatus"] = {"status": "unscanned", "avScan": None, "pickleImportScan": None}
        found.append(view | more)
    return found


def _last_commits(store: Store, repo: Repo, commit: Commit, wanted: set[str]) -> dict[str, Commit]:
    """For each path, file or folder, the newest commit up to `commit` after which it was another one than before."""
    line = store.line(repo.id, commit)
    last: dict[str, Commit] = {}
    for newer, older in zip(line, [*line[1:], None], strict=True):
        after = store.tree(repo.id, newer)
        before: Mapping[str, Entry] = store.tree(repo.id, older) if older else {}
        for path in after.keys() | before.keys():
            if after.get(path) != before.get(path):
                for touched in (path, *ancestors(path)):
                    last.setdefault(touched, newer)
        if wanted <= last.keys():
            break
    return last


def readme(store: Store, files: Mapping[str, Entry]) -> str | None:
    """The text of the root README, None when there is none to read."""
    entry = files.get(README)
    if entry is None or entry.size > LARGEST_CARD:
        return None
    return store.content(entry).decode("utf-8", "replace")


def _tags(card: dict[str, Any]) -> list[str]:
    tags = card.get("tags")
    found = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    for key, prefix in (
        ("library_name", ""),
        ("pipeline_tag", ""),
        ("base_model", "base_model:"),
        ("license", "license:"),
    ):
        if isinstance(card.get(key), str):
            found.append(prefix + card[key])
    return list(dict.fromkeys(found))


def _lfs(sha256: str, size: int, digest_key: str) -> dict[str, Any]:
    return {digest_key: sha256, "size": size, "pointerSize": len(lfs_pointer(sha256, size))}


def _sibling(path: str, entry: Entry, *, blobs: bool) -> dict[str, Any]:
    view: dict[str, Any] = {"rfilename": path}
    if blobs:
        view |= {"size": entry.size, "blobId": entry.oid}
        if entry.sha256 is not None:
            view["lfs"] = _lfs(entry.sha256, entry.size, "sha256")
    return view


def file_view(path: str, entry: Entry) -> dict[str, Any]:
    """One file of a tree."""
    view: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.sha256 is not None:
        view["lfs"] = _lfs(entry.sha256, entry.size, "oid")
    return view


def folder_view(files: Mapping[str, Entry], folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """What is in `folder` (``""`` is the root), folders first, then files; `recursive` goes all the way down."""
    prefix = f"{folder}/" if folder else ""
    ids = tree_ids(files)
    folders = [path for path in ids if path.startswith(prefix) and path not in {folder, ""}]
    inside = [path for path in files if path.startswith(prefix)]
    if not recursive:
        folders = [path for path in folders if "/" not in path[len(prefix) :]]
        inside = [path for path in inside if "/" not in path[len(prefix) :]]
    views = [{"type": "directory", "oid": ids[path], "size": 0, "path": path} for path in sorted(folders)]
    return views + [file_view(path, files[path]) for path in sorted(inside)]


def path_views(files: Mapping[str, Entry], paths: Iterable[str]) -> list[dict[str, Any]]:
    """The given paths that exist, files and folders."""
    folders = {folder for path in files for folder in ancestors(path)}
    ids = tree_ids(files)
    views = []
    for path in (path.rstrip("/") for path in paths):
        if path in files:
            views.append(file_view(path, files[path]))
        elif path in folders:
            views.append({"type": "directory", "oid": ids[path], "size": 0, "path": path})
    return views


def ref_view(ref: str, commit: str) -> dict[str, str]:
    """One branch or tag."""
    return {"name": ref.split("/", 2)[2], "ref": ref, "targetCommit": commit}


def commit_view(commit: Commit, *, formatted: bool = False) -> dict[str, Any]:
    """One commit of the history; `formatted` adds its words as HTML."""
    more = {"formatted": {"title": escape(commit.title), "message": escape(commit.message)}}
    return (more if formatted else {}) | {
        "id": commit.id,
        "title": commit.title,
        "message": commit.message,
        "date": commit.date,
        "authors": [{"user": commit.author}],
    }
