"""The pages for people, at `/` and `/{namespace}/{name}`. A browser has no token: private ones show when none is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from hubkit.localhub.answers import MODELS_ONLY
from hubkit.localhub.diffs import tree_diff
from hubkit.localhub.hub import caller, commit_in, content_origin, hub_of, origin, readable, sees
from hubkit.localhub.pages import discussion_page, page_headers, repo_page, repos_page
from hubkit.localhub.refusals import KindMissingError
from hubkit.localhub.routes_discussions import number_of
from hubkit.localhub.views import readme

if TYPE_CHECKING:
    from starlette.requests import Request


def index(request: Request) -> Response:
    """`GET /`."""
    store, user = hub_of(request).store, caller(request)
    rows = []
    for repo in store.repos():
        if sees(user, repo):
            head = store.commit_at(repo.id, "main")
            files = store.tree(repo.id, head)
            rows.append((repo, head, len(files), sum(entry.size for entry in files.values())))
    return HTMLResponse(repos_page(rows), headers=page_headers())


def repository(request: Request) -> Response:
    """`GET /{namespace}/{name}` and `/{namespace}/{name}/tree/{revision}`."""
    repo = readable(request)
    head = commit_in(request, repo)
    store = hub_of(request).store
    files = store.tree(repo.id, head)
    # An LFS file is fetched by a signed link, from the other name of this server.
    pictures = (f"{origin(request)}/{repo.id}/resolve/", f"{content_origin(request)}/-/lfs/")
    page = repo_page(repo, head, files, readme(store, files))
    return HTMLResponse(page, headers=page_headers(*pictures))


def discussion(request: Request) -> Response:
    """`GET /{namespace}/{name}/discussions/{num}`: the address that a pull request has."""
    repo, hub = readable(request), hub_of(request)
    one = hub.discussions.get(repo.id, number_of(request))
    diff = tree_diff(hub.store, *hub.discussions.trees(repo.id, one)) if one.start is not None else ""
    return HTMLResponse(
        discussion_page(repo, one, diff), headers=page_headers(f"{origin(request)}/{repo.id}/resolve/")
    )


def other_kind(request: Request) -> Response:
    """Whatever is asked about datasets, Spaces and the rest."""
    raise KindMissingError(f"{MODELS_ONLY}: {request.url.path}")


ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
OTHER_KINDS = ("/api/datasets", "/api/spaces", "/api/kernels", "/datasets/", "/spaces/", "/kernels/")
OTHER_ROUTES = [Route(kind + "{rest:path}", other_kind, methods=ALL_METHODS) for kind in OTHER_KINDS]
ROUTES = [
    Route("/", index),
    Route("/{namespace}/{name}", repository),
    Route("/{namespace}/{name}/tree/{revision}", repository),
    Route("/{namespace}/{name}/commit/{revision}", repository),
    Route("/{namespace}/{name}/discussions/{num}", discussion),
]
