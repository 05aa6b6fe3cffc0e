"""Before and at a commit: what goes to LFS, and the commit itself as lines of JSON."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub import hub as asked
from hubkit.localhub.attributes import ATTRIBUTES, REGULAR_LIMIT, goes_to_lfs
from hubkit.localhub.entries import Change, Delete, Put
from hubkit.localhub.gitignore import GITIGNORE, ignored_by
from hubkit.localhub.hub import (
    body_blocks,
    contributable,
    hub_of,
    json_object,
    origin,
    part,
    read_json,
    writable,
    writer,
)
from hubkit.localhub.names import check_path
from hubkit.localhub.refusals import InvalidRequestError, TooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.entries import Commit, Repo
    from hubkit.localhub.store import Store
    from hubkit.localhub.users import User
    from hubkit.localhub.xet import Xet

PULL = re.compile(r"[1-9][0-9]{0,8}")
LONGEST_LINE = REGULAR_LIMIT * 4 // 3 + 10_000
"""Bytes of one line of a commit: the largest regular file in base64, and its path."""


async def preupload(request: Request) -> Response:
    """`POST /api/models/{id}/preupload/{revision}`: how each file is to come, what is there under its name, and whether it is to be
    left out: by the `.gitignore` that is sent along, else by the one that is there.
    """
    repo, _ = await run_in_threadpool(_committable, request)
    body = await read_json(request)
    files, sent = asked.field(body, "files", list), asked.optional(body, "gitIgnore", str)
    store = hub_of(request).store
    commit = await run_in_threadpool(asked.commit_in, request, repo)
    tree = await run_in_threadpool(store.tree, repo.id, commit)
    attributes = await run_in_threadpool(store.text, tree, ATTRIBUTES)
    ignore = await run_in_threadpool(store.text, tree, GITIGNORE) if sent is None else sent
    answers = []
    for file in files:
        if not isinstance(file, dict):
            raise InvalidRequestError("each of 'files' must be a JSON object")
        path = check_path(asked.field(file, "path", str, "a file"))
        size = asked.field(file, "size", int, "a file")
        lfs = size > REGULAR_LIMIT or goes_to_lfs(path, attributes)
        answer: dict[str, Any] = {"path": path, "uploadMode": "lfs" if lfs else "regular"}
        answer["shouldIgnore"] = bool(ignored_by(ignore, [path]))
        if path in tree:
            # an unchanged LFS file is told by its sha256: git's id of the pointer says nothing to the client
            answer["oid"] = tree[path].sha256 or tree[path].oid
        answers.append(answer)
    return JSONResponse({"files": answers})


async def commit(request: Request) -> Response:
    """`POST /api/models/{id}/commit/{revision}`: header, file, lfsFile, deletedFile, deletedFolder, one per line."""
    repo, user = await run_in_threadpool(_committable, request)
    hub = hub_of(request)
    draft = _Draft(hub.store, hub.xet)
    async for line in _lines(request):
        await run_in_threadpool(draft.take, line)
    made, pull = await run_in_threadpool(_write, request, repo, user, draft)
    url = f"{origin(request)}/{repo.id}"
    view = {"success": True, "commitOid": made.id, "commitUrl": f"{url}/commit/{made.id}", "hookOutput": ""}
    return JSONResponse(view | ({"pullRequestUrl": f"{url}/discussions/{pull}"} if pull else {}))


def _write(request: Request, repo: Repo, user: User, draft: _Draft) -> tuple[Commit, int | None]:
    """The commit, and the number of the pull request that was opened for it."""
    hub, revision = hub_of(request), part(request, "revision")
    message, parent = draft.message(), draft.parent()
    if _creates_pull(request):
        pull, made = hub.discussions.propose(repo.id, revision, draft.changes, message, user.name, parent)
        return made, pull.num
    num = _pull(revision)
    if num is not None:
        return hub.discussions.push(repo.id, num, draft.changes, message, user.name, parent), None
    commit = hub.store.commit
    return commit(repo.id, revision, draft.changes, message, parent=parent, author=user.name), None


def _committable(request: Request) -> tuple[Repo, User]:
    """The repository and the caller: its owner, or somebody who opens, or opened, a pull request."""
    if _creates_pull(request):
        return contributable(request)
    num = _pull(part(request, "revision"))
    if num is None:
        return writable(request)
    repo, user = contributable(request)
    author = hub_of(request).discussions.get(repo.id, num).author
    if author != user.name:
        writer(request, repo.id.namespace)
    return repo, user


def _creates_pull(request: Request) -> bool:
    return request.query_params.get("create_pr", "").lower() in {"1", "true"}


def _pull(revision: str) -> int | None:
    """The number in `refs/pr/7`."""
    prefix, _, number = revision.rpartition("/")
    return int(number) if prefix == "refs/pr" and PULL.fullmatch(number) else None


async def _lines(request: Request) -> AsyncIterator[bytes]:
    """The body line by line, never more than one line in memory."""
    pieces: list[bytes] = []
    size = 0
    async for block in body_blocks(request):
        head, *others = block.split(b"\n")
        pieces.append(head)
        size += len(head)
        for other in others:
            yield b"".join(pieces)
            pieces, size = [other], len(other)
        if size > LONGEST_LINE:
            raise TooLargeError(
                f"one line of the commit has more than {LONGEST_LINE} bytes: upload that file by LFS"
            )
    yield b"".join(pieces)


@dataclass
class _Draft:
    """A commit while its lines come in. Contents are stored at once: without the commit nothing points to them."""

    store: Store
    xet: Xet | None
    changes: list[Change] = field(default_factory=list)
    header: dict[str, Any] | None = None

    def take(self, line: bytes) -> None:
        if not line.strip():
            return
        item = json_object(line, "a line of the commit")
        key = asked.field(item, "key", str, "a line of the commit")
        value = asked.field(item, "value", dict, f"the line {key!r}")
        if key == "header":
            self.header = value
            return
        path = asked.field(value, "path", str, f"the line {key!r}")
        path = check_path(path.rstrip("/") if key == "deletedFolder" else path)
        self.changes.append(self._change(key, path, value))

    def _change(self, key: str, path: str, value: dict[str, Any]) -> Change:
        if key == "file":
            return Put(path, self.store.regular(_content(path, value)))
        if key == "lfsFile":
            size = value.get("size")
            if size is not None and not isinstance(size, int):
                raise InvalidRequestError(f"{path}: size must be an integer")
            oid = asked.field(value, "oid", str, path)
            if self.xet is not None:
                self.xet.bring(oid)
            return Put(path, self.store.large(oid, size))
        if key in {"deletedFile", "deletedFolder"}:
            return Delete(path, folder=key == "deletedFolder")
        raise InvalidRequestError(f"a commit has no lines of the kind {key!r}")

    def message(self) -> tuple[str, str]:
        if self.header is None:
            raise InvalidRequestError("a commit needs a header line")
        title = asked.field(self.header, "summary", str, "the header")
        if not title.strip():
            raise InvalidRequestError("a commit needs a summary")
        text = self.header.get("description") or ""
        if not isinstance(text, str):
            raise InvalidRequestError("the header's description must be a string")
        return title, text

    def parent(self) -> str | None:
        return (
            None
            if self.header is None or self.header.get("parentCommit") is None
            else str(self.header["parentCommit"])
        )


def _content(path: str, value: dict[str, Any]) -> bytes:
    text = asked.field(value, "content", str, path)
    if value.get("encoding") not in {None, "utf-8", "base64"}:
        raise InvalidRequestError(f"{path}: encoding must be base64 or utf-8")
    try:
        data = (
            base64.b64decode(text, validate=True)
            if value.get("encoding") == "base64"
            else text.encode("utf-8")
        )
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(f"{path}: its content cannot be decoded: {error}") from error
    if len(data) > REGULAR_LIMIT:
        raise TooLargeError(
            f"{path} has {len(data)} bytes: above {REGULAR_LIMIT} the Hub takes files by LFS only"
        )
    return data


ROUTES = [
    Route("/api/models/{namespace}/{name}/preupload/{revision}", preupload, methods=["POST"]),
    Route("/api/models/{namespace}/{name}/commit/{revision}", commit, methods=["POST"]),
]
