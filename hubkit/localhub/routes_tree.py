"""What is in a repository at a revision, and its revisions: trees, paths, commits, branches, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub.hub import (
    commit_in,
    field,
    hub_of,
    json_object,
    optional,
    part,
    path_of,
    read_body,
    read_json,
    readable,
    writable,
)
from hubkit.localhub.names import check_ref
from hubkit.localhub.paging import paged
from hubkit.localhub.refusals import EntryMissingError, InvalidRequestError
from hubkit.localhub.views import commit_view, expanded, folder_view, path_views, ref_view

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_PATHS = 1000
MOST_ENTRIES = 1000
MOST_EXPANDED = 50
MOST_COMMITS = 50


def _true(text: str | None) -> bool:
    return text is not None and text.lower() in {"true", "1"}


def tree(request: Request) -> Response:
    """`GET /api/models/{id}/tree/{revision}[/{path}]`, with `recursive=true`, `expand=true`, `limit` and `cursor`."""
    repo = readable(request)
    commit = commit_in(request, repo)
    path = path_of(request).rstrip("/") if "path" in request.path_params else ""
    store = hub_of(request).store
    files = store.tree(repo.id, commit)
    if path and not any(name.startswith(f"{path}/") for name in files):
        raise EntryMissingError(f"{path} does not exist on {commit.id}", commit.id)
    found = folder_view(files, path, recursive=_true(request.query_params.get("recursive")))
    found = _with_xet(request, found)
    if not _true(request.query_params.get("expand")):
        return paged(request, found, MOST_ENTRIES, list)
    return paged(request, found, MOST_EXPANDED, lambda page: expanded(store, repo, commit, page))


def _with_xet(request: Request, views: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same files with their Xet hashes, on a Hub that has Xet: the client then asks for the content without another question."""
    xet = hub_of(request).xet
    if xet is None:
        return views
    return [view | {"xetHash": xet.hash_of(view["lfs"]["oid"])} if "lfs" in view else view for view in views]


async def paths_info(request: Request) -> Response:
    """`POST /api/models/{id}/paths-info/{revision}`: the paths that exist, files and folders, with `expand` in the body."""
    repo = await run_in_threadpool(readable, request)
    commit = await run_in_threadpool(commit_in, request, repo)
    body = await read_body(request)
    if request.headers.get("content-type", "").startswith("application/json"):
        value = json_object(body, "the body")
        paths, expand = field(value, "paths", list), value.get("expand") is True
    else:
        form = parse_qs(body.decode("utf-8", "replace"))
        paths, expand = form.get("paths", []), _true(form.get("expand", ["false"])[0])
    if len(paths) > MOST_PATHS:
        raise InvalidRequestError(f"{len(paths)} paths in one request, at most {MOST_PATHS}")
    store = hub_of(request).store
    files = await run_in_threadpool(store.tree, repo.id, commit)
    found = path_views(files, [path for path in paths if isinstance(path, str)])
    found = await run_in_threadpool(_with_xet, request, found)
    return JSONResponse(await run_in_threadpool(expanded, store, repo, commit, found) if expand else found)


def refs(request: Request) -> Response:
    """`GET /api/models/{id}/refs`."""
    repo = readable(request)
    found = hub_of(request).store.refs(repo.id)

    def below(prefix: str) -> list[dict[str, str]]:
        return [ref_view(ref, commit) for ref, commit in found.items() if ref.startswith(prefix)]

    view: dict[str, Any] = {"branches": below("refs/heads/"), "tags": below("refs/tags/"), "converts": []}
    if request.query_params.get("include_prs"):
        view["pullRequests"] = below("refs/pr/")
    return JSONResponse(view)


def commits(request: Request) -> Response:
    """`GET /api/models/{id}/commits/{revision}[?expand[]=formatted]`, newest first."""
    repo = readable(request)
    line = hub_of(request).store.line(repo.id, commit_in(request, repo))
    formatted = "formatted" in request.query_params.getlist("expand[]")
    answer = paged(
        request, line, MOST_COMMITS, lambda page: [commit_view(one, formatted=formatted) for one in page]
    )
    answer.headers["X-Total-Count"] = str(len(line))
    return answer


async def create_branch(request: Request) -> Response:
    """`POST /api/models/{id}/branch/{branch}`; 409 when it is there."""
    repo, _ = await run_in_threadpool(writable, request)
    body = await read_body(request)
    start = optional(json_object(body, "the body"), "startingPoint", str) if body else None
    ref = f"refs/heads/{check_ref(part(request, 'branch'))}"
    await run_in_threadpool(hub_of(request).store.create_ref, repo.id, ref, start or "main")
    return Response(status_code=201)


def delete_branch(request: Request) -> Response:
    """`DELETE /api/models/{id}/branch/{branch}`."""
    repo, _ = writable(request)
    hub_of(request).store.delete_ref(repo.id, f"refs/heads/{part(request, 'branch')}")
    return Response(status_code=200)


async def create_tag(request: Request) -> Response:
    """`POST /api/models/{id}/tag/{revision}`; 409 when it is there. A message is taken and not kept: tags are light here."""
    repo, _ = await run_in_threadpool(writable, request)
    name = field(await read_json(request), "tag", str)
    commit = await run_in_threadpool(
        commit_in, request, repo
    )  # first: what is not there is told before what it is called
    await run_in_threadpool(
        hub_of(request).store.create_ref, repo.id, f"refs/tags/{check_ref(name)}", commit.id
    )
    return Response(status_code=201)


async def squash(request: Request) -> Response:
    """`POST /api/models/{id}/super-squash/{ref}` `{message}`: one commit of all that a branch was."""
    repo, user = await run_in_threadpool(writable, request)
    message = field(await read_json(request), "message", str)
    made = await run_in_threadpool(
        hub_of(request).store.squash, repo.id, part(request, "revision"), message, user.name
    )
    return JSONResponse({"success": True, "commitOid": made.id})


def delete_tag(request: Request) -> Response:
    """`DELETE /api/models/{id}/tag/{tag}`."""
    repo, _ = writable(request)
    hub_of(request).store.delete_ref(repo.id, f"refs/tags/{part(request, 'revision')}")
    return Response(status_code=200)


MODEL = "/api/models/{namespace}/{name}"
ROUTES = [
    Route(MODEL + "/tree/{revision}", tree),
    Route(MODEL + "/tree/{revision}/{path:path}", tree),
    Route(MODEL + "/paths-info/{revision}", paths_info, methods=["POST"]),
    Route(MODEL + "/refs", refs),
    Route(MODEL + "/commits/{revision}", commits),
    Route(MODEL + "/branch/{branch}", create_branch, methods=["POST"]),
    Route(MODEL + "/branch/{branch}", delete_branch, methods=["DELETE"]),
    Route(MODEL + "/tag/{revision}", create_tag, methods=["POST"]),
    Route(MODEL + "/super-squash/{revision}", squash, methods=["POST"]),
    Route(MODEL + "/tag/{revision}", delete_tag, methods=["DELETE"]),
]
