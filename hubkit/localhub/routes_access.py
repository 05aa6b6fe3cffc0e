"""Who may have the files of a gated repository: requests that wait, were accepted, were rejected. Nobody can ask here; an owner grants."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub.entries import AccessRequest
from hubkit.localhub.history import utc_text
from hubkit.localhub.hub import field, hub_of, optional, part, read_json, writable
from hubkit.localhub.paging import paged
from hubkit.localhub.refusals import InvalidRequestError, ThingMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from hubkit.localhub.entries import Repo

STATES = ("pending", "accepted", "rejected")
MOST = 100


def listing(request: Request) -> Response:
    """`GET /api/models/{id}/user-access-request/{status}`."""
    repo, _ = writable(request)
    status = part(request, "status")
    if status not in STATES:
        raise ThingMissingError(f"access requests are {', '.join(STATES)}, not {status[:40]!r}")
    return paged(request, [one for one in repo.requests if one.status == status], MOST, _views)


def _views(requests: Sequence[AccessRequest]) -> list[dict[str, Any]]:
    return [
        {
            "requestId": one.key,
            "user": {"user": one.user, "fullname": one.user},
            "status": one.status,
            "timestamp": one.when,
        }
        for one in requests
    ]


async def grant(request: Request) -> Response:
    """`POST /api/models/{id}/user-access-request/grant` `{user}`: let a user have the files, who need not have asked."""
    repo, body = await _gated(request)
    name = field(body, "user", str)
    if name in repo.granted:
        raise InvalidRequestError(f"{name} has access to {repo.id} already")
    made = AccessRequest(name, "accepted", utc_text(datetime.now(UTC)), uuid.uuid4().hex[:24])
    others = tuple(one for one in repo.requests if one.user != name)
    await run_in_threadpool(hub_of(request).store.change, replace(repo, requests=(*others, made)))
    return JSONResponse({})


async def handle(request: Request) -> Response:
    """`POST /api/models/{id}/user-access-request/handle` `{user | requestId, status, rejectionReason?}`."""
    repo, body = await _gated(request)
    name, key = optional(body, "user", str), optional(body, "requestId", str)
    status = body.get("status")
    found = next((one for one in repo.requests if name == one.user or key == one.key), None)
    if status not in STATES:
        raise InvalidRequestError(f"status is {', '.join(STATES)}, not {status!r:.40}")
    if found is None or found.status == status:
        raise ThingMissingError(f"there is no access request of {name or key} that is not {status} already")
    handled = tuple(replace(one, status=status) if one == found else one for one in repo.requests)
    await run_in_threadpool(hub_of(request).store.change, replace(repo, requests=handled))
    return JSONResponse({})


async def _gated(request: Request) -> tuple[Repo, dict[str, Any]]:
    repo, _ = await run_in_threadpool(writable, request)
    body = await read_json(request)
    if not repo.gated:
        raise InvalidRequestError(f"{repo.id} is not gated")
    return repo, body


ALL = "/api/models/{namespace}/{name}/user-access-request"
ROUTES = [
    Route(ALL + "/grant", grant, methods=["POST"]),
    Route(ALL + "/handle", handle, methods=["POST"]),
    Route(ALL + "/{status}", listing),
]
