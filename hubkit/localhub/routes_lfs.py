"""Large files: the LFS batch, which says where each goes or lies; one PUT or one per part, completion, verification.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md, with the Hub's own `multipart` transfer.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub.hub import (
    body_blocks,
    content_origin,
    contributable,
    field,
    hub_of,
    origin,
    part,
    read_json,
    with_files,
    writer,
)
from hubkit.localhub.names import SHA256, repo_id
from hubkit.localhub.refusals import InvalidRequestError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from hubkit.localhub.entries import Repo
    from hubkit.localhub.hub import Hub

MOST_OBJECTS = 1000
MOST_PARTS = 10_000


async def batch(request: Request) -> Response:
    """`POST /{id}.git/info/lfs/objects/batch`: for each object a place to send it, or none when it is here; or a place to get it from."""
    body = await read_json(request)
    if body.get("hash_algo", "sha256") != "sha256":
        raise InvalidRequestError("this Hub knows LFS objects by sha256 only")
    if body.get("operation") == "download":
        return await run_in_threadpool(_downloads, request, body)
    if body.get("operation") != "upload":
        raise InvalidRequestError("an LFS batch is an upload or a download")
    # who may open a pull request may upload: without a commit nothing points to what came
    repo, _ = await run_in_threadpool(contributable, request)
    objects = field(body, "objects", list)
    if len(objects) > MOST_OBJECTS:
        raise InvalidRequestError(f"{len(objects)} objects in one batch, at most {MOST_OBJECTS}")
    multipart = "multipart" in (body.get("transfers") or [])
    answers = [_object(request, str(repo.id), item, multipart=multipart) for item in objects]
    return JSONResponse({"transfer": "multipart" if multipart else "basic", "objects": answers})


def _downloads(request: Request, body: dict[str, Any]) -> Response:
    """A signed link to each object that a branch, tag or pull request of the repository holds."""
    hub, held = hub_of(request), _held(request, with_files(request))
    answers = []
    for item in field(body, "objects", list)[:MOST_OBJECTS]:
        oid = item.get("oid") if isinstance(item, dict) else None
        answer: dict[str, Any] = {"oid": oid, "size": item.get("size") if isinstance(item, dict) else None}
        if not isinstance(oid, str) or oid not in held:
            answers.append(answer | {"error": {"code": 404, "message": "this repository has no such object"}})
            continue
        href = content_origin(request) + hub.signer.sign("GET", f"/-/lfs/{oid}", {"filename": oid})
        download = {"href": href, "expires_in": hub.signer.lifetime}
        answers.append(answer | {"authenticated": True, "actions": {"download": download}})
    return JSONResponse({"transfer": "basic", "objects": answers})


def _held(request: Request, repo: Repo) -> set[str | None]:
    """The objects of a repository's branches, tags and pull requests."""
    store = hub_of(request).store
    tips = {store.commit_at(repo.id, ref) for ref in store.refs(repo.id)}
    return {entry.sha256 for tip in tips for entry in store.tree(repo.id, tip).values()}


async def duplicate(request: Request) -> Response:
    """`POST /api/models/{id}/lfs-files/duplicate` `{target, files}`: objects of this repository for a commit to another one.

    All repositories of this Hub share their objects, so there is nothing to copy, only to allow.
    """
    held = await run_in_threadpool(lambda: _held(request, with_files(request)))
    body = await read_json(request)
    namespace, _, name = field(field(body, "target", dict), "name", str, "the target").partition("/")
    target = await run_in_threadpool(hub_of(request).store.repo, repo_id(namespace, name))
    writer(request, target.id.namespace)
    asked = [one.get("sha256") for one in field(body, "files", list)[:MOST_OBJECTS] if isinstance(one, dict)]
    failed = [
        {"sha256": one, "error": "this repository has no such object"} for one in asked if one not in held
    ]
    return JSONResponse({"failed": failed})


def _object(request: Request, repo: str, item: Any, *, multipart: bool) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise InvalidRequestError("each of 'objects' must be a JSON object")
    oid, size = field(item, "oid", str, "an object"), field(item, "size", int, "an object")
    answer: dict[str, Any] = {"oid": oid, "size": size}
    if not SHA256.fullmatch(oid) or size < 0:
        return answer | {
            "error": {"code": 422, "message": "oid must be a sha256 in lower-case hex, size not negative"}
        }
    hub = hub_of(request)
    here = hub.store.objects.lfs_size(oid)
    if here is not None:
        wrong = {"code": 422, "message": f"this object has {here} bytes, not {size}"}
        return answer if here == size else answer | {"error": wrong}
    if multipart and size > hub.chunk_size:
        if math.ceil(size / hub.chunk_size) > MOST_PARTS:
            return answer | {
                "error": {"code": 422, "message": f"more than {MOST_PARTS} parts of {hub.chunk_size} bytes"}
            }
        upload = _parts_action(request, oid, size)
    else:
        href = content_origin(request) + hub.signer.sign("PUT", f"/-/lfs/{oid}", {"size": str(size)})
        upload = {"href": href, "expires_in": hub.signer.lifetime}
    verify = {"href": f"{origin(request)}/{repo}.git/info/lfs/objects/verify"}
    return answer | {"authenticated": True, "actions": {"upload": upload, "verify": verify}}


