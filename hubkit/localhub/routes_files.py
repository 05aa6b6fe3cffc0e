"""Files on their way out: `resolve`, which only sends clients on, the cache of regular files, and the place of LFS files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from hubkit.localhub.hub import commit_in, content_origin, hub_of, origin, part, path_of, with_files
from hubkit.localhub.names import COMMIT
from hubkit.localhub.refusals import EntryMissingError, RevisionMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from hubkit.localhub.entries import Commit, Entry, Repo

SMALL = 1 << 20
"""Bytes of an answer that is read at once."""
FROM_TO = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})")
ONE_RANGE = re.compile(rb"bytes=(?:[0-9]+-[0-9]*|-[0-9]+)")
IMAGES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}
SAFE_HEADERS = {
    # whatever a repository holds, a browser shows it without running it
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class _File(FileResponse):
    chunk_size = 1 << 20  # a thread hop per block: 64 KiB of them would cost more than the reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; a Range that is not one plain range counts for nothing, as on the Hub's content servers."""
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name != b"range" or ONE_RANGE.fullmatch(value)
        ]
        await super().__call__({**scope, "headers": headers}, receive, send)


def resolve(request: Request) -> Response:
    """`GET, HEAD /{id}/resolve/{revision}/{path}`: on to the cache for a regular file, a signed link to an LFS file."""
    repo, commit, path, entry = _found(request)
    if entry.sha256 is not None:
        return _link(request, repo, commit, path, entry)
    place = f"/api/resolve-cache/models/{repo.id}/{commit.id}/{quote(path)}"
    linked = {"X-Linked-Size": str(entry.size), "X-Linked-ETag": f'"{entry.oid}"'}
    return Response(status_code=307, headers=_about(commit, entry) | linked | {"Location": place})


def resolve_cache(request: Request) -> Response:
    """`GET, HEAD /api/resolve-cache/models/{id}/{sha}/{path}`: a regular file; Range. An LFS file as by `resolve`."""
    if not COMMIT.fullmatch(part(request, "revision")):
        raise RevisionMissingError("Invalid rev id: the cache is asked by full commit ids")
    repo, commit, path, entry = _found(request)
    if entry.sha256 is not None:
        return _link(request, repo, commit, path, entry)
    file = hub_of(request).store.objects.path(entry)
    return _serve(request, file, path, _about(commit, entry), "text/plain; charset=utf-8")


def _found(request: Request) -> tuple[Repo, Commit, str, Entry]:
    repo = with_files(request)
    commit, path = commit_in(request, repo), path_of(request)
    entry = hub_of(request).store.tree(repo.id, commit).get(path)
    if entry is None:
        raise EntryMissingError(f"{path} does not exist on {commit.id}", commit.id)
    return repo, commit, path, entry


def _about(commit: Commit, entry: Entry) -> dict[str, str]:
    return {"X-Repo-Commit": commit.id, "ETag": f'"{entry.sha256 or entry.oid}"', "Accept-Ranges": "bytes"}


def _link(request: Request, repo: Repo, commit: Commit, path: str, entry: Entry) -> Response:
    hub, sha256 = hub_of(request), str(entry.sha256)
    headers = {
        "X-Repo-Commit": commit.id,
        "Accept-Ranges": "bytes",
        "X-Linked-Size": str(entry.size),
        "X-Linked-ETag": f'"{sha256}"',
        "Cache-Control": "no-store",
    }
    if hub.xet is not None:
        token = f"{origin(request)}/api/models/{repo.id}/xet-read-token/{commit.id}"
        headers |= {"X-Xet-Hash": hub.xet.hash_of(sha256), "Link": f'<{token}>; rel="xet-auth"'}
    link = hub.signer.sign("GET", f"/-/lfs/{sha256}", {"filename": path.rpartition("/")[2]})
    return Response(status_code=302, headers=headers | {"Location": content_origin(request) + link})


def content(request: Request) -> Response:
    """`GET, HEAD /-/lfs/{oid}`, signed: the bytes of an LFS file, no token asked."""
    hub, oid = hub_of(request), part(request, "oid")
    fields = hub.signer.check(request.method, request.scope["path"], dict(request.query_params))
    if hub.store.objects.lfs_size(oid) is None:
        raise EntryMissingError(f"there is no object {oid}")
    name = fields.get("filename", oid)
    file = hub.store.objects.lfs_path(oid)
    return _serve(request, file, name, {"ETag": f'"{oid}"'}, "application/octet-stream")


def _serve(request: Request, file: Path, name: str, headers: dict[str, str], otherwise: str) -> Response:
    media = IMAGES.get(name.rpartition(".")[2].lower(), otherwise)
    disposition = f"inline; filename*=UTF-8''{quote(name.rpartition('/')[2], safe='')}"
    headers = {"Accept-Ranges": "bytes"} | headers | SAFE_HEADERS | {"Content-Disposition": disposition}
    part = _small_part(request, file.stat().st_size)
    if part is None:
        return _File(file, headers=headers, media_type=media)
    start, stop, ranged = part
    with file.open("rb") as opened:
        opened.seek(start)
        data = opened.read(stop - start)
    return Response(data, 206 if ranged else 200, headers | ranged, media)


def _small_part(request: Request, size: int) -> tuple[int, int, dict[str, str]] | None:
    """Where a small answer begins and ends, and its Content-Range: this thread reads it, where a FileResponse would go to four others.

    None for a large one and for everything out of the ordinary, which FileResponse knows how to answer.
    """
    if request.method != "GET" or "if-range" in request.headers:
        return None
    asked = request.headers.get("range")
    if asked is None:
        return (0, size, {}) if size <= SMALL else None
    found = FROM_TO.fullmatch(asked)
    start, stop = (int(found[1]), min(int(found[2]) + 1, size)) if found else (0, 0)
    if not start < stop <= start + SMALL:
        return None
    return start, stop, {"Content-Range": f"bytes {start}-{stop - 1}/{size}"}


ROUTES = [
    Route("/-/lfs/{oid}", content, methods=["GET"]),  # starlette adds HEAD
    Route("/api/resolve-cache/models/{namespace}/{name}/{revision}/{path:path}", resolve_cache),
    Route("/{namespace}/{name}/resolve/{revision}/{path:path}", resolve, methods=["GET"]),
]
