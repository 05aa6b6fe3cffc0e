"""Refusals as HTTP: a status, the error code that huggingface_hub turns into its own exceptions, and the message.

On http:// the client goes by `X-Error-Code` alone: without it a 404 is only an HfHubHTTPError.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from hubkit.localhub import refusals
from hubkit.localhub.hub import hub_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

STATUS: dict[type[Exception], tuple[int, str | None]] = {
    refusals.InvalidRequestError: (400, None),
    refusals.AccessError: (401, None),
    refusals.LinkError: (403, None),
    refusals.RepoMissingError: (404, "RepoNotFound"),
    refusals.RevisionMissingError: (404, "RevisionNotFound"),
    refusals.EntryMissingError: (404, "EntryNotFound"),
    refusals.RepoExistsError: (409, None),
    refusals.HeadMovedError: (412, None),
    refusals.TooLargeError: (413, None),
}
XET_HINT = (
    "this Hub takes plain LFS uploads only: set HF_HUB_DISABLE_XET=1 before huggingface_hub is imported"
)


def refuse(request: Request, error: Exception) -> Response:
    """The answer to a HubRefusalError."""
    status, code = STATUS[type(error)]
    if isinstance(error, refusals.RepoMissingError) and hub_of(request).token and not _has_token(request):
        status = 401  # as the Hub: somebody unknown does not learn whether it is missing or private
    answer = _answer(status, str(error), code)
    if isinstance(error, refusals.EntryMissingError) and error.commit:
        answer.headers["X-Repo-Commit"] = error.commit
    return answer


def refuse_route(request: Request, error: Exception) -> Response:
    """The answer to an address or a method that this Hub does not serve."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    xet = "/xet-write-token/" in request.url.path or "/xet-read-token/" in request.url.path
    return _answer(
        status, XET_HINT if xet else f"this Hub does not serve {request.method} {request.url.path}", None
    )


def _has_token(request: Request) -> bool:
    return "authorization" in request.headers


def _answer(status: int, message: str, code: str | None) -> JSONResponse:
    plain = "".join(sign if " " <= sign <= "~" else "?" for sign in message[:500])
    headers = {"X-Error-Message": plain, "X-Request-Id": uuid.uuid4().hex}
    if code:
        headers["X-Error-Code"] = code
    return JSONResponse({"error": message}, status, headers)