def _parts_action(request: Request, oid: str, size: int) -> dict[str, Any]:
    hub = hub_of(request)
    chunk, base = hub.chunk_size, f"/-/lfs/{oid}/{secrets.token_hex(8)}"
    header = {"chunk_size": str(chunk)}
    for number in range(1, math.ceil(size / chunk) + 1):
        expected = min(chunk, size - (number - 1) * chunk)
        link = hub.signer.sign("PUT", f"{base}/{number}", {"size": str(expected)})
        header[str(number)] = content_origin(request) + link
    fields = {"size": str(size), "parts": str(len(header) - 1)}
    href = origin(request) + hub.signer.sign("POST", f"{base}/complete", fields)
    return {"href": href, "header": header, "expires_in": hub.signer.lifetime}


def _signed(request: Request) -> dict[str, str]:
    return hub_of(request).signer.check(request.method, request.scope["path"], dict(request.query_params))


async def put_object(request: Request) -> Response:
    """`PUT /-/lfs/{oid}`, signed: the whole object, kept only if size and sha256 are what was announced."""
    fields, oid, objects = _signed(request), part(request, "oid"), hub_of(request).store.objects
    with objects.receive(int(fields["size"])) as incoming:
        async for block in body_blocks(request):
            incoming.write(block)
        await run_in_threadpool(objects.accept, incoming, oid)
    return Response(status_code=200, headers={"ETag": f'"{oid}"'})


async def put_part(request: Request) -> Response:
    """`PUT /-/lfs/{oid}/{upload}/{number}`, signed: one part; its ETag is the part's sha256."""
    fields, objects = _signed(request), hub_of(request).store.objects
    with objects.receive(int(fields["size"])) as incoming:
        async for block in body_blocks(request):
            incoming.write(block)
        if incoming.received != incoming.size:
            raise InvalidRequestError(f"{incoming.received} bytes came, {incoming.size} were announced")
        tag = incoming.sha256
        await run_in_threadpool(incoming.move, _part_path(request, part(request, "number"), tag))
    return Response(status_code=200, headers={"ETag": f'"{tag}"'})


def _part_path(request: Request, number: str, tag: str) -> Path:
    # upload and number are our own: the link's signature covers the path
    return hub_of(request).store.temporary / f"upload-{part(request, 'upload')}" / f"{number}-{tag}"


async def complete(request: Request) -> Response:
    """`POST /-/lfs/{oid}/{upload}/complete`, signed: join the parts; once more for the same object is no error."""
    fields, oid, hub = _signed(request), part(request, "oid"), hub_of(request)
    body = await read_json(request)
    if field(body, "oid", str) != oid:
        raise InvalidRequestError(f"the body is about another object than {oid}")
    if hub.store.objects.lfs_size(oid) is None:
        parts = _tags(field(body, "parts", list), int(fields["parts"]))
        paths = [_part_path(request, str(number), tag) for number, tag in enumerate(parts, start=1)]
        await run_in_threadpool(_join, hub, oid, int(fields["size"]), paths)
    return JSONResponse({"oid": oid})


def _tags(parts: list[Any], expected: int) -> list[str]:
    """The parts' ETags, in order. Raises InvalidRequestError."""
    tags = {
        part.get("partNumber"): str(part.get("etag")).strip('"') for part in parts if isinstance(part, dict)
    }
    if sorted(tags, key=str) != sorted(range(1, expected + 1), key=str) or not all(
        map(SHA256.fullmatch, tags.values())
    ):
        raise InvalidRequestError(f"the parts must be 1 to {expected}, each with the ETag of its upload")
    return [tags[number] for number in range(1, expected + 1)]


def _join(hub: Hub, oid: str, size: int, paths: list[Path]) -> None:
    with hub.store.objects.receive(size) as incoming:
        for number, path in enumerate(paths, start=1):
            try:
                incoming.copy_from(path)
            except FileNotFoundError:
                raise InvalidRequestError(f"part {number} was not uploaded, or with other bytes") from None
        hub.store.objects.accept(incoming, oid)
    for path in paths:
        path.unlink(missing_ok=True)


async def verify(request: Request) -> Response:
    """`POST /{id}.git/info/lfs/objects/verify`: is it here, with this size?"""
    await run_in_threadpool(contributable, request)
    body = await read_json(request)
    await run_in_threadpool(hub_of(request).store.large, field(body, "oid", str), field(body, "size", int))
    return JSONResponse({})


LFS = "/{namespace}/{name}.git/info/lfs/objects"
ROUTES = [
    Route(LFS + "/batch", batch, methods=["POST"]),
    Route(LFS + "/verify", verify, methods=["POST"]),
    Route("/api/models/{namespace}/{name}/lfs-files/duplicate", duplicate, methods=["POST"]),
    Route("/-/lfs/{oid}", put_object, methods=["PUT"]),
    Route("/-/lfs/{oid}/{upload}/complete", complete, methods=["POST"]),
    Route("/-/lfs/{oid}/{upload}/{number}", put_part, methods=["PUT"]),
]
