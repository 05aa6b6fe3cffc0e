"""Repositories as the API shows them: who am I, create, delete, move, settings, what there is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub.answers import MODELS_ONLY
from hubkit.localhub.frontmatter import check
from hubkit.localhub.hub import (
    caller,
    commit_in,
    field,
    hub_of,
    origin,
    read_json,
    readable,
    sees,
    signed_in,
    with_files,
    writable,
    writer,
)
from hubkit.localhub.names import RepoId, repo_id
from hubkit.localhub.paging import paged
from hubkit.localhub.refusals import InvalidRequestError, KindMissingError, RepoExistsError, RepoMissingError
from hubkit.localhub.store import NOT_FOUND
from hubkit.localhub.views import info_view, listed_view

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.entries import Repo

MOST_MODELS = 1000
SORTS = {
    "lastModified": "lastModified",
    "last_modified": "lastModified",
    "createdAt": "createdAt",
    "created_at": "createdAt",
    "downloads": "downloads",
    "likes": "likes",
    "trendingScore": "likes",
}
"""What `sort` may be, and what is compared; nothing here is downloaded or liked, so that those keep the order of names."""


def whoami(request: Request) -> Response:
    """`GET /api/whoami-v2`."""
    user = signed_in(request)
    view = {"type": "user", "id": user.name, "name": user.name, "fullname": user.name, "isPro": False}
    token = {"displayName": "local", "role": user.role}
    orgs = [{"type": "org", "name": name, "fullname": name} for name in user.orgs]
    return JSONResponse(view | {"orgs": orgs, "auth": {"type": "access_token", "accessToken": token}})


async def create(request: Request) -> Response:
    """`POST /api/repos/create`; 409 with the address of the one that is there."""
    await run_in_threadpool(signed_in, request)
    body = await read_json(request)
    identity = _named(request, body)
    user = writer(request, identity.namespace)
    private = body.get("visibility") == "private" or body.get("private") is True
    hub, url = hub_of(request), f"{origin(request)}/{identity}"
    try:
        await run_in_threadpool(hub.store.create, identity, private=private, author=user.name)
    except RepoExistsError as error:
        return JSONResponse({"error": str(error), "url": url}, 409, {"X-Error-Message": str(error)})
    return JSONResponse({"url": url, "name": str(identity), "id": str(identity), "private": private})


async def delete(request: Request) -> Response:
    """`DELETE /api/repos/delete`."""
    signed_in(request)
    identity = _owned(request, _named(request, await read_json(request)))
    hub = hub_of(request)
    await run_in_threadpool(hub.store.delete, identity)
    await run_in_threadpool(hub.collections.rename, str(identity), None)
    return Response(status_code=200)


async def move(request: Request) -> Response:
    """`POST /api/repos/move`; the old name leads to the new one."""
    signed_in(request)
    body = await read_json(request)
    _models_only(body)
    ends = [field(body, name, str).partition("/") for name in ("fromRepo", "toRepo")]
    old, new = (repo_id(namespace, name) for namespace, _, name in ends)
    old = _owned(request, old)
    writer(request, new.namespace)
    hub = hub_of(request)
    await run_in_threadpool(hub.store.move, old, new)
    await run_in_threadpool(hub.collections.rename, str(old), str(new))
    return JSONResponse({"url": f"{origin(request)}/{new}"})


async def settings(request: Request) -> Response:
    """`PUT /api/models/{id}/settings`: private or public, gated or open."""
    repo, _ = await run_in_threadpool(writable, request)
    body = await read_json(request)
    if "gated" in body:
        if body["gated"] not in ("auto", "manual", False):
            raise InvalidRequestError(f"gated is auto, manual or false, not {body['gated']!r:.40}")
        repo = replace(repo, gated=body["gated"])
    if "visibility" in body or "private" in body:
        if body.get("visibility") not in {None, "public", "private"}:
            raise InvalidRequestError(f"visibility is public or private, not {body['visibility']!r:.40}")
        repo = replace(repo, private=body.get("visibility") == "private" or body.get("private") is True)
    await run_in_threadpool(hub_of(request).store.change, repo)
    return JSONResponse({"private": repo.private, "gated": repo.gated})


def auth_check(request: Request) -> Response:
    """`GET /api/models/{id}/auth-check[/write]`."""
    if request.scope["path"].endswith("/write"):
        writable(request)
    else:
        with_files(request)
    return JSONResponse({})


def _owned(request: Request, identity: RepoId) -> RepoId:
    """The repository's id as it is written. Raises RepoMissingError for one that the caller does not see, ForbiddenError for one of somebody else."""
    repo = hub_of(request).store.repo(identity)
    if not sees(caller(request), repo):
        raise RepoMissingError(NOT_FOUND)
    writer(request, repo.id.namespace)
    return repo.id


