"""Discussions and pull requests as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub.diffs import tree_diff
from hubkit.localhub.discussions import Discussion, Event, comment, event
from hubkit.localhub.hub import (
    contributable,
    field,
    hub_of,
    json_object,
    optional,
    part,
    read_body,
    read_json,
    readable,
)
from hubkit.localhub.refusals import ForbiddenError, InvalidRequestError

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.entries import Repo
    from hubkit.localhub.users import User

PAGE = 10
OPEN = {"draft", "open"}


def listing(request: Request) -> Response:
    """`GET /api/models/{id}/discussions?p=&type=&status=&author=`, newest first."""
    repo, query = readable(request), request.query_params
    found = [one for one in hub_of(request).discussions.all(repo.id) if _asked_for(query, one)]
    page = query.get("p", "0")
    if not page.isascii() or not page.isdigit():
        raise InvalidRequestError(f"p must be a number, it is {page[:40]!r}")
    start = int(page) * PAGE
    shown = [_head(repo, one) for one in found[start : start + PAGE]]
    return JSONResponse({"discussions": shown, "count": len(found), "start": start})


def _asked_for(query: Any, one: Discussion) -> bool:
    kind, status = query.get("type", "all"), query.get("status", "all")
    kinds = {"all": True, "discussion": one.start is None, "pull_request": one.start is not None}
    states = {"all": True, "open": one.status in OPEN, "closed": one.status not in OPEN}
    return kinds.get(kind, False) and states.get(status, False) and query.get("author") in {None, one.author}


def _head(repo: Repo, one: Discussion) -> dict[str, Any]:
    return {
        "num": one.num,
        "title": one.title,
        "author": {"name": one.author, "type": "user"},
        "createdAt": one.created,
        "status": one.status,
        "isPullRequest": one.start is not None,
        "numComments": sum(happened.type == "comment" for happened in one.events),
        "repo": {"name": str(repo.id), "type": "model"},
    }


def event_view(happened: Event) -> dict[str, Any]:
    """One event."""
    return {
        "id": happened.id,
        "type": happened.type,
        "createdAt": happened.created,
        "author": {"name": happened.author, "type": "user"},
        "data": happened.data,
    }


def show(request: Request) -> Response:
    """`GET /api/models/{id}/discussions/{num}[?diff=1]`."""
    repo, hub = readable(request), hub_of(request)
    one = hub.discussions.get(repo.id, number_of(request))
    view = _head(repo, one) | {"events": [event_view(happened) for happened in one.events]}
    if one.start is not None:
        changes = {"base": one.base} | ({"mergeCommitId": one.merged} if one.merged else {})
        clashes = hub.discussions.conflicts(repo.id, one) if one.status in OPEN else []
        view |= {"changes": changes, "filesWithConflicts": clashes}
        if request.query_params.get("diff"):
            view["diff"] = tree_diff(hub.store, *hub.discussions.trees(repo.id, one))
    return JSONResponse(view)


def number_of(request: Request) -> int:
    """The number in the address. Raises InvalidRequestError."""
    text = part(request, "num")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidRequestError(f"{text[:40]!r} is not the number of a discussion")
    return int(text)


async def create(request: Request) -> Response:
    """`POST /api/models/{id}/discussions` `{title, description, pullRequest}`."""
    repo, user = await run_in_threadpool(contributable, request)
    body = await read_json(request)
    title, text = field(body, "title", str), optional(body, "description", str) or ""
    pull, discussions = body.get("pullRequest") is True, hub_of(request).discussions
    made = await run_in_threadpool(discussions.open, repo.id, title, text, user.name, pull_request=pull)
    return JSONResponse(
        _head(repo, made) | {"url": f"/{repo.id}/discussions/{made.num}", "pullRequest": pull}, 201
    )


async def add_comment(request: Request) -> Response:
    """`POST .../comment` `{comment}`."""
    repo, user = await run_in_threadpool(contributable, request)
    said = comment(user.name, field(await read_json(request), "comment", str))
    await run_in_threadpool(hub_of(request).discussions.add, repo.id, number_of(request), said)
    return JSONResponse({"newMessage": event_view(said)})


async def edit_comment(request: Request) -> Response:
    """`POST .../comment/{comment}/edit` `{content}`: by who wrote it."""
    repo, user = await run_in_threadpool(contributable, request)
    text = field(await read_json(request), "content", str)
    edit = hub_of(request).discussions.edit
    happened = await run_in_threadpool(
        edit, repo.id, number_of(request), part(request, "comment"), text, user.name
    )
    return JSONResponse({"updatedComment": event_view(happened)})


async def set_title(request: Request) -> Response:
    """`POST .../title` `{title}`."""
    repo, user, one = await run_in_threadpool(_own, request)
    title = field(await read_json(request), "title", str)
    if not title.strip():
        raise InvalidRequestError("a discussion needs a title")
    happened = event("title-change", user.name, **{"from": one.title, "to": title})
    await run_in_threadpool(hub_of(request).discussions.add, repo.id, one.num, happened)
    return JSONResponse({"newTitle": event_view(happened)})


async def set_status(request: Request) -> Response:
    """`POST .../status` `{status, comment?}`; opening a draft makes it ready to merge."""
    repo, user, one = await run_in_threadpool(_own, request)
    body = await read_json(request)
    status, text = field(body, "status", str), optional(body, "comment", str)
    if status not in {"open", "closed"} or one.status in {"merged", status}:
        raise InvalidRequestError(f"discussion {one.num} is {one.status}: it cannot become {status[:40]!r}")
    happened = event("status-change", user.name, status=status)
    said = [comment(user.name, text)] if text else []
    await run_in_threadpool(hub_of(request).discussions.add, repo.id, one.num, *said, happened)
    return JSONResponse({"newStatus": event_view(happened)})


async def merge(request: Request) -> Response:
    """`POST .../merge` `{comment?}`."""
    repo, user, one = await run_in_threadpool(_own, request)
    if not user.writes(repo.id.namespace):
        raise ForbiddenError(f"only who may write to {repo.id} merges")
    body = await read_body(request)
    text = optional(json_object(body, "the body"), "comment", str) if body and body != b"null" else None
    discussions = hub_of(request).discussions
    made = await run_in_threadpool(discussions.merge, repo.id, one.num, user.name)
    if text:
        await run_in_threadpool(discussions.add, repo.id, one.num, comment(user.name, text))
    return JSONResponse({"mergeCommitId": made.id})


def _own(request: Request) -> tuple[Repo, User, Discussion]:
    """Raises ForbiddenError for a caller who neither began the discussion nor may write to the repository."""
    repo, user = contributable(request)
    one = hub_of(request).discussions.get(repo.id, number_of(request))
    if one.author != user.name and not user.writes(repo.id.namespace):
        raise ForbiddenError(
            f"discussion {one.num} is {one.author}'s, and {user.name} may not write to {repo.id}"
        )
    return repo, user, one


ALL = "/api/models/{namespace}/{name}/discussions"
ROUTES = [
    Route(ALL, listing),
    Route(ALL, create, methods=["POST"]),
    Route(ALL + "/{num}", show),
    Route(ALL + "/{num}/comment", add_comment, methods=["POST"]),
    Route(ALL + "/{num}/comment/{comment}/edit", edit_comment, methods=["POST"]),
    Route(ALL + "/{num}/title", set_title, methods=["POST"]),
    Route(ALL + "/{num}/status", set_status, methods=["POST"]),
    Route(ALL + "/{num}/merge", merge, methods=["POST"]),
]
