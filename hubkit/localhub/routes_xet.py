"""Tokens for Xet, on a Hub that was started with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubkit.localhub.answers import XET_HINT
from hubkit.localhub.hub import commit_in, contributable, hub_of, with_files
from hubkit.localhub.refusals import ThingMissingError

if TYPE_CHECKING:
    from starlette.requests import Request

    from hubkit.localhub.xet import Xet


def write_token(request: Request) -> Response:
    """`GET /api/models/{id}/xet-write-token/{revision}`."""
    contributable(request)
    return _answer(_xet(request).write_token())


def read_token(request: Request) -> Response:
    """`GET /api/models/{id}/xet-read-token/{revision}`: for all files of that commit, because the client keeps it and asks only once."""
    repo, xet = with_files(request), _xet(request)
    files = hub_of(request).store.tree(repo.id, commit_in(request, repo))
    for entry in files.values():
        if entry.sha256 is not None:
            xet.hash_of(entry.sha256)
    return _answer(xet.read_token())


def _xet(request: Request) -> Xet:
    xet = hub_of(request).xet
    if xet is None:
        raise ThingMissingError(XET_HINT)
    return xet


def _answer(token: dict[str, Any]) -> Response:
    # as headers for the Python client, as a body for the Rust one
    names = {"X-Xet-Cas-Url": "casUrl", "X-Xet-Access-Token": "accessToken", "X-Xet-Token-Expiration": "exp"}
    return JSONResponse(token, headers={name: str(token[key]) for name, key in names.items()})


MODEL = "/api/models/{namespace}/{name}"
ROUTES = [
    Route(MODEL + "/xet-write-token/{revision}", write_token),
    Route(MODEL + "/xet-read-token/{revision}", read_token),
]