def _models_only(body: dict[str, Any]) -> None:
    if body.get("type") not in {None, "model"}:
        raise KindMissingError(f"{MODELS_ONLY}: not type {body['type']!r:.40}")


def _named(request: Request, body: dict[str, Any]) -> RepoId:
    _models_only(body)
    name = field(body, "name", str)
    namespace, slash, rest = name.rpartition("/")
    owner = namespace if slash else body.get("organization") or signed_in(request).name
    if not isinstance(owner, str):
        raise InvalidRequestError("the body needs 'organization' as str")
    return repo_id(owner, rest)


def list_models(request: Request) -> Response:
    """`GET /api/models?author=&search=&filter=&pipeline_tag=&gated=&sort=&limit=&cursor=`: those that the caller may see."""
    query, store = request.query_params, hub_of(request).store
    views = [
        (repo, info_view(store, repo, store.commit_at(repo.id, "main"), blobs=False))
        for repo in store.repos()
        if sees(caller(request), repo) and query.get("author") in {None, repo.id.namespace}
    ]
    found = [view for repo, view in views if _asked_for(request, repo, view)]
    sort = query.get("sort")
    if sort is not None:
        if sort not in SORTS:
            raise InvalidRequestError(f"sort is one of {', '.join(sorted(SORTS))}, not {sort[:40]!r}")
        found.sort(key=lambda view: view[SORTS[sort]], reverse=query.get("direction", "-1") == "-1")
    more = {
        "full": query.get("full", "").lower() == "true",
        "card": query.get("cardData", "").lower() == "true",
    }
    wanted = query.getlist("expand")
    return paged(
        request, found, MOST_MODELS, lambda page: [listed_view(view, wanted=wanted, **more) for view in page]
    )


def _asked_for(request: Request, repo: Repo, view: dict[str, Any]) -> bool:
    query = request.query_params
    words = [word for given in query.getlist("filter") for word in given.split(",") if word]
    gated = query.get("gated", "").lower()
    return (
        query.get("search", "").lower() in str(repo.id).lower()
        and set(words) <= set(view["tags"])
        and query.get("pipeline_tag") in {None, view["pipeline_tag"]}
        and (not gated or (gated == "true") == bool(repo.gated))
    )


def info(request: Request) -> Response:
    """`GET /api/models/{id}[/revision/{revision}]`, with `blobs=true`, `securityStatus=true` and `expand=`."""
    repo = readable(request)
    blobs = request.query_params.get("blobs", "").lower() == "true"
    view = info_view(hub_of(request).store, repo, commit_in(request, repo), blobs=blobs)
    if request.query_params.get("securityStatus", "").lower() == "true":
        view["securityRepoStatus"] = {"scansDone": False, "filesWithIssues": []}  # nothing is scanned here
    wanted = request.query_params.getlist("expand")
    if wanted:
        view = {key: value for key, value in view.items() if key in {"_id", "id", *wanted}}
    return JSONResponse(view)


async def validate_yaml(request: Request) -> Response:
    """`POST /api/validate-yaml`; the client asks this without a token too."""
    content = field(await read_json(request), "content", str)
    verdict = await run_in_threadpool(check, content)
    body = {
        "errors": [{"message": message} for message in verdict.errors],
        "warnings": [{"message": message} for message in verdict.warnings],
    }
    return JSONResponse(body, 400 if verdict.errors else 200)


MODEL = "/api/models/{namespace}/{name}"
ROUTES = [
    Route("/api/whoami-v2", whoami),
    Route("/api/repos/create", create, methods=["POST"]),
    Route("/api/repos/delete", delete, methods=["DELETE"]),
    Route("/api/repos/move", move, methods=["POST"]),
    Route("/api/validate-yaml", validate_yaml, methods=["POST"]),
    Route("/api/models", list_models),
    Route(MODEL, info),
    Route(MODEL + "/revision/{revision}", info),
    Route(MODEL + "/settings", settings, methods=["PUT"]),
    Route(MODEL + "/auth-check", auth_check),
    Route(MODEL + "/auth-check/write", auth_check),
]
