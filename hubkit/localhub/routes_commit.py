"""Before and at a commit: what goes to LFS, and the commit itself as lines of JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub import hub as asked
from hubkit.localhub.attributes import REGULAR_LIMIT, goes_to_lfs
from hubkit.localhub.entries import Change, Delete, Put
from hubkit.localhub.hub import body_blocks, hub_of, json_object, origin, part, read_json, writable
from hubkit.localhub.names import check_path
from hubkit.localhub.refusals import InvalidRequestError, TooLargeError

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.store import Store

LONGEST_LINE = REGULAR_LIMIT * 4 // 3 + 10_000
"""Bytes of one line of a commit: the largest regular file in base64, and its path."""


async def preupload(request: Request) -> Response:
    """`POST /api/models/{id}/preupload/{revision}`: how each file is to come, and what is there under its name.

    A `.gitignore` sent along is not heeded: every file is to be uploaded.
    """
    repo = await run_in_threadpool(writable, request)
    _refuse_pull_request(request)
    files = asked.field(await read_json(request), "files", list)
    store = hub_of(request).store
    commit = await run_in_threadpool(asked.commit_in, request, repo)
    tree = await run_in_threadpool(store.tree, repo.id, commit)
    attributes = await run_in_threadpool(store.attributes, tree)
    answers = []
    for file in files:
        if not isinstance(file, dict):
            raise InvalidRequestError("each of 'files' must be a JSON object")
        path = check_path(asked.field(file, "path", str, "a file"))
        size = asked.field(file, "size", int, "a file")
        lfs = size > REGULAR_LIMIT or goes_to_lfs(path, attributes)
        answer = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        if path in tree:
            # an unchanged LFS file is told by its sha256: git's id of the pointer says nothing to the client
            answer["oid"] = tree[path].sha256 or tree[path].oid
        answers.append(answer)
    return JSONResponse({"files": answers})


async def commit(request: Request) -> Response:
    """`POST /api/models/{id}/commit/{revision}`: header, file, lfsFile, deletedFile, deletedFolder, one per line."""
    repo = await run_in_threadpool(writable, request)
    _refuse_pull_request(request)
    hub, revision = hub_of(request), part(request, "revision")
    draft = _Draft(hub.store)
    async for line in _lines(request):
        await run_in_threadpool(draft.take, line)
    title, text = draft.message()
    made = await run_in_threadpool(
        hub.store.commit,
        repo.id,
        revision,
        draft.changes,
        (title, text),
        parent=draft.parent(),
        author=hub.user,
    )
    url = f"{origin(request)}/{repo.id}/commit/{made.id}"
    return JSONResponse({"success": True, "commitOid": made.id, "commitUrl": url, "hookOutput": ""})


def _refuse_pull_request(request: Request) -> None:
    if request.query_params.get("create_pr"):
        raise InvalidRequestError("this Hub has no pull requests: leave create_pr out")


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
            return Put(path, self.store.large(asked.field(value, "oid", str, path), size))
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
