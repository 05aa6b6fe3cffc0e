"""Repositories as the API shows them: who am I, create, delete, what is in them, what happened to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub.frontmatter import check
from hubkit.localhub.hub import (
    commit_in,
    field,
    hub_of,
    json_object,
    knows_token,
    origin,
    path_of,
    read_body,
    read_json,
    readable,
    require_token,
)
from hubkit.localhub.names import repo_id
from hubkit.localhub.refusals import EntryMissingError, InvalidRequestError, RepoExistsError
from hubkit.localhub.views import commit_view, folder_view, info_view, path_views, ref_view

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.names import RepoId

MOST_PATHS = 1000


def whoami(request: Request) -> Response:
    """`GET /api/whoami-v2`."""
    require_token(request)
    user = hub_of(request).user
    token = {"type": "access_token", "accessToken": {"displayName": "local", "role": "write"}}
    return JSONResponse(
        {"type": "user", "id": user, "name": user, "fullname": user, "orgs": [], "auth": token}
    )


async def create(request: Request) -> Response:
    """`POST /api/repos/create`; 409 with the address of the one that is there."""
    require_token(request)
    body = await read_json(request)
    identity = _named(request, body)
    private = body.get("visibility") == "private" or body.get("private") is True
    hub, url = hub_of(request), f"{origin(request)}/{identity}"
    try:
        await run_in_threadpool(hub.store.create, identity, private=private, author=hub.user)
    except RepoExistsError as error:
        return JSONResponse({"error": str(error), "url": url}, 409, {"X-Error-Message": str(error)})
    return JSONResponse({"url": url, "name": str(identity), "id": str(identity), "private": private})


async def delete(request: Request) -> Response:
    """`DELETE /api/repos/delete`."""
    require_token(request)
    identity = _named(request, await read_json(request))
    await run_in_threadpool(hub_of(request).store.delete, identity)
    return Response(status_code=200)


def _named(request: Request, body: dict[str, Any]) -> RepoId:
    if body.get("type") not in {None, "model"}:
        raise InvalidRequestError(f"this Hub holds model repositories only, not type {body['type']!r}")
    name = field(body, "name", str)
    namespace, slash, rest = name.rpartition("/")
    owner = namespace if slash else body.get("organization") or hub_of(request).user
    if not isinstance(owner, str):
        raise InvalidRequestError("the body needs 'organization' as str")
    return repo_id(owner, rest)


def list_models(request: Request) -> Response:
    """`GET /api/models?author=`: those that the caller may see."""
    hub, known = hub_of(request), knows_token(request)
    author = request.query_params.get("author")
    repos = [
        repo
        for repo in hub.store.repos()
        if (known or not repo.private) and author in {None, repo.id.namespace}
    ]
    return JSONResponse(
        [info_view(hub.store, repo, hub.store.commit_at(repo.id, "main"), blobs=False) for repo in repos]
    )


def info(request: Request) -> Response:
    """`GET /api/models/{id}[/revision/{revision}]`, with `blobs=true` and `expand=`."""
    repo = readable(request)
    blobs = request.query_params.get("blobs", "").lower() == "true"
    view = info_view(hub_of(request).store, repo, commit_in(request, repo), blobs=blobs)
    wanted = request.query_params.getlist("expand")
    if wanted:
        view = {key: value for key, value in view.items() if key in {"_id", "id", *wanted}}
    return JSONResponse(view)


def tree(request: Request) -> Response:
    """`GET /api/models/{id}/tree/{revision}[/{path}]`, with `recursive=true`."""
    repo = readable(request)
    commit = commit_in(request, repo)
    path = path_of(request).rstrip("/") if "path" in request.path_params else ""
    files = hub_of(request).store.tree(repo.id, commit)
    if path and not any(name.startswith(f"{path}/") for name in files):
        raise EntryMissingError(f"{path} does not exist on {commit.id}", commit.id)
    recursive = request.query_params.get("recursive", "").lower() in {"true", "1"}
    return JSONResponse(folder_view(files, path, recursive=recursive))


async def paths_info(request: Request) -> Response:
    """`POST /api/models/{id}/paths-info/{revision}`: the paths that exist, files and folders."""
    repo = await run_in_threadpool(readable, request)
    commit = await run_in_threadpool(commit_in, request, repo)
    body = await read_body(request)
    if request.headers.get("content-type", "").startswith("application/json"):
        paths = field(json_object(body, "the body"), "paths", list)
    else:
        paths = parse_qs(body.decode("utf-8", "replace")).get("paths", [])
    if len(paths) > MOST_PATHS:
        raise InvalidRequestError(f"{len(paths)} paths in one request, at most {MOST_PATHS}")
    files = await run_in_threadpool(hub_of(request).store.tree, repo.id, commit)
    return JSONResponse(path_views(files, [path for path in paths if isinstance(path, str)]))


def refs(request: Request) -> Response:
    """`GET /api/models/{id}/refs`."""
    repo = readable(request)
    found = hub_of(request).store.refs(repo.id)
    view: dict[str, Any] = {
        "branches": [ref_view(ref, commit) for ref, commit in found.items() if ref.startswith("refs/heads/")],
        "tags": [ref_view(ref, commit) for ref, commit in found.items() if ref.startswith("refs/tags/")],
        "converts": [],
    }
    if request.query_params.get("include_prs"):
        view["pullRequests"] = [
            ref_view(ref, commit) for ref, commit in found.items() if ref.startswith("refs/pr/")
        ]
    return JSONResponse(view)


def commits(request: Request) -> Response:
    """`GET /api/models/{id}/commits/{revision}`, newest first."""
    repo = readable(request)
    line = hub_of(request).store.line(repo.id, commit_in(request, repo))
    return JSONResponse([commit_view(commit) for commit in line])


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
    Route("/api/validate-yaml", validate_yaml, methods=["POST"]),
    Route("/api/models", list_models),
    Route(MODEL, info),
    Route(MODEL + "/revision/{revision}", info),
    Route(MODEL + "/tree/{revision}", tree),
    Route(MODEL + "/tree/{revision}/{path:path}", tree),
    Route(MODEL + "/paths-info/{revision}", paths_info, methods=["POST"]),
    Route(MODEL + "/refs", refs),
    Route(MODEL + "/commits/{revision}", commits),
]
