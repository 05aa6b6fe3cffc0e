"""Refusals as HTTP: a status, the error code that huggingface_hub turns into its own exceptions, and the message.

On http:// the client goes by `X-Error-Code` alone: without it a 404 is only an HfHubHTTPError.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from hubkit.localhub import refusals
from hubkit.localhub.hub import hub_of
from hubkit.localhub.store import NOT_FOUND

if TYPE_CHECKING:
    from starlette.requests import Request

VERBS = (
    "revision|tree|paths-info|refs|commits?|branch|tag|preupload|settings|discussions|xet-(?:read|write)-token|auth-check|super-squash|"
    "lfs-files|user-access-request|like|treesize|safetensors-metadata|compare"
)
ONE_PART = re.compile(
    rf"/api/models/[^/]+(?:/(?:{VERBS})(?:/.*)?)?|/(?!api(?:/|$))[^/]+(?:/(?:resolve|raw|blob|tree|commits?)/.*)?|/[^/]+\.git/.*",
    re.DOTALL,
)
"""Addresses of a repository without an owner, such as `gpt2`: the Hub has some from its first days, and new ones cannot be made."""

STATUS: dict[type[Exception], tuple[int, str | None]] = {
    refusals.InvalidRequestError: (400, None),
    refusals.InvalidPathError: (422, None),
    refusals.AccessError: (401, None),
    refusals.ForbiddenError: (403, None),
    refusals.GatedError: (403, "GatedRepo"),
    refusals.LinkError: (403, None),
    refusals.RepoMissingError: (404, "RepoNotFound"),
    refusals.KindMissingError: (404, "RepoNotFound"),
    refusals.RevisionMissingError: (404, "RevisionNotFound"),
    refusals.EntryMissingError: (404, "EntryNotFound"),
    refusals.ThingMissingError: (404, None),
    refusals.RepoExistsError: (409, None),
    refusals.RefExistsError: (409, None),
    refusals.ConflictError: (409, None),
    refusals.HeadMovedError: (412, None),
    refusals.TooLargeError: (413, None),
    refusals.StorageFullError: (507, None),
}
LONGEST_HEADER = 4_000
"""Signs of a message in `X-Error-Message`: enough for all of it, which is in the body too, and which the client shows once where the two agree."""
MODELS_ONLY = "this Hub holds model repositories only, no datasets and no Spaces"
XET_HINT = (
    "this Hub takes plain LFS uploads only: set HF_HUB_DISABLE_XET=1 before huggingface_hub is imported"
)


def refuse(request: Request, error: Exception) -> Response:
    """The answer to a HubRefusalError."""
    if isinstance(error, refusals.RepoMovedError):
        return _moved(request, error)
    status, code = STATUS[type(error)]
    unknown = hub_of(request).accounts.everybody is None and "authorization" not in request.headers
    if unknown and isinstance(error, refusals.RepoMissingError | refusals.GatedError):
        status = 401  # as the Hub: somebody unknown does not learn whether it is missing or private
    answer = plain_answer(status, str(error), code)
    if isinstance(error, refusals.EntryMissingError) and error.commit:
        answer.headers["X-Repo-Commit"] = error.commit
    return answer


def _moved(request: Request, error: refusals.RepoMovedError) -> Response:
    asked = request.scope["raw_path"].decode("latin-1")
    address = asked.replace(f"/{error.old}", f"/{error.new}", 1)
    if address == asked:  # the name was in the body: there is no address to lead to
        return plain_answer(404, f"{NOT_FOUND}: it is {error.new} now", "RepoNotFound")
    query = f"?{request.url.query}" if request.url.query else ""
    return Response(status_code=307, headers={"Location": address + query})


def refuse_route(request: Request, error: Exception) -> Response:
    """The answer to an address or a method that this Hub does not serve, and to names without an owner: there is none such here."""
    if ONE_PART.fullmatch(request.scope["path"]):
        return refuse(request, refusals.RepoMissingError(NOT_FOUND))
    status = error.status_code if isinstance(error, HTTPException) else 404
    return plain_answer(status, f"this Hub does not serve {request.method} {request.url.path}")


def plain_answer(status: int, message: str, code: str | None = None) -> JSONResponse:
    """A refusal: the message as body and as header."""
    plain = "".join(sign if " " <= sign <= "~" else "?" for sign in message[:LONGEST_HEADER])
    headers = {"X-Error-Message": plain}
    if code:
        headers["X-Error-Code"] = code
    return JSONResponse({"error": message}, status, headers)
