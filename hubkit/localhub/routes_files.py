"""Files on their way out: `resolve`, which serves regular files and sends clients elsewhere for LFS files, and elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import FileResponse, Response
from starlette.routing import Route

from hubkit.localhub.hub import commit_in, content_origin, hub_of, part, path_of, readable
from hubkit.localhub.refusals import EntryMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

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


def resolve(request: Request) -> Response:
    """`GET, HEAD /{id}/resolve/{revision}/{path}`: a regular file, or a signed link to an LFS file; Range on both."""
    repo = readable(request)
    commit = commit_in(request, repo)
    path = path_of(request)
    store = hub_of(request).store
    entry = store.tree(repo.id, commit).get(path)
    if entry is None:
        raise EntryMissingError(f"{path} does not exist on {commit.id}", commit.id)
    headers = {"X-Repo-Commit": commit.id, "ETag": f'"{entry.sha256 or entry.oid}"', "Accept-Ranges": "bytes"}
    if entry.sha256 is None:
        return _serve(store.objects.path(entry), path, headers, "text/plain; charset=utf-8")
    headers |= {
        "X-Linked-Size": str(entry.size),
        "X-Linked-ETag": f'"{entry.sha256}"',
        "Cache-Control": "no-store",
    }
    link = hub_of(request).signer.sign("GET", f"/-/lfs/{entry.sha256}", {"filename": path.rpartition("/")[2]})
    return Response(status_code=302, headers=headers | {"Location": content_origin(request) + link})


def content(request: Request) -> Response:
    """`GET, HEAD /-/lfs/{oid}`, signed: the bytes of an LFS file, no token asked."""
    hub, oid = hub_of(request), part(request, "oid")
    fields = hub.signer.check(request.method, request.scope["path"], dict(request.query_params))
    if hub.store.objects.lfs_size(oid) is None:
        raise EntryMissingError(f"there is no object {oid}")
    name = fields.get("filename", oid)
    return _serve(hub.store.objects.lfs_path(oid), name, {"ETag": f'"{oid}"'}, "application/octet-stream")


def _serve(file: Path, name: str, headers: dict[str, str], otherwise: str) -> Response:
    media = IMAGES.get(name.rpartition(".")[2].lower(), otherwise)
    disposition = f"inline; filename*=UTF-8''{quote(name.rpartition('/')[2], safe='')}"
    return _File(
        file, headers=headers | SAFE_HEADERS | {"Content-Disposition": disposition}, media_type=media
    )


ROUTES = [
    Route("/-/lfs/{oid}", content, methods=["GET"]),  # starlette adds HEAD
    Route("/{namespace}/{name}/resolve/{revision}/{path:path}", resolve, methods=["GET"]),
]
