"""Collections as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub.collection_store import Collection, CollectionExistsError
from hubkit.localhub.hub import caller, field, hub_of, optional, part, read_json, sees, signed_in, writer
from hubkit.localhub.names import repo_id
from hubkit.localhub.paging import paged
from hubkit.localhub.refusals import (
    InvalidRequestError,
    KindMissingError,
    RepoMissingError,
    ThingMissingError,
)
from hubkit.localhub.store import NOT_FOUND

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.entries import Repo

SHOWN_IN_LISTS = 4
"""Items of each collection in a list of collections; all are in its own page."""
MOST = 100


def _slug(request: Request) -> str:
    return f"{part(request, 'namespace')}/{part(request, 'slug')}"


def _readable(request: Request) -> Collection:
    found, user = hub_of(request).collections.get(_slug(request)), caller(request)
    if found.private and (user is None or not user.owns(found.owner)):
        raise ThingMissingError(f"Collection not found: {found.slug}")
    return found


def _writable(request: Request) -> Collection:
    signed_in(request)
    found = _readable(request)
    writer(request, found.owner)
    return found


def _model(request: Request, name: str) -> Repo | None:
    """The model, None where there is none that the caller may see."""
    store = hub_of(request).store
    namespace, _, rest = name.partition("/")
    try:
        repo = store.repo(repo_id(namespace, rest))
    except RepoMissingError:
        return None
    return repo if sees(caller(request), repo) else None


def _view(request: Request, one: Collection) -> dict[str, Any]:
    items = []
    for position, item in enumerate(one.items):
        repo = _model(request, item.model)
        if repo is not None:
            view = {
                "_id": item.key,
                "id": item.model,
                "type": "model",
                "repoType": "model",
                "position": position,
            }
            view |= {"author": repo.id.namespace, "private": repo.private, "gated": repo.gated}
            items.append(view | ({"note": {"text": item.note, "html": ""}} if item.note is not None else {}))
    return {
        "slug": one.slug,
        "title": one.title,
        "description": one.description,
        "owner": {"name": one.owner, "type": "user"},
        "lastUpdated": one.updated,
        "private": one.private,
        "theme": one.theme,
        "upvotes": 0,
        "shareUrl": f"/collections/{one.slug}",
        "items": items,
    }


def _page(request: Request, one: Collection) -> dict[str, Any]:
    return _view(request, one) | {"position": 0}


def listing(request: Request) -> Response:
    """`GET /api/collections?owner=&item=&limit=`: each with its first items; the client counts positions itself."""
    user, query = caller(request), request.query_params
    found = [
        one for one in hub_of(request).collections.all() if not one.private or (user and user.owns(one.owner))
    ]
    owners, models = query.getlist("owner"), [item.removeprefix("models/") for item in query.getlist("item")]
    if owners:
        found = [one for one in found if one.owner in owners]
    if models:
        found = [one for one in found if any(item.model in models for item in one.items)]
    found.sort(key=lambda one: one.updated, reverse=True)

    def short(one: Collection) -> dict[str, Any]:
        view = _view(request, one)
        return view | {"items": view["items"][:SHOWN_IN_LISTS]}

    return paged(request, found, MOST, lambda page: [short(one) for one in page])


async def create(request: Request) -> Response:
    """`POST /api/collections`; 409 with the slug of the one that is there."""
    body = await read_json(request)
    owner = field(body, "namespace", str)
    await run_in_threadpool(writer, request, owner)
    title, private = field(body, "title", str), body.get("private") is True
    collections = hub_of(request).collections
    try:
        made = await run_in_threadpool(
            collections.create, owner, title, optional(body, "description", str), private=private
        )
    except CollectionExistsError as error:
        return JSONResponse(
            {"error": str(error), "slug": error.slug}, 409, {"X-Error-Message": "this collection exists"}
        )
    return JSONResponse(_page(request, made))


def show(request: Request) -> Response:
    """`GET /api/collections/{slug}`."""
    return JSONResponse(_page(request, _readable(request)))


async def update(request: Request) -> Response:
    """`PATCH /api/collections/{slug}`."""
    found = await run_in_threadpool(_writable, request)
    changed = await run_in_threadpool(
        hub_of(request).collections.update, found.slug, await read_json(request)
    )
    return JSONResponse({"success": True, "data": _page(request, changed)})


def delete(request: Request) -> Response:
    """`DELETE /api/collections/{slug}`."""
    hub_of(request).collections.delete(_writable(request).slug)
    return JSONResponse({"success": True})


async def add_item(request: Request) -> Response:
    """`POST /api/collections/{slug}/items`."""
    found = await run_in_threadpool(_writable, request)
    body = await read_json(request)
    item = field(body, "item", dict)
    if item.get("type") != "model":
        raise KindMissingError(f"this Hub holds models only, not type {item.get('type')!r:.40}")
    repo = await run_in_threadpool(_model, request, field(item, "id", str, "the item"))
    if repo is None:
        raise RepoMissingError(NOT_FOUND)
    collections = hub_of(request).collections
    changed = await run_in_threadpool(collections.add, found.slug, str(repo.id), optional(body, "note", str))
    return JSONResponse(_page(request, changed))


async def change_item(request: Request) -> Response:
    """`PATCH /api/collections/{slug}/items/{item}`."""
    found = await run_in_threadpool(_writable, request)
    body = await read_json(request)
    if not body.keys() <= {"note", "position"}:
        raise InvalidRequestError("an item has a note and a position, nothing else")
    note, position = optional(body, "note", str), optional(body, "position", int)
    change = hub_of(request).collections.change_item
    await run_in_threadpool(change, found.slug, part(request, "item"), note, position)
    return JSONResponse({"success": True})


def delete_item(request: Request) -> Response:
    """`DELETE /api/collections/{slug}/items/{item}`."""
    hub_of(request).collections.remove(_writable(request).slug, part(request, "item"))
    return JSONResponse({"success": True})


ONE = "/api/collections/{namespace}/{slug}"
ROUTES = [
    Route("/api/collections", listing),
    Route("/api/collections", create, methods=["POST"]),
    Route(ONE, show),
    Route(ONE, update, methods=["PATCH"]),
    Route(ONE, delete, methods=["DELETE"]),
    Route(ONE + "/items", add_item, methods=["POST"]),
    Route(ONE + "/items/{item}", change_item, methods=["PATCH"]),
    Route(ONE + "/items/{item}", delete_item, methods=["DELETE"]),
]
